"""What two files compute on the same inputs: how far their outputs are apart, and where they part."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from harness.diff import parting, tracing
from harness.diff.alignment import Alignment
from harness.diff.distance import Distance
from harness.diff.graph import Graph, Made, Source
from harness.diff.parting import Pair, Parting
from harness.diff.tracing import Array, TracedFile

UNSTEADY = "A differs from itself when it is run twice: a dropout or a noise is left on"


@dataclass(frozen=True, kw_only=True)
class OutputChange:
    """An output of both files; ``distance`` is None, with the reason, if it cannot be compared."""

    name_a: str
    name_b: str
    distance: Distance | None
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class NodeParting:
    """Where two files part: a value, and the nodes that compute it."""

    node_a: str
    node_b: str
    operator_a: str
    operator_b: str
    value: Parting


@dataclass(frozen=True, kw_only=True)
class RunDifference:
    """What came out of both files.

    ``unsteady`` is if A differs from itself, and nothing can be told. ``parting`` is the first node whose output parts
    with optimisations off; None if no node does, or if it is not looked for. ``note`` says what else is to be known.
    """

    tolerance: float
    outputs: Sequence[OutputChange]
    unsteady: bool = False
    parting: NodeParting | None = None
    note: str = ""

    @property
    def agree(self) -> bool:
        """Whether every output can be compared and is within the tolerance."""
        return not self.unsteady and all(
            one.distance is not None and one.distance.relative <= self.tolerance for one in self.outputs
        )


@dataclass(frozen=True, kw_only=True)
class Compared:
    """Two files with their graphs, as they are run."""

    a: TracedFile
    b: TracedFile
    graph_a: Graph
    graph_b: Graph
    alignment: Alignment


def compare_runs(files: Compared, tolerance: float, *, locate: bool = True) -> RunDifference:
    """Run both files and compare their outputs; ``locate`` says whether to look for the node at which they part.

    Outputs are of the files as they are told to be run. The node is looked for with optimisations off.
    Raises :class:`HarnessError` if a file cannot be run.
    """
    of_a, again = files.a.outputs_twice()
    if _apart(of_a, again, tolerance):
        return RunDifference(tolerance=tolerance, outputs=[], unsteady=True, note=UNSTEADY)
    of_b, _ = files.b.outputs_twice()
    found = RunDifference(tolerance=tolerance, outputs=[*_outputs(files, of_a, of_b)])
    if not locate:
        return found
    plain = replace(files, a=replace(files.a, options=tracing.PLAIN), b=replace(files.b, options=tracing.PLAIN))
    located = _locate(plain, tolerance)
    if located is None and not found.agree and all(one.distance for one in found.outputs):
        return replace(
            found,
            note="with onnxruntime's optimisations off no value parts: they change what a file computes, not the file",
        )
    return replace(found, parting=located)


def _apart(one: Mapping[str, Array], other: Mapping[str, Array], tolerance: float) -> bool:
    return any(parting.parts(parting.compare_values(one[name], other[name]), tolerance) for name in one)


def _outputs(files: Compared, of_a: Mapping[str, Array], of_b: Mapping[str, Array]) -> Iterator[OutputChange]:
    for place, other in files.alignment.outputs.items():
        names = files.graph_a.outputs[place], files.graph_b.outputs[other]
        if names[0] not in of_a or names[1] not in of_b:
            reason, apart = "no array of numbers", None
        else:
            a, b = of_a[names[0]], of_b[names[1]]
            apart = parting.compare_values(a, b)
            reason = "" if apart else f"of other shapes: {list(a.shape)} and {list(b.shape)}"
        yield OutputChange(name_a=names[0], name_b=names[1], distance=apart, reason=reason)


def _locate(files: Compared, tolerance: float) -> NodeParting | None:
    a, b, alignment = files.graph_a, files.graph_b, files.alignment
    makers = {a.value_name(one): (one, other) for one, other in [*alignment.values(a, b), *_ends(files)]}
    pairs: list[Pair] = [(name, b.value_name(other)) for name, (_, other) in makers.items()]

    known = set(pairs)

    def read_before(pair: Pair) -> list[Pair]:
        one, other = (graph.nodes[made.node] for graph, made in zip((a, b), makers[pair[0]], strict=True))
        read = [
            (a.value_name(source), b.value_name(twin)) for source, twin in zip(one.inputs, other.inputs, strict=False)
        ]
        return [each for each in read if each in known]

    found = parting.find_parting(files.a, files.b, pairs, read_before, tolerance)
    if found is None:
        return None
    one, other = makers[found.value_a]
    return NodeParting(
        node_a=a.nodes[one.node].name,
        node_b=b.nodes[other.node].name,
        operator_a=a.nodes[one.node].operator,
        operator_b=b.nodes[other.node].operator,
        value=replace(found, before=0.0)
        if not any(isinstance(each, Made) for each in a.nodes[one.node].sources)
        else found,
    )


def _ends(files: Compared) -> Iterator[tuple[Made, Made]]:
    """Outputs of the graphs that no aligned nodes compute, as the last pairs."""
    for place, twin in files.alignment.outputs.items():
        one: Source = files.graph_a.ends[place]
        other: Source = files.graph_b.ends[twin]
        if isinstance(one, Made) and isinstance(other, Made) and files.alignment.nodes.get(one.node) != other.node:
            yield one, other
