"""The verdict on latencies: PASS, FAIL or CAN'T TELL, with error rates that are set beforehand.

A subject fails where it is surely slower than is tolerated, and passes where it surely is not slower by as
much as matters. The rate of false alarms is one of the whole gate run: over its subjects together by Holm's
procedure (S. Holm, Scand. J. Statist. 6, 65-70, 1979), and over the looks at a measurement that goes on
by Bonferroni: each of four looks is tested at a quarter of the rate.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from harness.measurements import comparison
from harness.measurements.comparison import LogRatio, Ratio

Key = TypeVar("Key")

LOOKS = (10, 20, 40, 80)  # launches, after which a measurement is looked at


class Verdict(StrEnum):
    """The three answers of a gate: no regression, a regression, or neither is shown."""

    PASS = "PASS"  # noqa: S105
    FAIL = "FAIL"
    CANT_TELL = "CAN'T TELL"


@dataclass(frozen=True, kw_only=True)
class Thresholds:
    """What is a slowdown, and how often the verdicts may be wrong.

    A subject that is slower by ``slowdown`` or more fails to be found with a probability of at most ``misses``
    where it passes; one that is slower by ``tolerated`` or less makes a gate run fail with a probability of at
    most ``false_alarms``, however many subjects it has. Between the two either answer may come.
    """

    slowdown: float = 0.05
    tolerated: float = 0.02
    false_alarms: float = 0.01
    misses: float = 0.05


@dataclass(frozen=True, kw_only=True)
class Judged:
    """The verdict on one subject, after so many launches, and the ratio that they were judged by.

    ``faster`` is whether it is surely faster by more than is tolerated of a slowdown.
    """

    verdict: Verdict
    ratio: Ratio
    launches: int
    faster: bool = False


def judge(
    logarithms: Mapping[str, Sequence[float]], thresholds: Thresholds, looks: Sequence[int] = LOOKS
) -> dict[str, Judged]:
    """The verdicts by subject, from the logarithm of the ratio of every launch, in order.

    The looks that were taken are taken again: a subject has the verdict of the first look at which it had one.
    A subject of fewer launches than a look is looked at with those that it has, which must be two at least.
    """
    judged: dict[str, Judged] = {}
    for most in looks:
        seen = {key: values[:most] for key, values in logarithms.items()}
        estimates = {key: comparison.estimate(values) for key, values in seen.items()}
        verdicts, faster = once(estimates, thresholds, len(looks)), find_faster(estimates, thresholds, len(looks))
        for key in logarithms.keys() - {key for key, earlier in judged.items() if earlier.verdict != Verdict.CANT_TELL}:
            judged[key] = Judged(
                verdict=verdicts[key], ratio=estimates[key].ratio, launches=len(seen[key]), faster=key in faster
            )
        if all(len(values) <= most for values in logarithms.values()):
            break
    return {key: judged[key] for key in logarithms}


def once(estimates: Mapping[str, LogRatio], thresholds: Thresholds, looks: int = 1) -> dict[str, Verdict]:
    """The verdicts at one of so many looks."""
    slower = holm(
        {key: one.above(1 + thresholds.tolerated) for key, one in estimates.items()}, thresholds.false_alarms / looks
    )
    return {
        key: Verdict.FAIL
        if key in slower
        else Verdict.PASS
        if one.below(1 + thresholds.slowdown) <= thresholds.misses / looks
        else Verdict.CANT_TELL
        for key, one in estimates.items()
    }


def find_faster(estimates: Mapping[str, LogRatio], thresholds: Thresholds, looks: int = 1) -> set[str]:
    """The subjects that are surely faster by more than is tolerated, at one of so many looks.

    A subject that is not counts as one in as few runs as one that is not slower fails.
    """
    p = {key: one.below(1 / (1 + thresholds.tolerated)) for key, one in estimates.items()}
    return holm(p, thresholds.false_alarms / looks)


def holm(p: Mapping[Key, float], rate: float) -> set[Key]:
    """The hypotheses that are rejected, so that with that probability none of them is rejected wrongly."""
    rejected: set[Key] = set()
    for key in sorted(p, key=p.__getitem__):
        if p[key] > rate / (len(p) - len(rejected)):
            break
        rejected.add(key)
    return rejected


def together(verdicts: Sequence[Verdict]) -> Verdict:
    """The verdict over all: one failure is one, and one that cannot be told leaves the rest in doubt."""
    for worst in (Verdict.FAIL, Verdict.CANT_TELL):
        if worst in verdicts:
            return worst
    return Verdict.PASS


def detectable(
    control: LogRatio, launches: int, subjects: int, thresholds: Thresholds, looks: Sequence[int] = LOOKS
) -> dict[int, float]:
    """By look: the smallest slowdown that it finds with a probability of 1 - ``misses``, about.

    ``control`` is an A/A of so many launches; the subject is thought of as the first of Holm's order.
    """
    tails = thresholds.false_alarms / len(looks) / subjects, thresholds.misses
    expected = {look: control.after(launches, look) for look in looks}
    return {
        look: (1 + thresholds.tolerated) * math.exp(sum(map(one.quantile, tails)) * one.error) - 1
        for look, one in expected.items()
    }
