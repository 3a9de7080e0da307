"""How far the outputs of one run are from those of another, beside what rounding may make of them."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Outputs = Mapping[str, NDArray[Any]]


@dataclass(frozen=True, kw_only=True)
class OutputDistance:
    """How far the values of an output are from what they should be, of which scale, and how far they may be."""

    output: str
    max_abs: float
    scale: float
    tolerance: float

    @property
    def beyond(self) -> bool:
        return not self.max_abs <= self.tolerance  # True for NaN

    @property
    def described(self) -> str:
        """In words, with its scale."""
        return f"{self.max_abs:.2g} of {self.scale:.2g}"


def apart(one: NDArray[Any], other: NDArray[Any]) -> float:
    """The largest difference of two arrays. Equal infinities and NaN in the same places are no difference."""
    if one.shape != other.shape:
        return math.inf
    first, second = one.astype(np.float64), other.astype(np.float64)
    same = (first == second) | (np.isnan(first) & np.isnan(second))
    with np.errstate(invalid="ignore"):
        return float(np.where(same, 0.0, np.abs(first - second)).max(initial=0.0))


def scale(array: NDArray[Any]) -> float:
    """The largest finite value of an array by its size."""
    found = np.abs(array.astype(np.float64))
    return float(found[np.isfinite(found)].max(initial=0.0))


def furthest(found: Outputs, expected: Outputs, tolerances: Mapping[str, float]) -> OutputDistance:
    """The distance of the output that is furthest from what is expected, as a multiple of its tolerance."""
    each = [
        OutputDistance(
            output=name,
            max_abs=apart(found[name], expected[name]),
            scale=scale(expected[name]),
            tolerance=tolerances[name],
        )
        for name in expected
        if name in found
    ]
    return max(each, key=_excess, default=OutputDistance(output="", max_abs=0.0, scale=0.0, tolerance=0.0))


def _excess(of: OutputDistance) -> float:
    if math.isnan(of.max_abs):
        return math.inf
    return of.max_abs / of.tolerance if of.tolerance else (math.inf if of.max_abs else 0.0)
