"""The table that ends a run: a line a network, framework and precision, as people read it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from harness.measurements.subject_key import ONNXRUNTIME
from harness.report import sweeps
from harness.report.tables import (
    format_count,
    format_percent,
    format_range,
    format_seconds,
    format_threads,
    print_table,
)

if TYPE_CHECKING:
    from harness.measurements.rows import Row

TAKEN = {"memory": "B", "energy": "J"}  # columns, with their units
# Threads, runtime, device, provider, batch, the provider's options.
Subject = tuple[int, str, str, str, int, str]
Place = tuple[str, str, str, str]  # runtime, device, provider, the provider's options


def summary(rows: "list[Row]") -> tuple[list[str], list[dict[str, object]]]:
    """The columns and lines of the table that ends a run: one line a network, framework and precision.

    Latency is that of one image: a call's, divided by its batch. Each thread count (and device,
    provider or batch, where they differ) has a column of its own. Of several batches and image
    sizes the smallest, and the network's own, stand here (:func:`harness.report.sweeps.usual`).
    """
    timed = sweeps.usual(row for row in rows if row.latency_median_s is not None)
    subjects = sorted({subject(row) for row in timed})
    labels = dict(zip(subjects, latency_labels(subjects), strict=True))
    floors = _floor_labels(rows)
    groups: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault((row.run, row.architecture, row.framework, row.precision), []).append(row)
    lines = [_line(group, timed, labels, floors) for group in groups.values()]
    columns = ["network", "framework", "dataset", "accuracy", "parameters", "MACs", *labels.values()]
    columns += [*floors.values(), *(name for name in TAKEN if any(name in line for line in lines))]
    columns += ["max |Δ| / scale", "equivalent", "status"]
    if len({row.precision for row in rows}) > 1:
        columns.insert(2, "precision")
        columns[columns.index("accuracy") + 1 : columns.index("accuracy") + 1] = ["gained / lost (p)", "size"]
    if len({row.run for row in rows}) > 1:
        columns.insert(0, "run")
    return columns, lines


def print_run(rows: "list[Row]", format: str) -> None:  # noqa: A002
    """Print what a run found: for programs every column, for people its summary, then how the twins'
    graphs differ, and what must be known of rows that are ok.
    """
    from harness.measurements.rows import COLUMNS

    if format != "table":
        print_table(COLUMNS, [asdict(row) for row in rows], format)
        return
    print_table(*summary(rows), format)
    differences = {
        (row.architecture, row.framework): row.graph_difference for row in rows if row.graph_difference is not None
    }
    lines: list[dict[str, object]] = [
        {"network": name, "file": framework, "nodes more or fewer than in its twin": difference or "none"}
        for (name, framework), difference in differences.items()
        if framework == "keras"
    ]
    for more in (lines, _notes(rows)):
        if more:
            print_table(list(more[0]), more, format)


def _notes(rows: "list[Row]") -> list[dict[str, object]]:
    """What must be known of rows that are ok."""
    told = "precision", "runtime", "provider", "batch"
    differing = [name for name in told if len({getattr(row, name) for row in rows} - {None}) > 1]
    return [
        {
            "network": row.architecture,
            "file": row.framework,
            "threads": row.threads,
            **{name: getattr(row, name) for name in differing},
            "to know": row.reason,
        }
        for row in rows
        if row.status == "ok" and row.reason
    ]


def _line(
    group: "list[Row]", timed: "list[Row]", labels: Mapping[Subject, str], floors: Mapping[Place, str]
) -> dict[str, object]:
    shown = [row for row in group if row in timed]
    first, group = group[0], [*shown, *group]
    line: dict[str, object] = {
        "run": first.run,
        "network": first.architecture,
        "framework": first.framework,
        "precision": first.precision,
        "gained / lost (p)": _paired(group),
        "size": _size(known(group, "file_bytes")),
        "dataset": known(group, "dataset"),
        "accuracy": format_percent(*(known(group, f"accuracy{end}") for end in ("", "_low", "_high"))),
        "parameters": format_count(known(group, "params")),
        "MACs": format_count(known(group, "macs")),
        "max |Δ| / scale": _relative(known(group, "equivalence_max_abs"), known(group, "equivalence_scale")),
        "equivalent": known(group, "proof"),
        "status": "; ".join(dict.fromkeys(status(row) for row in group)),
    }
    line |= {name: format_range(values, TAKEN[name]) for name, values in taken(group).items() if values}
    for place, label in floors.items():
        line[label] = format_seconds(known([row for row in group if _place(row) == place], "call_floor_s"))
    for row in shown:
        times = (row.latency_median_s, row.latency_low_s, row.latency_high_s)
        line[labels[subject(row)]] = format_seconds(*(time and time / row.batch for time in times))
    return line


def taken(group: "list[Row]") -> dict[str, list[float]]:
    """What the calls of a file take besides time: memory more than the same process without it, and energy."""
    group = [row for row in group if row.runtime == ONNXRUNTIME] or group  # a framework's process is another thing
    peaks = [(row.peak_rss_bytes, row.baseline_rss_bytes) for row in group]
    memory = [float(peak - without) for peak, without in peaks if peak is not None and without is not None]
    return {"memory": memory, "energy": [row.energy_j / row.batch for row in group if row.energy_j is not None]}


def known(group: "list[Row]", name: str) -> Any:
    """The first value that any row of a network has: what is not of a thread count is the same in all."""
    return next((value for row in group if (value := getattr(row, name)) is not None), None)


def status(row: "Row") -> str:
    return f"{row.status}: {row.reason}" if row.status != "ok" and row.reason else row.status


def _paired(group: "list[Row]") -> str | None:
    """How many images are right in this precision alone and in float32 alone, with McNemar's p."""
    gained, lost, p = (known(group, name) for name in ("gained", "lost", "mcnemar_p"))
    return None if gained is None or lost is None or p is None else f"{gained} / {lost} ({p:.2g})"


