"""Which branch of an If runs: what is known of shapes tells, or else the value of an input does."""

from collections.abc import Mapping, Sequence
from typing import Any

from numpy.typing import NDArray
from onnx import numpy_helper

BRANCHES = ("else_branch", "then_branch")  # by the condition
FROM_SHAPES = ("Shape", "Size")  # what they give depends on no value


def has_any(graph: Any) -> bool:
    """Whether a graph holds an If."""
    return any(node.op_type == "If" for node in graph.node)


def truth(tensor: Any) -> bool | None:
    """The value of a stored condition; None of a tensor that is none, or whose values are not there."""
    values = _values(tensor)
    return bool(values.ravel()[0]) if values is not None and values.size == 1 else None


def integers(tensor: Any) -> list[int] | None:
    """The values of a stored tensor of integers, in one row; None if it is none, or they are not there."""
    values = _values(tensor)
    return [int(value) for value in values.ravel()] if values is not None and values.dtype.kind in "iu" else None


def _values(tensor: Any) -> NDArray[Any] | None:
    if tensor is None or not any(field.name.endswith("_data") for field, _ in tensor.ListFields()):
        return None
    try:
        values: NDArray[Any] = numpy_helper.to_array(tensor)
    except (TypeError, ValueError):  # a damaged tensor
        return None
    return values if values.dtype.kind in "biuf" else None


def decide(graph: Any, outer: Mapping[str, Any] | None = None) -> bool:
    """Put the branch that runs in the place of the other one, in an onnx.GraphProto; whether any was decided.

    What follows such an If, and what its branch holds, can then be inferred: two branches seldom give one shape.
    """
    stored = {**(outer or {}), **stored_tensors(graph)}
    decided = False
    for node in graph.node:
        if node.op_type != "If" or not node.input:
            continue
        found = {attribute.name: attribute for attribute in node.attribute if attribute.name in BRANCHES}
        condition = truth(stored.get(node.input[0]))
        if condition is not None and len(found) == 2:
            runs, other = found[BRANCHES[condition]], found[BRANCHES[not condition]]
            if other.g != runs.g:
                other.g.CopyFrom(runs.g)
                decided = True
        for attribute in found.values():
            decided |= decide(attribute.g, stored)
    return decided


def stored_tensors(graph: Any) -> dict[str, Any]:
    """The tensors that a graph stores, by name: initializers and Constants."""
    constants = {
        node.output[0]: attribute.t
        for node in graph.node
        if node.op_type == "Constant" and node.output
        for attribute in node.attribute
        if attribute.name == "value"
    }
    return {tensor.name: tensor for tensor in graph.initializer} | constants


def makers(graph: Any) -> dict[str, Any]:
    """The node that makes each value of a graph."""
    return {name: node for node in graph.node for name in node.output if name}


def deciding_inputs(condition: str, made_by: Mapping[str, Any], inputs: Sequence[str]) -> list[str]:
    """The inputs whose values a condition is computed from."""
    seen: set[str] = set()
    pending = [condition]
    while pending:
        name = pending.pop()
        node = made_by.get(name)
        if name not in seen and node is not None and node.op_type not in FROM_SHAPES:
            pending += node.input
        seen.add(name)
    return [name for name in inputs if name in seen]
