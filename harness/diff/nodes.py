"""What differs between the nodes of two graphs: attributes, operators, what they read, and nodes of one graph alone."""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from harness.diff import tensors
from harness.diff.alignment import Alignment, align_graphs
from harness.diff.graph import Graph, Input, Made, Node, Outer, Source, Stored
from harness.diff.tensors import TensorChange

ABSENT = "absent"


@dataclass(frozen=True, kw_only=True)
class NodeChange:
    """One thing in which a node of A and its twin in B differ.

    ``what`` is "operator", "input N", "outputs" or the name of an attribute; ``a`` and ``b`` are what it is in words.
    """

    name_a: str
    name_b: str
    operator: str
    what: str
    a: str
    b: str


@dataclass(frozen=True, kw_only=True)
class LoneNode:
    """A node that one graph has alone."""

    name: str
    operator: str


@dataclass(frozen=True, kw_only=True)
class GraphDifference:
    """What differs between two graphs, those in their bodies included: "loop/body: name" is a node in a body.

    ``same`` is how many nodes of A have a twin that differs in nothing, ``of_a`` and ``of_b`` how many nodes there are.
    """

    same: int
    of_a: int
    of_b: int
    changed: Sequence[NodeChange]
    only_a: Sequence[LoneNode]
    only_b: Sequence[LoneNode]
    tensors: Sequence[TensorChange]

    @property
    def is_none(self) -> bool:
        return not (self.changed or self.only_a or self.only_b or self.tensors)


def compare_graphs(a: Graph, b: Graph, alignment: Alignment) -> GraphDifference:
    """What differs between two graphs that are aligned."""
    return _Comparison(a, b, alignment).difference()


class _Comparison:
    def __init__(self, a: Graph, b: Graph, alignment: Alignment) -> None:
        self.a, self.b, self.alignment = a, b, alignment
        self.stored: dict[tuple[str, str], None] = {}  # pairs of tensors
        self.inner: list[GraphDifference] = []

    def difference(self) -> GraphDifference:
        known = self.alignment
        changes = [[*self._changes(one, other)] for one, other in sorted(known.nodes.items())]
        ends = [*self._ends()]
        stored = tensors.compare_tensors(self.a.stored, self.b.stored, self.stored)
        inner = self.inner
        return GraphDifference(
            same=sum(not each for each in changes) + sum(each.same for each in inner),
            of_a=len(self.a.nodes) + sum(each.of_a for each in inner),
            of_b=len(self.b.nodes) + sum(each.of_b for each in inner),
            changed=[
                *(one for each in changes for one in each),
                *ends,
                *(one for each in inner for one in each.changed),
            ],
            only_a=[*_alone(self.a, known.only_a), *(one for each in inner for one in each.only_a)],
            only_b=[*_alone(self.b, known.only_b), *(one for each in inner for one in each.only_b)],
            tensors=[*stored, *(one for each in inner for one in each.tensors)],
        )

    def _changes(self, one: int, other: int) -> Iterator[NodeChange]:
        a, b = self.a.nodes[one], self.b.nodes[other]

        def change(what: str, of_a: str, of_b: str) -> NodeChange:
            return NodeChange(name_a=a.name, name_b=b.name, operator=a.operator, what=what, a=of_a, b=of_b)

        if a.operator != b.operator:
            yield change("operator", a.operator, b.operator)
        elif a.attributes != b.attributes:
            for name in sorted(a.attributes.keys() | b.attributes.keys()):
                values = a.attributes.get(name, ABSENT), b.attributes.get(name, ABSENT)
                if values[0] != values[1]:
                    yield change(name, *map(_shown, values))
        for slot, (source, twin) in enumerate(self._sources(a, b)):
            if isinstance(source, Stored) and isinstance(twin, Stored):
                self.stored[source.name, twin.name] = None
            elif not self._same(source, twin):
                yield change(f"input {slot}", self._told(self.a, source), self._told(self.b, twin))
        if len(a.outputs) != len(b.outputs):
            yield change("outputs", str(len(a.outputs)), str(len(b.outputs)))
        for name in sorted(a.bodies.keys() | b.bodies.keys()):
            if name not in a.bodies or name not in b.bodies:
                yield change(
                    name,
                    *(f"{len(each[name].nodes)} nodes" if name in each else ABSENT for each in (a.bodies, b.bodies)),
                )
                continue
            self.inner.append(_inside(f"{a.name}/{name}", a.bodies[name], b.bodies[name]))

    def _sources(self, a: Node, b: Node) -> list[tuple[Source, Source]]:
        """What both read, place by place; of operators whose inputs may change places, as they fit best."""
        longest = max(len(a.sources), len(b.sources))
        one, other = ([*each, *[None] * (longest - len(each))] for each in (a.sources, b.sources))
        straight = [*zip(one, other, strict=True)]
        if not (a.commutes and b.commutes and a.operator == b.operator):
            return straight
        crossed = [*zip(one, reversed(other), strict=True)]
        return crossed if self._fit(crossed) > self._fit(straight) else straight

    def _fit(self, sources: Sequence[tuple[Source, Source]]) -> int:
        return sum(self._same(one, other) + (type(one) is type(other)) for one, other in sources)

    def _same(self, one: Source, other: Source) -> bool:
        """Whether two sources stand for each other, or differ only by nodes that one graph has alone."""
        if isinstance(one, Input) and isinstance(other, Input):
            return self.alignment.inputs.get(one.place) == other.place
        if isinstance(one, Stored) and isinstance(other, Stored):
            return True  # tensors are compared on their own
        if isinstance(one, Outer) and isinstance(other, Outer):
            return True  # what a body reads from outside is compared there
        if isinstance(one, Made) and isinstance(other, Made):
            alike = self.alignment.up_a[one.node] == self.alignment.up_b[other.node]
            if (alike or self.alignment.nodes.get(one.node) == other.node) and one.output == other.output:
                return True
        if one == other:
            return True
        alone = self._is_alone(one, self.alignment.nodes), self._is_alone(other, self._back)
        return any(alone) and self._twins(self._behind_a(one)) == self._behind_b(other)

    @staticmethod
    def _is_alone(source: Source, known: Mapping[int, int]) -> bool:
        return isinstance(source, Made) and source.node not in known

    @cached_property
    def _back(self) -> dict[int, int]:
        return {other: one for one, other in self.alignment.nodes.items()}

    def _behind_a(self, source: Source) -> frozenset[Source]:
        return _behind(source, self._reached_a)

    def _behind_b(self, source: Source) -> frozenset[Source]:
        return _behind(source, self._reached_b)

    @cached_property
    def _reached_a(self) -> dict[int, frozenset[Source]]:
        return _reached(self.a, self.alignment.nodes)

    @cached_property
    def _reached_b(self) -> dict[int, frozenset[Source]]:
        return _reached(self.b, self._back)

    def _twins(self, sources: frozenset[Source]) -> frozenset[Source]:
        """The values of B that stand for values of A."""
        found: set[Source] = set()
        for source in sources:
            if isinstance(source, Made):
                found.add(Made(self.alignment.nodes[source.node], source.output))
            elif isinstance(source, Input):
                found.add(Input(self.alignment.inputs.get(source.place, -1)))
            else:
                found.add(source)
        return frozenset(found)

    def _ends(self) -> Iterator[NodeChange]:
        """Outputs of the graph that are another value."""
        for one, other in self.alignment.outputs.items():
            source, twin = self.a.ends[one], self.b.ends[other]
            if isinstance(source, Stored) and isinstance(twin, Stored):
                self.stored[source.name, twin.name] = None
            elif not self._same(source, twin):
                yield NodeChange(
                    name_a=self.a.outputs[one],
                    name_b=self.b.outputs[other],
                    operator="",
                    what="output of the graph",
                    a=self._told(self.a, source),
                    b=self._told(self.b, twin),
                )

    @staticmethod
    def _told(graph: Graph, source: Source) -> str:
        if isinstance(source, Made):
            node = graph.nodes[source.node]
            number = f", output {source.output}" if source.output else ""
            return f"{node.name} ({node.operator}){number}"
        if isinstance(source, Input):
            return f"the input {graph.inputs[source.place]}"
        if isinstance(source, Stored):
            return f"the stored {source.name}"
        return f"{source.name} of the graph around it" if source else ABSENT


