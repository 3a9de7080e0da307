"""Measuring the networks and files of a run: timed in turns, and written down row by row."""

import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from harness import (
    accuracy,
    consumption,
    file_accuracy,
    file_rows,
    files,
    framework_check,
    inspection,
    latency,
    precision_rows,
    rows,
    run_folder,
    run_rows,
    runtime,
    stopping,
    subjects,
)
from harness.configurations import ONNXRUNTIME, Configuration, Place, Way
from harness.errors import CannotWriteError, HarnessError
from harness.measurements import Timing
from harness.model_files import ModelFile
from harness.plan import Pieces
from harness.providers import Target
from harness.rows import Row
from harness.run_folder import Settings
from harness.stopping import Aim

FLOOR, CONTROL = "call floor", "control"

Progress = Callable[[float], None]


def unavailable(folder: Path, settings: Settings) -> dict[Target, str]:
    """The targets of a run that cannot be had here, with the reason; the CPU's own provider always can."""
    floor = latency.save_identity(folder / "identity.onnx")
    reasons = {target: inspection.unavailable(target, floor) for target in settings.targets if target.provider != "cpu"}
    return {target: reason for target, reason in reasons.items() if reason}


def measure(
    folder: Path,
    measured: Mapping[str, Pieces | ModelFile],
    settings: Settings,
    errors: dict[str, BaseException],
    absent: Mapping[Target, str],
    progress: Callable[[str, float], None],
    finished: Callable[[str], None],
) -> None:
    """Time every network and file that has no rows yet, and write its rows. Needs the machine to itself.

    Rows of the targets that are ``absent`` are skipped, with the reason. ``progress`` is told a name and the
    share of it that is done, ``finished`` that its rows are written.
    """
    table = folder / rows.FILE_NAME
    done = _finished(table, measured, settings, absent)
    identity = latency.save_identity(folder / "identity.onnx")
    begun, left = time.monotonic(), len(measured) - len(done)
    passes = consumption.Passes(meters=consumption.meters(settings))
    for number, (name, one) in enumerate(measured.items()):
        if name in done:
            continue
        run_folder.note_moment(folder, name)
        seed = settings.seed * 1000 + number
        aim = _aim(settings, len(measured), time.monotonic() - begun, left)
        ways = subjects.ways(one, settings)
        floors = _floors(identity, ways, absent)
        controls = _controls(latency.save_control(folder / "control.onnx"), ways, floors) if settings.control else {}
        timing = _Timing(
            folder=folder,
            name=name,
            settings=settings,
            floors=floors,
            controls=controls,
            absent=absent,
            seed=seed,
            aim=aim,
        )
        left -= 1
        found = _rows(one, timing, errors, partial(progress, name))
        rows.append(table, *passes.added(found, one, settings, floors))
        finished(name)


def _aim(settings: Settings, measured: int, spent_s: float, left: int) -> Aim | None:
    """What a network's launches aim at: what others have left of the time limit is for those that follow."""
    if settings.precision_target is None:
        return None
    limit_s = stopping.limit_s(settings.time_limit_s, measured)
    return Aim(half_width=settings.precision_target, limit_s=max(0.0, limit_s - spent_s) / left)


def _rows(
    one: Pieces | ModelFile, timing: "_Timing", errors: dict[str, BaseException], progress: Progress
) -> list[Row]:
    """The rows of a network or file; what could not be measured is a row with the reason, never a hole."""
    try:
        subjects.check_made(one, errors)
        if isinstance(one, ModelFile):
            return _measure_file(one, timing, progress)
        return _measure_network(one, timing, errors, progress)
    except CannotWriteError:
        raise
    except Exception as error:
        return _failed(timing.folder.name, one, timing.settings, error)


def _floors(
    identity: latency.Subject, ways: Sequence[Way], absent: Mapping[Target, str]
) -> dict[Place, latency.Subject]:
    """The call floors of what a network is timed in: a model that does nothing, wherever and whatever runs it."""
    places = dict.fromkeys(way.configuration.place for way in ways)
    return {place: _floor(identity, *place) for place in places if place[0] != ONNXRUNTIME or place[1] not in absent}


def _floor(identity: latency.Subject, runtime: str, target: Target) -> latency.Subject:
    parts = [FLOOR, runtime if runtime != ONNXRUNTIME else "", target.provider if target.provider != "cpu" else ""]
    return replace(identity, key=", ".join(filter(None, parts)), target=target, runtime=runtime)


