"""The rows of a run: what was asked for, what was proved of a file, how long it took, or why it could not be told."""

from collections.abc import Iterator
from dataclasses import replace

from harness.cost import ledger as cost
from harness.data import imagenet, images
from harness.errors import HarnessError, first_line
from harness.measurements import doubts, node_counts, runtimes
from harness.measurements.configurations import Configuration, Way
from harness.measurements.rows import Row
from harness.measurements.subject_key import FLOAT32, ONNXRUNTIME
from harness.measurements.types import Accuracy, Artifact, Cost, Timing
from harness.networks.architecture import Architecture
from harness.pieces import artifacts, plan, results
from harness.pieces.piece import Pieces
from harness.pieces.request import Request
from harness.timing import node_providers

# By the proof's verdict: what a row says.
EQUIVALENT = {"yes": True, "no": False, "cannot tell": None}
CHANGED = "the optimiser changes the function"
STATUSES = {"yes": "ok", "no": "not equivalent", "cannot tell": "cannot tell"}


def proved(run: str, needed: Pieces) -> dict[str, Row]:
    """What is known of each exported file apart from its latency, by framework."""
    files = {framework: results.artifact(piece) for framework, piece in needed.exports.items()}
    ledgers = {framework: cost.ledger(file.path) for framework, file in files.items()}
    return {
        framework: replace(
            of_graph(_proved(run, needed, file, ledgers), ledgers[framework]),
            onnx_sha256=file.sha256,
            exporter=file.metadata.get("exporter"),
            file_bytes=file.path.stat().st_size,
        )
        for framework, file in files.items()
    }


def _proved(run: str, needed: Pieces, file: Artifact, ledgers: dict[str, Cost]) -> Row:
    framework = file.framework
    accuracy, proof = results.accuracies(needed).get(framework), results.verdict(needed)
    twin = next((other for other in ledgers if other != framework), None)
    notes = [*proof.notes]
    if proof.doubt:
        notes.insert(0, f"whether the forms are equivalent cannot be told: {proof.doubt}")
    elif proof.difference:
        notes.insert(0, f"the forms of the network are not equivalent: {proof.difference}")
    elif proof.optimiser:
        notes.insert(0, proof.optimiser)
    if ledgers[framework].macs not in (None, needed.weights.request.architecture.macs):
        notes.append(f"its facts say {needed.weights.request.architecture.macs} MACs")
    if proof.ties:
        notes.append(f"{proof.ties} images are ties within the tolerance")
    if explained := file.metadata.get(artifacts.EXPORTER_REASON):
        notes.append(f"the exporter is {file.metadata['exporter']}, since {explained}")
    row = replace(
        asked(run, needed, framework),
        weights=needed.weights.digest,
        macs=ledgers[framework].macs,
        top5=results.top5(needed).get(framework),
        equivalence_max_abs=proof.max_abs,
        equivalence_scale=proof.scale,
        equivalence_tolerance=proof.tolerance,
        equivalent=EQUIVALENT[proof.verdict],
        graph_difference=cost.graph_difference(ledgers[framework], ledgers[twin]) if twin else None,
        status=CHANGED if framework in proof.changed else STATUSES[proof.verdict],
        reason=_together(_weights_note(needed), *notes),
    )
    return counted(row, accuracy) if accuracy else row


def of_graph(row: Row, ledger: Cost) -> Row:
    """The row with what the file's graph holds."""
    return replace(row, stored_bytes=ledger.stored_bytes, operators=node_counts.listed(ledger.operators))


def counted(row: Row, found: Accuracy) -> Row:
    """The row with an accuracy, as it was counted."""
    low, high = found.interval
    return replace(
        row,
        accuracy=found.value,
        accuracy_low=low,
        accuracy_high=high,
        correct=found.correct,
        total=found.total,
    )


