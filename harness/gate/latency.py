"""Whether the files of HEAD are slower: by turns that both took in one measurement, or by a control in each run.

Absolute latencies of two runs are not compared: on shared machines they differ by more than what is looked for.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from harness.errors import HarnessError
from harness.gate.exact import measured
from harness.gate.findings import Finding
from harness.gate.pairs import JudgedRun, RunPair, SubjectPair
from harness.gate.settings import GateSettings
from harness.measurements import comparison, verdicts
from harness.measurements.bootstrap import LAUNCHES_FOR_INTERVAL
from harness.measurements.comparison import LogRatio
from harness.measurements.rows import Row
from harness.measurements.verdicts import Judged, Verdict
from harness.report.tables import format_seconds

ALL_LAUNCHES = 10**9


@dataclass(frozen=True, kw_only=True)
class _Untold:
    """Why the latencies of a subject cannot be compared."""

    verdict: Verdict | None
    why: str


def findings(runs: RunPair, settings: GateSettings) -> Iterator[Finding]:
    """A finding for each subject that was measured in both runs. Whether any is slower is tested over all together."""
    pairs = [pair for pair in runs.pairs if measured(pair)]
    judged = _of_one_measurement(runs, pairs, settings) if runs.interleaved else _by_control(runs, pairs, settings)
    how = "in turns" if runs.interleaved else f"by the control of each run, ±{settings.across_runs:.1%} between runs"
    for pair in pairs:
        yield _finding(pair, judged[pair.subject], how, settings)


def _finding(pair: SubjectPair, found: Judged | _Untold, how: str, settings: GateSettings) -> Finding:
    base, head = (
        format_seconds(row.latency_median_s) if row and row.latency_median_s else "" for row in (pair.base, pair.head)
    )
    told = {"subject": pair.subject, "check": "latency", "base": base, "head": head}
    if isinstance(found, _Untold):
        return Finding(**told, verdict=found.verdict, detail=f"latency: {found.why}" if found.verdict else found.why)
    ratio = f"{found.ratio.value:.3f} [{found.ratio.low:.3f}, {found.ratio.high:.3f}] times BASE"
    detail = f"{ratio}, {found.launches} launches {how}"
    if found.verdict == Verdict.CANT_TELL:
        detail = f"latency: {detail}: a slowdown of {settings.slowdown:.0%} can be neither shown nor excluded"
    elif found.verdict == Verdict.FAIL:
        detail = f"latency: {detail}: surely more than the {settings.tolerated:.0%} that are tolerated"
    return Finding(**told, verdict=found.verdict, detail=detail)


def _of_one_measurement(
    runs: RunPair, pairs: Sequence[SubjectPair], settings: GateSettings
) -> dict[str, Judged | _Untold]:
    """Both took turns: the ratio of each launch, and every look that was taken at them taken again."""
    found: dict[str, Judged | _Untold] = {}
    logarithms: dict[str, list[float]] = {}
    for pair in pairs:
        of_head, of_base = (side.samples.of(row) for side, row in ((runs.head, pair.head), (runs.base, pair.base)))
        both = comparison.logarithms(of_head, of_base)
        untimed = _untimed(pair)
        if untimed:
            found[pair.subject] = untimed
        elif len(both) < LAUNCHES_FOR_INTERVAL:
            found[pair.subject] = _Untold(verdict=Verdict.CANT_TELL, why=_too_few(len(both)))
        else:
            logarithms[pair.subject] = both
    return found | verdicts.judge(logarithms, settings.latency, _looks(runs))


def _untimed(pair: SubjectPair) -> _Untold | None:
    if pair.base is None or pair.base.latency_median_s is None:
        return _Untold(verdict=None, why="not measured in BASE")
    if pair.head is None or pair.head.latency_median_s is None:
        return _Untold(verdict=Verdict.CANT_TELL, why="not measured in HEAD")
    return None


def _looks(runs: RunPair) -> Sequence[int]:
    """The launches after which the measurement was looked at; of one that was not, all of them once."""
    told = runs.base.environment.get("looks")
    if told is None:
        return (ALL_LAUNCHES,)
    looks = told.get("launches") if isinstance(told, dict) else None
    if not isinstance(looks, list) or not looks or not all(isinstance(one, int) and one > 1 for one in looks):
        raise HarnessError(f"{runs.base.path}: looks: expected numbers of launches, found {told!r}.")
    return looks


def _too_few(launches: int) -> str:
    return f"{launches} launches in both, and fewer than {LAUNCHES_FOR_INTERVAL} are no evidence"


def _by_control(runs: RunPair, pairs: Sequence[SubjectPair], settings: GateSettings) -> dict[str, Judged | _Untold]:
    """Each run's ratio to the model that is the same in both, and what a run adds that no launch shows."""
    found: dict[str, Judged | _Untold] = {}
    estimates: dict[str, LogRatio] = {}
    launches: dict[str, int] = {}
    for pair in pairs:
        of_each = [_to_control(side, row) for side, row in ((runs.head, pair.head), (runs.base, pair.base))]
        untold = _untold(runs, pair, of_each)
        if untold:
            found[pair.subject] = untold
            continue
        head, base = (comparison.estimate(logarithms) for logarithms in of_each)
        estimates[pair.subject] = comparison.quotient(head, base, further=settings.across_runs)
        launches[pair.subject] = min(map(len, of_each))
    verdict = verdicts.once(estimates, settings.latency)
    return found | {
        subject: Judged(verdict=verdict[subject], ratio=estimate.ratio, launches=launches[subject])
        for subject, estimate in estimates.items()
    }


def _untold(runs: RunPair, pair: SubjectPair, of_each: Sequence[Sequence[float]]) -> _Untold | None:
    untimed = _untimed(pair)
    if untimed:
        return untimed
    forbidden = runs.forbidden("latency")
    if forbidden:
        return _Untold(verdict=Verdict.CANT_TELL, why=f"{forbidden}; `harness ab` measures both in one run")
    if not all(of_each):
        why = "of two runs without a control, which are not comparable: `harness ab` measures both in one run, and "
        return _Untold(verdict=Verdict.CANT_TELL, why=f"{why}`harness run --control` a control in each")
    fewest = min(map(len, of_each))
    return _Untold(verdict=Verdict.CANT_TELL, why=_too_few(fewest)) if fewest < LAUNCHES_FOR_INTERVAL else None


def _to_control(side: JudgedRun, row: Row | None) -> list[float]:
    """The logarithms of a subject's ratio to the control beside it, by launch; none if it has none."""
    if row is None or row.control_s is None:
        return []
    return comparison.logarithms(side.samples.of(row), side.samples.of_control(row))
