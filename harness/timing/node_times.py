"""Where the time of a file goes: the time of each node that onnxruntime runs, beside its work.

Subjects are profiled in turns, each in fresh processes and in a pass that is never the timed one. The
profiler counts whole microseconds, cut off; so a launch gives the mean of the middle half of its runs,
which neither the ticks nor a run that was interrupted move, and statistics are over launches.
"""

import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.cost import optimised_graph
from harness.cost.optimised_graph import OptimisedGraph, OptimisedNode
from harness.errors import HarnessError, first_line
from harness.machine import temporary
from harness.machine.process import WorkerFailedError
from harness.measurements import bootstrap
from harness.timing import profiles
from harness.timing.latency import Effort, Subject
from harness.timing.profiles import Profile, ProfiledNode

Array = NDArray[np.float64]


COLUMNS = (
    "part", "rank", "position", "node", "operator", "layer", "originals", "provider", "median_s", "low_s", "high_s",
    "share", "runs", "macs", "bytes_read", "bytes_written", "gmac_per_s", "gb_per_s", "macs_per_byte", "reason",
)  # fmt: skip

NOT_TOLD = "the profiler tells nothing of it"

NODES, CALL, PROFILED = "sum of the nodes", "the profiled call, outside any node", "whole call, profiled"
ADDED, WHOLE = "added by the profiler", "whole call"

Estimate = tuple[float, float | None, float | None]  # the median over launches, and its 95 % interval


@dataclass(frozen=True, kw_only=True)
class TimedNode:
    """A node with what it was made of and reads, and its time in each launch; empty where it is not told."""

    node: OptimisedNode
    provider: str
    bytes_read: int | None  # every input and weight once
    bytes_written: int | None
    seconds: tuple[float, ...]

    @property
    def bytes(self) -> int | None:
        return None if self.bytes_read is None or self.bytes_written is None else self.bytes_read + self.bytes_written


@dataclass(frozen=True, kw_only=True)
class NodeTimes:
    """The nodes of one subject, and its whole calls without and with the profiler, launch by launch."""

    nodes: tuple[TimedNode, ...]
    plain_s: tuple[float, ...]
    profiled_s: tuple[float, ...]
    runs: int  # profiled, over all launches
    vanished: tuple[str, ...]  # nodes of the file that no node does the work of
    launches: tuple[Profile, ...] = ()  # as the profiler told them

    @property
    def in_nodes_s(self) -> tuple[float, ...]:
        """The sum of the nodes, launch by launch."""
        timed = [node.seconds for node in self.nodes if node.seconds]
        return tuple(map(sum, zip(*timed, strict=True))) if timed else (0.0,) * len(self.plain_s)


def measure(
    subjects: Sequence[Subject], effort: Effort, *, seed: int = 0, progress: Callable[[float], None] = lambda _: None
) -> dict[str, NodeTimes | str]:
    """The nodes of each subject, or the reason why they could not be timed. ``progress`` is told the share done."""
    chance = random.Random(seed)
    taken: dict[str, list[Profile]] = {subject.key: [] for subject in subjects}
    failures: dict[str, str] = {}
    for number in range(effort.launches):
        for subject in chance.sample(subjects, len(subjects)):
            if subject.key in failures:
                continue
            try:
                taken[subject.key].append(profiles.take(subject, effort))
            except WorkerFailedError as error:
                failures[subject.key] = str(error)
        progress((number + 1) / effort.launches)
    graphs: dict[Path, OptimisedGraph] = {}
    found: dict[str, NodeTimes | str] = {}
    for subject in subjects:
        try:
            found[subject.key] = failures.get(subject.key) or attribute(_graph(subject, graphs), taken[subject.key])
        except (HarnessError, WorkerFailedError) as error:
            found[subject.key] = first_line(error)
    return found