def resized(row: Row, needed: Pieces, way: Way) -> Row:
    """The row of a file that is fed images of another size: its costs are others, and its accuracy is not told."""
    size = way.configuration.image_size
    if row.status == "failed" or size in (None, needed.weights.request.architecture.input_shape[:2]):
        return row
    artifact = results.artifact_in(needed, way.framework, way.configuration.precision)
    try:
        macs, doubt = cost.ledger(artifact.path, {artifacts.INPUT: (1, *artifact.sized(size))}).macs, None
    except HarnessError as error:  # images that are too small: the other sizes stand
        macs, doubt = None, first_line(error).removeprefix(f"{artifact.path}: ")
    return replace(untold(row), macs=macs, reason=_together(row.reason, doubt))


def untold(row: Row) -> Row:
    """The row without the accuracies, which are those of images of another size."""
    of_images = ("accuracy", "accuracy_low", "accuracy_high", "correct", "total", "top5", "mcnemar_p", "gained", "lost")
    published = ("published_accuracy", "published_on", "published_source")
    return replace(row, **dict.fromkeys((*of_images, *published)))  # type: ignore[arg-type]


def asked(run: str, needed: Pieces, framework: str) -> Row:
    """What is known of a subject before anything is made: names, data, published figures."""
    request = needed.weights.request
    architecture = request.architecture
    row = Row(
        run=run,
        architecture=architecture.name,
        framework=framework,
        base_weights=plan.origin(needed.weights),
        params=architecture.params,
        input_shape="x".join(map(str, architecture.input_shape)),
        reason=_weights_note(needed),
    )
    if needed.weights.kind == "train":
        return _trained(row, needed)
    return _on_imagenet(row, request) if request.validation else row


def _trained(row: Row, needed: Pieces) -> Row:
    """The row with what it was trained on, and is tested on."""
    request = needed.weights.request
    row = replace(
        row,
        dataset=request.dataset.name,
        dataset_digest=request.dataset.digest,
        adaptation=images.adaptation(request.dataset, request.architecture, request.recipe) or None,
        profile=request.described_profile,
        trained_in=needed.weights.framework,
        training_precision=request.precision,
    )
    return _beside_published(row, request.architecture, "test") if request.dataset.genuine else row


def _on_imagenet(row: Row, request: Request) -> Row:
    """The row with the images that imported weights are tested on, and what was done to them."""
    assert request.validation is not None
    assert request.imported is not None
    row = replace(
        row,
        dataset="imagenet",
        dataset_digest=request.validation.digest,
        adaptation=request.imported.preprocessing.described,
    )
    whole = request.validation.whole
    return _beside_published(row, request.architecture, "ImageNet val, central crop") if whole else row


def _beside_published(row: Row, architecture: Architecture, split: str) -> Row:
    """The row with the published accuracy, where that is of the same data set and split."""
    published = architecture.published
    if published is None or (published.dataset, published.split) != (row.dataset, split):
        return row
    return replace(
        row,
        published_accuracy=published.accuracy,
        published_on=f"{published.dataset} {published.split}",
        published_source=published.source,
    )


def _weights_note(needed: Pieces) -> str | None:
    """What a reader must know of the weights."""
    if needed.weights.kind == "import" and needed.weights.request.validation is None:
        return f"accuracy not measured: name ImageNet's validation images by --data {imagenet.PREFIX}DIR"
    return f"random weights: {needed.untrained}" if needed.untrained else None


def placed(row: Row, configuration: Configuration) -> Row:
    """The row of a file as it is timed in one of the run's ways."""
    target = configuration.target
    own = configuration.runtime != ONNXRUNTIME
    return replace(
        row,
        onnx_sha256=None if own else row.onnx_sha256,
        file_bytes=None if own else row.file_bytes,
        stored_bytes=None if own else row.stored_bytes,
        operators=None if own else row.operators,
        runtime=configuration.runtime,
        precision=row.precision if configuration.precision == FLOAT32 else configuration.precision,
        threads=configuration.threads,
        device=target.device,
        provider=None if own else target.name,
        options=runtimes.options(configuration.runtime) if own else _told(configuration),
        batch=configuration.batch,
        input_shape=_sized(row.input_shape, configuration.image_size),
    )


