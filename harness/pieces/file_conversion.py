"""Any .onnx file in a lower precision: how it is made, what stays in float32 and why, and what it breaks."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import onnx

from harness.errors import HarnessError, first_line
from harness.measurements.subject_key import FLOAT32
from harness.pieces import half_precision, layer_losses, quantizable, quantization
from harness.pieces.quantization import Feeds

PRECISIONS = ("int8", "uint8", "float16", "bfloat16")
KINDS = {"int8": "QInt8", "uint8": "QUInt8"}  # onnxruntime's names, of weights and of activations
MOST_TRIED = 64  # nodes that are converted alone, to find which cannot be


@dataclass(frozen=True, kw_only=True)
class Conversion:
    """A file in a lower precision.

    ``how`` says how it was made. ``left`` tells by node what stays in float32, and why. ``fault`` is the first layer
    that the conversion has changed; empty if there is none.
    """

    model: onnx.ModelProto
    how: str
    left: Mapping[str, str] = field(default_factory=dict)
    fault: str = ""


def convert(source: Path, precision: str, feeds: Sequence[Feeds] = (), activations: str = "uint8") -> Conversion:
    """The file in that precision; inputs and outputs stay as they are.

    ``feeds`` are what it is calibrated on for 8 bits. Without any, its activations are rounded while it runs. Raises
    :class:`HarnessError` for a file that cannot be converted, with the node and the reason if they are known.
    """
    model = onnx.load(source)
    if not any(tensor.data_type == onnx.TensorProto.FLOAT for tensor in model.graph.initializer):
        raise HarnessError(f"{source} holds no {FLOAT32} weights: there is nothing to convert to {precision}.")
    if precision in KINDS:
        return _to_8_bits(source, precision, feeds, activations)
    try:
        made = _half(model, precision)
    except HarnessError as error:
        raise HarnessError(f"{source} cannot be converted to {precision}: {error}") from error
    except Exception as error:  # whatever a converter raises for a graph that it does not know
        raise HarnessError(f"{source} cannot be converted to {precision}: {first_line(error)}.") from error
    kept = {name: f"{operator} has no {precision} here" for name, operator in _in_float32(made, onnx.load(source))}
    return Conversion(model=made, how=f"weights and arithmetic in {precision}", left=kept)


def _half(model: onnx.ModelProto, precision: str) -> onnx.ModelProto:
    if precision == "float16":
        return half_precision.to_float16(model)
    return half_precision.to_bfloat16(model)


def _in_float32(made: onnx.ModelProto, source: onnx.ModelProto) -> Iterator[tuple[str, str]]:
    """The nodes that read what the conversion casts back to float32, with their operators."""
    known = {output for node in source.graph.node for output in node.output}
    wide = {
        node.output[0]
        for node in made.graph.node
        if node.op_type == "Cast"
        and node.output[0] not in known
        and any(attribute.name == "to" and attribute.i == onnx.TensorProto.FLOAT for attribute in node.attribute)
    }
    for node in made.graph.node:
        if node.op_type != "Cast" and wide & set(node.input):
            yield node.name or node.output[0], node.op_type


def _to_8_bits(source: Path, precision: str, feeds: Sequence[Feeds], activations: str) -> Conversion:
    weights = KINDS[precision]
    if not feeds:
        try:
            model = quantization.quantize_dynamically(source, weights)
        except Exception as error:  # onnxruntime's quantization raises anything
            raise HarnessError(f"{source} cannot be converted to {precision}: {first_line(error)}.") from error
        how = f"dynamic: weights {weights} of 7 bits a channel, activations rounded while it runs"
        return Conversion(model=model, how=how, left=_convolutions(model))
    kinds = {"activations": KINDS[activations], "weights": weights}
    failed: dict[str, str] = {}
    try:
        model = quantization.quantize(source, feeds, **kinds)
    except Exception:  # by which node, its error seldom tells
        failed = _failing(source, feeds, kinds)
        if not failed:
            raise
        model = quantization.quantize(source, feeds, left=list(failed), **kinds)
    how = f"static: weights {weights} of 7 bits a channel, activations {kinds['activations']}"
    return Conversion(
        model=model,
        how=f"{how} ({_short(kinds['activations'])}{_short(weights)}), calibrated by {quantization.METHOD}",
        left=failed | quantizable.unfit(onnx.load(source)),
        fault=layer_losses.find_fault(source, model, feeds[0]),
    )


def _short(kind: str) -> str:
    """U8 of QUInt8, S8 of QInt8."""
    return "U8" if "U" in kind else "S8"


def _convolutions(model: onnx.ModelProto) -> dict[str, str]:
    return {
        node.name or node.output[0]: "convolutions are not quantised without --data"
        for node in model.graph.node
        if node.op_type == "Conv"
    }


def _failing(source: Path, feeds: Sequence[Feeds], kinds: Mapping[str, str]) -> dict[str, str]:
    """The nodes that cannot be quantised even alone, with the error of each."""
    from onnxruntime.quantization.registry import QDQRegistry

    found = {}
    nodes = [node for node in onnx.load(source).graph.node if node.name and node.op_type in QDQRegistry]
    for node in nodes[:MOST_TRIED]:
        try:
            quantization.quantize(source, feeds[:1], only=[node.name], **kinds)
        except Exception as error:  # what is looked for
            found[node.name] = f"{node.op_type} cannot be quantised: {first_line(error)}"
    return found
