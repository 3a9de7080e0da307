"""Measuring the networks of a run: timed in turns, and written down row by row."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

from harness import catalog, cost, files, images, latency, pieces, plan, rows, run_folder
from harness.errors import CannotWriteError, HarnessError, first_line
from harness.measurements import Artifact, Cost, Timing
from harness.plan import Pieces
from harness.rows import Row
from harness.run_folder import Settings

FLOOR = "call floor"
DISAGREEMENT = 0.1  # of the median: above it a row says that its launches disagree


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
            found = list(_failed_rows(folder.name, needed, settings, error))
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
        _timed(
            replace(
                _proved_row(folder.name, needed, framework, artifacts, ledgers), threads=threads, batch=settings.batch
            ),
            timings[subject.key],
            timings[FLOOR],
        )
        for (framework, threads), subject in subjects.items()
    ]


def _proved_row(
    run: str, needed: Pieces, framework: str, artifacts: dict[str, Artifact], ledgers: dict[str, Cost]
) -> Row:
    """What is known of an exported file apart from its latency."""
    accuracy, proof = pieces.accuracies(needed).get(framework), pieces.verdict(needed)
    twin = next(other for other in ledgers if other != framework)
    notes = []
    if proof.blind:
        notes.append("the outputs hardly differ between the images: whether the forms are equivalent cannot be told")
    elif not proof.equivalent:
        notes.append("the four forms of the network are not equivalent")
    if proof.ties:
        notes.append(f"{proof.ties} images are ties within the tolerance")
    return replace(
        _asked_row(run, needed, framework),
        weights=needed.weights.digest,
        macs=ledgers[framework].macs,
        accuracy=accuracy.value if accuracy else None,
        accuracy_low=accuracy.interval[0] if accuracy else None,
        accuracy_high=accuracy.interval[1] if accuracy else None,
        correct=accuracy.correct if accuracy else None,
        total=accuracy.total if accuracy else None,
        equivalence_max_abs=proof.max_abs,
        equivalence_scale=proof.scale,
        equivalence_tolerance=proof.tolerance,
        equivalent=proof.equivalent,
        graph_difference=cost.graph_difference(ledgers[framework], ledgers[twin]),
        status="ok" if proof.equivalent else "cannot tell" if proof.blind else "not equivalent",
        reason=_together(_random(needed), *notes),
        onnx_sha256=artifacts[framework].sha256,
    )


def _asked_row(run: str, needed: Pieces, framework: str) -> Row:
    """What is known of a subject before anything is made: names, data, published figures."""
    request = needed.weights.request
    architecture = request.architecture
    row = Row(
        run=run,
        architecture=architecture.name,
        framework=framework,
        base_weights=plan.base_weights_named(request),
        params=architecture.params,
        reason=_random(needed),
    )
    if needed.untrained:
        return row
    data, published = plan.dataset(request), architecture.published
    comparable = published is not None and data.genuine and (data.name, published.split) == (published.dataset, "test")
    return replace(
        row,
        dataset=data.name,
        dataset_digest=data.digest,
        adaptation=images.adaptation(data, architecture, request.recipe) or None,
        profile=request.profile,
        trained_in=needed.weights.framework,
        training_precision=request.precision,
        published_accuracy=published.accuracy if published and comparable else None,
        published_on=f"{published.dataset} {published.split}" if published and comparable else None,
        published_source=published.source if published and comparable else None,
    )


def _random(needed: Pieces) -> str | None:
    return f"random weights: {needed.untrained}" if needed.untrained else None


def _timed(row: Row, timing: Timing, floor: Timing) -> Row:
    """The row with its latency, or with the reason why it has none."""
    row = replace(row, call_floor_s=None if floor.failure else floor.median_s)
    if timing.failure:
        return replace(row, status="failed", reason=_together(row.reason, timing.failure))
    interval = timing.interval_s or (None, None)
    first = timing.launches[0]
    return replace(
        row,
        provider=first.providers[0],
        threads_in_effect=first.threads_in_effect,
        latency_median_s=timing.median_s,
        latency_low_s=interval[0],
        latency_high_s=interval[1],
        latency_p90_s=timing.percentile_s(90.0),
        latency_p99_s=timing.percentile_s(99.0),
        session_s=timing.session_s,
        first_run_s=timing.first_run_s,
        peak_rss_bytes=timing.peak_rss_bytes,
        launches=len(timing.launches),
        samples=timing.samples,
        calls_per_sample=max(launch.calls_per_sample for launch in timing.launches),
        settled=timing.settled,
        reason=_together(row.reason, *_doubts(row, timing)),
    )


def _doubts(row: Row, timing: Timing) -> Iterator[str]:
    """What a reader must know before believing the latency."""
    restless = sum(not launch.settled for launch in timing.launches)
    if restless:
        yield f"the warm-up found no end in {restless} of {len(timing.launches)} launches"
    medians = sorted(timing.launch_medians_s)
    usual = medians[1:-1] if len(medians) > 3 else medians  # now and then a launch is slow from start to end
    if usual[-1] - usual[0] > DISAGREEMENT * timing.median_s:
        yield f"launches disagree: most medians lie between {usual[0] * 1e6:.1f} and {usual[-1] * 1e6:.1f} µs"
    given = {launch.threads_in_effect for launch in timing.launches if launch.threads_in_effect is not None}
    if given - {row.threads}:
        yield f"asked for {row.threads} threads, {', '.join(map(str, sorted(given)))} were in effect"


def _together(*reasons: str | None) -> str | None:
    return "; ".join(reason for reason in reasons if reason) or None


def _failed_rows(run: str, needed: Pieces, settings: Settings, error: BaseException) -> Iterator[Row]:
    """A row with the reason for everything that was to be measured."""
    for framework in needed.exports:
        for threads in settings.threads:
            row = _asked_row(run, needed, framework)
            yield replace(row, threads=threads, batch=settings.batch, status="failed", reason=_one_line(error))


def _one_line(error: BaseException) -> str:
    return first_line(error) if isinstance(error, HarnessError) else f"{type(error).__name__}: {str(error)[:300]}"


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
