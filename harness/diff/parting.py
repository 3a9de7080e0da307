"""Where two runs part: the first value that is further apart than a tolerance, with what is known around it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from harness.diff import distance
from harness.diff.distance import Array, Distance
from harness.diff.tensors import layouts
from harness.diff.tracing import TracedFile

MOST_VALUES = 256  # that are asked for at a time: they take memory, and each slows the opening of a session
AROUND = 2  # values on either side of the largest difference
LAYOUTS = 8  # that are tried

Pair = tuple[str, str]  # the names of a value of A and of the value of B that stands for it


@dataclass(frozen=True, kw_only=True)
class Parting:
    """The first value of A that is further from its twin in B than the tolerance.

    ``before`` is the largest relative distance of what its node reads and B has too; None if it is not known.
    ``around_a`` and ``around_b`` are the values along the last axis around the largest difference.
    """

    value_a: str
    value_b: str
    before: float | None
    after: Distance
    around_a: tuple[float | str, ...]
    around_b: tuple[float | str, ...]


def find_parting(
    a: TracedFile, b: TracedFile, pairs: Sequence[Pair], read_before: Callable[[Pair], Sequence[Pair]], tolerance: float
) -> Parting | None:
    """The first of these pairs of values that parts by more than the tolerance, relative to the larger's largest value.

    ``pairs`` are in an order in which each stands after those that it is computed from, and ``read_before`` tells which
    a value is directly computed from. Of many pairs some are compared first, then those before the first that parts.
    None if none of them parts. Raises :class:`HarnessError` if a file cannot be run.
    """
    left = list(pairs)
    while left:
        step = -(-len(left) // MOST_VALUES)
        sample = [*left[step - 1 :: step], *(left[-1:] if len(left) % step else [])]
        beside = [each for pair in sample for each in read_before(pair)] if step == 1 else []
        seen = _Seen(a, b, [*sample, *beside])
        first = next((pair for pair in sample if parts(seen.distance(pair), tolerance)), None)
        if first is None:
            return None
        if step == 1:
            return seen.described(first, read_before(first))
        end = left.index(first) + 1
        left = left[max(0, end - step) : end]
    return None


def parts(apart: Distance | None, tolerance: float) -> bool:
    """Whether two values are further apart than the tolerance; of those that cannot be compared it is not known."""
    return apart is not None and apart.relative > tolerance


def compare_values(a: Array, b: Array) -> Distance | None:
    """How far two values are apart, in the order of axes that brings them closest; None if their shapes do not fit."""
    found = _closest(a, b)
    return found[1] if found else None


def _closest(a: Array, b: Array) -> tuple[Array, Distance] | None:
    """The first array as it comes closest to the second, and how far that is."""
    ways = [a] if a.shape == b.shape else _arranged(a, b.shape)
    return min(((each, distance.measure(each, b)) for each in ways), key=lambda one: one[1].relative, default=None)


def _arranged(a: Array, shape: tuple[int, ...]) -> Iterator[Array]:
    """An array in the ways in which it has that shape: other orders of axes, or other axes of one."""
    yield from (a.transpose(order) for order in islice(layouts(a.shape, shape), LAYOUTS))
    if [size for size in a.shape if size != 1] == [size for size in shape if size != 1]:
        yield a.reshape(shape)


class _Seen:
    """Values of both files, by name."""

    def __init__(self, a: TracedFile, b: TracedFile, pairs: Sequence[Pair]) -> None:
        self.a, self.b = a.values([one for one, _ in pairs]), b.values([other for _, other in pairs])

    def distance(self, pair: Pair) -> Distance | None:
        one, other = pair
        return compare_values(self.a[one], self.b[other]) if one in self.a and other in self.b else None

    def described(self, first: Pair, before: Sequence[Pair]) -> Parting:
        found = _closest(self.a[first[0]], self.b[first[1]])
        assert found is not None  # they were compared
        arranged, apart = found
        return Parting(
            value_a=first[0],
            value_b=first[1],
            before=max((each.relative for each in map(self.distance, before) if each), default=None),
            after=apart,
            around_a=_around(arranged, apart.place),
            around_b=_around(self.b[first[1]], apart.place),
        )


def _around(values: Array, place: tuple[int, ...]) -> tuple[float | str, ...]:
    if not place:
        return tuple(distance.plain(value) for value in values.reshape(-1)[:1])
    line = values[place[:-1]]
    start = max(0, place[-1] - AROUND)
    return tuple(distance.plain(value) for value in np.asarray(line[start : place[-1] + AROUND + 1]))