def _graph(subject: Subject, known: dict[Path, OptimisedGraph]) -> OptimisedGraph:
    """The graph of a file as it is run; it is the same for every thread count."""
    if subject.model not in known:
        with temporary.folder() as folder:
            optimised, countable = folder / "optimised.onnx", folder / "countable.onnx"
            profiles.save_graphs(subject.model, optimised, countable)
            known[subject.model] = optimised_graph.read(subject.model, optimised, countable, subject.shapes)
    return known[subject.model]


def attribute(graph: OptimisedGraph, launches: Sequence[Profile]) -> NodeTimes:
    """The profiles of several launches, put beside the graph that they are of."""
    told = matched(graph, launches[0].nodes)
    inside = {node.name for node in told.values()}
    columns = [{node.name: place for place, node in enumerate(launch.nodes)} for launch in launches]
    means = [_middle_mean(launch.runs_us) * 1e-6 for launch in launches]
    timed = []
    for place, node in enumerate(graph.nodes):
        of_node = told.get(place)
        name = of_node.name if of_node else ""
        values = [float(mean[names[name]]) for mean, names in zip(means, columns, strict=True) if name in names]
        timed.append(
            TimedNode(
                node=node,
                provider=of_node.provider if of_node else "",
                bytes_read=of_node.activation_bytes + node.weight_bytes if of_node else None,
                bytes_written=of_node.output_bytes if of_node else None,
                seconds=tuple(values) if len(values) == len(launches) else (),
            )
        )
    if not graph.has_bodies and inside != {node.name for node in launches[0].nodes}:
        raise HarnessError("the profiler tells of nodes that the optimised graph has not: they cannot be put together.")
    return NodeTimes(
        nodes=tuple(timed),
        plain_s=tuple(float(_middle_mean(launch.plain_ns)) * 1e-9 for launch in launches),
        profiled_s=tuple(float(_middle_mean(launch.profiled_ns)) * 1e-9 for launch in launches),
        runs=sum(len(launch.runs_us) for launch in launches),
        vanished=graph.vanished,
        launches=tuple(launches),
    )


def matched(graph: OptimisedGraph, profiled_nodes: Sequence[ProfiledNode]) -> dict[int, ProfiledNode]:
    """The profiled node of each node, by its place in the graph.

    Nodes are told apart by name; those without one, which the profiler names by operator and a number
    of its own, in their order, where as many of that operator were profiled as the graph has.
    """
    by_name = {node.name: node for node in profiled_nodes}
    named = [(place, node.name) for place, node in enumerate(graph.nodes) if node.name]
    by_place = {place: by_name[name] for place, name in named if name in by_name}
    used = {node.name for node in by_place.values()}
    rest = [node for node in profiled_nodes if node.name not in used]
    nameless = [place for place, node in enumerate(graph.nodes) if not node.name]
    profiled = Counter(node.operator for node in rest)
    stored = Counter(_bare(graph.nodes[place].operator) for place in nameless)
    for operator in stored:
        if profiled[operator] == stored[operator]:
            places = (place for place in nameless if _bare(graph.nodes[place].operator) == operator)
            by_place |= dict(zip(places, (node for node in rest if node.operator == operator), strict=True))
    return by_place


def estimates(launches: Array) -> list[Estimate]:
    """For values (launches, things): each thing's median and bootstrap 95 % interval over launches.

    The interval is None where the launches are too few to carry one.
    """
    medians = np.median(launches, axis=0)
    ends = bootstrap.interval(launches)
    if ends is None:
        return [(float(median), None, None) for median in medians]
    return [(float(median), float(low), float(high)) for median, low, high in zip(medians, *ends, strict=True)]


