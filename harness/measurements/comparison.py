"""Two latencies of one run: their ratio, paired round by round and launch by launch."""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.errors import HarnessError
from harness.measurements.types import Timing

TRIMMED = 0.2

Rounds = Mapping[int, Mapping[int, float]]  # by launch and round: the median of a call


@dataclass(frozen=True, kw_only=True)
class Ratio:
    """How many times longer one subject takes than another, with its 95 % interval over launches."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class LogRatio:
    """A ratio's logarithm, its standard error, and the degrees of freedom of Student's t that the error has."""

    centre: float
    error: float
    freedom: float

    @property
    def ratio(self) -> Ratio:
        """The ratio with its 95 % interval."""
        half = self.quantile(0.025) * self.error
        return Ratio(
            value=math.exp(self.centre), low=_exponential(self.centre - half), high=_exponential(self.centre + half)
        )

    def after(self, launches: int, others: int) -> "LogRatio":
        """What is to be expected after so many other launches than it was found with."""
        return LogRatio(centre=self.centre, error=self.error * math.sqrt(launches / others), freedom=_kept(others) - 1)

    def quantile(self, tail: float) -> float:
        """What Student's t exceeds with that probability."""
        from scipy.stats import t

        return float(t.isf(tail, self.freedom))

    def above(self, ratio: float) -> float:
        """The p of the hypothesis that the true ratio is this or less: small where it is surely more."""
        return self._tail(self.centre - math.log(ratio))

    def below(self, ratio: float) -> float:
        """The p of the hypothesis that the true ratio is this or more: small where it is surely less."""
        return self._tail(math.log(ratio) - self.centre)

    def _tail(self, distance: float) -> float:
        from scipy.stats import t

        if self.error == 0:
            return 0.0 if distance > 0 else 1.0
        return float(t.sf(distance / self.error, self.freedom))


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
    return of_rounds(rounds(of), rounds(to))


def rounds(timing: Timing) -> Rounds:
    """The medians of a subject's rounds."""
    return {launch.launch: launch.round_medians_s for launch in timing.launches}


def of_rounds(of: Rounds, to: Rounds) -> Ratio:
    """The same of the medians of each round, by launch and round."""
    return estimate(logarithms(of, to)).ratio


def logarithms(of: Rounds, to: Rounds) -> list[float]:
    """The logarithm of the ratio in each launch with a round that both took a turn in, in the order of the launches."""
    return list(by_launch(of, to).values())


def by_launch(of: Rounds, to: Rounds) -> dict[int, float]:
    """The same by the number of the launch."""
    common = sorted(number for number in of.keys() & to.keys() if of[number].keys() & to[number].keys())
    return {number: _of_launch(of[number], to[number]) for number in common}


def estimate(found: Sequence[float]) -> LogRatio:
    """The trimmed mean of the launches, with its standard error by the winsorized variance.

    Its distribution is about Student's t with as many degrees of freedom as launches are left, less one
    (K. K. Yuen, Biometrika 61, 165-170, 1974). A bootstrap of ten launches claims more than it holds.

    Raises :class:`HarnessError` for fewer than two launches.
    """
    import numpy as np

    count = len(found)
    if count < 2:
        raise HarnessError(f"a ratio needs two launches in which both took turns; expected more than {count}.")
    left = _kept(count)
    cut = (count - left) // 2
    values = np.sort(np.asarray(found, dtype=np.float64))
    winsorized = np.clip(values, values[cut], values[count - cut - 1])
    variance = (count - 1) * float(np.var(winsorized, ddof=1)) / (left * (left - 1))
    centre = float(values[cut : count - cut].mean())
    return LogRatio(centre=centre, error=math.sqrt(variance), freedom=left - 1)


def quotient(of: LogRatio, to: LogRatio, further: float = 0.0) -> LogRatio:
    """The ratio of two ratios that were found on their own, as those of two runs to a control of each.

    Degrees of freedom by Welch and Satterthwaite (B. L. Welch, Biometrika 34, 28-35, 1947). ``further`` is a
    standard error that no launch of either shows.
    """
    variances = of.error**2, to.error**2
    total = sum(variances)
    parts = sum(one**2 / estimate.freedom for one, estimate in zip(variances, (of, to), strict=True))
    return LogRatio(
        centre=of.centre - to.centre,
        error=math.hypot(math.sqrt(total), further),
        freedom=total**2 / parts if parts else of.freedom + to.freedom,
    )


def _kept(launches: int) -> int:
    """How many are left by trimming."""
    return launches - 2 * int(TRIMMED * launches)


def _of_launch(of: Mapping[int, float], to: Mapping[int, float]) -> float:
    """The logarithm of the ratio in one launch."""
    return statistics.median(math.log(of[number] / to[number]) for number in of.keys() & to.keys())


def _exponential(value: float) -> float:
    """Of the ends of an interval, which two launches may leave as wide as no number is."""
    return math.exp(value) if value < 700 else math.inf
