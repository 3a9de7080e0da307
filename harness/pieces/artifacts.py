"""Finishing an exported file: names, metadata, the checker; and reading it back as an Artifact.

What an exported file says of itself stands in its metadata: the architecture, the framework and the
versions that made it, the layout of its input, and digests of its definition and its weights.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError

from harness.errors import HarnessError
from harness.machine import files
from harness.measurements.types import Artifact

OPSET = 18
FILE = "model.onnx"  # in the folder of the piece that made it
INPUT, OUTPUT = "image", "probabilities"


def finish(model: onnx.ModelProto, path: Path, metadata: Mapping[str, str]) -> None:
    """Name the batch axis, record the metadata, check the model, and write it whole or not at all."""
    for node in model.graph.node:
        del node.metadata_props[:]  # stack traces of the exporter's machine
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "batch"
    del model.graph.value_info[:]  # would still name the batch axis as the exporter did
    onnx.helper.set_model_props(model, dict(metadata))
    onnx.checker.check_model(model, full_check=True)
    with files.replacing(path) as partial:
        partial.write_bytes(model.SerializeToString(deterministic=True))


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


def last_activation(model: onnx.ModelProto) -> onnx.NodeProto:
    """The Softmax or Sigmoid that makes probabilities of logits."""
    producers = {name: node for node in model.graph.node for name in node.output}
    last = producers[model.graph.output[0].name]
    while last.op_type not in ("Softmax", "Sigmoid"):  # Reshape, Transpose, Identity, Cast behind it
        last = producers[last.input[0]]
    return last


def with_logits(path: Path) -> bytes:
    """The same model with the input of its last activation as a second output, ``logits``, in float32.

    The nodes and the weights are those of the file: the twin proof looks at logits, which softmax
    would compress.
    """
    model = onnx.load(path)
    logits = last_activation(model).input[0]
    single = onnx.TensorProto.FLOAT  # which a file of another precision casts to
    model.graph.node.append(onnx.helper.make_node("Cast", [logits], ["logits"], name="logits", to=single))
    model.graph.output.append(onnx.helper.make_tensor_value_info("logits", single, None))
    serialized: bytes = model.SerializeToString()
    return serialized
