"""The cost ledger of an .onnx file: parameters and multiply-accumulates, node by node."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.cost import macs, nodes, onnx_file, params, peak_activation, shapes
from harness.measurements import node_counts
from harness.measurements.types import Cost, NodeCost


def ledger(path: Path, input_shapes: Mapping[str, Sequence[int]] | None = None, *, batch: int | None = None) -> Cost:
    """The cost of one image, counted from the graph alone; nothing is run and no weight is loaded.

    ``input_shapes`` maps an input's name to its whole shape, the batch axis included; other sizes that are open are
    guessed as `harness run` guesses them, and ``inputs`` says which. ``batch`` is how many images one call takes.
    By default an open batch is one; a batch that the file fixes is divided out where an input (of rank 3: one that a
    convolution reads) shares it with every output. A node that cannot be counted has ``macs`` None and a reason,
    never 0.

    ``stored_values`` and ``stored_bytes`` are of initializers and Constant nodes, external data
    included, and ``peak_activation_bytes`` is defined in :mod:`harness.cost.peak_activation`; None comes with
    ``peak_activation_reason``. ``folded_batch_norm`` is what this project's exporters write as the metadata property
    ``batch_norm`` ("folded"); a file without it does not tell, and reads False.

    Raises HarnessError where the file is no sound ONNX model, its external data are missing, too short
    or outside its folder, or a given shape does not fit it.
    """
    file = onnx_file.read(path)
    return cost_of(file, shapes.infer(file, input_shapes, batch))


def cost_of(file: onnx_file.OnnxFile, found: shapes.Shapes) -> Cost:
    """The cost of one image of a file that was read, at the shapes that were inferred."""
    peak, reason = _peak(file, found)
    return Cost(
        params=params.count(file, found),
        batch=found.batch,
        inputs=found.inputs,
        stored_values=file.stored_values,
        stored_bytes=file.stored_bytes,
        peak_activation_bytes=peak,
        peak_activation_reason=reason,
        folded_batch_norm=_folded_batch_norm(file),
        nodes=tuple(_cost(node, found) for node in file.model.graph.node),
    )


def graph_difference(a: Cost, b: Cost) -> str:
    """How many more (+) or fewer (-) nodes of each operator ``a`` has than ``b``; "" where none."""
    return node_counts.difference(a.operators, b.operators)


def _cost(node: Any, found: shapes.Shapes) -> NodeCost:
    name = node.name or next(iter(node.output), "")
    operator = nodes.operator(node)
    try:
        return NodeCost(name=name, operator=operator, macs=macs.count(node, found))
    except nodes.UncountableError as error:
        return NodeCost(name=name, operator=operator, macs=None, reason=str(error))


def _peak(file: onnx_file.OnnxFile, found: shapes.Shapes) -> tuple[int | None, str]:
    try:
        return peak_activation.peak_bytes(file, found), ""
    except peak_activation.UnknownSizeError as error:
        return None, str(error)


def _folded_batch_norm(file: onnx_file.OnnxFile) -> bool | None:
    told = file.metadata.get("batch_norm")
    return None if told is None else told == "folded"
