"""Whether the files of HEAD are slower: by turns that both took in one measurement, or by the controls of each run.

Absolute latencies of two runs are not compared: on shared machines they differ by more than what is looked for.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from harness.errors import HarnessError
from harness.gate import controls
from harness.gate.exact import measured
from harness.gate.findings import Finding
from harness.gate.pairs import RunPair, SubjectPair
from harness.gate.settings import GateSettings
from harness.measurements import comparison, verdicts
from harness.measurements.bootstrap import LAUNCHES_FOR_INTERVAL
from harness.measurements.comparison import LogRatio
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
    how = dict.fromkeys((pair.subject for pair in pairs), "in turns")
    if runs.interleaved:
        judged = _of_one_measurement(runs, pairs, settings)
    else:
        judged, between = _by_controls(runs, pairs, settings)
        how |= {name: f"by the controls of each run, ±{share:.1%} between runs" for name, share in between.items()}
    for pair in pairs:
        yield _finding(pair, judged[pair.subject], how[pair.subject], settings)


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


def _by_controls(
    runs: RunPair, pairs: Sequence[SubjectPair], settings: GateSettings
) -> tuple[dict[str, Judged | _Untold], dict[str, float]]:
    """By each run's ratio to the models that are the same in both; and what a run adds that no launch shows."""
    found: dict[str, Judged | _Untold] = {}
    estimates: dict[str, LogRatio] = {}
    launches: dict[str, int] = {}
    between: dict[str, float] = {}
    for pair in pairs:
        names, of_each = _to_controls(runs, pair)
        untold = _untold(runs, pair, of_each)
        if untold:
            found[pair.subject] = untold
            continue
        between[pair.subject] = controls.between_runs(names, settings.across_runs)
        estimates[pair.subject] = controls.compared(of_each, names, settings.across_runs)
        launches[pair.subject] = min(map(len, of_each))
    verdict = verdicts.once(estimates, settings.latency)
    judged = {
        subject: Judged(verdict=verdict[subject], ratio=estimate.ratio, launches=launches[subject])
        for subject, estimate in estimates.items()
    }
    return found | judged, between


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


def _to_controls(runs: RunPair, pair: SubjectPair) -> tuple[tuple[str, ...], list[list[float]]]:
    """The controls that were timed beside a subject in both runs, and its ratios to them, of HEAD and of BASE."""
    sides = (runs.head, pair.head), (runs.base, pair.base)
    beside = [side.samples.of_controls(row) if row and row.control_s else {} for side, row in sides]
    names = controls.common(*beside)
    if not names:
        return names, [[], []]
    of_each = [
        controls.ratios(side.samples.of(row), found, names) for (side, row), found in zip(sides, beside, strict=True)
    ]
    return names, controls.mixed(of_each) if all(map(len, of_each)) else [[], []]
