"""What a row cannot hold, whatever was measured: a time of 0, a share above 1, a number that is none."""

import math
import re
from collections.abc import Iterator
from dataclasses import fields

from harness.measurements.rows import Row

NEEDED = ("run", "architecture", "framework", "runtime", "device", "precision", "batch", "status")
SHARES = ("accuracy", "accuracy_low", "accuracy_high", "top5", "published_accuracy", "mcnemar_p")
# Zero is no figure of these: nothing takes no time, and nothing is counted of nothing.
ABOVE_ZERO = (
    *("latency_median_s", "latency_low_s", "latency_high_s", "latency_p90_s", "latency_p99_s", "call_floor_s"),
    *("control_s", "session_s", "first_run_s", "energy_j", "peak_rss_bytes", "baseline_rss_bytes", "file_bytes"),
    *("batch", "threads", "threads_in_effect", "launches", "samples", "calls_per_sample", "total", "rows_in_run"),
)
# A run may find these to be no number: the forms of a network then differ in them.
MAY_BE_NAN = (
    *("equivalence_max_abs", "equivalence_scale", "equivalence_tolerance"),
    *("output_max_abs", "opinion_max_abs"),
)
SHAPE = re.compile(r"\d{1,6}(x\d{1,6})*")  # of an input, as HxWxC


def faults(row: Row) -> Iterator[str]:
    """In words, each value that cannot be."""
    yield from (f"it has no {name}" for name in NEEDED if getattr(row, name) is None)
    for field in fields(row):
        value = getattr(row, field.name)
        if isinstance(value, int | float) and not isinstance(value, bool) and (told := _expected(field.name, value)):
            yield f"{field.name} is {value}: expected {told}"
    if row.input_shape is not None and not SHAPE.fullmatch(row.input_shape):
        yield f"input_shape is {row.input_shape}: expected sizes like 28x28x1"
    if row.correct is not None and row.total is not None and row.correct > row.total:
        yield f"correct is {row.correct}: expected no more than all {row.total}"
    if row.total is not None and (row.gained or 0) + (row.lost or 0) > row.total:
        yield f"gained and lost are {row.gained} and {row.lost}: expected no more than all {row.total}"


def _expected(name: str, value: float) -> str:
    """What a number must be that is not; empty if it can be so."""
    if not math.isfinite(value):
        return "" if name in MAY_BE_NAN and not value < 0 else "a finite number"
    if name in SHARES and not 0 <= value <= 1:
        return "a share between 0 and 1"
    if name in ABOVE_ZERO and value <= 0:
        return "more than 0"
    return "a number that is not negative" if value < 0 else ""
