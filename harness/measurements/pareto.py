"""The Pareto front of cost and accuracy: the networks that no other beats, and how sure that is."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, np.dtype[np.float64]]
    Answers = np.ndarray[Any, np.dtype[np.bool_]]

Interval = tuple[float, float, float]  # value, and the low and high end of its 95 % interval

DRAWS, SEED = 4000, 2016  # a share of draws is known within 1.6 points
HALF_WIDTH = 1.959964  # of a normal distribution's 95 % interval, in standard deviations


@dataclass(frozen=True)
class Front:
    """Points of some cost and accuracy, each with its interval; of an exact value both ends are the value.

    The uncertainty is that of :data:`DRAWS` draws of all points within their intervals (each half of
    an interval as half a normal distribution), independent of one another: of networks tested on the
    same images, which tend to be wrong on the same ones, this makes the front look less sure than it is.
    """

    costs: Sequence[Interval]
    accuracies: Sequence[Interval]

    @property
    def members(self) -> tuple[bool, ...]:
        """Whether each point is on the front: no other costs at most as much and is at least as accurate, and better
        in one of the two.
        """
        import numpy as np

        values = (np.array([value for value, _, _ in of])[None] for of in (self.costs, self.accuracies))
        return tuple(_on_front(*values)[0].tolist())

    @property
    def shares(self) -> tuple[float, ...]:
        """The share of the draws in which each point is on the front."""
        return tuple(_on_front(*self._draws).mean(axis=0).tolist())

    @property
    def steps(self) -> list[tuple[float, float]]:
        """Cost and accuracy of the front's points, by rising cost."""
        places = zip(self.costs, self.accuracies, self.members, strict=True)
        return sorted((cost, accuracy) for (cost, _, _), (accuracy, _, _), on in places if on)

    def band(self, costs: "Array") -> "tuple[Array, Array]":
        """The 95 % interval of the best accuracy to be had at each of some costs (C,): its low and its high ends (C,).

        NaN where more than 2.5 % of the draws have no point of so low a cost.
        """
        import numpy as np

        drawn, accuracies = self._draws
        best = [np.where(drawn <= cost, accuracies, -np.inf).max(axis=1) for cost in costs]
        ends = np.quantile(np.array(best), (0.025, 0.975), axis=1, method="nearest")
        low, high = np.where(np.isfinite(ends).all(axis=0), ends, np.nan)
        return low, high

    @cached_property
    def _draws(self) -> "tuple[Array, Array]":
        """Costs (D, N) and accuracies (D, N) of the points in each draw."""
        import numpy as np

        random = np.random.default_rng(SEED)
        return _drawn(self.costs, random), _drawn(self.accuracies, random)


def _drawn(intervals: Sequence[Interval], random: "np.random.Generator") -> "Array":
    import numpy as np

    value, low, high = np.array(intervals, dtype=np.float64).T
    deviations = random.standard_normal((DRAWS, len(intervals))) / HALF_WIDTH
    return np.asarray(value + deviations * np.where(deviations > 0, high - value, value - low))


def _on_front(costs: "Array", accuracies: "Array") -> "Answers":
    """Whether each point (D, N) is on the front of its draw."""
    import numpy as np

    found = np.empty(costs.shape, dtype=bool)
    for place in range(costs.shape[1]):
        cost, accuracy = costs[:, place : place + 1], accuracies[:, place : place + 1]
        no_worse = (costs <= cost) & (accuracies >= accuracy)
        better = (costs < cost) | (accuracies > accuracy)
        found[:, place] = ~(no_worse & better).any(axis=1)
    return found
