"""From Keras to ONNX, by tf2onnx or, on Keras' PyTorch backend, by torch.onnx (docs/exporters.md)."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx

from harness.errors import HarnessError, first_line
from harness.frameworks import keras_training, weights
from harness.machine import installed
from harness.networks import data_layouts, families
from harness.networks.architecture import Architecture
from harness.pieces import artifacts, keras_on_torch, network_check, tf2onnx_route
from harness.pieces.request import KerasExporter


def export(
    architecture: Architecture,
    trained: weights.Weights,
    path: Path,
    metadata: Mapping[str, str],
    exporter: KerasExporter = "auto",
) -> None:
    """Write the network with these weights as an .onnx file: N, H, W, C in, probabilities out.

    "auto" takes tf2onnx, and torch if that fails or writes a loop; the metadata say why. Raises
    :class:`HarnessError` with the cause and the remedy if the network cannot be exported, or the file not run.
    """
    _check_network(architecture, trained)
    if exporter == "torch":
        _export_by_torch(architecture, trained, path, metadata)
        return
    try:
        model = _convert_by_tf2onnx(architecture, trained)
        _finish_of_tf2onnx(architecture, trained, model, path, metadata)
    except HarnessError as error:
        if exporter == "tf2onnx":
            raise
        reason = f"tf2onnx: {error}"
        try:
            _export_by_torch(architecture, trained, path, {**metadata, artifacts.EXPORTER_REASON: reason})
        except HarnessError as second:
            raise HarnessError(f"{reason} Nor by torch: {second}") from error
        return
    if exporter == "auto" and any(map(tf2onnx_route.has_body, model.graph.node)):
        _replace_loop(architecture, trained, model, path, metadata)


def _replace_loop(
    architecture: Architecture,
    trained: weights.Weights,
    model: onnx.ModelProto,
    path: Path,
    metadata: Mapping[str, str],
) -> None:
    """Write the file anew by torch, without a loop; keep that of tf2onnx if that fails, and say so."""
    reason = "tf2onnx writes a Loop, whose operations nobody can count"
    try:
        _export_by_torch(architecture, trained, path, {**metadata, artifacts.EXPORTER_REASON: reason})
    except HarnessError as error:
        facts = {**metadata, artifacts.EXPORTER_REASON: f"{reason}; kept, since torch fails: {error}"}
        _finish_of_tf2onnx(architecture, trained, model, path, facts)


def _check_network(architecture: Architecture, trained: weights.Weights) -> None:
    """Run the network as it is: what fails here is its own fault, and no exporter's."""
    images = np.random.default_rng(0).random((2, *architecture.input_shape), np.float32).astype(architecture.input_type)
    try:
        network = keras_training.build(architecture)
        network(images)  # which builds what is not built yet
        weights.to_keras(network, trained)
        network_check.check_outputs(lambda: network(images, training=False), "keras", len(images))
    except HarnessError:
        raise
    except Exception as error:  # of Keras, of TensorFlow and of the definition
        raise families.failure(architecture, "keras", error) from error


def _convert_by_tf2onnx(architecture: Architecture, trained: weights.Weights) -> onnx.ModelProto:
    try:
        return tf2onnx_route.convert(architecture, trained)
    except Exception as error:  # of tf2onnx and of TensorFlow, which have no base in common
        raise HarnessError(f"{type(error).__name__}: {first_line(error).removesuffix('.')}.") from error


def _finish_of_tf2onnx(
    architecture: Architecture,
    trained: weights.Weights,
    model: onnx.ModelProto,
    path: Path,
    metadata: Mapping[str, str],
) -> None:
    own = {
        "exporter": "tf2onnx.convert.from_function" + (", weights as inputs" if architecture.large else ""),
        "versions": _versions("keras", "tensorflow", "tf2onnx"),
    }
    _finish(architecture, trained, model, path, {**metadata, **own})


def _export_by_torch(
    architecture: Architecture, trained: weights.Weights, path: Path, metadata: Mapping[str, str]
) -> None:
    installed.check_installed(("torch",))
    model = keras_on_torch.convert(architecture, trained)
    own = {
        "exporter": "torch.onnx.export(dynamo=True) of Keras on PyTorch",
        "versions": _versions("keras", "torch", "onnxscript"),
    }
    _finish(architecture, trained, model, path, {**metadata, **own})


def _finish(
    architecture: Architecture,
    trained: weights.Weights,
    model: onnx.ModelProto,
    path: Path,
    metadata: Mapping[str, str],
) -> None:
    facts = {
        **metadata,
        "architecture": architecture.name,
        "framework": "keras",
        "layout": data_layouts.input_layout(architecture, "keras"),
        "input_shape": "x".join(map(str, architecture.input_shape)),
        "opset": str(artifacts.OPSET),
        "batch_norm": artifacts.batch_norm(trained, model),
    }
    artifacts.finish(model, path, facts, architecture.input_shape)


def _versions(*distributions: str) -> str:
    return ", ".join(f"{name} {installed.version(name)}" for name in distributions)
