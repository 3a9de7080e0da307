"""Which Keras layers does each exporter take, and what does it make of them?

Each layer is a network of its own with the same weights on TensorFlow and on PyTorch. A file counts as running if it
takes batches of 1 and 3. It agrees if it is within 1e-5 of the largest output of Keras on TensorFlow, on three inputs.
Each route has a process of its own. The table of docs/exporters.md is what this prints; there is no latency in it.

Example:
  python -m benchmarks.experiments.exporters
  python -m benchmarks.experiments.exporters --layers GRU LSTM
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from harness.errors import HarnessError, first_line
from harness.machine import installed
from harness.pieces import artifacts, dynamo, trial

TOLERANCE = 1e-5  # of the largest output
# By route: Keras' backend, and what the table calls it.
ROUTES = {
    "alone": ("tensorflow", "tf2onnx alone"),
    "tf2onnx": ("tensorflow", "tf2onnx, as the harness calls it"),
    "torch": ("torch", "torch"),
}
MAPS, SEQUENCE, SIGNAL, VOLUME = (8, 8, 6), (6, 8), (12, 4), (6, 6, 6, 2)
# By the name in the table: the shape of one input, and the layer as an expression of `layers` (of x, if it is called).
LAYERS = {
    "Dense": (SEQUENCE, "layers.Dense(4)"),
    "Conv1D, causal": (SIGNAL, "layers.Conv1D(4, 3, padding='causal')"),
    "Conv2D, same, stride 2": (MAPS, "layers.Conv2D(4, 3, 2, padding='same')"),
    "Conv2D, dilated": (MAPS, "layers.Conv2D(4, 3, dilation_rate=2, padding='same')"),
    "Conv2D, grouped": (MAPS, "layers.Conv2D(6, 3, groups=3)"),
    "Conv3D": (VOLUME, "layers.Conv3D(3, 3)"),
    "DepthwiseConv2D, multiplier 2": (MAPS, "layers.DepthwiseConv2D(3, depth_multiplier=2, padding='same')"),
    "SeparableConv2D": (MAPS, "layers.SeparableConv2D(4, 3)"),
    "Conv2DTranspose, valid": (MAPS, "layers.Conv2DTranspose(4, 3, strides=2)"),
    "Conv2DTranspose, same": (MAPS, "layers.Conv2DTranspose(4, 3, strides=2, padding='same')"),
    "Conv2DTranspose, output padding": (MAPS, "layers.Conv2DTranspose(4, 3, strides=2, output_padding=1)"),
    "Conv1DTranspose": (SIGNAL, "layers.Conv1DTranspose(4, 3, strides=2, padding='same')"),
    "BatchNormalization": (MAPS, "layers.BatchNormalization()"),
    "Conv2D and BatchNormalization": (MAPS, "layers.BatchNormalization()(layers.Conv2D(4, 3)(x))"),
    "LayerNormalization": (MAPS, "layers.LayerNormalization()"),
    "GroupNormalization": (MAPS, "layers.GroupNormalization(3)"),
    "RMSNormalization": (MAPS, "layers.RMSNormalization()"),
    "UnitNormalization": (MAPS, "layers.UnitNormalization()"),
    "PReLU, shared": (MAPS, "layers.PReLU(shared_axes=[1, 2])"),
    "gelu": (MAPS, "layers.Activation('gelu')"),
    "gelu, tanh": (MAPS, "keras.activations.gelu(x, approximate=True)"),
    "celu": (MAPS, "layers.Activation('celu')"),
    "silu": (MAPS, "layers.Activation('silu')"),
    "hard_swish": (MAPS, "layers.Activation('hard_swish')"),
    "MaxPooling2D, same": (MAPS, "layers.MaxPooling2D(3, 2, padding='same')"),
    "AveragePooling2D, same": (MAPS, "layers.AveragePooling2D(3, 2, padding='same')"),
    "UpSampling2D, bilinear": (MAPS, "layers.UpSampling2D(2, interpolation='bilinear')"),
    "Resizing, antialias": (MAPS, "layers.Resizing(5, 4, antialias=True)"),
    "Resizing, lanczos3": (MAPS, "layers.Resizing(12, 12, interpolation='lanczos3')"),
    "LSTM": (SEQUENCE, "layers.LSTM(5)"),
    "GRU": (SEQUENCE, "layers.GRU(5)"),
    "GRU, reset before": (SEQUENCE, "layers.GRU(5, reset_after=False)"),
    "SimpleRNN": (SEQUENCE, "layers.SimpleRNN(5)"),
    "Bidirectional LSTM": (SEQUENCE, "layers.Bidirectional(layers.LSTM(4))"),
    "MultiHeadAttention": (SEQUENCE, "layers.MultiHeadAttention(2, 4)(x, x)"),
    "GroupQueryAttention": (SEQUENCE, "layers.GroupQueryAttention(4, 4, 2)(x, x)"),
    "EinsumDense": (SEQUENCE, "layers.EinsumDense('abc,cd->abd', output_shape=(None, 4), bias_axes='d')"),
    "a captured constant": (MAPS, "x * keras.ops.convert_to_tensor([0.3, 0.6, 0.1, 2.0, 1.0, 4.0])"),
}


def build(name: str) -> Any:
    """The Keras network of one layer, with weights that are the same on every backend."""
    import keras
    from keras import layers

    shape, expression = LAYERS[name]
    x = keras.Input(shape)
    layer = eval(expression, {"keras": keras, "layers": layers, "x": x})  # of the table above alone
    network = keras.Model(x, layer if isinstance(layer, keras.KerasTensor) else layer(x))
    draw = np.random.default_rng(0)
    network.set_weights([draw.uniform(0.05, 0.5, weight.shape) for weight in network.get_weights()])
    return network


def inputs(name: str) -> np.ndarray:
    return np.random.default_rng(1).normal(size=(3, *LAYERS[name][0])).astype(np.float32)


def convert_by_tf2onnx_alone(name: str) -> onnx.ModelProto:
    """As tf2onnx' own documentation converts a network."""
    import tensorflow
    import tf2onnx

    network = build(name)
    signature = [tensorflow.TensorSpec((None, *LAYERS[name][0]), tensorflow.float32, name=artifacts.INPUT)]
    function = tensorflow.function(lambda image: network(image, training=False))
    model: onnx.ModelProto = tf2onnx.convert.from_function(function, signature, opset=artifacts.OPSET)[0]
    return model


