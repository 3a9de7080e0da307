"""How many launches: so many of every subject, then more where intervals are too wide, until they are not.

It starts no process: how a launch is carried out it is told, so that a recorded or planted one will do.
"""

import math
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from harness.measurements.types import Launch, Timing

MOST_LAUNCHES = 100  # ten times the usual, for an interval of a third
NARROW_LOOKS = 2
USUAL_LIMIT_S = 60.0  # for each network or file

Carry = Callable[[int, Sequence[str]], Mapping[str, Launch | Exception]]


@dataclass(frozen=True, kw_only=True)
class Aim:
    """How narrow the intervals are to be, and for how long launches may be spent on it.

    ``half_width`` is half the 95 % interval, relative to the median. No launch beyond the first ones begins
    that would end after ``limit_s`` seconds, were it as long as the one before. Without a ``half_width`` there are no
    launches beyond the first ones, and the limit is for all but the very first.
    """

    half_width: float | None
    limit_s: float

    def most(self, least: int) -> int:
        """How many launches there are at most, if there are so many first ones."""
        return least if self.half_width is None else max(least, MOST_LAUNCHES)

    def unlimited(self, least: int) -> int:
        """How many launches there are in any case."""
        return 1 if self.half_width is None else least


def limit_s(asked_s: float | None, measured: int) -> float:
    """The seconds that a run of so many networks and files may take; those that were asked for, or the usual."""
    return USUAL_LIMIT_S * measured if asked_s is None else asked_s


def announced(target: float | None, asked_s: float | None, measured: int, least_s: float) -> str:
    """For a plan: what a target adds to the time that the first launches take."""
    if target is None:
        return "" if asked_s is None or asked_s >= least_s else f", of which {asked_s:.0f} s are allowed"
    longest_s = max(least_s, limit_s(asked_s, measured))
    return f"; then others until each interval is within {plus_minus(target)}, {longest_s:.0f} s in all at most"


def half_width(timing: Timing) -> float:
    """Half the interval relative to the median; infinite where the launches are too few to carry one."""
    interval = timing.interval_s
    return math.inf if interval is None else (interval[1] - interval[0]) / 2 / timing.median_s


def timings(
    keys: Sequence[str],
    least: int,
    carry_out: Carry,
    *,
    aim: Aim | None = None,
    exempt: Collection[str] = (),
    clock: Callable[[], float] = time.monotonic,
    progress: Callable[[float], None] = lambda _: None,
) -> dict[str, Timing]:
    """The timings of subjects, after ``least`` launches and those beyond that the aim asks for.

    ``carry_out`` is given the number of a launch and the subjects that take turns in it; it tells of each its
    :class:`Launch`, or the error after which the subject takes part in no other. ``exempt`` are those whose
    interval may be as wide as it will.
    """
    found = {key: Timing(launches=()) for key in keys}
    widths: dict[str, list[float]] = {key: [] for key in keys if key not in exempt}
    begun, last_s = clock(), 0.0
    for number in range(least if aim is None else aim.most(least)):
        alive = [key for key in keys if not found[key].failure]
        chosen = alive if number < least or aim is None else _too_wide(widths, alive, aim)
        now = clock()
        if not chosen or (aim and number >= aim.unlimited(least) and now - begun + last_s > aim.limit_s):
            break
        for key, outcome in carry_out(number, chosen).items():
            found[key] = joined(found[key], outcome)
        last_s = clock() - now
        for key in chosen if aim and aim.half_width is not None and number + 1 >= least else ():
            if key in widths:
                widths[key].append(half_width(found[key]))
        progress(_share_done(number + 1, least, aim, clock() - begun))
    progress(1.0)
    return {key: _judged(timing, least, aim if key in widths else None) for key, timing in found.items()}


def joined(timing: Timing, outcome: Launch | Exception) -> Timing:
    """The timing with one launch more, or with the reason why there are no more."""
    if isinstance(outcome, Launch):
        return replace(timing, launches=(*timing.launches, outcome))
    return replace(timing, failure=str(outcome))


def _too_wide(widths: Mapping[str, Sequence[float]], alive: Sequence[str], aim: Aim) -> list[str]:
    """Who takes part in a further launch: every subject whose interval is too wide, so that time goes to the widest.

    One that is left alone has the widest of the others beside it: a process that takes turns is slower
    than one alone, and its launches would be of two kinds.
    """
    aimed = [key for key in alive if key in widths]
    wide = [key for key in aimed if not _narrow(widths[key], aim)]
    others = sorted(set(aimed) - set(wide), key=lambda key: (-widths[key][-1], key))
    return wide + others[:1] if len(wide) == 1 else wide


def _narrow(widths: Sequence[float], aim: Aim) -> bool:
    """Whether an interval was narrow at the last looks.

    Whoever looks after every launch finds it narrow by chance at some look, more often where it lies
    beside the truth; at one look in two that is rarer.
    """
    last = widths[-NARROW_LOOKS:]
    return aim.half_width is not None and len(last) == NARROW_LOOKS and max(last) <= aim.half_width


def _judged(timing: Timing, least: int, aim: Aim | None) -> Timing:
    """The timing with a word on what the limit cut off, or on how far its interval is from the aim if it is wider."""
    count = len(timing.launches)
    if aim is None or timing.failure:
        return timing
    if aim.half_width is None:
        return replace(timing, shortfall=f"{count} of {least} launches: the time limit") if count < least else timing
    if (found := half_width(timing)) <= aim.half_width:
        return timing
    stopped = "as many as are taken" if count >= MOST_LAUNCHES else "the time limit"
    reached = plus_minus(found) if math.isfinite(found) else "no interval"
    asked = plus_minus(aim.half_width)
    return replace(timing, shortfall=f"{reached} after {count} launches ({stopped}): {asked} was asked for")


def plus_minus(share: float) -> str:
    """Half an interval in percent, for people."""
    return f"±{100 * share:.2g} %"


def _share_done(launches: int, least: int, aim: Aim | None, spent_s: float) -> float:
    """For a progress bar: of the launches that there are in any case, and of the time that others may take."""
    if aim is None:
        return launches / least
    return min(1.0, max(launches / MOST_LAUNCHES, spent_s / aim.limit_s if aim.limit_s else 1.0))
