"""The rows of a page as people read them, and what they can be filtered by."""

import math
from collections.abc import Mapping, Sequence

from harness.measurements.rows import COLUMNS, Row
from harness.measurements.subject_key import ONNXRUNTIME
from harness.networks import catalog
from harness.report import plots
from harness.report.tables import (
    ABSENT,
    format_count,
    format_percent,
    format_range,
    format_seconds,
    format_threads,
    plain,
)

FACETS = ("run", "dataset", "framework", "device", "precision", "set")
NO_DATASET, OWN_FILE = "no data set", "of your own"

# By the end of a column's name: its unit, and the factor to it.
UNITS: Mapping[str, tuple[str, float]] = {"_s": ("ms", 1e3), "_bytes": ("MB", 1e-6), "_j": ("mJ", 1e3)}
SHARES = ("accuracy", "accuracy_low", "accuracy_high", "top5", "published_accuracy")
# First what tells rows apart, then what people ask for first; long texts last.
FIRST: tuple[str, ...] = ("architecture", "framework", "run", "dataset", "runtime", "device", "provider", "precision")
FIRST += ("batch", "threads", "input_shape", "status", "params", "macs", "accuracy", "accuracy_low", "accuracy_high")
FIRST += ("latency_median_s", "latency_low_s", "latency_high_s", "peak_rss_bytes", "equivalent")
LAST = ("weights", "onnx_sha256", "adaptation", "graph_difference", "published_on", "published_source", "reason")
_ORDER = (*FIRST, *(name for name in COLUMNS if name not in FIRST + LAST), *LAST)
DIGEST_SHOWN = 12  # digits; the CSV has all


def facets(row: Row) -> dict[str, list[str]]:
    """The values that a row can be chosen by: one each, but of sets, which a network may be in several of."""
    known = catalog.architectures().get(row.architecture)
    found: dict[str, list[str]] = {
        "run": [row.run],
        "dataset": [row.dataset or NO_DATASET],
        "framework": [row.framework],
        "device": [row.device],
        "precision": [row.precision],
        "set": list(known.sets) if known else [OWN_FILE],
    }
    return {name: [plain(value) for value in values] for name, values in found.items()}


def setting(row: Row, *others: str, threads: bool = True) -> str:
    """What must be equal for two latencies to be compared, in words; of thread counts and precisions where asked."""
    own = row.runtime if row.runtime != ONNXRUNTIME else None
    count = format_threads(row.threads) if row.threads and threads else None
    parts = (row.run, row.device, row.provider, row.options, own, count, f"batch {row.batch}", *others)
    return plain(", ".join(part for part in parts if part))


def hover(row: Row) -> dict[str, str]:
    """Every figure of a row with its interval, by its name; what was not measured is not there."""
    per_image = plots.milliseconds(row) if row.latency_median_s is not None and row.batch > 1 else None
    found = {
        "Network": row.architecture,
        "File from": row.framework,
        "Data set": row.dataset,
        "Accuracy": format_percent(row.accuracy, row.accuracy_low, row.accuracy_high),
        "Right": f"{row.correct:,} of {row.total:,}" if row.correct is not None and row.total else None,
        "Top-5": format_percent(row.top5),
        "Published": format_percent(row.published_accuracy),
        "Parameters": format_count(row.params),
        "Operations": format_count(2 * row.macs) if row.macs else None,
        "Latency of a call": format_seconds(row.latency_median_s, row.latency_low_s, row.latency_high_s),
        "Latency of an image": format_seconds(*(time / 1e3 for time in per_image)) if per_image else None,
        "90 % of calls within": format_seconds(row.latency_p90_s),
        "99 % of calls within": format_seconds(row.latency_p99_s),
        "Call floor": format_seconds(row.call_floor_s),
        "Memory": format_range([row.peak_rss_bytes], "B") if row.peak_rss_bytes else None,
        "Energy of a call": format_range([row.energy_j], "J") if row.energy_j else None,
        "Timed with": setting(row),
        "Precision": row.precision,
        "Equivalent": row.proof,
        "Status": row.status,
        "To know": row.reason,
    }
    return {name: plain(text) for name, text in found.items() if text and text != ABSENT}


def heading(column: str) -> str:
    """The name of a column with the unit that people read it in."""
    unit = next((unit for end, (unit, _) in UNITS.items() if column.endswith(end)), "")
    if column in SHARES:
        unit = "%"
    name = column
    for end in UNITS:
        name = name.removesuffix(end)
    return f"{name.replace('_', ' ')} [{unit}]" if unit else name.replace("_", " ")


def cell(column: str, value: object) -> str:
    """A value of a column in the unit of its heading; empty where it was not measured."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float) and math.isfinite(value):
        return _number(column, value)
    text = plain(str(value))
    return f"{text[:DIGEST_SHOWN]}…" if column == "onnx_sha256" and len(text) > DIGEST_SHOWN else text


def _number(column: str, value: float) -> str:
    if column in SHARES:
        return f"{100 * value:.2f}"
    factor = next((factor for end, (_, factor) in UNITS.items() if column.endswith(end)), None)
    if factor is not None:
        return f"{factor * value:.4g}"
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"


def differing(rows: Sequence[Row]) -> tuple[list[str], dict[str, str]]:
    """The columns whose values differ between rows; and of the others that hold one, by column, the value."""
    same = {name: values for name in COLUMNS if len(values := {getattr(row, name) for row in rows}) == 1}
    always = ("architecture", "framework", "status")
    shown = [name for name in _ORDER if name in always or name not in same]
    told = {name: cell(name, next(iter(values))) for name, values in same.items() if name not in shown}
    return shown, {name: value for name, value in told.items() if value}
