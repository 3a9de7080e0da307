"""The figure of 2016 (Canziani, Paszke, Culurciello): accuracy against operations of fourteen ImageNet networks.

Its edition "today" has eight later networks beside them.

Parameters, operations and latency are those that a run measured; the accuracy too, where the run
has one on ImageNet, else the published one, which is never put in the measured one's place without a mark.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from harness.errors import HarnessError
from harness.measurements import fitted_line
from harness.measurements.fitted_line import Line
from harness.measurements.pareto import Front, Interval
from harness.measurements.rows import Row
from harness.measurements.subject_key import FLOAT32, ONNXRUNTIME
from harness.measurements.types import Accuracy
from harness.networks import catalog
from harness.networks.architecture import Architecture, Published
from harness.report import sweeps
from harness.report.tables import format_threads

EDITIONS = {"2016": "figure", "today": "today"}  # the set of networks that each shows
VALIDATION_IMAGES = 50_000  # of ImageNet, on which the published accuracies were measured
VALIDATION = "ImageNet val"  # how the split of such a figure begins; of another its uncertainty is not known


@dataclass(frozen=True, kw_only=True)
class Top1:
    """A top-1 accuracy with its Wilson 95 % interval; ``low`` and ``high`` are None where it is not known.

    ``on`` are the images it stands for, with their crop; ``source`` who measured it.
    """

    value: float
    low: float | None
    high: float | None
    on: str
    source: str

    @property
    def percent(self) -> Interval:
        """In percent; an accuracy without an interval is the value three times."""
        ends = (self.value if end is None else end for end in (self.low, self.high))
        low, high = (100 * end for end in ends)
        return 100 * self.value, low, high


@dataclass(frozen=True, kw_only=True)
class Point:
    """A network of the figure as a run has it: ``macs`` of one image, ``latency_s`` of one image with its interval.

    ``era`` is "2016" for those of the paper, and "today" for the later ones.
    """

    name: str
    era: str = "2016"
    params: int
    macs: int
    measured: Top1 | None
    published: Top1 | None
    latency_s: Interval | None

    @property
    def top1(self) -> Top1:
        """The measured accuracy where there is one, else the published one."""
        found = self.measured or self.published
        assert found is not None
        return found

    @property
    def giga_operations(self) -> float:
        """Operations of one image in billions: a multiply-accumulate counts as two."""
        return 2 * self.macs / 1e9

    @property
    def latency_ms(self) -> Interval:
        """The latency in milliseconds. Only of a point that has one."""
        assert self.latency_s is not None
        value, low, high = (1e3 * time for time in self.latency_s)
        return value, low, high

    @property
    def density(self) -> float:
        """Percent of top-1 a million parameters, of the accuracy that stands for the network."""
        return density(self.top1.value, self.params)


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What latencies have in common that may be compared: those of one run, timed in one way."""

    run: str
    framework: str
    device: str
    provider: str | None
    precision: str
    batch: int
    threads: int | None

    @property
    def text(self) -> str:
        """For the title of a panel."""
        threads = [format_threads(self.threads)] if self.threads else []
        provider = (self.provider or self.device).removesuffix("ExecutionProvider")
        return ", ".join([f"{self.framework} file", *threads, provider, self.precision, f"batch {self.batch}"])


@dataclass(frozen=True, kw_only=True)
class Figure:
    """The points by name in the catalogue's order; where they were timed; the networks left out, with the reason.

    ``counted`` are the networks that the run lacks, shown by what their definitions cost.
    """

    edition: str
    points: tuple[Point, ...]
    setting: Setting | None
    left_out: Mapping[str, str]
    counted: tuple[str, ...] = ()

    @property
    def timed(self) -> tuple[Point, ...]:
        """The points that have a latency."""
        return tuple(point for point in self.points if point.latency_s is not None)


def gather(rows: Sequence[Row], framework: str = "torch", threads: int | None = None, edition: str = "2016") -> Figure:
    """The figure from the rows of some runs: of float32 files from one framework, timed in one run and setting.

    The edition "today" shows a network that the rows lack by what its definition costs, without a latency.

    Of several batches and image sizes the smallest, and the network's own, are in it. Without ``threads``, of the
    most that a run has; of several runs or settings, that with the most
    of the networks. Raises :class:`HarnessError` where no row is of a network of the figure, or none
    is timed with so many threads.
    """
    networks = {network.name: network for network in catalog.select([], EDITIONS[edition])}
    known = [
        row for row in rows if row.architecture in networks and row.framework == framework and row.precision == FLOAT32
    ]
    measured = sweeps.usual(row for row in known if row.status == "ok" and row.macs and row.params)
    if not measured:
        raise HarnessError(
            f"No row is of a network of the figure ({len(networks)} of them, from {framework}, with status ok): "
            f"expected a run made by `harness run --set {EDITIONS[edition]}`, found {len(rows)} row(s) without one."
        )
    setting = _setting(measured, threads)
    found = {name: _point(network, measured, setting) for name, network in networks.items()}
    lacking = set(networks) - {row.architecture for row in known} if edition == "today" else set()
    found |= {name: _counted_point(networks[name]) for name in lacking}
    return Figure(
        edition=edition,
        points=tuple(point for point in found.values() if point),
        setting=setting,
        left_out={name: _reason(name, known) for name, point in found.items() if point is None},
        counted=tuple(sorted(lacking)),
    )


