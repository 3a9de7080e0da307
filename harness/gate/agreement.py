"""Whether the figures of a run's rows are those of its samples and predictions: else they are of several runs."""

import math
import statistics

from harness.errors import RunFileError
from harness.measurements.kept_samples import KeptSamples
from harness.measurements.rows import Row
from harness.measurements.run_folder import RunFolder

TOLERANCE = 1e-6  # of a time, relative: samples are whole nanoseconds


def check(row: Row, folder: RunFolder, samples: KeptSamples) -> None:
    """Raise :class:`RunFileError` if a figure is not what the files beside the row give; what is not kept says nothing.

    The median of a latency is that of its launches' medians, and the right answers are counted again.
    """
    _check_latency(row, folder, samples.launches_of(row))
    _check_answers(row, folder)


def _check_latency(row: Row, folder: RunFolder, launches: list[float]) -> None:
    if row.latency_median_s is None or not launches:
        return
    median_s = statistics.median(launches) / 1e9
    if not math.isclose(row.latency_median_s, median_s, rel_tol=TOLERANCE):
        raise _torn(row, folder, f"latency_median_s is {row.latency_median_s:.6g}, its samples give {median_s:.6g}")
    if row.launches is not None and row.launches != len(launches):
        raise _torn(row, folder, f"launches is {row.launches}, its samples have {len(launches)}")


def _check_answers(row: Row, folder: RunFolder) -> None:
    if row.accuracy is None or row.total is None or row.correct is None:
        return
    if not math.isclose(row.accuracy, row.correct / row.total, abs_tol=TOLERANCE):
        raise _torn(row, folder, f"accuracy is {row.accuracy:g}, and {row.correct} of {row.total} are right")
    found = folder.predictions(row.kept_as[0])
    key = next((name for name in (f"{row.framework}_{row.precision}", row.framework) if name in found), "")
    if not key or "labels" not in found:
        return
    predicted, labels = found[key], found["labels"]
    right = int((predicted == labels).sum()) if predicted.shape == labels.shape else -1
    if (right, labels.size) != (row.correct, row.total):
        told = f"{right} of {labels.size}" if right >= 0 else f"{predicted.shape} answers for {labels.shape} labels"
        raise _torn(row, folder, f"{row.correct} of {row.total} are right, its predictions give {told}")


def _torn(row: Row, folder: RunFolder, told: str) -> RunFileError:
    return RunFileError(
        f"{folder.path}: {row.architecture}, {row.subject.text}: {told}: they are not of one run, or were changed. "
        "Take the folder as it was measured, or measure again."
    )
