"""Measuring the networks and files of a run: timed in turns, and written down row by row."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from harness import (
    accuracy,
    cost,
    file_accuracy,
    files,
    latency,
    pieces,
    rows,
    run_folder,
    run_rows,
    runtime,
)
from harness.errors import CannotWriteError, HarnessError
from harness.measurements import Timing
from harness.model_files import ModelFile
from harness.plan import Pieces
from harness.rows import Row
from harness.run_folder import Settings

FLOOR = "call floor"

Progress = Callable[[float], None]


def measure(
    folder: Path,
    measured: Mapping[str, Pieces | ModelFile],
    settings: Settings,
    errors: dict[str, BaseException],
    progress: Callable[[str, float], None],
    finished: Callable[[str], None],
) -> None:
    """Time every network and file that has no rows yet, and write its rows. Needs the machine to itself.

    ``progress`` is told a name and the share of it that is done, ``finished`` that its rows are written.
    """
    table = folder / rows.FILE_NAME
    done = _finished(table, measured, len(settings.threads))
    floor = replace(latency.save_identity(folder / "identity.onnx"), key=FLOOR)
    for number, (name, one) in enumerate(measured.items()):
        if name in done:
            continue
        run_folder.note_moment(folder, name)
        timing = _Timing(folder=folder, name=name, settings=settings, floor=floor, seed=settings.seed * 1000 + number)
        try:
            if isinstance(one, ModelFile):
                found = _measure_file(one, timing, partial(progress, name))
            else:
                _check_made(one, errors)
                found = _measure_network(one, timing, partial(progress, name))
        except CannotWriteError:
            raise
        except Exception as error:  # what could not be measured is a row with the reason, never a hole
            found = _failed(folder.name, one, settings, error)
        rows.append(table, *found)
        finished(name)


def _check_made(needed: Pieces, errors: dict[str, BaseException]) -> None:
    for piece in needed.all:
        if piece.digest in errors:
            raise errors[piece.digest]


def _failed(run: str, one: Pieces | ModelFile, settings: Settings, error: BaseException) -> list[Row]:
    if isinstance(one, ModelFile):
        return list(run_rows.failed_file(run, one, settings, error))
    return list(run_rows.failed(run, one, settings, error))


def _finished(table: Path, measured: Mapping[str, Pieces | ModelFile], thread_counts: int) -> set[str]:
    """What the table has all rows of; rows of the others, and of those that failed, are dropped.

    Raises :class:`HarnessError` where data or code have changed since those rows were measured.
    """
    if not table.is_file() or not table.stat().st_size:
        return set()
    found = rows.read(table)
    keys = {name: _keys(one) for name, one in measured.items()}
    owner = {key: name for name, of_one in keys.items() for key in of_one}
    for row in found:
        one = measured.get(owner.get((row.architecture, row.framework), ""))
        if isinstance(one, Pieces) and row.weights not in (None, one.weights.digest):
            raise HarnessError(
                f"{table.parent} was begun with other data or code for {row.architecture}: its rows would not belong "
                "together. Begin another run."
            )
    counts = Counter(owner.get((row.architecture, row.framework)) for row in found if row.status != "failed")
    whole = {name for name, of_one in keys.items() if counts[name] == len(of_one) * thread_counts}
    kept = [row for row in found if owner.get((row.architecture, row.framework)) in whole]
    if len(kept) != len(found):
        rows.write(table, kept)
    return whole


def _keys(one: Pieces | ModelFile) -> list[tuple[str, str]]:
    """By architecture and framework: the rows that a network or a file has for each thread count."""
    if isinstance(one, ModelFile):
        return [(one.architecture, one.framework)]
    return [(one.weights.request.architecture.name, framework) for framework in one.exports]


@dataclass(frozen=True, kw_only=True)
class _Timing:
    """How the subjects of one network or file are timed."""

    folder: Path
    name: str
    settings: Settings
    floor: latency.Subject
    seed: int

    def of(self, subjects: Sequence[latency.Subject], progress: Progress) -> dict[str, Timing]:
        """The timings by subject, in turns with the call floor; their raw samples are kept."""
        found = latency.measure([self.floor, *subjects], self.settings.effort, seed=self.seed, progress=progress)
        _save_samples(self.folder / "samples" / f"{self.name}.parquet", found)
        return found


def _measure_network(needed: Pieces, timing: _Timing, progress: Progress) -> list[Row]:
    """The rows of one network, its files and thread counts timed in turns."""
    folder, settings, name = timing.folder, timing.settings, timing.name
    artifacts = {framework: pieces.artifact(piece) for framework, piece in needed.exports.items()}
    subjects = {
        (framework, threads): latency.Subject(
            key=f"{framework}, {threads} threads",
            model=artifact.path,
            shapes={"image": (settings.batch, *artifact.input_shape)},
            threads=threads,
        )
        for framework, artifact in artifacts.items()
        for threads in settings.threads
    }
    timings = timing.of(list(subjects.values()), progress)
    files.copy(needed.prove.folder / "predictions.npz", folder / "predictions" / f"{name}.npz")
    if needed.weights.kind == "train":
        files.copy(needed.weights.folder / "history.json", folder / "histories" / f"{name}.json")
    ledgers = {framework: cost.ledger(artifact.path) for framework, artifact in artifacts.items()}
    proved = {
        framework: replace(run_rows.proved(folder.name, needed, framework, artifacts, ledgers), batch=settings.batch)
        for framework in artifacts
    }
    return [
        run_rows.timed(replace(proved[framework], threads=threads), timings[subject.key], timings[FLOOR])
        for (framework, threads), subject in subjects.items()
    ]


def _measure_file(model: ModelFile, timing: _Timing, progress: Progress) -> list[Row]:
    """The rows of one file, its thread counts timed in turns; then its accuracy, where it can be run."""
    row = run_rows.of_file(timing.folder.name, model)
    subjects = {
        threads: file_accuracy.subject(model, f"{model.framework}, {threads} threads", threads)
        for threads in timing.settings.threads
    }
    share = 0.5 if model.labelled else 1.0
    timings = timing.of(list(subjects.values()), lambda done: progress(share * done))
    if not all(timings[subject.key].failure for subject in subjects.values()):
        row = _tested(row, model, timing, lambda done: progress(share + (1 - share) * done))
    return [
        run_rows.timed(replace(row, threads=threads), timings[subject.key], timings[FLOOR])
        for threads, subject in subjects.items()
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
    return run_rows.tested(row, model.labelled, right, None if five is None else float(five.mean()))


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
