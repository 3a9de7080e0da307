"""Two latencies of one run: their ratio, paired launch by launch."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from harness.errors import HarnessError
from harness.measurements import Timing

RESAMPLES = 4999
TRIMMED = 0.2


@dataclass(frozen=True, kw_only=True)
class Ratio:
    """How many times longer one subject takes than another, with its bootstrap 95 % interval over launches."""

    value: float
    low: float
    high: float


def ratio(of: Timing, to: Timing) -> Ratio:
    """The ratio of the launches' medians, launch by launch: its geometric mean over launches, trimmed.

    The trimmed mean leaves out the fifth of launches at either end: now and then one process of a
    launch is slow from start to end. Both must be of the same run: launch by launch they then took
    turns on the same machine, and what slowed one slowed the other. Across runs such a ratio means
    nothing. Launches that only one of them took part in are left out.

    Raises :class:`HarnessError` where they took turns in fewer than two.
    """
    medians = [
        dict(zip((launch.launch for launch in one.launches), one.launch_medians_s, strict=True)) for one in (of, to)
    ]
    common = sorted(set(medians[0]) & set(medians[1]))
    if len(common) < 2:
        raise HarnessError(f"a ratio needs two launches in which both took turns; expected more than {len(common)}.")
    return of_medians(*([each[number] for number in common] for each in medians))


def of_medians(of: Sequence[float], to: Sequence[float]) -> Ratio:
    """The same of the launches' medians, two at least, in the order of the launches."""
    import numpy as np
    from scipy.stats import bootstrap, trim_mean

    def centre(values: Any, axis: int = -1) -> Any:
        return trim_mean(values, TRIMMED, axis=axis)

    logarithms = np.log(of) - np.log(to)
    found = bootstrap((logarithms,), centre, n_resamples=RESAMPLES, rng=np.random.default_rng(0))
    interval = found.confidence_interval
    return Ratio(value=math.exp(centre(logarithms)), low=math.exp(interval.low), high=math.exp(interval.high))
