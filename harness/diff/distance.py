"""How far two arrays of one shape are apart."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

BLOCK = 1 << 20  # values that are compared at a time: both arrays in float64 would take memory eight times over


@dataclass(frozen=True, kw_only=True)
class Distance:
    """How far two arrays are apart, and where the most.

    ``largest`` is the largest absolute difference, infinite if one of two values is no number; ``scale`` the largest
    finite value of either array. ``place`` is the index of the largest difference, with ``a`` and ``b`` there.
    """

    values: int
    differing: int
    largest: float
    scale: float
    cosine: float | None  # of the angle between them; None if one is all zeros, or is not finite
    place: tuple[int, ...]
    a: float | str
    b: float | str

    @property
    def relative(self) -> float:
        """The largest difference as a share of the scale."""
        if not self.largest:
            return 0.0
        return self.largest / self.scale if self.scale else math.inf


def measure(a: Array, b: Array) -> Distance:
    """How far two arrays of the same shape are apart, value by value; two that are no number are the same.

    Raises :class:`ValueError` if the shapes differ.
    """
    if a.shape != b.shape:
        raise ValueError(f"{a.shape} and {b.shape} are different shapes")
    if a.dtype.kind in "OSUT" or b.dtype.kind in "OSUT":
        return _of_texts(a, b)
    one, other = a.reshape(-1), b.reshape(-1)
    total = _Sums()
    for start in range(0, one.size, BLOCK):
        total.add(one[start : start + BLOCK], other[start : start + BLOCK], start)
    at = total.at
    return Distance(
        values=one.size,
        differing=total.differing,
        largest=total.largest,
        scale=total.scale,
        cosine=total.cosine,
        place=tuple(map(int, np.unravel_index(at, a.shape))) if one.size else (),
        a=plain(one[at]) if one.size else 0.0,
        b=plain(other[at]) if one.size else 0.0,
    )


class _Sums:
    """What is known of the blocks so far."""

    def __init__(self) -> None:
        self.differing, self.largest, self.scale, self.at = 0, 0.0, 0.0, 0
        self.product, self.squares = 0.0, [0.0, 0.0]

    def add(self, a: Array, b: Array, start: int) -> None:
        x, y = _wide(a), _wide(b)
        with np.errstate(all="ignore"):
            gap = np.abs(x - y)
            if not np.isfinite(gap.max()):  # some are infinite or no numbers
                same = (a == b) | ((x != x) & (y != y))
                gap[same] = 0.0
                gap[gap != gap] = math.inf
            self.product += float(np.vdot(x, y).real)
            squares = (float(np.vdot(each, each).real) for each in (x, y))
            self.squares = [old + new for old, new in zip(self.squares, squares, strict=True)]
        exact = a.dtype.kind in "iu" and a.dtype == b.dtype  # 64 bits are more than float64 tells apart
        self.differing += int(np.count_nonzero(a != b if exact else gap))
        place = int(gap.argmax())
        if gap[place] > self.largest:
            self.largest, self.at = float(gap[place]), start + place
        self.scale = max(self.scale, *(_largest_finite(each) for each in (x, y)))

    @property
    def cosine(self) -> float | None:
        norm = math.sqrt(self.squares[0]) * math.sqrt(self.squares[1])
        found = self.product / norm if norm else math.nan
        return max(-1.0, min(1.0, found)) if math.isfinite(found) else None


def _largest_finite(values: Array) -> float:
    size = np.abs(values)
    largest = float(size.max())
    return largest if math.isfinite(largest) else float(size.max(initial=0.0, where=np.isfinite(size)))


def _wide(values: Array) -> Array:
    return values.astype(np.complex128 if values.dtype.kind == "c" else np.float64)


def _of_texts(a: Array, b: Array) -> Distance:
    differ = (a.astype(object) != b.astype(object)).reshape(-1)
    at = int(differ.argmax()) if differ.size else 0
    return Distance(
        values=differ.size,
        differing=int(differ.sum()),
        largest=math.inf if differ.any() else 0.0,
        scale=0.0,
        cosine=None,
        place=tuple(map(int, np.unravel_index(at, a.shape))) if differ.size else (),
        a=plain(a.reshape(-1)[at]) if differ.size else "",
        b=plain(b.reshape(-1)[at]) if differ.size else "",
    )


def plain(value: Any) -> float | str:
    """A value as JSON holds it."""
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    if isinstance(value, str) or np.iscomplexobj(value):
        return str(value)
    return float(value)
