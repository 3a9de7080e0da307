"""How many times as long as onnxruntime a framework takes for a network of its own: from the samples of one run.

Both took turns in the same launches, so that the ratio is paired round by round
(:func:`harness.measurements.comparison.ratio`); below 1 the framework is faster, and exporting does not pay.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypedDict

from harness.measurements import comparison
from harness.measurements.bootstrap import LAUNCHES_FOR_INTERVAL
from harness.measurements.comparison import Rounds
from harness.measurements.kept_samples import KeptSamples
from harness.measurements.rows import Row
from harness.measurements.run_folder import RunFolder
from harness.measurements.runtimes import OWN
from harness.measurements.subject_key import ONNXRUNTIME
from harness.report.tables import format_scaled

COLUMNS = ("network", "run by", "with", "times onnxruntime", "launches")


@dataclass(frozen=True, kw_only=True)
class RuntimeRatio:
    """One ratio; ``setting`` is what both were timed with, in words; the interval is None of too few launches."""

    network: str
    framework: str
    runtime: str
    setting: str
    value: float
    low: float | None
    high: float | None
    launches: int


def gather(folder: Path, rows: Sequence[Row]) -> list[RuntimeRatio]:
    """Every ratio that the samples of a run folder carry, of networks and runtimes whose rows are ok."""
    samples = KeptSamples(RunFolder(folder))
    doubted = {(row.architecture, row.framework, row.runtime) for row in rows if row.status != "ok"}
    exported = {_alike(row): row for row in rows if row.runtime == ONNXRUNTIME}
    ratios = []
    for row in rows:
        other = exported.get(_alike(row)) if row.runtime in OWN else None
        if other is None or (row.architecture, row.framework, row.runtime) in doubted:
            continue
        paired = paired_ratio(samples.of(row), samples.of(other))
        if paired is not None:
            names = {"network": row.architecture, "framework": row.framework, "runtime": row.runtime}
            ratios.append(RuntimeRatio(**names, setting=setting(row, rows), **paired))
    return ratios


def for_people(ratios: Sequence[RuntimeRatio]) -> list[dict[str, object]]:
    """A line for each ratio, by :data:`COLUMNS`."""
    return [
        dict(zip(COLUMNS, (one.network, one.runtime, one.setting, _times(one), one.launches), strict=True))
        for one in ratios
    ]


def _times(ratio: RuntimeRatio) -> str:
    return format_scaled(1.0, ratio.value, ratio.low, ratio.high)


class PairedRatio(TypedDict):
    """A ratio of two subjects, with its interval if the launches carry one."""

    value: float
    low: float | None
    high: float | None
    launches: int


def paired_ratio(one: Rounds, other: Rounds) -> PairedRatio | None:
    """The ratio of two subjects that took turns; None if there are fewer than two launches of both."""
    launches = len(one.keys() & other.keys())
    if launches < 2:
        return None
    ratio = comparison.of_rounds(one, other)
    known = launches >= LAUNCHES_FOR_INTERVAL
    low, high = (ratio.low, ratio.high) if known else (None, None)
    return PairedRatio(value=ratio.value, low=low, high=high, launches=launches)


def setting(row: Row, rows: Sequence[Row]) -> str:
    """What a row was timed with, in words; with the size of its images if the network has rows of several."""
    sizes = {other.image_size for other in rows if other.architecture == row.architecture}
    return replace(row.subject, image_size=row.image_size if len(sizes) > 1 else None).setting


def _alike(row: Row) -> tuple[object, ...]:
    """What a row of a framework's own has in common with that of its exported file."""
    return row.architecture, row.image_size, replace(row.subject, runtime=ONNXRUNTIME)