def convert_by_tf2onnx(name: str) -> onnx.ModelProto:
    import tensorflow

    from harness.pieces import tf2onnx_route

    signature = tensorflow.TensorSpec((None, *LAYERS[name][0]), tensorflow.float32, name=artifacts.INPUT)
    return tf2onnx_route.with_constant_weights(build(name), tensorflow.identity, signature)


def convert_by_torch(name: str) -> onnx.ModelProto:
    import torch

    from harness.pieces import keras_on_torch

    return dynamo.export_module(keras_on_torch.ended_in(build(name), torch.nn.Identity()).eval(), LAYERS[name][0], ())


CONVERT: dict[str, Callable[[str], onnx.ModelProto]] = {
    "alone": convert_by_tf2onnx_alone,
    "tf2onnx": convert_by_tf2onnx,
    "torch": convert_by_torch,
}


def try_route(route: str, names: Sequence[str], folder: Path) -> None:
    """In a process of the route's own: a file or a reason for each layer, and once what Keras on TensorFlow gives."""
    for number, name in enumerate(names):
        if route == "tf2onnx":
            np.save(folder / f"{number}.npy", np.asarray(build(name)(inputs(name), training=False)))
        try:
            model = CONVERT[route](name)
        except Exception as error:  # whatever an exporter raises is what is asked for
            _refuse(folder / f"{number}.{route}.json", "does not export", error)
            continue
        try:
            artifacts.finish(model, folder / f"{number}.{route}.onnx", {})
        except HarnessError as error:
            _refuse(folder / f"{number}.{route}.json", "writes invalid ONNX", error)


