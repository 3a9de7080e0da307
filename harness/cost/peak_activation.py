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
from dataclasses import dataclass
from functools import cache, partial
from itertools import chain
from typing import Any

from harness.cost.onnx_file import OnnxFile, element_bits, subgraphs
from harness.cost.shapes import Shapes, text


class UnknownSizeError(Exception):
    """An activation whose size cannot be told; its message says why."""


@dataclass(frozen=True)
class _Step:
    """A node as it is run: what it reads, in its branches too, what it makes, and whether it has branches."""

    operator: str
    reads: tuple[str, ...]
    makes: tuple[str, ...]
    branches: bool

    @classmethod
    def of(cls, node: Any) -> "_Step":
        held = [body for attribute in node.attribute for body in subgraphs(attribute)]
        inside = chain.from_iterable(_read(inner) for body in held for inner in body.node)
        reads = tuple(name for name in (*node.input, *inside) if name)
        return cls(node.op_type, reads, tuple(node.output), bool(held))


def peak_bytes(file: OnnxFile, shapes: Shapes) -> int:
    """The peak in bytes. Raises UnknownSizeError where the size of an activation cannot be told.

    A batch that the file fixes is divided out, rounded up.
    """
    steps = [_Step.of(node) for node in file.model.graph.node]
    activations = _activations(file, steps)
    last = {name: number for number, step in enumerate(steps) for name in step.reads}
    last |= {value.name: len(steps) for value in file.model.graph.output}
    size = cache(partial(_bytes, shapes=shapes))
    alive = sum(size(value.name) for value in file.inputs if value.name in last)
    peak = alive
    for number, step in enumerate(steps):
        made = {name for name in step.makes if name in activations and name in last}
        if made and step.branches:
            raise UnknownSizeError(f"what is alive inside {step.operator} ({step.makes[0]}) is not known")
        alive += sum(map(size, made))
        peak = max(peak, alive)
        over = {name for name in step.reads if name in activations and last[name] == number}
        alive -= sum(map(size, over))
    return -(-peak // shapes.batch)


def _activations(file: OnnxFile, steps: Sequence[_Step]) -> set[str]:
    """The values that depend on an input, or come from nowhere, as random numbers do.

    Raises UnknownSizeError where the nodes cannot run in the file's order.
    """
    found = {value.name for value in file.inputs}
    later = {name for step in steps for name in step.makes}
    for step in steps:
        if ahead := sorted(later.intersection(step.reads)):
            raise UnknownSizeError(f"{step.operator} stands before the node that makes {ahead[0]}, which it reads")
        later.difference_update(step.makes)
        if found.intersection(step.reads) or not (step.reads or step.operator == "Constant"):
            found.update(filter(None, step.makes))
    return found


def _read(node: Any) -> tuple[str, ...]:
    return _Step.of(node).reads


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
