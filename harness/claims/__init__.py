"""The numbered claims of the lectures, and of the figure that they end on, each checked by measurement.

A claim is one entry in the tuple ``CLAIMS`` of one of the modules below; docs/claims.md shows how to add one.
"""

from collections.abc import Iterator, Sequence

from harness.claims.accuracy import CLAIMS as ACCURACY
from harness.claims.claim import Claim, Outcome
from harness.claims.evidence import Evidence
from harness.claims.figure import CLAIMS as FIGURE
from harness.claims.fragments import CLAIMS as FRAGMENTS
from harness.claims.functional import CLAIMS as FUNCTIONAL
from harness.claims.speed import CLAIMS as SPEED
from harness.claims.structural import CLAIMS as STRUCTURAL
from harness.claims.today import CLAIMS as TODAY
from harness.errors import HarnessError

__all__ = ["ALL", "Claim", "Evidence", "Outcome", "check", "select"]

ALL: tuple[Claim, ...] = tuple(
    sorted((*STRUCTURAL, *FRAGMENTS, *FUNCTIONAL, *ACCURACY, *SPEED, *FIGURE, *TODAY), key=lambda claim: claim.number)
)


def select(numbers: Sequence[int]) -> list[Claim]:
    """The claims of these numbers; all of them where none is given. Raises :class:`HarnessError` for an unknown one."""
    known = {claim.number: claim for claim in ALL}
    for number in numbers:
        if number not in known:
            raise HarnessError(f"no claim has the number {number}: expected some of {', '.join(map(str, known))}.")
    return [known[number] for number in sorted(set(numbers))] or list(ALL)


def check(claims: Sequence[Claim], evidence: Evidence) -> Iterator[tuple[Claim, Outcome]]:
    """What the evidence shows of each claim, one after another."""
    for claim in claims:
        yield claim, claim.check(evidence)