def _controls(
    control: latency.Subject, ways: Sequence[Way], floors: Mapping[Place, latency.Subject]
) -> dict[Configuration, latency.Subject]:
    """The same model in every way in which onnxruntime runs something of a network, where it can run."""
    found = {}
    for configuration in dict.fromkeys(way.configuration.control for way in ways if way.configuration.place in floors):
        key = configuration.key(CONTROL)
        found[configuration] = replace(control, key=key, threads=configuration.threads, target=configuration.target)
    return found


def _failed(run: str, one: Pieces | ModelFile, settings: Settings, error: BaseException) -> list[Row]:
    if isinstance(one, ModelFile):
        return list(file_rows.failed(run, one, settings, error))
    return list(run_rows.failed(run, one, settings, error))


def _finished(
    table: Path, measured: Mapping[str, Pieces | ModelFile], settings: Settings, absent: Mapping[Target, str]
) -> set[str]:
    """What the table has all rows of; rows of the others, and of those that failed, are dropped.

    So are those that were skipped for a provider that is no longer absent. Raises :class:`HarnessError` where data or
    code have changed since those rows were measured.
    """
    if not table.is_file() or not table.stat().st_size:
        return set()
    found = rows.read(table)
    keys = {name: subjects.names(one) for name, one in measured.items()}
    owner = {key: name for name, of_one in keys.items() for key in of_one}
    for row in found:
        one = measured.get(owner.get((row.architecture, row.framework), ""))
        if isinstance(one, Pieces) and row.weights not in (None, one.weights.digest):
            raise HarnessError(
                f"{table.parent} was begun with other data or code for {row.architecture}: its rows would not belong "
                "together. Begin another run."
            )
    skipped = {target.name for target in absent}
    final = [
        row
        for row in found
        if row.status != "failed"
        and (row.status != "skipped" or row.provider in skipped or _refused(row, measured, owner))
    ]
    counts = Counter(owner.get((row.architecture, row.framework)) for row in final)
    whole = {name for name, one in measured.items() if counts[name] == len(subjects.ways(one, settings))}
    kept = [row for row in found if owner.get((row.architecture, row.framework)) in whole]
    if len(kept) != len(found):
        rows.write(table, kept)
    return whole


def _refused(row: Row, measured: Mapping[str, Pieces | ModelFile], owner: Mapping[tuple[str, str], str]) -> bool:
    """Whether it is the row of a batch that its file cannot be fed: to try again would find the same."""
    one = measured.get(owner.get((row.architecture, row.framework), ""))
    return one is not None and bool(subjects.refusal(one, row.batch))


@dataclass(frozen=True, kw_only=True)
class _Timing:
    """How the subjects of one network or file are timed."""

    folder: Path
    name: str
    settings: Settings
    floors: Mapping[Place, latency.Subject]  # of the places that are there
    controls: Mapping[Configuration, latency.Subject] = field(default_factory=dict)
    absent: Mapping[Target, str]
    seed: int
    aim: Aim | None = None

    def present(self, ways: Sequence[Way]) -> list[Way]:
        """Those whose target is there."""
        return [way for way in ways if way.configuration.place in self.floors]

    def of(self, asked: Sequence[latency.Subject], progress: Progress) -> dict[str, Timing]:
        """The timings by subject, in turns with call floors and controls; their raw samples and outputs are kept."""
        beside = [*self.floors.values(), *self.controls.values()]
        inspected = inspection.of([*(one for one in beside if one.target.provider != inspection.CPU), *asked])
        asked = [*beside, *asked] if asked else []
        failed = {key: Timing(launches=(), failure=one.failure) for key, one in inspected.items() if one.failure}
        timed = [subject for subject in asked if subject.key not in failed]
        found = self._measured(timed, progress) if timed else {}
        _save_samples(self.folder / "samples" / f"{self.name}.parquet", found)
        _save_outputs(self.folder / "outputs" / f"{self.name}.npz", inspected)
        nodes = {key: one.nodes for key, one in inspected.items()}
        return {key: replace(one, nodes=nodes.get(key, {})) for key, one in found.items()} | failed

    def _measured(self, timed: Sequence[latency.Subject], progress: Progress) -> dict[str, Timing]:
        beside = {one.key for one in (*self.floors.values(), *self.controls.values())}  # as narrow as they happen to be
        effort = self.settings.effort
        return latency.measure(timed, effort, seed=self.seed, aim=self.aim, exempt=beside, progress=progress)

    def row(self, known: Row, way: Way, timings: Mapping[str, Timing]) -> Row:
        """What is known of a file, with what was found when it was timed in one way."""
        row, place = run_rows.placed(known, way.configuration), way.configuration.place
        if place not in self.floors:
            return run_rows.skipped(row, self.absent[way.configuration.target])
        if way.key not in timings:  # what is known says why
            return row
        row = replace(row, sampled_as=f"{self.name}/{way.key}")
        control = self.controls.get(way.configuration.control) if place[0] == ONNXRUNTIME else None
        return run_rows.timed(
            row, timings[way.key], timings[self.floors[place].key], timings[control.key] if control else None
        )