def _refuse(file: Path, verdict: str, error: Exception) -> None:
    file.write_text(json.dumps({"verdict": verdict, "why": first_line(error)}))


def judge(number: int, name: str, route: str, folder: Path) -> dict[str, Any]:
    """What became of one layer on one route."""
    file, refused = folder / f"{number}.{route}.onnx", folder / f"{number}.{route}.json"
    if refused.exists():
        told: dict[str, Any] = json.loads(refused.read_text())
        return told
    if not file.exists():
        return {"verdict": "does not export", "why": "the process of its route ended"}
    operators = Counter(node.op_type for node in onnx.load(file).graph.node)
    found = {"nodes": operators.total(), "operators": dict(operators)}
    try:
        trial.run_file(file, {artifacts.INPUT: LAYERS[name][0]})
    except HarnessError as error:
        return {**found, "verdict": "does not run", "why": str(error)}
    import onnxruntime

    output = onnxruntime.InferenceSession(file).run(None, {artifacts.INPUT: inputs(name)})[0]
    expected = np.load(folder / f"{number}.npy")
    if output.shape != expected.shape:
        return {**found, "verdict": "differs", "why": f"shape {output.shape} for {expected.shape}"}
    difference = float(np.abs(output - expected).max() / np.abs(expected).max())
    return {**found, "verdict": "agrees" if difference < TOLERANCE else "differs", "difference": difference}


def describe(found: dict[str, Any]) -> str:
    """A cell of the table."""
    if found["verdict"] == "agrees":
        loop = ", a Loop" if "Loop" in found["operators"] else ""
        return f"{found['nodes']} node{'s' if found['nodes'] > 1 else ''}{loop}"
    return f"**{found['verdict']}**" + (f" ({found['difference']:.0e})" if "difference" in found else "")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--layers", nargs="+", choices=LAYERS, default=list(LAYERS), metavar="NAME")
    parser.add_argument("--out", type=Path, help="keep every file and exporters.json here")
    parser.add_argument("--route", choices=ROUTES, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.route:
        try_route(args.route, args.layers, args.out)
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = args.out or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        for route, (backend, _) in ROUTES.items():
            subprocess.run(
                [sys.executable, "-m", __spec__.name, "--route", route, "--out", folder, "--layers", *args.layers],
                env={**os.environ, "KERAS_BACKEND": backend, "KERAS_TORCH_DEVICE": "cpu"},
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                check=False,  # what it has not made is told as that
            )
        table = {
            name: {route: judge(number, name, route, folder) for route in ROUTES}
            for number, name in enumerate(args.layers)
        }
        if args.out:
            (folder / "exporters.json").write_text(json.dumps(table, indent=1))
    print_table(table)


def print_table(table: dict[str, dict[str, dict[str, Any]]]) -> None:
    versions = ("keras", "tensorflow", "tf2onnx", "torch", "onnxscript", "onnx", "onnxruntime")
    print(", ".join(f"{name} {installed.version(name)}" for name in versions), end="\n\n")
    print("| layer |", " | ".join(title for _, title in ROUTES.values()), "|")
    print("|---" * (1 + len(ROUTES)) + "|")
    for name, routes in table.items():
        print(f"| {name} |", " | ".join(describe(routes[route]) for route in ROUTES), "|")
    print()
    for route, (_, title) in ROUTES.items():
        verdicts = Counter(routes[route]["verdict"] for routes in table.values())
        print(f"- {title}: " + ", ".join(f"{count} {verdict}" for verdict, count in verdicts.most_common()))
    for name, routes in table.items():
        for route, found in routes.items():
            if "why" in found:
                print(f"- {name}, {ROUTES[route][1]}: {found['why']}")


if __name__ == "__main__":
    main()
