"""The gate: whether HEAD is worse than BASE, subject by subject and check by check, in three answers.

What is deterministic is compared exactly (:mod:`harness.gate.exact`), and what comes out value by value
(:mod:`harness.gate.outputs`). Accuracies are compared image by image where the predictions are there
(:mod:`harness.gate.accuracy`), latencies only where they can be (:mod:`harness.gate.latency`).
"""

from collections.abc import Sequence
from dataclasses import replace

from harness.errors import NothingMeasuredError
from harness.gate import accuracy, budgets, exact, latency, outputs
from harness.gate.findings import Finding, Judgement
from harness.gate.pairs import RunPair
from harness.gate.settings import GateSettings
from harness.measurements import verdicts
from harness.measurements.verdicts import Verdict

NO_EVIDENCE = ("status", "precision")  # that a subject was run says nothing of how it is


def judge(pair: RunPair, settings: GateSettings) -> Judgement:
    """Compare two runs. Raises :class:`NothingMeasuredError` where nothing could be compared."""
    found = [
        *exact.findings(pair),
        *outputs.findings(pair, settings),
        *accuracy.findings(pair, settings),
        *latency.findings(pair, settings),
        *budgets.findings(pair, settings.budget),
    ]
    kept = [_accepted(one, settings) for one in found if one.check not in settings.without]
    verdict = together(kept)
    if verdict is None:
        raise NothingMeasuredError(
            f"{pair.base.path} and {pair.head.path}: nothing was measured that could be compared."
        )
    order = {one.subject: number for number, one in enumerate(pair.pairs)}
    kept.sort(key=lambda one: order[one.subject])
    if pair.doubts and verdict == Verdict.PASS:
        verdict = Verdict.CANT_TELL
    return Judgement(verdict=verdict, findings=tuple(kept))


def together(findings: Sequence[Finding]) -> Verdict | None:
    """The verdict over some findings, of which those that were not compared say nothing; None if nothing is shown."""
    known = [finding for finding in findings if finding.verdict is not None]
    verdict = verdicts.together([finding.verdict for finding in known if finding.verdict is not None])
    if verdict == Verdict.PASS and all(finding.check in NO_EVIDENCE for finding in known):
        return None
    return verdict


def _accepted(one: Finding, settings: GateSettings) -> Finding:
    if one.check in settings.accept and one.verdict == Verdict.FAIL:
        return replace(one, verdict=Verdict.PASS, detail=f"accepted: {one.detail}")
    return one
