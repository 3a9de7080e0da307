"""The rows of a run: what was asked for, what was proved of a file, how long it took, or why it could not be told."""

from collections.abc import Iterator
from dataclasses import replace

from harness import cost, images, pieces, plan
from harness.errors import HarnessError, first_line
from harness.measurements import Artifact, Cost, Timing
from harness.plan import Pieces
from harness.rows import Row
from harness.run_folder import Settings

DISAGREEMENT = 0.1  # of the median: above it a row says that its launches disagree


def proved(run: str, needed: Pieces, framework: str, artifacts: dict[str, Artifact], ledgers: dict[str, Cost]) -> Row:
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
        asked(run, needed, framework),
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


def asked(run: str, needed: Pieces, framework: str) -> Row:
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


def timed(row: Row, timing: Timing, floor: Timing) -> Row:
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


def failed(run: str, needed: Pieces, settings: Settings, error: BaseException) -> Iterator[Row]:
    """A row with the reason for everything that was to be measured."""
    for framework in needed.exports:
        for threads in settings.threads:
            row = asked(run, needed, framework)
            yield replace(row, threads=threads, batch=settings.batch, status="failed", reason=_one_line(error))


def _one_line(error: BaseException) -> str:
    return first_line(error) if isinstance(error, HarnessError) else f"{type(error).__name__}: {str(error)[:300]}"
