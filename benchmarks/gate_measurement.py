"""One gate run of the honesty experiment: its subjects, and their measurement in turns until all are decided."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from harness import comparison, cost, latency, verdicts
from harness.comparison import Rounds
from harness.errors import HarnessError
from harness.latency import Effort, Subject
from harness.measurements import Launch
from harness.verdicts import Thresholds, Verdict

from . import planted_changes, timed_models
from .gate_runs import Compared, Confirmation, GateRun
from .other_rules import sampled

CHAINS = {"short chain": planted_changes.SHORT, "long chain": planted_changes.LONG}

Measured = dict[str, list[Launch]]  # by the key of a subject


@dataclass(frozen=True, kw_only=True)
class Pair:
    """A subject of the gate: a file as base and as head, or with a copy of 5 % more work as head."""

    name: str
    base: Path
    slower: Path | None  # None of a file that no such copy is made of
    shapes: dict[str, tuple[int, ...]]
    threads: int

    def subjects(self, slower: str = "") -> tuple[Subject, Subject]:
        """Base and head, where ``slower`` names the subject whose head is the copy."""
        head = self.slower if self.slower and slower == self.name else self.base
        return self._subject("base", self.base), self._subject("head", head)

    def _subject(self, side: str, file: Path) -> Subject:
        return Subject(key=f"{self.name}, {side}", model=file, shapes=self.shapes, threads=self.threads)


def pairs(networks: Sequence[str], threads: Sequence[int], folder: Path) -> list[Pair]:
    """The subjects, with their files in the folder."""
    found = []
    for name in networks:
        slower = None
        if name in CHAINS:
            base, slower = folder / f"{name}.onnx", folder / f"{name}, slower.onnx"
            shapes = planted_changes.save_chains(base, slower, CHAINS[name])
        else:
            model = timed_models.get(name, folder)
            base, shapes = model.path, {model.input: model.shape}
        for count in threads:
            named = name if len(threads) == 1 else f"{name}, {count} threads"
            found.append(Pair(name=named, base=base, slower=slower, shapes=shapes, threads=count))
    return found


def gate_run(
    of: Sequence[Pair], slower: str, effort: Effort, looks: Sequence[int], thresholds: Thresholds, number: int
) -> GateRun:
    """All subjects in turns; after each look those go on of which the gate cannot tell."""
    begun = time.monotonic()
    measured: Measured = {}
    undecided, taken = list(of), 0
    judged: dict[str, verdicts.Judged] = {}
    for look in looks:
        subjects = [subject for pair in undecided for subject in pair.subjects(slower)]
        _measure(subjects, replace(effort, launches=look - taken), seed=(number << 8) + taken, onto=measured)
        taken = look
        judged = verdicts.judge({pair.name: _logarithms(pair, measured) for pair in of}, thresholds, looks)
        undecided = [pair for pair in undecided if judged[pair.name].verdict == Verdict.CANT_TELL]
        if not undecided:
            break
    return GateRun(
        number=number,
        slower=slower,
        seconds=time.monotonic() - begun,
        subjects={pair.name: _compared(pair, judged[pair.name], measured) for pair in of},
    )


def confirmed(pair: Pair, effort: Effort) -> Confirmation:
    """How much slower the slower copy is, by one long run."""
    base, head = pair.subjects(pair.name)
    measured: Measured = {}
    _measure([base, head], effort, seed=0, onto=measured)
    fewer, more = (cost.ledger(subject.model).macs or 0 for subject in (base, head))
    ratio = comparison.estimate(_logarithms(pair, measured)).ratio
    return Confirmation(
        subject=pair.name,
        macs_ratio=more / fewer,
        launches=effort.launches,
        value=ratio.value,
        low=ratio.low,
        high=ratio.high,
    )


def _measure(subjects: Sequence[Subject], effort: Effort, seed: int, onto: Measured) -> None:
    """Measure further launches of the subjects, numbered on from those that there are."""
    for key, timing in latency.measure(subjects, effort, seed=seed).items():
        if timing.failure:
            raise HarnessError(f"{key}: {timing.failure}")
        kept = onto.setdefault(key, [])
        before = len(kept)
        kept += [replace(launch, launch=before + launch.launch) for launch in timing.launches]


def _logarithms(pair: Pair, measured: Measured) -> list[float]:
    base, head = (_rounds(measured[subject.key]) for subject in pair.subjects())
    return comparison.logarithms(head, base)


def _rounds(launches: Sequence[Launch]) -> Rounds:
    return {launch.launch: launch.round_medians_s for launch in launches}


def _compared(pair: Pair, judged: verdicts.Judged, measured: Measured) -> Compared:
    base, head = (sampled(measured[subject.key]) for subject in pair.subjects())
    return Compared(
        verdict=judged.verdict,
        launches=judged.launches,
        ratio=judged.ratio.value,
        logarithms=_logarithms(pair, measured),
        base=base,
        head=head,
    )
