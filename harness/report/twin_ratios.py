"""How many times as long Keras' file takes as PyTorch's of the same network: from the samples of one run.

Both took turns in the same launches, so that the ratio is paired round by round
(:func:`harness.measurements.comparison.ratio`); above 1 PyTorch's file is faster.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.measurements import comparison
from harness.measurements.bootstrap import LAUNCHES_FOR_INTERVAL
from harness.measurements.rows import Row
from harness.measurements.run_folder import RunFolder
from harness.report import runtime_ratios

KERAS, TORCH = "keras", "torch"


@dataclass(frozen=True, kw_only=True)
class TwinRatio:
    """One ratio; ``setting`` is what both were timed with, in words; the interval is None of too few launches."""

    network: str
    setting: str
    value: float
    low: float | None
    high: float | None
    launches: int


def gather(folder: Path, rows: Sequence[Row]) -> list[TwinRatio]:
    """Every ratio that the samples of a run folder carry, of networks whose rows from both frameworks are there."""
    frameworks: dict[str, set[str]] = {}
    for row in rows:
        if row.latency_median_s is not None:
            frameworks.setdefault(row.architecture, set()).add(row.framework)
    both = [name for name, found in frameworks.items() if {KERAS, TORCH} <= found]
    return [ratio for name in both for ratio in _of_network(RunFolder(folder), name)]


def _of_network(folder: RunFolder, network: str) -> list[TwinRatio]:
    medians = folder.samples(network)
    found = []
    for subject, keras in medians.items():
        framework, _, setting = subject.partition(", ")
        torch = medians.get(f"{TORCH}, {setting}", {})
        common = keras.keys() & torch.keys()
        if framework != KERAS or len(common) < 2:
            continue
        ratio = comparison.of_rounds(keras, torch)
        known = len(common) >= LAUNCHES_FOR_INTERVAL
        found.append(
            TwinRatio(
                network=network,
                setting=runtime_ratios.in_words(setting.split(", ")),
                value=ratio.value,
                low=ratio.low if known else None,
                high=ratio.high if known else None,
                launches=len(common),
            )
        )
    return found