def _measure_network(
    needed: Pieces, timing: _Timing, errors: Mapping[str, BaseException], progress: Progress
) -> list[Row]:
    """The rows of one network, its files timed in turns in every way that is there."""
    folder, ways = timing.folder, subjects.ways(needed, timing.settings)
    present = timing.present(ways)
    if not present:  # nothing was made for it either
        return [timing.row(run_rows.asked(folder.name, needed, way.framework), way, {}) for way in ways]
    started = [way for way in present if subjects.startable(needed, way, errors)]
    with tempfile.TemporaryDirectory() as compiled:  # empty: what compiling takes is told, and once alone
        asked = [
            replace(subjects.of(needed, way), compiled=Path(compiled) / str(number))
            for number, way in enumerate(started)
        ]
        checks = framework_check.of(needed, zip((way.framework for way in started), asked, strict=True))
        failed = {key: Timing(launches=(), failure=check.failure) for key, check in checks.items() if check.failure}
        timings = failed | timing.of([one for one in asked if one.key not in failed], progress)
    file_accuracy.save(folder / "predictions" / f"{timing.name}.npz", precision_rows.predictions(needed))
    if needed.weights.kind == "train":
        files.copy(needed.weights.folder / "history.json", folder / "histories" / f"{timing.name}.json")
    proved = run_rows.proved(folder.name, needed)
    found = []
    for way in ways:
        known = precision_rows.of(proved[way.framework], needed, way, subjects.failure(needed, way, errors))
        row = timing.row(run_rows.resized(known, needed, way), way, timings)
        found.append(framework_check.noted(row, checks.get(way.key)))
    return found


def _measure_file(model: ModelFile, timing: _Timing, progress: Progress) -> list[Row]:
    """The rows of one file, timed in turns in every way that is there; then its accuracy, where it can be run."""
    row, ways = file_rows.of(timing.folder.name, model), subjects.ways(model, timing.settings)
    share = 0.5 if model.labelled else 1.0
    refused = {way.key: why for way in ways if (why := model.refusal(way.configuration.batch))}
    present = [way for way in timing.present(ways) if way.key not in refused]
    timings = timing.of([subjects.of(model, way) for way in present], lambda done: progress(share * done))
    if not all(timings[way.key].failure for way in present):
        row = _tested(row, model, timing, lambda done: progress(share + (1 - share) * done))
    known = [file_rows.fed(row, model, way) for way in ways]
    return [
        run_rows.skipped(run_rows.placed(row, way.configuration), refused[way.key])
        if way.key in refused
        else timing.row(row, way, timings)
        for row, way in zip(known, ways, strict=True)
    ]


def _tested(row: Row, model: ModelFile, timing: _Timing, progress: Progress) -> Row:
    """The row with the accuracy of the file, if it has labelled data; its predictions are kept."""
    if model.labelled is None:
        return row
    try:
        found = file_accuracy.predictions(model, runtime.threads_available(), progress)
    except HarnessError as error:
        return run_rows.untested(row, error)
    file_accuracy.save(timing.folder / "predictions" / f"{timing.name}.npz", found)
    five = found.get(f"{model.framework}_top5")
    right = accuracy.of(found[model.framework], found["labels"])
    return file_rows.tested(row, model.labelled, right, None if five is None else float(five.mean()))


def _save_outputs(path: Path, inspected: Mapping[str, inspection.Inspection]) -> None:
    """What each subject gave as it was inspected, under "SUBJECT/OUTPUT"."""
    found = {f"{key}/{name}": values for key, one in inspected.items() for name, values in one.outputs.items()}
    if found:
        file_accuracy.save(path, found)


def _save_samples(path: Path, timings: dict[str, Timing]) -> None:
    """The raw samples of a network's subjects, in order: one table, a line a sample."""
    import pandas

    parts = [
        pandas.DataFrame(
            {
                "subject": subject,
                "launch": launch.launch,
                "round": launch.rounds,
                "calls": launch.calls_per_sample,
                "nanoseconds": launch.samples_ns,
            }
        ).astype({"subject": "category", "launch": "int16", "round": "int16", "calls": "int32", "nanoseconds": "int64"})
        for subject, timing in timings.items()
        for launch in timing.launches
    ]
    if not parts:
        return
    table = pandas.concat(parts, ignore_index=True)
    table["subject"] = table["subject"].astype("category")
    files.make_folder(path.parent)
    with files.replacing(path) as unfinished:
        table.to_parquet(unfinished, compression="zstd", index=False)
