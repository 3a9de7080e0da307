"""Two latencies of one run: their ratio, paired round by round and launch by launch."""

import math
import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from harness.errors import HarnessError
from harness.measurements import Timing

RESAMPLES = 4999
TRIMMED = 0.2
ALIKE = 1e-9  # launches that differ by less have no spread that could be drawn from

Rounds = Mapping[int, Mapping[int, float]]  # by launch and round: the median of a call


@dataclass(frozen=True, kw_only=True)
class Ratio:
    """How many times longer one subject takes than another, with its bootstrap 95 % interval over launches."""

    value: float
    low: float
    high: float


def ratio(of: Timing, to: Timing) -> Ratio:
    """The ratio of the launches, each the median of its rounds' ratios: the geometric mean over launches, trimmed.

    In a round both took turns within milliseconds, so that a machine that changes its speed changes that
    of both: paired round by round the standard error is a fifth smaller than with the ratio of the launches'
    medians (64 pairs of twins in results/reference, geometric mean). The trimmed mean leaves out the
    fifth of launches at either end: now and then one process of a launch is slow from start to end.
    Both must be of the same run: across runs such a ratio means nothing. Launches that only one of them
    took part in are left out.

    Raises :class:`HarnessError` where they took turns in fewer than two.
    """
    return of_rounds(*({launch.launch: launch.round_medians_s for launch in one.launches} for one in (of, to)))


def of_rounds(of: Rounds, to: Rounds) -> Ratio:
    """The same of the medians of each round, by launch and round."""
    import numpy as np
    from scipy.stats import bootstrap, trim_mean

    common = sorted(of.keys() & to.keys())
    if len(common) < 2:
        raise HarnessError(f"a ratio needs two launches in which both took turns; expected more than {len(common)}.")

    def centre(values: Any, axis: int = -1) -> Any:
        return trim_mean(values, TRIMMED, axis=axis)

    logarithms = np.array([_of_launch(of[number], to[number]) for number in common])
    if np.ptp(logarithms) < ALIKE:
        return Ratio(**dict.fromkeys(("value", "low", "high"), math.exp(centre(logarithms))))
    found = bootstrap((logarithms,), centre, n_resamples=RESAMPLES, rng=np.random.default_rng(0))
    interval = found.confidence_interval
    return Ratio(value=math.exp(centre(logarithms)), low=math.exp(interval.low), high=math.exp(interval.high))


def _of_launch(of: Mapping[int, float], to: Mapping[int, float]) -> float:
    """The logarithm of the ratio in one launch."""
    return statistics.median(math.log(of[number] / to[number]) for number in of.keys() & to.keys())
