"""How many times as long Keras' file takes as PyTorch's of the same network: from the samples of one run.

Both took turns in the same launches, so that the ratio is paired round by round
(:func:`harness.measurements.comparison.ratio`); above 1 PyTorch's file is faster.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from harness.measurements.kept_samples import KeptSamples
from harness.measurements.rows import Row
from harness.measurements.run_folder import RunFolder
from harness.measurements.subject_key import ONNXRUNTIME
from harness.report import runtime_ratios

KERAS, TORCH = "keras", "torch"


@dataclass(frozen=True, kw_only=True)
class TwinRatio:
    """One ratio; ``setting`` is what both were timed with, in words; the interval is None of too few launches."""

    network: str
    precision: str
    setting: str
    value: float
    low: float | None
    high: float | None
    launches: int


def gather(folder: Path, rows: Sequence[Row]) -> list[TwinRatio]:
    """Every ratio that the samples of a run folder carry, of networks whose rows from both frameworks are there."""
    samples = KeptSamples(RunFolder(folder))
    timed = [row for row in rows if row.latency_median_s is not None and row.runtime == ONNXRUNTIME]
    twins = {replace(row, framework=KERAS).key: row for row in timed if row.framework == TORCH}
    ratios = []
    for row in timed:
        twin = twins.get(row.key) if row.framework == KERAS else None
        if twin is None:
            continue
        paired = runtime_ratios.paired_ratio(samples.of(row), samples.of(twin))
        if paired is not None:
            setting = runtime_ratios.setting(row, rows)
            ratios.append(TwinRatio(network=row.architecture, precision=row.precision, setting=setting, **paired))
    return ratios
