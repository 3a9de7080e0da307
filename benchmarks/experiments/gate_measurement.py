"""One gate run of the honesty experiment: its subjects, and their measurement in turns until all are decided."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.cost import ledger
from harness.errors import HarnessError
from harness.measurements import comparison
from harness.measurements.types import Timing
from harness.measurements.verdicts import Judged, Thresholds
from harness.timing import latency, sequential, stopping
from harness.timing.latency import Effort, Subject

from . import planted_changes, timed_models
from .gate_runs import NONE, PERCENT, Compared, Confirmation, GateRun, Slowdown
from .other_rules import sampled

CHAINS = {"short chain": planted_changes.SHORT, "long chain": planted_changes.LONG}


@dataclass(frozen=True, kw_only=True)
class FilePair:
    """A subject of the gate: a file as base and as head, or two files of which the second has more work.

    ``slowed`` has these by percent; it is empty of a file that no such copy is made of.
    """

    name: str
    base: Path
    slowed: Mapping[int, tuple[Path, Path]]
    shapes: dict[str, tuple[int, ...]]
    threads: int

    def subjects(self, planted: Slowdown = NONE) -> tuple[Subject, Subject]:
        """Base and head."""
        base, head = self.slowed[planted.percent] if planted.subject == self.name else (self.base, self.base)
        return self._subject("base", base), self._subject("head", head)

    def _subject(self, side: str, file: Path) -> Subject:
        return Subject(key=f"{self.name}, {side}", model=file, shapes=self.shapes, threads=self.threads)


def pairs(networks: Sequence[str], threads: Sequence[int], folder: Path) -> list[FilePair]:
    """The subjects, with their files in the folder."""
    found = []
    for name in networks:
        slowed: dict[int, tuple[Path, Path]] = {}
        if name in CHAINS:
            for percent in planted_changes.LAYERS:
                both = folder / f"{name}, {percent}.onnx", folder / f"{name}, {percent} slower.onnx"
                shapes = planted_changes.save_chains(*both, CHAINS[name], percent)
                slowed[percent] = both
            base = slowed[PERCENT][0]
        else:
            model = timed_models.get(name, folder)
            base, shapes = model.path, {model.input: model.shape}
        for count in threads:
            named = name if len(threads) == 1 else f"{name}, {count} threads"
            found.append(FilePair(name=named, base=base, slowed=slowed, shapes=shapes, threads=count))
    return found


def gate_run(
    of: Sequence[FilePair], planted: Slowdown, effort: Effort, looks: Sequence[int], thresholds: Thresholds, number: int
) -> GateRun:
    """All subjects in turns, as `harness ab` measures them: after each look those go on of which it cannot tell."""
    begun = time.monotonic()
    both = {pair.name: pair.subjects(planted) for pair in of}
    subjects = [subject for pair in both.values() for subject in pair]
    keys = {name: sequential.TurnPair(a=base.key, b=head.key) for name, (base, head) in both.items()}
    launcher = latency.launcher(subjects, effort, seed=number)
    found = sequential.timings(keys, [], looks, thresholds, launcher)
    _check(found.timings)
    return GateRun(
        number=number,
        slower=planted.subject,
        percent=planted.percent,
        seconds=time.monotonic() - begun,
        subjects={name: _compared(keys[name], found.judged[name], found.timings) for name in both},
    )


def confirmed(pair: FilePair, percent: int, effort: Effort) -> Confirmation:
    """How much slower the slower copy is, by one long run."""
    base, head = pair.subjects(Slowdown(subject=pair.name, percent=percent))
    launch = latency.launcher([base, head], effort, seed=0)
    timings = stopping.timings([base.key, head.key], effort.launches, lambda number, keys: launch(number, [keys]))
    _check(timings)
    fewer, more = (ledger.ledger(subject.model).macs or 0 for subject in (base, head))
    ratio = comparison.ratio(timings[head.key], timings[base.key])
    return Confirmation(
        subject=pair.name,
        percent=percent,
        macs_ratio=more / fewer,
        launches=effort.launches,
        value=ratio.value,
        low=ratio.low,
        high=ratio.high,
    )


def _check(timings: Mapping[str, Timing]) -> None:
    for key, timing in timings.items():
        if timing.failure:
            raise HarnessError(f"{key}: {timing.failure}")


def _compared(pair: sequential.TurnPair, judged: Judged, timings: Mapping[str, Timing]) -> Compared:
    base, head = (sampled(timings[key].launches) for key in pair.sides)
    return Compared(
        verdict=judged.verdict,
        launches=judged.launches,
        ratio=judged.ratio.value,
        logarithms=sequential.logarithms(pair, timings),
        base=base,
        head=head,
    )