def _size(count: int | None) -> str | None:
    text = format_count(count)
    return None if count is None else f"{text}B" if " " in text else f"{text} B"


def _relative(distance: float | None, scale: float | None) -> str | None:
    return f"{distance / scale:.1e}" if distance is not None and scale else None


def subject(row: "Row") -> Subject:
    runtime, device, provider, options = _place(row)
    return row.threads or 0, runtime, device, provider, row.batch, options


def _place(row: "Row") -> Place:
    if row.runtime != ONNXRUNTIME:  # its name says what its options are, and it has no provider
        return row.runtime, row.device, "", ""
    return row.runtime, row.device, row.provider or "", row.options or ""


def _floor_labels(rows: "list[Row]") -> dict[Place, str]:
    """A name for the column of each place's call floor: a call costs another time of another runtime or provider."""
    places = list(dict.fromkeys(_place(row) for row in rows if row.call_floor_s is not None))
    if len(places) <= 1:
        return dict.fromkeys(places or [_place(row) for row in rows[:1]], "call floor")
    runtimes, alike = Counter(place[0] for place in places), Counter(place[:3] for place in places)
    labels = {}
    for place in places:
        runtime, device, provider, _ = place
        parts = ["call floor", runtime if len(runtimes) > 1 else ""]
        if runtimes[runtime] > 1:
            parts += place[1:] if alike[place[:3]] > 1 else (provider or device,)
        labels[place] = ", ".join(filter(None, parts))
    return labels


def latency_labels(subjects: Sequence[Subject]) -> list[str]:
    """A name for each latency column: the thread count, and what else differs between them."""
    if not subjects:
        return []
    differs = [len({value for value in values if value != ""}) > 1 for values in zip(*subjects, strict=True)][:-1]
    alike = Counter(one[:-1] for one in subjects)
    labels = []
    for one in subjects:
        threads, *others, batch, options = one
        parts = [format_threads(threads)] if threads else ["latency"]
        parts += [str(other) for other, differ in zip(others, differs[1:-1], strict=True) if differ and other]
        parts += [f"batch {batch}"] if differs[-1] else []
        parts += [options] if options and alike[one[:-1]] > 1 else []
        labels.append(", ".join(parts))
    return labels