def lines(times: NodeTimes) -> list[dict[str, object]]:
    """The table of a subject: its nodes from the most to the least expensive, then what is in no node.

    The share of a node is of all nodes: shares add up to one. The nodes and what is outside them are the profiled call,
    as are the plain call and what the profiler adds to it. How much of that it adds to each node is not known.
    """
    plain, profiled, inside = map(np.asarray, (times.plain_s, times.profiled_s, times.in_nodes_s))
    wholes = {NODES: inside, CALL: profiled - inside, PROFILED: profiled, ADDED: profiled - plain, WHOLE: plain}
    of_wholes = dict(zip(wholes, estimates(np.stack(list(wholes.values()), axis=1)), strict=True))
    untold = (float("nan"),) * len(plain)
    of_nodes = estimates(np.array([node.seconds or untold for node in times.nodes]).T)
    ranked = sorted(zip(range(len(times.nodes)), times.nodes, of_nodes, strict=True), key=_expense)
    nodes_s = sum(median for (median, _, _), node in zip(of_nodes, times.nodes, strict=True) if node.seconds)
    ends = {part: _line(part, estimate, times.runs) for part, estimate in of_wholes.items()}
    if times.vanished:
        names = ", ".join(times.vanished)
        ends[WHOLE]["reason"] = f"nodes of the file in no node that is run, folded or dropped: {names}"
    return [*(_node_line(rank, *one, nodes_s, times.runs) for rank, one in enumerate(ranked, 1)), *ends.values()]


def _expense(one: tuple[int, TimedNode, Estimate]) -> tuple[bool, float]:
    place, node, (median, _, _) = one
    return (not node.seconds, -median if node.seconds else place)


def _line(part: str, estimate: Estimate, runs: int) -> dict[str, object]:
    median, low, high = estimate
    known = median == median  # not NaN
    line: dict[str, object] = dict.fromkeys(COLUMNS)
    return line | {
        "part": part,
        "median_s": median if known else None,
        "low_s": low if known else None,
        "high_s": high if known else None,
        "runs": runs,
    }


def _node_line(
    rank: int, place: int, timed: TimedNode, estimate: Estimate, nodes_s: float, runs: int
) -> dict[str, object]:
    node, median = timed.node, estimate[0]
    measured = bool(timed.seconds) and median > 0
    reasons = (node.reason and f"MACs not counted: {node.reason}", node.origin, "" if timed.seconds else NOT_TOLD)
    return _line("node", estimate, runs) | {
        "share": median / nodes_s if timed.seconds and nodes_s else None,
        "layer": node.layer or None,
        "rank": rank,
        "position": place + 1,
        "node": node.name,
        "operator": node.operator,
        "originals": " + ".join(node.originals),
        "provider": timed.provider,
        "macs": node.macs,
        "bytes_read": timed.bytes_read,
        "bytes_written": timed.bytes_written,
        "gmac_per_s": node.macs / median / 1e9 if measured and node.macs is not None else None,
        "gb_per_s": timed.bytes / median / 1e9 if measured and timed.bytes is not None else None,
        "macs_per_byte": node.macs / timed.bytes if node.macs is not None and timed.bytes else None,
        "reason": "; ".join(reason for reason in reasons if reason) or None,
    }


def by_operator(times: NodeTimes) -> Mapping[str, Array]:
    """The time in each kind of operator, launch by launch; fused or laid out for a processor, it is of one kind."""
    found: dict[str, Any] = {}
    for timed in (timed for timed in times.nodes if timed.seconds):
        kind = kind_of(timed.node.operator)
        found[kind] = found.get(kind, 0.0) + np.asarray(timed.seconds)
    return found


def kind_of(operator: str) -> str:
    """The operator without its domain, and without a word of its being fused: "Conv" for three of them."""
    return _bare(operator).removeprefix("Fused")


def _bare(operator: str) -> str:
    return operator.rpartition(".")[2]


def _middle_mean(values: Any) -> Array:
    """The mean of the middle half of the values, along the first axis."""
    ordered = np.sort(np.asarray(values, dtype=np.float64), axis=0)
    cut = len(ordered) // 4
    return np.asarray(ordered[cut : len(ordered) - cut].mean(axis=0))
