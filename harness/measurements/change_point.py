"""Whether a series of times changes its level: where a warm-up ends, and what it should have left out.

It is imported by the worker that measures: numpy and nothing heavier.
"""

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

    Array = NDArray[numpy.float64]

SIGNIFICANCE = 0.01
LEAST_CHANGE = 0.01  # of the level: a change that is certain but smaller does not matter
SHUFFLES = 1999
# The fewest values with which a change in the middle and nothing else is rarer than the significance: 2 of the
# 252 ways to halve ten.
FEWEST = 10


def drifts(values: Sequence[float]) -> bool:
    """Whether a series changes its level somewhere: Pettitt's test (Applied Statistics 28, 1979), by shuffling.

    True only where the change is also larger than :data:`LEAST_CHANGE` of the level that it changes to. The test
    goes by ranks, so that single slow values do not matter. Pettitt's formula for its significance is one of long
    series: at 20 values it lets through what has a probability of 0.1 % where 1 % is asked for, and below 16 values
    nothing at all is certain enough to it. So the statistic is held against those of the same values shuffled, which
    is exact however few they are. Simulated with noise of 1 %: a step of 5 % in the middle is found in 99 of 100
    series of 12 and of 20, one after the first third in 16 of 100 and in all; a fall of 10 % in a straight line
    in 93 and in all; and a level series is taken for one that drifts in 1 of 100.
    """
    import numpy as np

    series = np.asarray(values, dtype=np.float64)
    if len(series) < FEWEST:
        return False
    ranks = np.sign(series[:, None] - series[None, :]).sum(axis=1)  # twice the rank, from its mean; ties share theirs
    statistics = np.abs(np.cumsum(ranks)[:-1])
    point = int(np.argmax(statistics)) + 1
    shuffled = np.abs(np.cumsum(ranks[_shuffles(len(series))], axis=1)[:, :-1]).max(axis=1)
    probability = (1 + int((shuffled >= statistics[point - 1]).sum())) / (1 + SHUFFLES)
    before, after = float(np.median(series[:point])), float(np.median(series[point:]))
    return probability <= SIGNIFICANCE and abs(before - after) > LEAST_CHANGE * after


@functools.cache
def _shuffles(count: int) -> "NDArray[Any]":
    """So many orders of the first numbers, the same every time."""
    import numpy as np

    numbers = np.tile(np.arange(count), (SHUFFLES, 1))
    return np.random.default_rng(0).permuted(numbers, axis=1)
