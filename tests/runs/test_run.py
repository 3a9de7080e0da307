"""What a row says of a latency that is not to be trusted."""

import pytest

from harness.measurements.rows import Row
from harness.measurements.types import Launch, Timing
from harness.runs import run_rows

FLOOR = Timing(launches=(), failure="none")
ROW = Row(run="r", architecture="a", framework="torch", threads=2)


def timing(*medians_us: float, settled: bool = True, threads: int = 2, failure: str = "") -> Timing:
    return Timing(
        launches=tuple(
            Launch(
                launch=number,
                calls_per_sample=1,
                samples_ns=(round(median * 1000),) * 100,
                rounds=(0,) * 100,
                settled=settled,
                session_s=0.1,
                first_run_s=0.01,
                threads_in_effect=threads,
                providers=("CPUExecutionProvider",),
            )
            for number, median in enumerate(medians_us)
        ),
        failure=failure,
    )


def reason(found: Timing) -> str:
    return run_rows.timed(ROW, found, FLOOR).reason or ""


def test_a_steady_latency_has_no_reason() -> None:
    row = run_rows.timed(ROW, timing(*[50.0] * 9, 80.0), FLOOR)
    assert row.reason is None, "one slow launch of ten is left out"
    assert (row.status, row.samples, row.launches) == ("ok", 1000, 10)
    assert row.latency_median_s == pytest.approx(50e-6)
    assert row.call_floor_s is None


def test_doubts_are_named() -> None:
    assert "launches disagree" in reason(timing(*[35.0] * 5, *[67.0] * 5))
    assert "no end in 10 of 10 launches" in reason(timing(*[50.0] * 10, settled=False))
    assert "asked for 2 threads, 1 were in effect" in reason(timing(*[50.0] * 10, threads=1))
    assert reason(timing(50.0)) == reason(timing(50.0, 50.1, 50.2)) == ""


def test_a_failure_shows_no_number_of_the_launches_before_it() -> None:
    row = run_rows.timed(ROW, timing(50.0, 50.0, failure="the worker process ended with signal 9"), FLOOR)
    assert (row.status, row.latency_median_s) == ("failed", None)
    assert "signal 9" in (row.reason or "")
