"""A claim of a lecture, how it is checked, and what came of it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

from harness.claims.evidence import PROFILE, Evidence, NotMeasuredError
from harness.errors import HarnessError

Verdict = Literal["does not hold", "not measured", "cannot tell", "holds"]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)  # of a claim's parts, the first of these is the claim's own


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of a check: the verdict, what was measured in words, and the numbers by what they are of."""

    verdict: Verdict
    measured: str
    numbers: Mapping[str, object] = field(default_factory=dict)


Check = Callable[[Evidence], Outcome]


@dataclass(frozen=True, kw_only=True)
class Claim:
    """What a lecture says, in its terms, under the number that the project gives it.

    Each of ``checks`` is of one part: the claim holds where all of them hold. A check that raises
    NotMeasuredError, or finds its evidence in no good state, is a finding too, with the reason.
    """

    number: int
    lecture: str
    says: str
    checks: tuple[Check, ...]

    def check(self, evidence: Evidence) -> Outcome:
        """What the evidence shows of the claim."""
        found: list[Outcome] = []
        missing: list[NotMeasuredError] = []
        for check in self.checks:
            try:
                found.append(check(evidence))
            except NotMeasuredError as error:
                missing.append(error)
            except HarnessError as error:
                missing.append(NotMeasuredError(str(error)))
        return together([*found, *_not_measured(missing)])


def judge(measured: str, numbers: Mapping[str, object], *, holds: bool, fails: bool | None = None) -> Outcome:
    """A finding that holds, fails or cannot tell; without ``fails``, what does not hold fails: it is no estimate."""
    if fails is None:
        fails = not holds
    verdict: Verdict = "does not hold" if fails else "holds" if holds else "cannot tell"
    return Outcome(verdict=verdict, measured=measured, numbers=numbers)


def undecided(reason: str) -> Check:
    """A check of what no run can decide, with the reason."""
    return lambda _: Outcome(verdict="not measured", measured=reason)


def together(parts: Sequence[Outcome]) -> Outcome:
    """The findings of a claim's parts as one; where they differ, each is told with its own verdict."""
    verdict = min((part.verdict for part in parts), key=VERDICTS.index)
    differ = len({part.verdict for part in parts}) > 1
    texts = [f"{part.verdict}: {part.measured}" if differ else part.measured for part in parts]
    numbers = {name: number for part in parts for name, number in part.numbers.items()}
    return Outcome(verdict=verdict, measured="; ".join(dict.fromkeys(texts)), numbers=numbers)


def _not_measured(missing: Sequence[NotMeasuredError]) -> Iterator[Outcome]:
    """What the parts lack as one finding, with the one command that would measure it."""
    networks = dict.fromkeys(name for error in missing for name in error.networks)
    reasons = dict.fromkeys(reason for error in missing for reason in error.reasons)
    command = f"needs `harness run {' '.join(networks)} --profile {PROFILE}`" if networks else ""
    if missing:
        yield Outcome(verdict="not measured", measured="; ".join(filter(None, [command, *reasons])))