def _told(configuration: Configuration) -> str | None:
    """What the provider and the session were told."""
    return ", ".join(filter(None, (configuration.target.described, configuration.session.described))) or None


def _sized(shape: str | None, size: tuple[int, int] | None) -> str | None:
    """The shape of an image, HxWxC, at another height and width."""
    return shape if shape is None or size is None else "x".join(map(str, (*size, shape.split("x")[-1])))


def skipped(row: Row, why: str) -> Row:
    """The row of what cannot be timed here, whatever the file."""
    return replace(row, status="skipped", reason=_together(why.removesuffix("."), row.reason))


def timed(row: Row, timing: Timing, floor: Timing, control: Timing | None = None) -> Row:
    """The row with its latency, or with the reason why it has none."""
    row = replace(row, call_floor_s=_median(floor), control_s=_median(control) if control else None)
    if timing.failure:
        count = len(timing.launches)
        before = f"no number, though {count} launch{'es' if count > 1 else ''} before it succeeded" if count else None
        of_batch = f"in a batch of {row.batch}: " if row.batch > 1 else ""
        return replace(row, status="failed", reason=_together(row.reason, of_batch + timing.failure, before))
    interval = timing.interval_s or (None, None)
    first = timing.launches[0]
    by_provider = {provider: sum(operators.values()) for provider, operators in timing.nodes.items()}
    return replace(
        row,
        optimised_operators=node_counts.listed(node_providers.operators(timing.nodes)) or None,
        node_providers=node_counts.listed(by_provider) or None,
        threads_in_effect=first.threads_in_effect,
        latency_median_s=timing.median_s,
        latency_low_s=interval[0],
        latency_high_s=interval[1],
        latency_p90_s=timing.percentile_s(90.0),
        latency_p99_s=timing.percentile_s(99.0),
        latency_p90_missing=timing.percentile_missing(90.0),
        latency_p99_missing=timing.percentile_missing(99.0),
        session_s=timing.session_s,
        first_run_s=timing.first_run_s,
        warm_up_s=timing.warm_up_s,
        upload_s=timing.upload_s,
        download_s=timing.download_s,
        launches=len(timing.launches),
        samples=timing.samples,
        calls_per_sample=max(launch.calls_per_sample for launch in timing.launches),
        settled=timing.settled,
        reason=_together(row.reason, *_doubts(row, timing)),
    )


def _median(timing: Timing) -> float | None:
    return None if timing.failure else timing.median_s


def _doubts(row: Row, timing: Timing) -> Iterator[str]:
    """What a reader must know before believing the latency."""
    if row.provider and (fallback := node_providers.fallback(timing.nodes, row.provider)):
        yield fallback
    if timing.shortfall:
        yield timing.shortfall
    yield from doubts.doubts(timing)
    given = {launch.threads_in_effect for launch in timing.launches if launch.threads_in_effect is not None}
    if given - {row.threads}:
        yield f"asked for {row.threads} threads, {', '.join(map(str, sorted(given)))} were in effect"


def _together(*reasons: str | None) -> str | None:
    return "; ".join(reason for reason in reasons if reason) or None


def noted(row: Row, *notes: str | None) -> Row:
    """The row with more that a reader must know."""
    return replace(row, reason=_together(row.reason, *notes))


def one_line(error: BaseException) -> str:
    """What went wrong, for a row."""
    return first_line(error) if isinstance(error, HarnessError) else f"{type(error).__name__}: {str(error)[:300]}"


def untested(row: Row, error: BaseException) -> Row:
    """The row of a file whose accuracy was asked for and could not be told."""
    return replace(row, status="failed", reason=_together(row.reason, f"no accuracy: {one_line(error)}"))
