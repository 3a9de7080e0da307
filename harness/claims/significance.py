"""Estimates with their 95 % intervals, and whether two of them differ."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import quantile_test

from harness.errors import HarnessError
from harness.measurements.paired import mcnemar
from harness.measurements.types import Accuracy

Answers = NDArray[np.bool_]


LEVEL = 0.05


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A value with the two ends of its 95 % interval."""

    value: float
    low: float
    high: float

    def numbers(self, name: str) -> dict[str, float]:
        """As findings keep it."""
        return {name: self.value, f"{name} low": self.low, f"{name} high": self.high}


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """How much more often one network is right than another: a difference of shares, and whether it is significant.

    ``p`` is of McNemar's test where both answered the same images, else None.
    """

    difference: Estimate
    p: float | None

    @property
    def significant(self) -> bool:
        if self.p is not None:
            return self.p < LEVEL
        return not self.difference.low <= 0 <= self.difference.high


def share(right: float, total: int) -> Estimate:
    """A share of ``total`` with its Wilson interval; ``right`` is rounded to a count."""
    found = Accuracy(correct=round(right), total=total)
    return Estimate(value=found.value, low=found.interval[0], high=found.interval[1])


def difference(first: Estimate, second: Estimate, correlation: float = 0.0) -> Estimate:
    """First less second, its interval made of theirs (MOVER: Zou and Donner, Statist. Med. 27, 1693-1702, 2008).

    Of two independent shares with Wilson intervals this is Newcombe's method 10 (Statist. Med. 17, 873-890, 1998).
    """

    def length(one: float, other: float) -> float:
        return math.sqrt(max(0.0, one**2 - 2 * correlation * one * other + other**2))

    value = first.value - second.value
    return Estimate(
        value=value,
        low=value - length(first.value - first.low, second.high - second.value),
        high=value + length(first.high - first.value, second.value - second.low),
    )


def ratio(first: Estimate, second: Estimate) -> Estimate:
    """First over second, both positive: the difference of their logarithms."""

    def logarithm(one: Estimate) -> Estimate:
        return Estimate(value=math.log(one.value), low=math.log(one.low), high=math.log(one.high))

    found = difference(logarithm(first), logarithm(second))
    return Estimate(value=math.exp(found.value), low=math.exp(found.low), high=math.exp(found.high))


def unpaired(first: Estimate, second: Estimate) -> Comparison:
    """Two shares of different images."""
    return Comparison(difference=difference(first, second), p=None)


def paired(first: Answers, second: Answers) -> Comparison:
    """Two networks on the same images: whether each answer (N,) of each is right.

    The interval is Newcombe's for paired shares (method 10 of Statist. Med. 17, 2635-2650, 1998).
    """
    total = len(first)
    both, only_first = int((first & second).sum()), int((first & ~second).sum())
    only_second = int((~first & second).sum())
    one, other = share(both + only_first, total), share(both + only_second, total)
    correlation = _correlation(both, only_first, only_second, total - both - only_first - only_second)
    return Comparison(difference=difference(one, other, correlation), p=mcnemar(only_first, only_second))


def median(values: Sequence[float]) -> Estimate:
    """The median, its interval between two of the values by the sign test: of no assumed distribution."""
    middle = float(np.median(values))
    found: Any = quantile_test(values, q=middle, p=0.5).confidence_interval(0.95)  # scipy-stubs call it a float
    if not (math.isfinite(found.low) and math.isfinite(found.high)):
        raise HarnessError(f"a median of {len(values)} values carries no 95 % interval: expected at least 6.")
    return Estimate(value=middle, low=float(found.low), high=float(found.high))


def _correlation(both: int, only_first: int, only_second: int, neither: int) -> float:
    """The phi coefficient of a table of four counts, with Newcombe's correction for continuity."""
    total = both + only_first + only_second + neither
    margins = (both + only_first) * (only_second + neither) * (both + only_second) * (only_first + neither)
    if margins == 0:
        return 0.0
    product = both * neither - only_first * only_second
    corrected = product if product < 0 else max(0.0, product - total / 2)
    return corrected / math.sqrt(margins)
