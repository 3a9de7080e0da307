"""The figures of a run as the trackers of benchmarks read them, which keep a history from commit to commit.

Formats: the Bencher Metric Format (https://bencher.dev/docs/reference/bencher-metric-format/), and the JSON of
github-action-benchmark for figures of which less is better ("customSmallerIsBetter").
"""

import json
from collections import Counter
from collections.abc import Iterator, Sequence

from harness.measurements.rows import Row
from harness.report.tables import plain

FORMATS = ("bencher", "github-action-benchmark")


def written(found: Sequence[Row], format: str) -> str:  # noqa: A002
    """The rows that were measured, in one of :data:`FORMATS`."""
    return json.dumps(_bencher(found) if format == "bencher" else _github_action_benchmark(found), indent=1)


def _bencher(found: Sequence[Row]) -> dict[str, dict[str, dict[str, float]]]:
    """By subject and measure: latencies in nanoseconds, accuracies as shares of 1, sizes in bytes."""
    return {name: measures for name, row in _named(found) if (measures := dict(_measures(row)))}


def _measures(row: Row) -> Iterator[tuple[str, dict[str, float]]]:
    if row.latency_median_s is not None:
        yield (
            "latency",
            _metric(*(_ns(value) for value in (row.latency_median_s, row.latency_low_s, row.latency_high_s))),
        )
    if row.accuracy is not None:
        yield "accuracy", _metric(row.accuracy, row.accuracy_low, row.accuracy_high)
    if row.file_bytes is not None:
        yield "file-size", _metric(row.file_bytes)


def _metric(value: float | None, low: float | None = None, high: float | None = None) -> dict[str, float]:
    told = {"value": value, "lower_value": low, "upper_value": high}
    return {name: number for name, number in told.items() if number is not None}


def _github_action_benchmark(found: Sequence[Row]) -> list[dict[str, object]]:
    """Latencies and sizes alone: of an accuracy more is better."""
    lines: list[dict[str, object]] = []
    for name, row in _named(found):
        if row.latency_median_s is not None:
            line: dict[str, object] = {"name": f"{name}, latency", "unit": "ns", "value": _ns(row.latency_median_s)}
            if row.latency_low_s is not None and row.latency_high_s is not None:
                line["range"] = f"{_ns(row.latency_low_s)} to {_ns(row.latency_high_s)}"
            lines.append(line)
        if row.file_bytes is not None:
            lines.append({"name": f"{name}, file size", "unit": "bytes", "value": row.file_bytes})
    return lines


def _named(found: Sequence[Row]) -> Iterator[tuple[str, Row]]:
    """The rows by a name that no other has, and that is the same in each run."""
    usual = Counter(_name(row) for row in found)
    seen: Counter[str] = Counter()
    for row in found:
        name = _name(row)
        if usual[name] > 1:
            name = ", ".join(filter(None, (name, row.input_shape, row.options)))
        seen[name] += 1
        yield plain(f"{name} ({seen[name]})" if seen[name] > 1 else name), row


def _name(row: Row) -> str:
    return f"{row.architecture}, {row.subject.text}"


def _ns(seconds: float | None) -> float | None:
    return None if seconds is None else round(1e9 * seconds, 1)
