"""A straight line through points, and how well it tells what it was fitted to."""

from collections.abc import Sequence
from dataclasses import dataclass

from harness.errors import HarnessError

FEWEST = 3  # points: a line meets any two


@dataclass(frozen=True, kw_only=True)
class Line:
    """The line y = intercept + slope x of least squares.

    ``r_squared`` is the share of y's variance that it explains; its 95 % interval is that of
    Pearson's correlation (Fisher's z), 0 to 1 where there are too few points for one.
    ``r_squared_unseen`` is the same share where each point is predicted by the line of the others
    (PRESS), None where a point has no line of the others. ``residuals`` are y less the line's, in y's unit.
    """

    slope: float
    intercept: float
    r_squared: float
    r_squared_low: float
    r_squared_high: float
    r_squared_unseen: float | None
    residuals: tuple[float, ...]

    def at(self, x: float) -> float:
        """What the line has for y."""
        return self.intercept + self.slope * x


def fit(x: Sequence[float], y: Sequence[float]) -> Line:
    """The line through some points. Raises :class:`HarnessError` for too few, or where x or y is the same in all."""
    from scipy.stats import linregress, pearsonr

    if len(x) < FEWEST or len(set(x)) < 2 or len(set(y)) < 2:
        raise HarnessError(
            f"A line needs {FEWEST} points that differ in both values, found {len(set(zip(x, y, strict=True)))}."
        )
    found, interval = linregress(x, y), pearsonr(x, y).confidence_interval(0.95)
    ends = sorted((float(interval.low) ** 2, float(interval.high) ** 2))
    slope, intercept = float(found.slope), float(found.intercept)
    residuals = tuple(b - (intercept + slope * a) for a, b in zip(x, y, strict=True))
    return Line(
        slope=slope,
        intercept=intercept,
        r_squared=float(found.rvalue) ** 2,
        r_squared_low=0.0 if interval.low < 0 < interval.high else ends[0],
        r_squared_high=ends[1],
        r_squared_unseen=_unseen(x, y, residuals),
        residuals=residuals,
    )


def _unseen(x: Sequence[float], y: Sequence[float], residuals: Sequence[float]) -> float | None:
    """The share of y's variance that is explained where each point is left out of its own line."""
    import numpy as np

    apart = np.array(x) - np.mean(x)
    leverages = 1 / len(x) + apart**2 / np.sum(apart**2)
    if np.max(leverages) > 1 - 1e-9:
        return None
    missed = np.sum((np.array(residuals) / (1 - leverages)) ** 2)
    return float(1 - missed / np.sum((np.array(y) - np.mean(y)) ** 2))
