"""Where the time of a file goes by operator, and by the layers of its network."""

from collections.abc import Callable, Mapping

import numpy as np

from harness.timing import node_times
from harness.timing.node_times import Array, NodeTimes, TimedNode

COLUMNS = ("group", "name", "nodes", "median_s", "low_s", "high_s", "share", "macs", "gmac_per_s")
OPERATOR, LAYER = "operator", "layer"
NO_LAYER = "no layer is named"

_NAMES: Mapping[str, Callable[[TimedNode], str]] = {
    OPERATOR: lambda timed: node_times.kind_of(timed.node.operator),
    LAYER: lambda timed: timed.node.layer or NO_LAYER,
}


def lines(times: NodeTimes) -> list[dict[str, object]]:
    """A line for each operator and for each layer, the most expensive first; the shares of either add up to one.

    ``macs`` are of one call, None if those of a node are unknown. Layers are left out if the file names none.
    """
    found = [line for group in _NAMES for line in _group(times, group)]
    return (
        found if any(timed.node.layer for timed in times.nodes) else [one for one in found if one["group"] == OPERATOR]
    )


def _group(times: NodeTimes, group: str) -> list[dict[str, object]]:
    members: dict[str, list[TimedNode]] = {}
    for timed in times.nodes:
        if timed.seconds:
            members.setdefault(_NAMES[group](timed), []).append(timed)
    if not members:
        return []
    launches = np.stack([_seconds(nodes) for nodes in members.values()], axis=1)
    medians = node_times.estimates(launches)
    whole_s = sum(median for median, _, _ in medians)
    found = [
        _line(group, name, nodes, estimate, whole_s)
        for (name, nodes), estimate in zip(members.items(), medians, strict=True)
    ]
    return sorted(found, key=lambda line: -float(str(line["median_s"])))


def _seconds(nodes: list[TimedNode]) -> Array:
    """The time of these nodes together, launch by launch."""
    return np.asarray(np.sum([timed.seconds for timed in nodes], axis=0))


def _line(
    group: str, name: str, nodes: list[TimedNode], estimate: node_times.Estimate, whole_s: float
) -> dict[str, object]:
    median, low, high = estimate
    counts = [timed.node.macs for timed in nodes]
    macs = None if None in counts else sum(count or 0 for count in counts)
    values = (group, name, len(nodes), median, low, high, median / whole_s if whole_s else None, macs)
    return dict(zip(COLUMNS, (*values, macs / median / 1e9 if macs and median > 0 else None), strict=True))
