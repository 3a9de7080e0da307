"""int8 of a float32 graph, by onnxruntime's static quantization: what it is told, in one place."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray

from harness.machine import temporary
from harness.pieces import artifacts, quantizable

Batch = NDArray[np.float32]


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

    ``batches`` are calibration images in the file's own layout, a few at a time. The last activation, and
    the logits that it reads, stay in float32: 256 steps would make ties of what differs.
    """
    from onnxruntime import quantization

    with temporary.folder() as folder:
        prepared, quantized = folder / "prepared.onnx", folder / "quantized.onnx"
        quantization.quant_pre_process(source, prepared, skip_symbolic_shape=True)
        left = _prepare(prepared)
        quantization.quantize_static(
            prepared,
            quantized,
            _Reader(batches),
            quant_format=quantization.QuantFormat.QDQ,
            activation_type=quantization.QuantType[ACTIVATIONS],
            weight_type=quantization.QuantType[WEIGHTS],
            calibrate_method=quantization.CalibrationMethod[METHOD],
            nodes_to_exclude=left,
            per_channel=True,
            reduce_range=True,
        )
        model = onnx.load(quantized)
    _free_logits(model)
    used = {node.domain for node in model.graph.node} | {""}
    kept = [entry for entry in model.opset_import if entry.domain in used]
    del model.opset_import[:]
    model.opset_import.extend(kept)
    return model


class _Reader:
    """What onnxruntime's calibration reads: one batch after the other, None at the end."""

    def __init__(self, batches: Iterable[Batch]) -> None:
        self.batches: Iterator[Batch] = iter(batches)

    def get_next(self) -> dict[str, Batch] | None:
        batch = next(self.batches, None)
        return None if batch is None else {artifacts.INPUT: batch}


def _prepare(path: Path) -> list[str]:
    """Mend the model at a path for quantization; the names of the nodes that stay in float32, its last one too."""
    model = onnx.load(path)
    last = artifacts.last_activation(model)
    last.name = last.name or "last_activation"
    left = [last.name, *quantizable.make_quantizable(model)]
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
