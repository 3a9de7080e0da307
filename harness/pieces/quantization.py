"""int8 of a float32 graph, by onnxruntime's static quantization: what it is told, in one place."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from harness.errors import HarnessError
from harness.machine import temporary
from harness.pieces import artifacts, quantizable

Batch = NDArray[np.float32]
Feeds = Mapping[str, NDArray[Any]]  # by input


# Weights have a range a channel, of seven bits: a processor without VNNI adds two products in 16 bits, which eight
# bits overflow, so that the same file would be less accurate there. Activations are unsigned: of signed ones the CPU's
# provider runs half of a ResNet's convolutions in float32. Their range is the least and largest value over the
# calibration images (CalibMaxIntermediateOutputs must not be set: it drops what it has collected).
WEIGHTS, ACTIVATIONS, METHOD = "QInt8", "QUInt8", "MinMax"
DESCRIPTION = (
    f"quantize_static, QDQ, weights {WEIGHTS} of 7 bits a channel, activations {ACTIVATIONS}, calibrated by {METHOD}; "
    "logits and last activation float32"
)
IMAGES = 512  # at most, that a network is calibrated on
RANDOM_IMAGES = 32  # of one with random weights, which has no accuracy to lose
MOST_BYTES = 1 << 26  # of calibration images as floats: fewer images where they are large
BATCH = 8  # at a time: every value of the graph is in memory at once
PASSING = ("Reshape", "Flatten", "Squeeze", "Transpose", "Identity")


def to_int8(source: Path, batches: Iterable[Batch]) -> onnx.ModelProto:
    """The model with 8-bit weights and activations between QuantizeLinear and DequantizeLinear nodes.

    ``batches`` are calibration images in the file's own layout, a few at a time.
    """
    return quantize(source, ({artifacts.INPUT: batch} for batch in batches))


def quantize(
    source: Path,
    feeds: Iterable[Feeds],
    *,
    activations: str = ACTIVATIONS,
    weights: str = WEIGHTS,
    left: Sequence[str] = (),
    only: Sequence[str] = (),
) -> onnx.ModelProto:
    """The same of any file, with other types of 8 bits; ``left`` names nodes that stay in float32.

    ``only`` names those that do not, if there are such.

    ``feeds`` are what the file is fed while ranges are told. The last activation of a classifier, and the logits that
    it reads, stay in float32: 256 steps would make ties of what differs.
    """
    from onnxruntime import quantization

    with temporary.folder() as folder:
        prepared, quantized = folder / "prepared.onnx", folder / "quantized.onnx"
        quantization.quant_pre_process(source, prepared, skip_symbolic_shape=True)
        quantization.quantize_static(
            prepared,
            quantized,
            _Reader(feeds),
            quant_format=quantization.QuantFormat.QDQ,
            activation_type=quantization.QuantType[activations],
            weight_type=quantization.QuantType[weights],
            calibrate_method=quantization.CalibrationMethod[METHOD],
            nodes_to_quantize=list(only) or None,
            nodes_to_exclude=[*_prepare(prepared), *left],
            per_channel=True,
            reduce_range=True,
        )
        model = onnx.load(quantized)
    if ends_in_activation(model):
        _free_logits(model)
    return _without_unused_domains(model)


def quantize_dynamically(source: Path, weights: str = WEIGHTS) -> onnx.ModelProto:
    """The model with 8-bit weights, whose activations are rounded while it runs: nothing is calibrated.

    Convolutions stay in float32: the CPU's provider has no such convolution for signed weights.
    """
    from onnxruntime import quantization
    from onnxruntime.quantization.registry import IntegerOpsRegistry

    with temporary.folder() as folder:
        prepared, quantized = folder / "prepared.onnx", folder / "quantized.onnx"
        quantization.quant_pre_process(source, prepared, skip_symbolic_shape=True)
        _prepare(prepared)
        quantization.quantize_dynamic(
            prepared,
            quantized,
            op_types_to_quantize=sorted({*IntegerOpsRegistry, "Gemm"} - {"Conv"}),
            weight_type=quantization.QuantType[weights],
            per_channel=True,
            reduce_range=True,
        )
        return onnx.load(quantized)


def ends_in_activation(model: onnx.ModelProto) -> bool:
    """Whether a model ends in probabilities."""
    try:
        artifacts.last_activation(model)
    except HarnessError:
        return False
    return True


def _without_unused_domains(model: onnx.ModelProto) -> onnx.ModelProto:
    used = {node.domain for node in model.graph.node} | {""}
    kept = [entry for entry in model.opset_import if entry.domain in used]
    del model.opset_import[:]
    model.opset_import.extend(kept)
    return model


class _Reader:
    """What onnxruntime's calibration reads: what one call is fed after the other, None at the end."""

    def __init__(self, feeds: Iterable[Feeds]) -> None:
        self.feeds: Iterator[Feeds] = iter(feeds)

    def get_next(self) -> Feeds | None:
        return next(self.feeds, None)


def _prepare(path: Path) -> list[str]:
    """Mend the model at a path for quantization; the names of the nodes that stay in float32, its last one too."""
    model = onnx.load(path)
    left = quantizable.make_quantizable(model)
    if ends_in_activation(model):
        last = artifacts.last_activation(model)
        last.name = last.name or "last_activation"
        left = [last.name, *left]
    onnx.save(model, path)
    return left


def _free_logits(model: onnx.ModelProto) -> None:
    """Take out the pairs of QuantizeLinear and DequantizeLinear between the last layer and the last activation."""
    producers = {name: node for node in model.graph.node for name in node.output}
    reader = artifacts.last_activation(model)
    while (made := producers.get(reader.input[0])) is not None:
        if made.op_type == "DequantizeLinear" and made.input[0] in producers:
            reader.input[0] = producers[made.input[0]].input[0]
        elif made.op_type in PASSING:
            reader = made
        else:
            break
    read = {name for node in model.graph.node for name in node.input} | {value.name for value in model.graph.output}
    _drop_unread(model, read)


def _drop_unread(model: onnx.ModelProto, read: set[str]) -> None:
    """Remove pairs whose value nobody reads any more, and their scales and zero points."""
    nodes = list(model.graph.node)
    unread = [node for node in nodes if node.op_type == "DequantizeLinear" and not read & set(node.output)]
    lost = {node.input[0] for node in unread}
    kept = [node for node in nodes if node not in unread and not (set(node.output) & lost)]
    del model.graph.node[:]
    model.graph.node.extend(kept)
    named = {name for node in kept for name in node.input}
    tensors = [tensor for tensor in model.graph.initializer if tensor.name in named]
    del model.graph.initializer[:]
    model.graph.initializer.extend(tensors)
