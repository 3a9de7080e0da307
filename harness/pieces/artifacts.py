"""Finishing an exported file: names, metadata, the checker; and reading it back as an Artifact.

What an exported file says of itself stands in its metadata: the architecture, the framework and the
versions that made it, the layout of its input, and digests of its definition and its weights.
"""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError

from harness.errors import HarnessError, first_line
from harness.machine import files
from harness.measurements.types import Artifact
from harness.pieces import trial

OPSET = 18
FILE = "model.onnx"  # in the folder of the piece that made it
INPUT, OUTPUT = "image", "probabilities"
PLAIN_OUTPUT = "outputs"  # of a file that ends in no activation: they are no probabilities
ACTIVATIONS = ("Softmax", "Sigmoid")
BEHIND_ACTIVATION = ("Reshape", "Transpose", "Identity", "Cast", "Squeeze", "Unsqueeze", "Flatten")
EXPORTER_REASON = "exporter_reason"  # in the metadata: why the exporter is not the first choice


def finish(
    model: onnx.ModelProto, path: Path, metadata: Mapping[str, str], image_shape: Sequence[int] | None = None
) -> None:
    """Name the batch axis, record the metadata, check the model, and write it whole or not at all.

    With the shape of one image, the file is run before it is called made. Raises :class:`HarnessError` if the model
    is none that ONNX allows, or does not run.
    """
    for node in model.graph.node:
        del node.metadata_props[:]  # stack traces of the exporter's machine
    for value in (*model.graph.input, *model.graph.output):
        for axis in value.type.tensor_type.shape.dim[:1]:
            axis.dim_param = "batch"
    del model.graph.value_info[:]  # would still name the batch axis as the exporter did
    if metadata.get("ends_in") == "none":
        _name_output(model.graph, PLAIN_OUTPUT)
    onnx.helper.set_model_props(model, dict(metadata))
    _check(model)
    with files.replacing(path) as partial:
        partial.write_bytes(model.SerializeToString(deterministic=True))
        if image_shape is not None:
            trial.run_file(partial, {INPUT: image_shape})


def _name_output(graph: onnx.GraphProto, name: str) -> None:
    """Give another name to the graph's output."""
    given = graph.output[0].name
    for values in (values for node in graph.node for values in (node.input, node.output)):
        for place, value in enumerate(values):
            if value == given:
                values[place] = name
    graph.output[0].name = name


def _check(model: onnx.ModelProto) -> None:
    """Raise :class:`HarnessError` for what ONNX does not allow: the operators first, which tell the most."""
    unknown = sorted(
        {node.op_type for node in model.graph.node if node.domain == "" and not onnx.defs.has(node.op_type)}
    )
    if unknown:
        raise HarnessError(
            f"the exporter left {', '.join(unknown)}, which is no operator of ONNX: expected layers that it "
            "translates, or another exporter (docs/exporters.md)."
        )
    try:
        onnx.checker.check_model(model, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise HarnessError(f"the exporter wrote what ONNX does not allow: {first_line(error)}.") from error


def batch_norm(weights: Mapping[str, object], model: onnx.ModelProto) -> str:
    """What became of the network's batch norm in an export: "none" (it has none), "kept" or "folded"."""
    if not any(name.endswith(".running_mean") for name in weights):
        return "none"
    kept = any(node.op_type == "BatchNormalization" for node in model.graph.node)
    return "kept" if kept else "folded"


def read(path: Path) -> Artifact:
    """What an exported file says of itself.

    Raises :class:`HarnessError` where the file is no ONNX model, or none that this project exported.
    """
    try:
        content = path.read_bytes()
        model = onnx.load_model_from_string(content)
    except (OSError, DecodeError) as error:
        raise HarnessError(f"{path} is no whole .onnx file ({error}): export it again.") from error
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    if "input_shape" not in metadata:
        raise HarnessError(f"{path} was not made by `harness export`: its metadata lacks 'input_shape'.")
    return Artifact(
        path=path,
        architecture=metadata["architecture"],
        framework=metadata["framework"],
        input_shape=tuple(int(size) for size in metadata["input_shape"].split("x")),
        sha256=hashlib.sha256(content).hexdigest(),
        metadata=metadata,
    )


def last_activation(model: "onnx.ModelProto") -> "onnx.NodeProto":
    """The Softmax or Sigmoid that makes probabilities of logits. Raises :class:`HarnessError` if there is none."""
    producers = {name: node for node in model.graph.node for name in node.output}
    last = producers.get(model.graph.output[0].name)
    while last is not None and last.op_type in BEHIND_ACTIVATION:
        last = producers.get(last.input[0])
    if last is None or last.op_type not in ACTIVATIONS:
        raise HarnessError(f"expected a file that ends in {' or '.join(ACTIVATIONS)}, found none at its end.")
    return last


def with_logits(path: Path) -> bytes:
    """The same model with the input of its last activation as a second output, ``logits``, in float32.

    The nodes and the weights are those of the file: the twin proof looks at logits, which softmax
    would compress. What stands behind the activation (a Transpose, a Reshape) is done to the logits, too.
    A file that its metadata say ends in no activation has its output as logits.
    """
    import onnx

    model = onnx.load(path)
    graph = model.graph
    plain = any((entry.key, entry.value) == ("ends_in", "none") for entry in model.metadata_props)
    activation = None if plain else last_activation(model)
    logits = graph.output[0].name if activation is None else activation.input[0]
    if activation is not None:
        logits = _repeat_behind(graph, activation.output[0], logits)
    single = onnx.TensorProto.FLOAT  # which a file of another precision casts to
    graph.node.append(onnx.helper.make_node("Cast", [logits], ["logits"], name="logits", to=single))
    graph.output.append(onnx.helper.make_tensor_value_info("logits", single, None))
    serialized: bytes = model.SerializeToString()
    return serialized


def _repeat_behind(graph: "onnx.GraphProto", activated: str, logits: str) -> str:
    """Do to the logits what the graph does behind its activation; give the name of what comes of it."""
    import onnx

    producers = {name: node for node in graph.node for name in node.output}
    behind: list[onnx.NodeProto] = []
    name = graph.output[0].name
    while name != activated:
        behind.insert(0, producers[name])
        name = producers[name].input[0]
    for node in behind:
        again = onnx.NodeProto()
        again.CopyFrom(node)
        again.name, again.input[0], again.output[0] = f"{node.name}_of_logits", logits, f"{node.output[0]}_of_logits"
        graph.node.append(again)
        logits = again.output[0]
    return logits
