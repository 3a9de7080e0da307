"""Sweeps: what the rows of a run say of batches, thread counts and sizes of images, before anything is drawn."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from harness.measurements.pareto import Interval
from harness.measurements.rows import Row
from harness.networks import catalog

KNEE_SHARE = 0.9  # of the best throughput

# What tells two rows of some runs apart, in the order in which they are shown.
_KEY: tuple[str, ...] = ("run", "architecture", "runtime", "device", "provider", "options", "precision")
_KEY += ("input_shape", "batch", "framework", "threads")


@dataclass(frozen=True, kw_only=True)
class Knee:
    """Where more images a call stop paying: the smallest batch with nine tenths of the best throughput measured.

    ``batch`` is None where the curve shows none, and ``reason`` says why. ``earliest`` and ``latest`` are the
    batches that it may be within the intervals of the throughputs; None where a latency has no interval.
    """

    batch: int | None = None
    earliest: int | None = None
    latest: int | None = None
    reason: str = ""


def timed(rows: Iterable[Row]) -> list[Row]:
    """The sound rows that have a latency."""
    return [row for row in rows if row.status == "ok" and row.latency_median_s and 0 < min(latency_s(row)) < math.inf]


def by_batch(rows: Sequence[Row]) -> list[list[Row]]:
    """One series a file and way of timing it, by rising batch: of one thread and of the most, at the usual size."""
    return _series(_of_usual_size(of_fewest_and_most_threads(timed(rows))), "batch", lambda row: row.batch)


def by_threads(rows: Sequence[Row]) -> list[list[Row]]:
    """One series a file and way of timing it, by rising threads: in the usual batch and size."""
    return _series(usual(timed(rows)), "threads", lambda row: row.threads or 0)


def by_image_size(rows: Sequence[Row]) -> list[list[Row]]:
    """One series a file and way of timing it, by rising pixels: of one thread and of the most, in the usual batch."""
    shown = [row for row in of_fewest_and_most_threads(timed(rows)) if row.image_size]
    return _series(_of_usual_batch(shown), "input_shape", lambda row: (pixels(row), str(row.input_shape)))


def usual(rows: Iterable[Row]) -> list[Row]:
    """The rows that stand for a file where it was timed in several batches and sizes: the smallest batch, its own size.

    Its own is the catalogue's, else that which the run has first.
    """
    return _of_usual_batch(_of_usual_size(list(rows)))


def of_fewest_and_most_threads(rows: Sequence[Row]) -> list[Row]:
    """The rows of one thread and of the most threads there are; and those that do not say of how many."""
    most = max((row.threads or 0 for row in rows), default=0)
    return [row for row in rows if row.threads in (None, 1, most)]


def latency_s(row: Row) -> Interval:
    """The latency of a call with its interval; without one, the value three times."""
    value = row.latency_median_s or 0.0
    low, high = (value if end is None else end for end in (row.latency_low_s, row.latency_high_s))
    return value, low, high


def throughput(row: Row) -> Interval:
    """Images a second, calls coming one after the other."""
    value, low, high = latency_s(row)
    return row.batch / value, row.batch / high, row.batch / low


def speed_up(of: Row, over: Row) -> Interval:
    """How many times as fast one row is as another; its interval, from the ends of both, is wider than 95 %."""
    if of is over:
        return 1.0, 1.0, 1.0
    (value, low, high), (other, other_low, other_high) = latency_s(of), latency_s(over)
    return other / value, other_low / high, other_high / low


def efficiency(of: Row, over: Row) -> Interval:
    """The speed-up as a share of what the threads would give at best: 1 where each does as much as before."""
    best = (of.threads or 1) / (over.threads or 1)
    value, low, high = speed_up(of, over)
    return value / best, low / best, high / best


def giga_macs_per_s(row: Row) -> Interval | None:
    """Billions of multiply-accumulates a second, where they are counted."""
    if not row.macs:
        return None
    value, low, high = (1e-9 * row.macs * images for images in throughput(row))
    return value, low, high


def pixels(row: Row) -> int:
    """Height × width of an image; 0 where the input is none."""
    height, width = row.image_size or (0, 0)
    return height * width


def size(row: Row) -> str:
    """The height and width of an image, ``224×224``."""
    return "×".join(map(str, row.image_size or ()))


def knee(series: Sequence[Row]) -> Knee:
    """The knee of the throughput by batch: see :class:`Knee`.

    None where the first batch has it already, so that batches do not pay, and where only the last has it: there
    the throughput still rises, and a larger batch might have more.
    """
    curve = [throughput(row) for row in series]
    best, best_low, best_high = max(curve)
    batches = [row.batch for row in series]
    place = next(number for number, (value, _, _) in enumerate(curve) if value >= KNEE_SHARE * best)
    if place == 0:
        return Knee(reason=f"batch {batches[0]} has {100 * KNEE_SHARE:.0f} % of the best throughput already")
    if place == len(curve) - 1:
        return Knee(reason=f"the throughput still rises at batch {batches[-1]}")
    if any(row.latency_low_s is None or row.latency_high_s is None for row in series):
        return Knee(batch=batches[place])
    may = (batch for batch, (_, _, high) in zip(batches, curve, strict=True) if high >= KNEE_SHARE * best_low)
    must = (batch for batch, (_, low, _) in zip(batches, curve, strict=True) if low >= KNEE_SHARE * best_high)
    return Knee(batch=batches[place], earliest=next(may), latest=next(must, batches[-1]))


def _series(rows: Iterable[Row], along: str, value: Callable[[Row], object]) -> list[list[Row]]:
    """The rows that differ in nothing else, by rising value; of one value alone there is no series."""
    names = [name for name in _KEY if name != along]
    found: dict[tuple[object, ...], dict[object, Row]] = {}
    for row in rows:
        found.setdefault(tuple(getattr(row, name) for name in names), {})[value(row)] = row
    # By text: what is not told stands beside numbers.
    series = sorted(found.items(), key=lambda pair: tuple(map(str, pair[0])))
    return [[of[key] for key in sorted(of)] for _, of in series if len(of) > 1]  # type: ignore[type-var]


def _of_usual_batch(rows: Sequence[Row]) -> list[Row]:
    smallest: dict[tuple[object, ...], int] = {}

    def file(row: Row) -> tuple[object, ...]:
        return tuple(getattr(row, name) for name in _KEY if name not in ("batch", "threads", "input_shape"))

    for row in rows:
        smallest[file(row)] = min(smallest.get(file(row), row.batch), row.batch)
    return [row for row in rows if row.batch == smallest[file(row)]]


def _of_usual_size(rows: Sequence[Row]) -> list[Row]:
    shapes: dict[tuple[str, str], list[str | None]] = {}
    for row in rows:
        shapes.setdefault((row.run, row.architecture), []).append(row.input_shape)
    own = {key: _own(key[1], of) for key, of in shapes.items()}
    return [row for row in rows if row.input_shape == own[row.run, row.architecture]]


def _own(name: str, shapes: Sequence[str | None]) -> str | None:
    """The input shape of a network that is its own, of those that there are."""
    known = catalog.architectures().get(name)
    text = "x".join(map(str, known.input_shape)) if known else None
    return text if text in shapes else shapes[0]
