"""The tables of the honesty experiment: how often the gate was wrong, and the rules of others on the same samples."""

import itertools
import statistics
from collections import Counter
from collections.abc import Sequence, Set
from dataclasses import dataclass

from scipy.stats import binomtest

from harness.measurements.verdicts import Verdict
from harness.report.tables import print_table

from .gate_runs import PERCENT, UNCHANGED, Change, Confirmation, GateRun, Recorded, Slowdown
from .other_rules import RULES, Rule

GATE = "this gate"
MOST_FALSE_ALARMS, LEAST_FOUND = 0.01, 0.95  # the targets
RULE_COLUMNS = ("rule", "measured", "more work", "false alarms", "found", "missed", "can't tell", "of a slowdown")
SUBJECT_COLUMNS = (
    "slower subject",
    "a call",
    "more work",
    "by a long run",
    "found",
    "missed",
    "can't tell",
    "launches",
)
CHANGE_COLUMNS = ("planted change", "network", "verdict", "found by", "time")


@dataclass(frozen=True, kw_only=True)
class Judged:
    """What a rule said of a gate run: the subjects that it alarmed about, and those that it could not judge."""

    run: GateRun
    alarmed: Set[str]
    in_doubt: Set[str] | None = None  # None of a rule that always knows

    @property
    def found(self) -> bool:
        return self.run.slower in self.alarmed


def by_gate(runs: Sequence[GateRun]) -> list[Judged]:
    """The gate's own verdicts."""

    def of(run: GateRun, verdict: Verdict) -> frozenset[str]:
        return frozenset(name for name, one in run.subjects.items() if one.verdict == verdict)

    return [Judged(run=run, alarmed=of(run, Verdict.FAIL), in_doubt=of(run, Verdict.CANT_TELL)) for run in runs]


def by_rule(rule: Rule, runs: Sequence[GateRun]) -> list[Judged]:
    """Another's rule on the samples that the gate had, which were taken in turns."""
    return [
        Judged(run=run, alarmed={name for name, one in run.subjects.items() if rule(one.base, one.head)})
        for run in runs
    ]


def by_rule_on_successive_runs(rule: Rule, runs: Sequence[GateRun]) -> list[Judged]:
    """The same against what the run before measured of the base: so those tools are used, from commit to commit.

    Another percentage is planted in other files, so such runs are left out.
    """
    runs = [run for run in runs if run.percent == PERCENT]
    return [
        Judged(
            run=run, alarmed={name for name, one in run.subjects.items() if rule(before.subjects[name].base, one.head)}
        )
        for before, run in itertools.pairwise(runs)
    ]


def print_report(recorded: Recorded) -> None:
    """Print the tables, and what came out beside what was aimed at."""
    runs = recorded.gate_runs
    if runs:
        print_table(RULE_COLUMNS, rule_lines(runs), "table")
        _say_times(runs)
    if any(run.slower for run in runs):
        print_table(SUBJECT_COLUMNS, subject_lines(runs, recorded.confirmations), "table")
    if recorded.changes:
        print_table(CHANGE_COLUMNS, [_change_line(change) for change in recorded.changes], "table")
    for line in targets(recorded):
        print(line)


def rule_lines(runs: Sequence[GateRun]) -> list[dict[str, object]]:
    """For each percentage that was planted a line for the gate, and two for each rule of others."""
    judged = {(GATE, "in turns"): by_gate(runs)}
    for name, rule in RULES.items():
        judged[name, "in turns"] = by_rule(rule, runs)
        judged[name, "run after run"] = by_rule_on_successive_runs(rule, runs)
    percents = dict.fromkeys(run.percent for run in runs if run.slower) or {PERCENT: None}
    lines = itertools.product(judged, percents)
    return [_rule_line(*of, judged[of], percent) for of, percent in lines if of[1] == "in turns" or percent == PERCENT]


def _rule_line(rule: str, measured: str, judged: Sequence[Judged], percent: int) -> dict[str, object]:
    identical = [one for one in judged if not one.run.slower]
    slower = [one for one in judged if one.run.slower and one.run.percent == percent]
    found = sum(one.found for one in slower)
    knows = judged and judged[0].in_doubt is None
    doubted = sum(one.run.slower in (one.in_doubt or ()) for one in slower)
    values = (
        rule,
        measured,
        f"{percent} %",
        share(sum(bool(one.alarmed) for one in identical), len(identical)),
        share(found, len(slower)),
        share(len(slower) - found - doubted, len(slower)),
        None if knows else share(sum(bool(one.in_doubt) and not one.alarmed for one in identical), len(identical)),
        None if knows else share(doubted, len(slower)),
    )
    return dict(zip(RULE_COLUMNS, values, strict=True))


