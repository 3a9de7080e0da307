"""The rows of files in a lower precision: what each has of its own, beside what its network has."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from numpy.typing import NDArray

from harness.cost import ledger as cost
from harness.measurements import answers, paired
from harness.measurements.configurations import Way
from harness.measurements.rows import Row
from harness.measurements.subject_key import FLOAT32
from harness.measurements.types import Artifact
from harness.pieces import layer_losses, results
from harness.pieces.makers import compare
from harness.pieces.makers.compare import Deviation
from harness.pieces.piece import Pieces
from harness.runs import run_rows

Predictions = dict[str, NDArray[Any]]


CPU = "cpu"  # the provider that files are compared on
# Of the float32 file alone. No bound would say when a lower precision is close enough.
UNTOLD = (
    *("equivalence_max_abs", "equivalence_scale", "equivalence_tolerance", "equivalent", "graph_difference"),
    *("accuracy", "accuracy_low", "accuracy_high", "correct", "total", "top5", "macs"),
    *("file_bytes", "stored_bytes", "operators", "onnx_sha256"),
)


def complete(row: Row, needed: Pieces, way: Way, failure: BaseException | None) -> Row:
    """The row of a network's file, in the precision of this way.

    ``failure`` is why the file is not there, or could not be compared on the CPU: of a file that is there, another
    provider may still be timed.
    """
    key = way.framework, way.configuration.precision
    if way.configuration.precision == FLOAT32:
        return row
    row = replace(row, precision=way.configuration.precision, **dict.fromkeys(UNTOLD))  # type: ignore[arg-type]
    if not needed.converted[key].made:
        assert failure is not None
        return replace(row, status="failed", reason=run_rows.one_line(failure))
    artifact = results.artifact(needed.converted[key])
    row = _counted(row, artifact)
    if failure is not None and way.configuration.target.provider == CPU:
        return run_rows.noted(replace(row, status="failed"), run_rows.one_line(failure))
    if failure is not None:
        return run_rows.untested(row, failure)
    return _compared(row, needed, way, compare.deviation(needed.compared[key]))


def predictions(needed: Pieces) -> Predictions:
    """What every file of a network takes each test image for, those of lower precisions included."""
    found = results.predictions(needed)
    for compared in needed.compared.values():
        if compared.made:
            found |= compare.predictions(compared)
    return found


def _counted(row: Row, artifact: Artifact) -> Row:
    """The row with the size and the operations of the file."""
    ledger = cost.ledger(artifact.path)
    unknown = ledger.unknown_operators
    notes = [f"calibrated on {artifact.metadata['calibration']}"] if "calibration" in artifact.metadata else []
    if fault := artifact.metadata.get(layer_losses.FAULT):
        row, notes = replace(row, status="not equivalent"), [fault, *notes]
    if unknown:
        notes.append(f"MACs not counted, for {', '.join(unknown)}: {next(iter(unknown.values()))}")
    row = replace(
        run_rows.of_graph(row, ledger),
        macs=ledger.macs,
        file_bytes=artifact.path.stat().st_size,
        onnx_sha256=artifact.sha256,
    )
    return run_rows.noted(row, *notes)


def _compared(row: Row, needed: Pieces, way: Way, found: Deviation) -> Row:
    """The row with how far the file is from the float32 one, in logits and in right answers."""
    notes = list(_notes(row, way, found))
    row = run_rows.noted(replace(row, equivalence_max_abs=found.max_abs, equivalence_scale=found.scale), *notes)
    if found.not_finite:
        told = f"no accuracy: {found.not_finite} of {found.images} images give no finite numbers"
        return run_rows.noted(replace(row, status="not finite"), told)
    lower = compare.predictions(needed.compared[way.framework, row.precision])
    return _tested(row, results.predictions(needed), lower)


def _notes(row: Row, way: Way, found: Deviation) -> Iterator[str]:
    """What onnxruntime makes of the file on the CPU, where that is not the arithmetic that was asked for."""
    if way.configuration.target.provider != CPU:
        return
    others = {kind: count for kind, count in found.multiplied_in.items() if not _is(kind, row.precision)}
    if others:
        told = " and ".join(f"{count} in {kind}" for kind, count in sorted(others.items()))
        total = sum(found.multiplied_in.values())
        casts = f", between {found.casts} more casts than the file has" if found.casts > 0 else ""
        yield f"of {total} convolutions and matrix products the CPU's provider computes {told}{casts}"


def _is(kind: str, precision: str) -> bool:
    return kind.removeprefix("u") == precision


def _tested(row: Row, single: Predictions, lower: Predictions) -> Row:
    """The row with the accuracy of the file, image by image beside that of the float32 file."""
    name = compare.name(row.framework, row.precision)
    if "labels" not in single:
        return row
    labels = single["labels"]
    before, after = single[row.framework] == labels, lower[name] == labels
    gained, lost = int((after & ~before).sum()), int((before & ~after).sum())
    five = lower.get(f"{name}_top5")
    row = replace(
        row,
        gained=gained,
        lost=lost,
        mcnemar_p=paired.mcnemar(gained, lost),
        top5=None if five is None else float(five.mean()),
    )
    return run_rows.counted(row, answers.measure_accuracy(lower[name], labels))
