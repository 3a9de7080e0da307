"""The rows of .onnx files of the user's: what is known before they are run, what they are fed, how they were tested."""

from collections.abc import Iterator
from dataclasses import replace

from harness import file_counts, model_files, run_rows, subjects
from harness.configurations import Way
from harness.labelled_data import LabelledData
from harness.measurements import Accuracy
from harness.model_files import ModelFile
from harness.rows import Row
from harness.run_folder import Settings


def of(run: str, file: ModelFile) -> Row:
    """What is known of an .onnx file before it is run: its counts, and what made it."""
    ledger, doubt = file_counts.of(file)
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
    ledger, doubt = file_counts.of(file, configuration.image_size)
    macs = ledger.macs if ledger and not doubt else None
    return run_rows.noted(replace(run_rows.untold(row), macs=macs), doubt)


def tested(row: Row, data: LabelledData, found: Accuracy, top5: float | None) -> Row:
    """The row of a file with its accuracy."""
    row = replace(
        row,
        dataset=data.name,
        dataset_digest=data.digest,
        adaptation=data.adaptation,
        top5=top5,
    )
    return run_rows.counted(row, found)


def failed(run: str, file: ModelFile, settings: Settings, error: BaseException) -> Iterator[Row]:
    """A row with the reason for each way in which a file was to be timed."""
    row = Row(
        run=run,
        architecture=file.architecture,
        framework=file.framework,
        precision=file.precision,
        batch=file.batch,
        status="failed",
        reason=run_rows.one_line(error),
        onnx_sha256=file.sha256,
    )
    yield from (run_rows.placed(row, way.configuration) for way in subjects.ways(file, settings))
