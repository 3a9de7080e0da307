"""Two sides measured in turns, in one run: two run folders whose rows and launches belong together."""

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path

from harness.machine.arrays import save_arrays
from harness.measurements import manifest, rows, samples
from harness.measurements.configurations import Way
from harness.measurements.providers import Target
from harness.measurements.rows import Row
from harness.measurements.run_folder import RunFolder
from harness.measurements.subject_key import either
from harness.measurements.types import Timing
from harness.measurements.verdicts import Judged, Thresholds
from harness.runs import consumption, file_accuracy, file_rows, places, run_rows, second_opinion
from harness.runs import folder as run_folder
from harness.runs.file_accuracy import Predictions
from harness.runs.kept_launches import KeptLaunches
from harness.runs.measured_file import MeasuredFile
from harness.runs.model_files import ModelFile
from harness.runs.places import Places
from harness.runs.sides import File, Missing, Side
from harness.timing import inspection, latency, sequential
from harness.timing.inspection import Inspection
from harness.timing.latency import Effort, Subject
from harness.timing.sequential import TurnPair

Control = Callable[[Mapping[str, Mapping[int, float]]], None]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How much is measured, and how it is judged."""

    effort: Effort
    looks: Sequence[int]
    thresholds: Thresholds
    limit_s: float | None = None
    seed: int = 0


@dataclass(frozen=True, kw_only=True)
class Compared:
    """One subject: its row on each side, and its verdict, None where it could not be judged.

    ``pair`` is the number of its files among those that are compared.
    """

    subject: str
    pair: int
    a: Row
    b: Row
    judged: Judged | None


@dataclass(frozen=True, kw_only=True)
class Measured:
    """All subjects of a run, and whether it was interrupted before all had their verdicts."""

    subjects: Sequence[Compared]
    interrupted: bool


_Numbered = tuple[int, Way]  # a file by its number, and one way of timing it


@dataclass(frozen=True, kw_only=True)
class _Contest:
    """What is compared with what: a file of each side, timed in one way."""

    a: _Numbered
    b: _Numbered


@dataclass(kw_only=True)
class _Half:
    """One side while it is measured; ``files`` are in the order of the rows, ``timed`` what takes turns, by key."""

    side: Side
    folder: RunFolder
    files: Sequence[File]
    places: Places
    timed: dict[str, Subject] = field(default_factory=dict)
    inspected: dict[str, Inspection] = field(default_factory=dict)

    def key(self, number: int, way: Way) -> str:
        """What a file, by its number, is called in one way."""
        return f"{self.side.name} {number} {way.key}"

    def subjects(self) -> dict[str, Subject]:
        """Everything that can be timed here, by key."""
        return {
            key: replace(self.side.subject(file, way), key=key)
            for number, file in enumerate(self.files)
            if isinstance(file, ModelFile)
            for way in file_rows.timeable(file, self.side.ways(file), self.places)
            for key in [self.key(number, way)]
        }

    def timings(self, number: int, found: Mapping[str, Timing]) -> dict[str, Timing]:
        """The timings of a file and of the call floors, by the names that run folders have for them."""
        told = {floor.key: found[f"{self.side.name} {floor.key}"] for floor in self.places.floors.values()}
        for way in self.side.ways(self.files[number]):
            key = self.key(number, way)
            if key in self.timed:
                told[way.key] = replace(found[key], nodes=self.inspected[key].nodes)
            elif key in self.inspected:
                told[way.key] = Timing(launches=(), failure=self.inspected[key].failure)
            if _again(key) in found:
                told[_again(way.key)] = found[_again(key)]
        return told

    def outputs(self, number: int) -> dict[str, Inspection]:
        """What a file gave as it was inspected, by the names that run folders have for its subjects."""
        keys = {self.key(number, way): way.key for way in self.side.ways(self.files[number])}
        return {name: self.inspected[key] for key, name in keys.items() if key in self.inspected}


def measure(
    folder: Path,
    both: tuple[Side, Side],
    contenders: Sequence[tuple[File, File]],
    plan: Plan,
    control: Control,
    progress: Callable[[float], None],
) -> Measured:
    """Measure the files of both sides, pair by pair, and write the folders a and b; what it came to, by subject.

    Rows are written last of all. Each launch is kept as it ends: called again after it was stopped at any moment, it
    goes on behind the last whole one.
    ``control`` is told the slowdowns that the run can find, as soon as they are known.
    """
    measurement = _measurement(folder, both)
    halves = [
        _begun(folder, side, [pair[number] for pair in contenders], measurement) for number, side in enumerate(both)
    ]
    contests = _contests(halves)
    pairs = {name: _pair(contest, halves) for name, contest in contests.items()}
    asked = [subject for half in halves for subject in (*half.timed.values(), *_floors(half))]
    timed = halves[0].timed
    again = [replace(timed[pair.a], key=pair.again) for pair in pairs.values() if pair.a and pair.again]
    for half in halves:
        run_folder.note_moment(half.folder.path, "measuring")
    kept = KeptLaunches(folder)
    found = sequential.timings(
        pairs,
        [floor.key for half in halves for floor in _floors(half)],
        plan.looks,
        plan.thresholds,
        kept.recorded(latency.launcher([*asked, *again], plan.effort, plan.seed, kept.calls)),
        limit_s=plan.limit_s,
        control=control,
        progress=progress,
    )
    looks = {"planned": len(plan.looks), "taken": found.looks_taken, "launches": list(plan.looks)}
    tables = [_finished(half, found.timings, looks) for half in halves]
    for half, table in zip(halves, tables, strict=True):
        rows.write(half.folder.rows_file, [replace(row, rows_in_run=len(table)) for row in table.values()])
        manifest.seal(half.folder.path)
    if not found.interrupted:
        kept.discard()
    compared = [
        Compared(
            subject=name,
            pair=contest.a[0],
            a=tables[0][contest.a],
            b=tables[1][contest.b],
            judged=found.judged.get(name),
        )
        for name, contest in contests.items()
    ]
    return Measured(subjects=compared, interrupted=found.interrupted)


def describe(both: tuple[Side, Side], contenders: Sequence[tuple[File, File]], plan: Plan) -> dict[str, object]:
    """What is compared and how, for whoever goes on with it: the same words are the same comparison."""
    return {
        "sides": [
            {"label": side.label, "options": side.session.described, "facts": side.facts}
            | {name: getattr(side.settings, name) for name in ("threads", "providers", "batches", "data")}
            for side in both
        ],
        "files": [[_identity(file) for file in pair] for pair in contenders],
        "launches": plan.looks,
        "effort": asdict(plan.effort),
        "thresholds": asdict(plan.thresholds),
        "seed": plan.seed,
    }


def _identity(file: File) -> tuple[str, ...]:
    told = file.sha256 if isinstance(file, ModelFile) else file.reason
    return file.architecture, file.framework, told


def _measurement(folder: Path, both: tuple[Side, Side]) -> str:
    """What both sides are recognised by: of a comparison that is gone on with, what it was begun with."""
    begun = [RunFolder(folder / side.name).environment.get("measurement") for side in both]
    return str(next(filter(None, begun), uuid.uuid4().hex[:16]))


def _begun(folder: Path, side: Side, own_files: Sequence[File], measurement: str) -> _Half:
    """The folder of one side, with its environment; and what of it can be timed here."""
    own = folder / side.name
    facts = {**side.environment(), "measurement": measurement, "side": side.name, "label": side.label}
    manifest.unseal(own)
    if RunFolder(own).environment:
        run_folder.check_same_machine(own, facts)
    else:
        run_folder.begin_unplanned(own, facts)
    identity = replace(latency.save_identity(own / "identity.onnx"), interpreter=side.interpreter, session=side.session)
    absent = _absent(side, identity)
    ways = [way for file in own_files for way in side.ways(file)]
    half = _Half(
        side=side,
        folder=RunFolder(own),
        files=own_files,
        places=places.group(identity, ways, absent),
    )
    asked = half.subjects()
    half.inspected = inspection.inspect_all(asked.values())
    half.timed = {key: one for key, one in asked.items() if not half.inspected[key].failure}
    return half


def _absent(side: Side, identity: Subject) -> dict[Target, str]:
    asked = [target for target in side.settings.targets if target.provider != "cpu"]
    reasons = {target: inspection.unavailable(target, identity) for target in asked}
    return {target: reason for target, reason in reasons.items() if reason}


def _floors(half: _Half) -> list[Subject]:
    """The call floors of a side, by keys that the other's have not."""
    return [replace(floor, key=f"{half.side.name} {floor.key}") for floor in half.places.floors.values()]


