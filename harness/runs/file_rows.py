"""The rows of .onnx files of the user's: what is known before they are run, what they are fed, how they were tested."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from harness.errors import HarnessError
from harness.measurements import answers
from harness.measurements.configurations import Way
from harness.measurements.rows import Row
from harness.measurements.types import Timing
from harness.runs import file_accuracy, file_counts, model_files, run_rows
from harness.runs.file_accuracy import Predictions, Run
from harness.runs.labelled_data import LabelledData
from harness.runs.model_files import ModelFile
from harness.runs.places import Places


def describe(run: str, file: ModelFile) -> Row:
    """What is known of an .onnx file before it is run: its counts, and what made it."""
    ledger, doubt = file_counts.count(file)
    row = Row(
        run=run,
        architecture=file.architecture,
        framework=file.framework,
        params=ledger.params if ledger else None,
        macs=ledger.macs if ledger and not doubt else None,
        precision=file.precision,
        input_shape="x".join(map(str, file.image_shape)) if file.image_shape else None,
        file_bytes=model_files.size(file.path),
        batch=file.batch,
        onnx_sha256=file.sha256,
    )
    row = run_rows.of_graph(row, ledger) if ledger else row
    return run_rows.noted(row, f"made by {file.producer}" if file.producer else None, doubt)


def fed(row: Row, file: ModelFile, way: Way) -> Row:
    """The row of a file with what it is fed in one way; of images of another size without its accuracy."""
    configuration = way.configuration
    now = file.sized(configuration.batch, configuration.image_size)
    row = run_rows.noted(replace(row, reason=now.described), row.reason)
    if now.image_shape == file.image_shape:
        return row
    ledger, doubt = file_counts.count(file, configuration.image_size)
    macs = ledger.macs if ledger and not doubt else None
    return run_rows.noted(replace(run_rows.untold(row), macs=macs), doubt)


def timeable(file: ModelFile, ways: Sequence[Way], places: Places) -> list[Way]:
    """The ways whose target is there, and whose batch the file can be fed."""
    return [way for way in places.present(ways) if not file.refusal(way.configuration.batch)]


def timed(
    row: Row, file: ModelFile, ways: Sequence[Way], places: Places, timings: Mapping[str, Timing], kept: str
) -> dict[Way, Row]:
    """The row of a file in each way, with what was found when it was timed, or why it was not.

    ``kept`` is the name under which its samples are.
    """
    found = {}
    for way in ways:
        known, refused = fed(row, file, way), file.refusal(way.configuration.batch)
        placed = run_rows.placed(known, way.configuration)
        found[way] = run_rows.skipped(placed, refused) if refused else places.row(known, way, timings, kept)
    return found


def with_accuracy(
    row: Row, file: ModelFile, run: Run, keep: Callable[[Predictions], None], progress: Callable[[float], None]
) -> Row:
    """The row with the accuracy of the file, if it has labelled data; ``keep`` is given its predictions."""
    if file.labelled is None:
        return row
    try:
        found = file_accuracy.predictions(file, run, progress)
    except HarnessError as error:
        return run_rows.untested(row, error)
    keep(found)
    row = _tested_on(row, file.labelled)
    finite = found.get(f"{file.framework}{file_accuracy.FINITE}")
    if finite is not None:
        told = f"no accuracy: {int((~finite).sum())} of {len(finite)} examples give no finite numbers"
        return run_rows.noted(replace(row, status="not finite"), told)
    five = found.get(f"{file.framework}_top5")
    row = replace(row, top5=None if five is None else float(five.mean()))
    return run_rows.counted(row, answers.measure_accuracy(found[file.framework], found["labels"]))


def _tested_on(row: Row, data: LabelledData) -> Row:
    """The row of a file with the data that its accuracy is of."""
    return replace(row, dataset=data.name, dataset_digest=data.digest, adaptation=data.adaptation)
