"""Measuring the networks of a run: timed in turns, and written down row by row."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from harness import catalog, cost, files, latency, pieces, rows, run_folder, run_rows
from harness.errors import CannotWriteError, HarnessError
from harness.measurements import Timing
from harness.plan import Pieces
from harness.rows import Row
from harness.run_folder import Settings

FLOOR = "call floor"


def measure(
    folder: Path,
    pieces_of: dict[str, Pieces],
    settings: Settings,
    errors: dict[str, BaseException],
    progress: Callable[[str, float], None],
    finished: Callable[[str], None],
) -> None:
    """Time every network that has no rows yet, and write its rows. Needs the machine to itself.

    ``progress`` is told a network and the share of it that is done, ``finished`` that its rows are written.
    """
    table = folder / rows.FILE_NAME
    done = _finished(table, pieces_of, len(settings.threads))
    floor = replace(latency.save_identity(folder / "identity.onnx"), key=FLOOR)
    for number, (name, needed) in enumerate(pieces_of.items()):
        if name in done:
            continue
        run_folder.note_moment(folder, name)
        try:
            for piece in needed.all:
                if piece.digest in errors:
                    raise errors[piece.digest]
            found = _measure_one(folder, needed, settings, floor, number, partial(progress, name))
        except CannotWriteError:
            raise
        except Exception as error:  # what could not be measured is a row with the reason, never a hole
            found = list(run_rows.failed(folder.name, needed, settings, error))
        rows.append(table, *found)
        finished(name)


def _finished(table: Path, pieces_of: dict[str, Pieces], thread_counts: int) -> set[str]:
    """The networks that the table has all rows of; rows of the others, and of those that failed, are dropped.

    Raises :class:`HarnessError` where data or code have changed since those rows were measured.
    """
    if not table.is_file() or not table.stat().st_size:
        return set()
    found = rows.read(table)
    for row in found:
        if row.weights is not None and row.weights != pieces_of[row.architecture].weights.digest:
            raise HarnessError(
                f"{table.parent} was begun with other data or code for {row.architecture}: its rows would not belong "
                "together. Begin another run."
            )
    counts = Counter(row.architecture for row in found if row.status != "failed")
    whole = {name for name, count in counts.items() if count == len(catalog.FRAMEWORKS) * thread_counts}
    if whole != {row.architecture for row in found}:
        rows.write(table, [row for row in found if row.architecture in whole])
    return whole


def _measure_one(
    folder: Path,
    needed: Pieces,
    settings: Settings,
    floor: latency.Subject,
    number: int,
    progress: Callable[[float], None],
) -> list[Row]:
    """The rows of one network, its files and thread counts timed in turns with the call floor."""
    name = needed.weights.request.architecture.name
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
    timings = latency.measure(
        [floor, *subjects.values()], settings.effort, seed=settings.seed * 1000 + number, progress=progress
    )
    _save_samples(folder / "samples" / f"{name}.parquet", timings)
    files.copy(needed.prove.folder / "predictions.npz", folder / "predictions" / f"{name}.npz")
    if not needed.untrained:
        files.copy(needed.weights.folder / "history.json", folder / "histories" / f"{name}.json")
    ledgers = {framework: cost.ledger(artifact.path) for framework, artifact in artifacts.items()}
    return [
        run_rows.timed(
            replace(
                run_rows.proved(folder.name, needed, framework, artifacts, ledgers),
                threads=threads,
                batch=settings.batch,
            ),
            timings[subject.key],
            timings[FLOOR],
        )
        for (framework, threads), subject in subjects.items()
    ]


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