def _again(key: str) -> str:
    return f"{key}, again"


def _contests(halves: Sequence[_Half]) -> dict[str, _Contest]:
    """What is compared with what, by the name of the subject, in the order of the rows."""
    a, b = halves
    return {
        _name((file, way), (other, its)): _Contest(a=(number, way), b=(number, its))
        for number, (file, other) in enumerate(zip(a.files, b.files, strict=True))
        for way, its in zip(a.side.ways(file), b.side.ways(other), strict=True)
    }


def _pair(contest: _Contest, halves: Sequence[_Half]) -> TurnPair:
    """The keys of what takes turns together, of what can be timed."""
    a, b = halves
    first, second = a.key(*contest.a), b.key(*contest.b)
    return TurnPair(
        a=first if first in a.timed else None,
        b=second if second in b.timed else None,
        again=_again(first) if first in a.timed and second in b.timed else None,
    )


def _name(a: tuple[File, Way], b: tuple[File, Way]) -> str:
    """The name of a subject: what both sides have in common once, what differs as A/B."""
    (one, way), (other, its) = a, b
    return f"{either(one.architecture, other.architecture)}, {way.subject.beside(its.subject)}"


def _finished(half: _Half, found: Mapping[str, Timing], looks: Mapping[str, object]) -> dict[_Numbered, Row]:
    """The rows of a side; its samples and predictions are written, those of a network's files together."""
    table: dict[_Numbered, Row] = {}
    timed: dict[str, dict[str, Timing]] = {}
    outputs: dict[str, dict[str, Inspection]] = {}
    predictions: dict[str, Predictions] = {}
    for number, file in enumerate(half.files):
        timed.setdefault(file.architecture, {}).update(half.timings(number, found))
        outputs.setdefault(file.architecture, {}).update(half.outputs(number))
        kept = predictions.setdefault(file.architecture, {})
        rows_of_file = _rows(half, file, half.timings(number, found), kept.update)
        table |= {(number, way): row for way, row in rows_of_file.items()}
    for name in timed:
        samples.save(half.folder.samples_file(name), timed[name])
        inspection.save_outputs(half.folder.outputs_file(name), outputs[name])
        if predictions[name]:
            save_arrays(half.folder.predictions_file(name), predictions[name])
    run_folder.note_moment(half.folder.path, run_folder.END)
    run_folder.note(half.folder.path, {"looks": looks})
    return table


def _rows(
    half: _Half, file: File, timings: Mapping[str, Timing], keep: Callable[[Predictions], None]
) -> dict[Way, Row]:
    """The rows of one file, with its accuracy and its memory."""
    ways, run = half.side.ways(file), half.folder.path.name
    if isinstance(file, Missing):
        return {way: run_rows.placed(file.row(run), way.configuration) for way in ways}
    row = file_rows.describe(run, file)
    running = [way for way in ways if way.key in timings and not timings[way.key].failure]
    if running:
        # By this side's interpreter and options, on the CPU's provider as everywhere.
        with file_accuracy.in_worker(file, replace(half.side.subject(file, running[-1]), target=Target())) as worker:
            row = file_rows.with_accuracy(row, file, worker, keep, lambda _: None)
    timed = file_rows.timed(row, file, ways, half.places, timings, file.architecture)
    passes = consumption.Passes(meters={})
    timed = passes.added(timed, partial(half.side.subject, file), half.places.floors)
    return second_opinion.added(timed, MeasuredFile(file=file).question, half.side.interpreter)
