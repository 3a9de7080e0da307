"""Which node of one graph stands for which node of another, whatever they are called.

Nodes that compute the same from the same are found first, then those from which the same is computed: by exact content,
then by shapes alone. What is left lies between changes. It is found by its neighbours and by the longest common
subsequence of both graphs, in which the nodes that are known already stand for themselves.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from harness.diff import sequences
from harness.diff.graph import Graph, Input, Made, Node, Outer, Source, Stored
from harness.diff.keys import Keys, Level, Numbers, read_keys

ALONE = -1  # an input or output that the other graph has not

Use = tuple[int, Hashable]  # of a value: the place among the reader's sources, and what the reader is


@dataclass(frozen=True, kw_only=True)
class Alignment:
    """The nodes of A that stand for nodes of B, by their places; inputs and outputs likewise.

    ``up_a`` and ``up_b`` are numbers of the nodes. Two are equal exactly if both nodes are computed in the same way,
    from the same inputs. The values of weights may differ.
    """

    nodes: Mapping[int, int]
    inputs: Mapping[int, int]
    outputs: Mapping[int, int]
    only_a: Sequence[int]
    only_b: Sequence[int]
    up_a: Sequence[int]
    up_b: Sequence[int]

    def values(self, a: Graph, b: Graph) -> Iterator[tuple[Made, Made]]:
        """The values of both graphs that stand for each other, in the order of A."""
        for one, other in sorted(self.nodes.items()):
            for slot, names in enumerate(zip(a.nodes[one].outputs, b.nodes[other].outputs, strict=False)):
                if all(names):
                    yield Made(one, slot), Made(other, slot)


def align_graphs(a: Graph, b: Graph) -> Alignment:
    """Align two graphs: the main graphs of two files, or two bodies."""
    aligner = _Aligner(a, b)
    keys = content = aligner.keys(Level.CONTENT)
    aligner.match_equal(content)
    aligner.match_sequence(content, _has_tensors)  # an operator without tensors is like any other of its kind
    aligner.spread(content)
    if not aligner.is_whole:
        keys = aligner.keys(Level.SHAPE)
        aligner.match_equal(keys)
        for looser in (keys, aligner.keys(Level.OPERATOR)):
            aligner.spread(looser)
            aligner.match_sequence(looser)
            aligner.spread(looser)
        aligner.match_replaced()
    return Alignment(
        nodes=aligner.to_b,
        inputs=aligner.inputs,
        outputs=aligner.outputs,
        only_a=aligner.free_a,
        only_b=[number for number in range(len(b.nodes)) if number not in aligner.to_a],
        up_a=keys[0].up,
        up_b=keys[1].up,
    )


def pair_names(a: Sequence[str], b: Sequence[str]) -> dict[int, int]:
    """The places of names that both have; of the others, what stands at the same place among the others."""
    found = {place: b.index(name) for place, name in enumerate(a) if name in b}
    left = [place for place in range(len(a)) if place not in found]
    others = [place for place in range(len(b)) if place not in found.values()]
    return found | dict(zip(left, others, strict=False))


def _backwards(pairs: Mapping[int, int]) -> dict[int, int]:
    return {other: one for one, other in pairs.items()}


def _has_tensors(node: Node) -> bool:
    return any(isinstance(source, Stored) for source in node.inputs)


class _Aligner:
    """Two graphs, and what is known so far of their alignment."""

    def __init__(self, a: Graph, b: Graph) -> None:
        self.a, self.b = a, b
        self.inputs = pair_names(a.inputs, b.inputs)
        self.outputs = pair_names(a.outputs, b.outputs)
        self.to_b: dict[int, int] = {}
        self.to_a: dict[int, int] = {}
        self._numbers = Numbers()
        self._outer = pair_names(a.outer, b.outer)

    def keys(self, level: Level) -> tuple[Keys, Keys]:
        """The keys of both graphs: inputs and outputs that stand for each other are one."""
        inputs, outputs, outer = (_backwards(one) for one in (self.inputs, self.outputs, self._outer))

        def leaf_of_a(source: Source) -> Hashable:
            return self.a.outer.index(source.name) if isinstance(source, Outer) else source

        def leaf_of_b(source: Source) -> Hashable:
            if isinstance(source, Outer):
                return outer.get(self.b.outer.index(source.name), ALONE)
            return Input(inputs.get(source.place, ALONE)) if isinstance(source, Input) else source

        return (
            read_keys(self.a, level, self._numbers, leaf_of_a, lambda place: place),
            read_keys(self.b, level, self._numbers, leaf_of_b, lambda place: outputs.get(place, ALONE)),
        )

    @property
    def free_a(self) -> list[int]:
        """The nodes of A that have no twin yet."""
        return [number for number in range(len(self.a.nodes)) if number not in self.to_b]

    @property
    def is_whole(self) -> bool:
        """Whether every node of both graphs has its twin."""
        return len(self.to_b) == len(self.a.nodes) == len(self.b.nodes)

    def match_equal(self, keys: tuple[Keys, Keys]) -> None:
        """Match nodes that are computed alike, then those from which alike is computed; if as many are in both."""
        for name in ("up", "down"):
            groups: dict[int, tuple[list[int], list[int]]] = defaultdict(lambda: ([], []))
            for side, (of_side, known) in enumerate(zip(keys, (self.to_b, self.to_a), strict=True)):
                for number, key in enumerate(getattr(of_side, name)):
                    if number not in known:
                        groups[key][side].append(number)
            for ones, others in groups.values():
                if len(ones) == len(others):
                    self._match(zip(ones, others, strict=True))

    def match_sequence(self, keys: tuple[Keys, Keys], which: Callable[[Node], bool] = lambda _: True) -> None:
        """Match nodes alike in themselves by the longest common subsequence; ``which`` says which take part."""

        def tokens(graph: Graph, own: Sequence[int], known: Callable[[int], int | None], side: str) -> list[Hashable]:
            found: list[Hashable] = []
            for number, node in enumerate(graph.nodes):
                pair = known(number)
                found.append(("pair", pair) if pair is not None else own[number] if which(node) else (side, number))
            return found

        in_a = tokens(self.a, keys[0].own, lambda number: number if number in self.to_b else None, "a")
        in_b = tokens(self.b, keys[1].own, self.to_a.get, "b")
        self._match((one, other) for one, other in sequences.align(in_a, in_b) if one not in self.to_b)

    def spread(self, keys: tuple[Keys, Keys]) -> None:
        """Match neighbours of nodes that are known: what they read, and what alone reads them, if alike."""
        pending = [number for number in {*self._around(self.free_a)} if number in self.to_b]
        while pending:
            one = pending.pop()
            for pair in [*self._sources(one), *self._readers(one, keys)]:
                free = pair[0] not in self.to_b and pair[1] not in self.to_a
                if free and keys[0].own[pair[0]] == keys[1].own[pair[1]]:
                    self._match([pair])
                    pending.append(pair[0])

    def match_replaced(self) -> None:
        """Match nodes of other operators that read the same and are read by the same."""
        for one in self.free_a:
            uses = {self._twin_use(use) for use in _uses(self.a, one)} - {None}
            beside = dict.fromkeys(self._beside(one))
            found = next((each for each in beside if each not in self.to_a and uses & set(_uses(self.b, each))), None)
            if found is not None:
                self._match([(one, found)])

    def _match(self, pairs: Iterable[tuple[int, int]]) -> None:
        for one, other in pairs:
            self.to_b[one] = other
            self.to_a[other] = one

    def _around(self, numbers: Iterable[int]) -> Iterator[int]:
        """The nodes of A that these read, or that read them."""
        for number in numbers:
            node = self.a.nodes[number]
            yield from (source.node for source in node.sources if isinstance(source, Made))
            for slot in range(len(node.outputs)):
                yield from (reader for reader, _ in self.a.readers.get(Made(number, slot), ()))

    def _sources(self, one: int) -> Iterator[tuple[int, int]]:
        """The makers of what a node and its twin read at the same place."""
        a, b = self.a.nodes[one], self.b.nodes[self.to_b[one]]
        for source, other in zip(a.sources, b.sources, strict=False):
            if isinstance(source, Made) and isinstance(other, Made) and source.output == other.output:
                yield source.node, other.node

    def _readers(self, one: int, keys: tuple[Keys, Keys]) -> Iterator[tuple[int, int]]:
        """The readers of what a node and its twin make, if no other reads it in the same way."""
        for slot in range(len(self.a.nodes[one].outputs)):
            in_a = self._free_readers(self.a, Made(one, slot), keys[0].own, self.to_b)
            in_b = self._free_readers(self.b, Made(self.to_b[one], slot), keys[1].own, self.to_a)
            for use in in_a.keys() & in_b.keys():
                if len(in_a[use]) == len(in_b[use]) == 1:
                    yield in_a[use][0], in_b[use][0]

    @staticmethod
    def _free_readers(graph: Graph, value: Made, own: Sequence[int], known: Mapping[int, int]) -> dict[Use, list[int]]:
        found: dict[Use, list[int]] = defaultdict(list)
        for reader, place in graph.readers.get(value, ()):
            if reader not in known:
                found[0 if graph.nodes[reader].commutes else place, own[reader]].append(reader)
        return found

    def _beside(self, one: int) -> Iterator[int]:
        """The nodes of B that read at the same place what a node of A reads, as far as that is known."""
        for place, source in enumerate(self.a.nodes[one].sources):
            twin = self._twin(source)
            if twin is not None:
                yield from (reader for reader, slot in self.b.readers.get(twin, ()) if slot == place)

    def _twin(self, source: Source) -> Source:
        if isinstance(source, Made) and source.node in self.to_b:
            return Made(self.to_b[source.node], source.output)
        if isinstance(source, Input) and source.place in self.inputs:
            return Input(self.inputs[source.place])
        return None

    def _twin_use(self, use: tuple[str, int]) -> tuple[str, int] | None:
        kind, number = use
        twin = (self.to_b if kind == "node" else self.outputs).get(number)
        return None if twin is None else (kind, twin)


def _uses(graph: Graph, number: int) -> Iterator[tuple[str, int]]:
    """Who reads what a node makes: nodes, and outputs of the graph."""
    for slot in range(len(graph.nodes[number].outputs)):
        yield from (("node", reader) for reader, _ in graph.readers.get(Made(number, slot), ()))
    yield from (("end", place) for place, end in enumerate(graph.ends) if isinstance(end, Made) and end.node == number)