def _reached(graph: Graph, known: Mapping[int, int]) -> dict[int, frozenset[Source]]:
    """By node that has no twin: the values that are behind it and such nodes; stored tensors are left out."""
    found: dict[int, frozenset[Source]] = {}
    for number, node in enumerate(graph.nodes):
        if number not in known:
            found[number] = frozenset().union(*(_behind(source, found) for source in node.sources))
    return found


def _behind(source: Source, reached: Mapping[int, frozenset[Source]]) -> frozenset[Source]:
    if isinstance(source, Made) and source.node in reached:
        return reached[source.node]
    return frozenset() if source is None or isinstance(source, Stored) else frozenset({source})


def _inside(place: str, a: Graph, b: Graph) -> GraphDifference:
    """What differs between two bodies, every name with the place of the body."""
    found = compare_graphs(a, b, align_graphs(a, b))

    def named(name: str) -> str:
        return f"{place}: {name}" if name else ""

    return replace(
        found,
        changed=[replace(one, name_a=named(one.name_a), name_b=named(one.name_b)) for one in found.changed],
        only_a=[replace(one, name=named(one.name)) for one in found.only_a],
        only_b=[replace(one, name=named(one.name)) for one in found.only_b],
        tensors=[replace(one, name_a=named(one.name_a), name_b=named(one.name_b)) for one in found.tensors],
    )


def _alone(graph: Graph, numbers: Sequence[int]) -> list[LoneNode]:
    return [LoneNode(name=graph.nodes[number].name, operator=graph.nodes[number].operator) for number in numbers]


def _shown(value: Hashable) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(map(_shown, value))}]"
    return f"{value:.9g}" if isinstance(value, float) else str(value)
