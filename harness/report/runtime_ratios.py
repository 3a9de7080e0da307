"""How many times as long as onnxruntime a framework takes for a network of its own: from the samples of one run.

Both took turns in the same launches, so that the ratio is paired round by round
(:func:`harness.measurements.comparison.ratio`); below 1 the framework is faster, and exporting does not pay.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.measurements import comparison
from harness.measurements.bootstrap import LAUNCHES_FOR_INTERVAL
from harness.measurements.rows import Row
from harness.measurements.run_folder import RunFolder
from harness.measurements.runtimes import OWN
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
    doubted = {(row.architecture, row.framework, row.runtime) for row in rows if row.status != "ok"}
    networks = dict.fromkeys(row.architecture for row in rows if row.runtime in OWN)
    ratios = [ratio for network in networks for ratio in _of_network(RunFolder(folder), network)]
    return [ratio for ratio in ratios if (ratio.network, ratio.framework, ratio.runtime) not in doubted]


def for_people(ratios: Sequence[RuntimeRatio]) -> list[dict[str, object]]:
    """A line for each ratio, by :data:`COLUMNS`."""
    return [
        dict(zip(COLUMNS, (one.network, one.runtime, one.setting, _times(one), one.launches), strict=True))
        for one in ratios
    ]


def _times(ratio: RuntimeRatio) -> str:
    return format_scaled(1.0, ratio.value, ratio.low, ratio.high)


def _of_network(folder: RunFolder, network: str) -> list[RuntimeRatio]:
    medians = folder.samples(network)
    found = []
    for subject, own in medians.items():
        framework, *setting = subject.split(", ")
        runtime = setting.pop(0) if setting else ""
        exported = medians.get(", ".join([framework, *setting]), {})  # its key, less the runtime
        both = sorted(own.keys() & exported.keys())
        if runtime in OWN and framework == OWN[runtime][0] and len(both) > 1:  # a call floor is of none
            ratio = comparison.of_rounds(own, exported)
            known = len(both) >= LAUNCHES_FOR_INTERVAL
            found.append(
                RuntimeRatio(
                    network=network,
                    framework=framework,
                    runtime=runtime,
                    setting=in_words(setting),
                    value=ratio.value,
                    low=ratio.low if known else None,
                    high=ratio.high if known else None,
                    launches=len(both),
                )
            )
    return found


def in_words(setting: Sequence[str]) -> str:
    """What a subject of the samples was timed with, as people say it."""
    return ", ".join("1 thread" if part == "1 threads" else part for part in setting)
