"""Numbers by which nodes of two graphs are recognised: equal structures have equal numbers, whatever their names."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from enum import IntEnum

from harness.diff.graph import Graph, Made, Node, Outer, Source, Stored

Leaf = Callable[[Source], Hashable]  # what stands for an input of a graph, or for a value of one around it


class Level(IntEnum):
    """How much of a node must be equal."""

    CONTENT = 0  # operator, attributes and the values of stored tensors
    SHAPE = 1  # operator, attributes, types and shapes of stored tensors
    OPERATOR = 2


class Numbers:
    """A number for each structure. Two structures share it exactly if they are equal."""

    def __init__(self) -> None:
        self._known: dict[Hashable, int] = {}

    def number(self, structure: Hashable) -> int:
        return self._known.setdefault(structure, len(self._known))


@dataclass(frozen=True, kw_only=True)
class Keys:
    """The numbers of a graph's nodes at one level.

    ``own`` is of a node alone, ``up`` also of all that it is computed from, ``down`` also of all that is computed from
    it.
    """

    own: Sequence[int]
    up: Sequence[int]
    down: Sequence[int]


def read_keys(graph: Graph, level: Level, numbers: Numbers, leaf: Leaf, end: Callable[[int], Hashable]) -> Keys:
    """The keys of a graph. ``end`` is what stands for an output of the graph, by its place."""
    own = [numbers.number(("own", level, *_label(graph, node, level, numbers))) for node in graph.nodes]
    return Keys(own=own, up=_upward(graph, own, level, numbers, leaf), down=_downward(graph, own, numbers, end))


def _label(graph: Graph, node: Node, level: Level, numbers: Numbers) -> tuple[Hashable, ...]:
    """What a node is, without what it is connected to."""
    if level is Level.OPERATOR:
        return (node.operator,)
    stored = [_stored(graph, source, level) for source in node.inputs]
    bodies = tuple((name, _body(body, level, numbers)) for name, body in sorted(node.bodies.items()))
    ordered = tuple(sorted(stored, key=str) if node.commutes else stored)
    return node.operator, tuple(node.attributes.items()), ordered, len(node.outputs), bodies


def _stored(graph: Graph, source: Source, level: Level) -> Hashable:
    if not isinstance(source, Stored):
        return None
    tensor = graph.stored[source.name]
    return tensor.content if level is Level.CONTENT else tensor.described


def _body(body: Graph, level: Level, numbers: Numbers) -> Hashable:
    """What a body computes. What it reads from outside counts by its order alone."""
    outer = {name: place for place, name in enumerate(body.outer)}
    leaf: Leaf = lambda source: ("outer", outer[source.name]) if isinstance(source, Outer) else source  # noqa: E731
    own = [numbers.number(("own", level, *_label(body, node, level, numbers))) for node in body.nodes]
    made = _upward(body, own, level, numbers, leaf)
    return tuple(_value(body, source, made, level, leaf) for source in body.ends)


def _value(graph: Graph, source: Source, made: Sequence[int], level: Level, leaf: Leaf) -> Hashable:
    if isinstance(source, Made):
        return "made", made[source.node], source.output
    return ("stored", _stored(graph, source, level)) if isinstance(source, Stored) else ("leaf", leaf(source))


def _upward(graph: Graph, own: Sequence[int], level: Level, numbers: Numbers, leaf: Leaf) -> list[int]:
    found: list[int] = []
    for node, label in zip(graph.nodes, own, strict=True):
        read = [numbers.number(_value(graph, source, found, level, leaf)) for source in node.sources]
        found.append(numbers.number(("up", label, *(sorted(read) if node.commutes else read))))
    return found


def _downward(graph: Graph, own: Sequence[int], numbers: Numbers, end: Callable[[int], Hashable]) -> list[int]:
    found = [0] * len(graph.nodes)
    ends: dict[Made, list[int]] = {}
    for place, source in enumerate(graph.ends):
        if isinstance(source, Made):
            ends.setdefault(source, []).append(place)
    for number in reversed(range(len(graph.nodes))):
        node = graph.nodes[number]
        uses = []
        for slot in range(len(node.outputs)):
            value = Made(number, slot)
            for reader, place in graph.readers.get(value, ()):
                uses.append((slot, 0 if graph.nodes[reader].commutes else place, found[reader]))
            uses += [(slot, -1, numbers.number(("end", end(place)))) for place in ends.get(value, ())]
        found[number] = numbers.number(("down", own[number], *sorted(uses)))
    return found