def subject_lines(runs: Sequence[GateRun], confirmations: Sequence[Confirmation]) -> list[dict[str, object]]:
    """How the gate did on each subject that was slower, and by how much it was."""
    confirmed = {(one.subject, one.percent): one for one in confirmations}
    lines = []
    for planted in dict.fromkeys(run.planted for run in runs if run.slower):
        found = [run.subjects[planted.subject] for run in runs if run.planted == planted]
        verdicts = Counter(one.verdict for one in found)
        long = confirmed.get((planted.subject, planted.percent))
        values = (
            described(planted),
            f"{1e6 * statistics.median(one.base.median_s for one in found):.3g} µs",
            f"{long.macs_ratio - 1:.2%}" if long else None,
            f"{long.value - 1:.2%} [{long.low - 1:.2%}, {long.high - 1:.2%}]" if long else None,
            *(share(verdicts[one], len(found)) for one in (Verdict.FAIL, Verdict.PASS, Verdict.CANT_TELL)),
            statistics.median(one.launches for one in found),
        )
        lines.append(dict(zip(SUBJECT_COLUMNS, values, strict=True)))
    return lines


def targets(recorded: Recorded) -> list[str]:
    """What was aimed at, and what came out."""
    judged = by_gate(recorded.gate_runs)
    identical = [one for one in judged if not one.run.slower]
    all_slower = [one for one in judged if one.run.slower]
    slower = [one for one in all_slower if one.run.percent == PERCENT]  # fewer percent may get either answer
    alarms, found = sum(bool(one.alarmed) for one in identical), sum(one.found for one in slower)
    beside = sum(bool(one.alarmed - {one.run.slower}) for one in all_slower)
    changes = [change for change in recorded.changes if change.name != UNCHANGED]
    named = sum(bool(change.found_by) for change in changes)
    lines = []
    if identical:
        met = alarms <= MOST_FALSE_ALARMS * len(identical)
        lines.append(f"at most 1 % of A/A gate runs raise an alarm: {share(alarms, len(identical))}: {_met(met)}")
    if slower:
        met = found >= LEAST_FOUND * len(slower)
        lines.append(f"at least 95 % of slowdowns of 5 % are found: {share(found, len(slower))}: {_met(met)}")
    if all_slower:
        lines.append(f"alarms about identical subjects beside a slower one: {share(beside, len(all_slower))}")
    if changes:
        lines.append(f"every deterministic change is found: {named} of {len(changes)}: {_met(named == len(changes))}")
    return lines


def described(planted: Slowdown) -> str:
    """What is planted in a gate run, in words."""
    return f"{planted.subject}, {planted.percent} %" if planted.subject else "A/A"


def share(count: int, total: int) -> str | None:
    """A count of gate runs, with the 95 % interval of the share (C. J. Clopper and E. S. Pearson, 1934)."""
    if not total:
        return None
    found = binomtest(count, total).proportion_ci(0.95, method="exact")
    return f"{count} of {total}, {100 * count / total:.1f} % [{100 * found.low:.1f}, {100 * found.high:.1f}]"


def _met(met: bool) -> str:
    return "met" if met else "not met"


def _say_times(runs: Sequence[GateRun]) -> None:
    """What a gate run costs."""
    for kind, chosen in (
        ("identical", [run for run in runs if not run.slower]),
        ("with a slower subject", [run for run in runs if run.slower]),
    ):
        if chosen:
            taken, subjects = sorted(run.seconds for run in chosen), len(chosen[0].subjects)
            looks = Counter(max(one.launches for one in run.subjects.values()) for run in chosen)
            decided = ", ".join(f"{count} after {launches}" for launches, count in sorted(looks.items()))
            print(
                f"{kind}: {len(chosen)} gate runs of {subjects} subjects; {statistics.median(taken):.1f} "
                f"s in the median, {taken[-1]:.1f} s at most, {sum(taken) / 60:.0f} min in all; "
                f"the last subject was decided or given up {decided} launches"
            )


def _change_line(change: Change) -> dict[str, object]:
    values = (change.name, change.network, change.verdict, ", ".join(change.found_by), f"{change.seconds:.0f} s")
    return dict(zip(CHANGE_COLUMNS, values, strict=True))
