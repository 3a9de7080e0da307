"""Two sides against each other, launch by launch, until every subject has its verdict or the looks are used up.

Both sides of a subject take turns in the same launches. Whoever looks at a measurement that goes on, and stops
where it shows what he looks for, is wrong more often than at one look: so the looks are planned, and each is
judged at its share of the error rates (:mod:`harness.measurements.verdicts`). In the first launches one side takes
turns twice: an A/A in the very run, which says how small a slowdown it can find.

It starts no process: how a launch is carried out it is told, so that a planted one will do.
"""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from harness.measurements import comparison, verdicts
from harness.measurements.bootstrap import LAUNCHES_FOR_INTERVAL
from harness.measurements.types import Launch, Timing
from harness.measurements.verdicts import Judged, Thresholds, Verdict
from harness.timing import stopping

MOST_LAUNCHES = verdicts.LOOKS[-1]
CONTROL_LAUNCHES = 6
SHARES = tuple(look / MOST_LAUNCHES for look in verdicts.LOOKS)  # of the launches, after which there is a look

CarryOut = Callable[[int, Sequence[Sequence[str]]], Mapping[str, Launch | Exception]]


@dataclass(frozen=True, kw_only=True)
class TurnPair:
    """One subject by the keys of those that take turns for it: each side, and the first side once more.

    A side that is not there has no key.
    """

    a: str | None
    b: str | None
    again: str | None = None

    @property
    def sides(self) -> tuple[str, ...]:
        return tuple(key for key in (self.a, self.b) if key is not None)

    @property
    def keys(self) -> tuple[str, ...]:
        return (*self.sides, self.again) if self.again is not None else self.sides


@dataclass(frozen=True, kw_only=True)
class Found:
    """What a measurement came to: the timings by key, the verdicts by subject, and the looks that it took.

    ``interrupted`` is one that was stopped after its first look.
    """

    timings: Mapping[str, Timing]
    judged: Mapping[str, Judged]
    looks_taken: int
    interrupted: bool = False


def looks(most: int) -> tuple[int, ...]:
    """The launches after which there is a look: four at the most, the last at the end, none at fewer than six."""
    return tuple(sorted({min(most, max(LAUNCHES_FOR_INTERVAL, math.ceil(share * most))) for share in SHARES}))


def timings(
    pairs: Mapping[str, TurnPair],
    floors: Sequence[str],
    planned: Sequence[int],
    thresholds: Thresholds,
    carry_out: CarryOut,
    *,
    limit_s: float | None = None,
    clock: Callable[[], float] = time.monotonic,
    control: Callable[[Mapping[str, Mapping[int, float]]], None] = lambda _: None,
    progress: Callable[[float], None] = lambda _: None,
) -> Found:
    """Measure until every subject passes or fails, the last look is over, or another launch would pass the limit.

    ``carry_out`` is given the number of a launch and the groups of keys that take turns in it, of which it tells
    each one's :class:`Launch` or error. ``floors`` are keys of which the launches up to the first look are enough,
    and these are carried out whatever the limit; so are those of a subject of which one side is missing. ``control``
    is told, as soon as it is known, the slowdowns that each look can find, by subject.

    Interrupted after the first look it ends as at the limit, with what was measured; before, it raises
    :class:`KeyboardInterrupt`.
    """
    found = {key: Timing(launches=()) for key in (*floors, *(key for pair in pairs.values() for key in pair.keys))}
    judged: dict[str, Judged] = {}
    begun, last_s, done, taken, seen, interrupted = clock(), 0.0, 0, 0, 0, False
    for number in range(planned[-1]):
        groups = _groups(pairs, floors, found, judged, number, planned)
        now = clock()
        if not groups or (number >= planned[0] and limit_s is not None and now - begun + last_s > limit_s):
            break
        try:
            outcomes = carry_out(number, groups)
        except KeyboardInterrupt:
            if not taken:
                raise
            interrupted = True
            break
        for key, outcome in outcomes.items():
            found[key] = stopping.joined(found[key], outcome)
        last_s, done = clock() - now, number + 1
        if done == _controls(planned):
            control(_detectable(pairs, found, thresholds, planned))
        if done in planned:
            judged, taken, seen = _judged(pairs, found, thresholds, planned), taken + 1, done
        progress(max(done / planned[-1], (clock() - begun) / limit_s if limit_s else 0.0))
    if seen < done:  # it ended between two looks
        judged, taken = _judged(pairs, found, thresholds, planned), taken + 1
    return Found(timings=found, judged=judged, looks_taken=taken, interrupted=interrupted)


def logarithms(pair: TurnPair, found: Mapping[str, Timing]) -> list[float]:
    """How many times longer B takes than A, launch by launch; none where a side is missing or has failed."""
    of, to = (found.get(key or "") for key in (pair.b, pair.a))
    if of is None or to is None or of.failure or to.failure:
        return []
    return comparison.logarithms(comparison.rounds(of), comparison.rounds(to))


def _controls(planned: Sequence[int]) -> int:
    """How many launches the control takes part in."""
    return min(CONTROL_LAUNCHES, planned[0])


def _groups(
    pairs: Mapping[str, TurnPair],
    floors: Sequence[str],
    found: Mapping[str, Timing],
    judged: Mapping[str, Judged],
    number: int,
    planned: Sequence[int],
) -> list[tuple[str, ...]]:
    """Who takes turns in a launch: what belongs together, less those that failed."""
    groups = [tuple(floors)] if number < planned[0] else []
    for name, pair in pairs.items():
        undecided = name in judged and judged[name].verdict == Verdict.CANT_TELL
        if number < planned[0] or (undecided and logarithms(pair, found)):
            groups.append(pair.keys if number < _controls(planned) else pair.sides)
    alive = [tuple(key for key in group if not found[key].failure) for group in groups]
    return [group for group in alive if group]


def _judged(
    pairs: Mapping[str, TurnPair], timings: Mapping[str, Timing], thresholds: Thresholds, planned: Sequence[int]
) -> dict[str, Judged]:
    """Fewer than six launches are no evidence of anything, as the gate has it too."""
    known = {name: logarithms(pair, timings) for name, pair in pairs.items()}
    whole = {name: values for name, values in known.items() if len(values) > 1}
    judged = verdicts.judge(whole, thresholds, planned) if whole else {}
    return {
        name: verdict if verdict.launches >= LAUNCHES_FOR_INTERVAL else replace(verdict, verdict=Verdict.CANT_TELL)
        for name, verdict in judged.items()
    }


def _detectable(
    pairs: Mapping[str, TurnPair], timings: Mapping[str, Timing], thresholds: Thresholds, planned: Sequence[int]
) -> dict[str, dict[int, float]]:
    """By subject and look: the smallest slowdown that is found 95 times in a hundred, by the control."""
    smallest = {}
    for name, pair in pairs.items():
        values = logarithms(TurnPair(a=pair.a, b=pair.again), timings)
        if len(values) > 1:
            estimate = comparison.estimate(values)
            smallest[name] = verdicts.detectable(estimate, len(values), len(pairs), thresholds, planned)
    return smallest