def published(figure: Published | None) -> Top1 | None:
    """A published accuracy; its interval is that of a share of ImageNet's validation images, where it is one."""
    if figure is None:
        return None
    low, high = None, None
    if figure.split.startswith(VALIDATION):
        right = round(figure.accuracy * VALIDATION_IMAGES)
        low, high = Accuracy(correct=right, total=VALIDATION_IMAGES).interval
    return Top1(value=figure.accuracy, low=low, high=high, on=figure.split, source=figure.source)


def density(top1: float, params: int) -> float:
    """Percent of top-1 accuracy a million parameters, as the paper's "accuracy per parameter"."""
    return 100 * top1 / (params / 1e6)


def operations_front(points: Iterable[Point]) -> Front:
    """Accuracy in percent against operations, which are exact."""
    shown = tuple(points)
    return Front([(point.giga_operations,) * 3 for point in shown], [point.top1.percent for point in shown])


def latency_front(points: Iterable[Point]) -> Front:
    """Accuracy in percent against latency in milliseconds, of points that have one."""
    shown = tuple(points)
    return Front([point.latency_ms for point in shown], [point.top1.percent for point in shown])


def time_line(points: Iterable[Point]) -> Line:
    """Latency in milliseconds by billions of operations. Raises :class:`HarnessError` for fewer than three points."""
    shown = tuple(points)
    return fitted_line.fit([point.giga_operations for point in shown], [point.latency_ms[0] for point in shown])


def _setting(rows: Iterable[Row], threads: int | None) -> Setting | None:
    """The setting that has timed the most networks, with so many threads or the most of its run."""
    networks: dict[Setting, set[str]] = {}
    for row in rows:
        if _is_timed(row):
            networks.setdefault(_setting_of(row), set()).add(row.architecture)
    if threads is not None and networks and threads not in {setting.threads for setting in networks}:
        there = ", ".join(str(number) for number in sorted({setting.threads or 0 for setting in networks}) if number)
        raise HarnessError(f"No network of the figure is timed with {threads} threads: expected one of {there}.")
    most: dict[str, int] = {}
    for setting in networks:
        most[setting.run] = max(most.get(setting.run, 0), setting.threads or 0)
    fitting = [one for one in networks if (one.threads or 0) == (most[one.run] if threads is None else threads)]
    return max(fitting, key=lambda setting: len(networks[setting]), default=None)


def _is_timed(row: Row) -> bool:
    """By onnxruntime: a framework's own time is another subject."""
    times = (row.latency_median_s, row.latency_low_s, row.latency_high_s)
    if row.runtime != ONNXRUNTIME:
        return False
    return row.latency_median_s is not None and all(time is None or 0 < time < math.inf for time in times)


def _setting_of(row: Row) -> Setting:
    return Setting(
        run=row.run,
        framework=row.framework,
        device=row.device,
        provider=row.provider,
        precision=row.precision,
        batch=row.batch,
        threads=row.threads,
    )


def _point(network: Architecture, rows: Iterable[Row], setting: Setting | None) -> Point | None:
    """The network as the rows have it; None where they do not, or where nobody knows its accuracy."""
    own = [row for row in rows if row.architecture == network.name]
    tested = next((row for row in own if row.accuracy is not None and row.dataset == network.dataset), None)
    timed = next((row for row in own if _is_timed(row) and _setting_of(row) == setting), None)
    measured, reported = _measured(tested) if tested else None, published(network.published)
    row = timed or tested or next(iter(own), None)
    if row is None or (measured or reported) is None:
        return None
    return Point(
        name=network.name,
        era=_era(network),
        params=row.params or 0,
        macs=row.macs or 0,
        measured=measured,
        published=reported,
        latency_s=_latency(timed) if timed else None,
    )


def _counted_point(network: Architecture) -> Point:
    """The network as its definition says, which the tests hold to it."""
    top1, counts = published(network.published), {"params": network.params, "macs": network.macs}
    return Point(name=network.name, era=_era(network), **counts, measured=None, published=top1, latency_s=None)


def _era(network: Architecture) -> str:
    return "today" if "modern" in network.sets else "2016"


def _measured(row: Row) -> Top1:
    assert row.accuracy is not None
    low, high = row.accuracy_low, row.accuracy_high
    if row.correct is not None and row.total:
        low, high = Accuracy(correct=row.correct, total=row.total).interval
    images = f"{row.total:,} images" if row.total else None
    on = ", ".join(filter(None, [row.dataset, images, row.adaptation]))
    return Top1(value=row.accuracy, low=low, high=high, on=on, source=f"run {row.run}")


def _latency(row: Row) -> Interval:
    assert row.latency_median_s is not None
    ends = (row.latency_median_s if end is None else end for end in (row.latency_low_s, row.latency_high_s))
    low, high = (end / row.batch for end in ends)
    return row.latency_median_s / row.batch, low, high


def _reason(name: str, rows: Iterable[Row]) -> str:
    own = [row for row in rows if row.architecture == name]
    failed = next((row for row in own if row.status != "ok"), None)
    if failed:
        return f"{failed.status}: {failed.reason}" if failed.reason else failed.status
    return "neither measured nor published accuracy" if own else "not in the run"
