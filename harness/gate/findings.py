"""One thing that a gate found: a check of a subject, with what each run had and the verdict."""

from dataclasses import dataclass

from harness.measurements.verdicts import Verdict


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A check of one subject. ``verdict`` is None where there was nothing to compare; ``detail`` then says why."""

    subject: str
    check: str
    verdict: Verdict | None
    base: str = ""  # in words
    head: str = ""
    detail: str = ""
