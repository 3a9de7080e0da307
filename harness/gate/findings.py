"""What a gate found: the verdict over all, and each check of a subject, with what each run had."""

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


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """What the gate found: the verdict over all, and each finding, in the order of the subjects."""

    verdict: Verdict
    findings: tuple[Finding, ...]

    @property
    def by_subject(self) -> dict[str, tuple[Finding, ...]]:
        """The findings of each subject."""
        subjects = dict.fromkeys(one.subject for one in self.findings)
        return {name: tuple(one for one in self.findings if one.subject == name) for name in subjects}
