"""How much memory a graph's activations need at once, by a convention that depends on the graph alone.

The peak is the largest total of the tensors alive at one moment when the nodes run one after
another in the file's order, for one image. A tensor is alive from the node that makes it (an input
of the graph: from the beginning) to the last node that reads it (an output: to the end), so that
what a node reads and what it makes are alive together; what nothing reads, as the mask of a
dropout, does not count. Every tensor counts in full, in the type
that the file gives it: no memory is shared, not even with a tensor that is only reshaped. Weights,
and what is computed from stored values alone, do not count. A runtime may need less, or more.
"""

from collections.abc import Sequence
from itertools import chain
from typing import Any

from harness.cost.onnx_file import OnnxFile, element_bits, subgraphs
from harness.cost.shapes import Shapes, text


class UnknownSizeError(Exception):
    """An activation whose size cannot be told; its message says why."""


def peak_bytes(file: OnnxFile, shapes: Shapes) -> int:
    """The peak in bytes. Raises UnknownSizeError where the size of an activation cannot be told.

    A batch that the file fixes is divided out, rounded up.
    """
    nodes = list(file.model.graph.node)
    activations = _activations(file, nodes)
    last = {name: number for number, node in enumerate(nodes) for name in _read(node)}
    last |= {value.name: len(nodes) for value in file.model.graph.output}
    alive = sum(_bytes(value.name, shapes) for value in file.inputs if value.name in last)
    peak = alive
    for number, node in enumerate(nodes):
        made = {name for name in node.output if name in activations and name in last}
        if made and any(subgraphs(attribute) for attribute in node.attribute):
            raise UnknownSizeError(f"what is alive inside {node.op_type} ({node.output[0]}) is not known")
        alive += sum(_bytes(name, shapes) for name in made)
        peak = max(peak, alive)
        over = {name for name in _read(node) if name in activations and last[name] == number}
        alive -= sum(_bytes(name, shapes) for name in over)
    return -(-peak // shapes.batch)


def _activations(file: OnnxFile, nodes: Sequence[Any]) -> set[str]:
    """The values that depend on an input, or come from nowhere, as random numbers do.

    Raises UnknownSizeError where the nodes cannot run in the file's order.
    """
    found = {value.name for value in file.inputs}
    later = {name for node in nodes for name in node.output}
    for node in nodes:
        read = _read(node)
        if ahead := sorted(later.intersection(read)):
            raise UnknownSizeError(f"{node.op_type} stands before the node that makes {ahead[0]}, which it reads")
        later.difference_update(node.output)
        if found.intersection(read) or not (read or node.op_type == "Constant"):
            found.update(name for name in node.output if name)
    return found


def _read(node: Any) -> list[str]:
    """The values that a node reads, in its branches too."""
    inside = (body.node for attribute in node.attribute for body in subgraphs(attribute))
    return [name for name in (*node.input, *(name for inner in chain(*inside) for name in _read(inner))) if name]


def _bytes(name: str, shapes: Shapes) -> int:
    shape = shapes.of.get(name)
    if shape is None:
        raise UnknownSizeError(f"the shape of {name} is not known: {shapes.hint}")
    try:
        size = element_bits(shapes.types.get(name, 0))
    except ValueError:  # a type that ONNX does not have
        size = None
    if size is None:
        raise UnknownSizeError(f"how large one value of {name} is, is not known")
    for axis in shape:
        if isinstance(axis, str):
            raise UnknownSizeError(f"{name} is {text(shape)}: {shapes.hint}")
        if axis < 0:
            raise UnknownSizeError(f"{name} would be {text(shape)}: a kernel is larger than its data")
        size *= axis
    return -(-size // 8)
