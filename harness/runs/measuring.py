"""Measuring the networks and files of a run: timed in turns, and written down row by row."""

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from harness.errors import CannotWriteError, HarnessError
from harness.machine import files, processors, temporary
from harness.machine.arrays import save_arrays
from harness.measurements import rows, samples
from harness.measurements.providers import Target
from harness.measurements.rows import Row
from harness.measurements.run_folder import RunFolder
from harness.measurements.types import Timing
from harness.pieces.piece import Pieces
from harness.runs import (
    consumption,
    file_accuracy,
    file_rows,
    framework_check,
    places,
    precision_rows,
    run_rows,
    subjects,
)
from harness.runs import (
    folder as run_folder,
)
from harness.runs.folder import Settings
from harness.runs.model_files import ModelFile
from harness.runs.places import Places
from harness.timing import inspection, latency, stopping
from harness.timing.stopping import Aim

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
    table = RunFolder(folder).rows_file
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
        where = places.group(identity, ways, absent)
        if settings.control:
            where = places.controlled(where, latency.save_control(folder / "control.onnx"), ways)
        timing = _Timing(folder=folder, name=name, settings=settings, places=where, seed=seed, aim=aim)
        left -= 1
        found = _rows(one, timing, errors, partial(progress, name))
        rows.append(table, *passes.added(found, ways, partial(subjects.make_subject, one), where.floors))
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
    places: Places
    seed: int
    aim: Aim | None = None

    @property
    def kept(self) -> RunFolder:
        """Where what is measured is kept."""
        return RunFolder(self.folder)

    def of(self, asked: Sequence[latency.Subject], progress: Progress) -> dict[str, Timing]:
        """The timings by subject, in turns with call floors and controls; their raw samples and outputs are kept."""
        beside = self.places.beside
        inspected = inspection.inspect_all([*(one for one in beside if one.target.provider != inspection.CPU), *asked])
        asked = [*beside, *asked] if asked else []
        failed = {key: Timing(launches=(), failure=one.failure) for key, one in inspected.items() if one.failure}
        timed = [subject for subject in asked if subject.key not in failed]
        found = self._measured(timed, progress) if timed else {}
        samples.save(self.kept.samples_file(self.name), found)
        inspection.save_outputs(self.kept.outputs_file(self.name), inspected)
        nodes = {key: one.nodes for key, one in inspected.items()}
        return {key: replace(one, nodes=nodes.get(key, {})) for key, one in found.items()} | failed

    def _measured(self, timed: Sequence[latency.Subject], progress: Progress) -> dict[str, Timing]:
        beside = {one.key for one in self.places.beside}  # as narrow as they happen to be
        effort = self.settings.effort
        return latency.measure(timed, effort, seed=self.seed, aim=self.aim, exempt=beside, progress=progress)


def _measure_network(
    needed: Pieces, timing: _Timing, errors: Mapping[str, BaseException], progress: Progress
) -> list[Row]:
    """The rows of one network, its files timed in turns in every way that is there."""
    folder, ways = timing.folder, subjects.ways(needed, timing.settings)
    present = timing.places.present(ways)
    if not present:  # nothing was made for it either
        return [
            timing.places.row(run_rows.asked(folder.name, needed, way.framework), way, {}, timing.name) for way in ways
        ]
    started = [way for way in present if subjects.startable(needed, way, errors)]
    with temporary.folder() as compiled:  # empty: what compiling takes is told, and once alone
        asked = [
            replace(subjects.make_subject(needed, way), compiled=compiled / str(number))
            for number, way in enumerate(started)
        ]
        checks = framework_check.check_all(needed, zip((way.framework for way in started), asked, strict=True))
        failed = {key: Timing(launches=(), failure=check.failure) for key, check in checks.items() if check.failure}
        timings = failed | timing.of([one for one in asked if one.key not in failed], progress)
    save_arrays(timing.kept.predictions_file(timing.name), precision_rows.predictions(needed))
    if needed.weights.kind == "train":
        files.copy(needed.weights.folder / "history.json", timing.kept.history_file(timing.name))
    proved = run_rows.proved(folder.name, needed)
    found = []
    for way in ways:
        known = precision_rows.complete(proved[way.framework], needed, way, subjects.failure(needed, way, errors))
        row = timing.places.row(run_rows.resized(known, needed, way), way, timings, timing.name)
        found.append(framework_check.noted(row, checks.get(way.key)))
    return found


def _measure_file(model: ModelFile, timing: _Timing, progress: Progress) -> list[Row]:
    """The rows of one file, timed in turns in every way that is there; then its accuracy, where it can be run."""
    row, ways = file_rows.describe(timing.folder.name, model), subjects.ways(model, timing.settings)
    share = 0.5 if model.labelled else 1.0
    present = file_rows.timeable(model, ways, timing.places)
    timings = timing.of([subjects.make_subject(model, way) for way in present], lambda done: progress(share * done))
    if not all(timings[way.key].failure for way in present):
        keep = partial(save_arrays, timing.kept.predictions_file(timing.name))
        run = file_accuracy.here(model, processors.threads_available())
        row = file_rows.with_accuracy(row, model, run, keep, lambda done: progress(share + (1 - share) * done))
    return file_rows.timed(row, model, ways, timing.places, timings, timing.name)
