"""How far the front moved since 2016: for each network of then, the cheapest of today that is at least as accurate."""

from collections.abc import Iterable
from dataclasses import dataclass

from harness.report.figure import Point


@dataclass(frozen=True, kw_only=True)
class Advance:
    """A network of 2016 and the one of today that stands in for it at the fewest operations; None if none does.

    The numbers are how many times fewer: operations, parameters, and latency if both have one in the figure.
    """

    of: str
    by: str | None
    operations_times: float | None = None
    params_times: float | None = None
    latency_times: float | None = None


def find(points: Iterable[Point]) -> list[Advance]:
    """One for each network of 2016, by rising accuracy. Accuracies are compared as shown, without their intervals."""
    shown = sorted(points, key=lambda point: (point.top1.value, point.name))
    today = [point for point in shown if point.era == "today"]
    return [_advance(point, today) for point in shown if point.era != "today"]


def _advance(old: Point, today: Iterable[Point]) -> Advance:
    better = [point for point in today if point.top1.value >= old.top1.value]
    if not better:
        return Advance(of=old.name, by=None)
    new = min(better, key=lambda point: point.macs)
    times = old.latency_ms[0] / new.latency_ms[0] if old.latency_s and new.latency_s else None
    return Advance(
        of=old.name,
        by=new.name,
        operations_times=old.macs / new.macs,
        params_times=old.params / new.params,
        latency_times=times,
    )
