"""The table of some runs, or of the figure of 2016, for a paper or a README: units in its header, intervals in its
cells, under it what was measured, on what machine and with what software.
"""

from collections.abc import Iterator, Sequence

from harness.measurements.rows import Row
from harness.report import run_table, runs, sweeps
from harness.report.figure import Figure
from harness.report.markup import PaperTable
from harness.report.runs import CombinedRuns
from harness.report.tables import common_unit, format_percent, format_scaled

Group = list[Row]  # the rows of a network, framework and precision of one run
Quantity = tuple[float, float | None, float | None]  # a value with the ends of its interval, where it has one
Column = tuple[str, list[str]]  # a header, and a text for each line

_MEANINGS = {
    "Accuracy": "Accuracy: of the exported file on the whole test split, with its Wilson 95 % interval.",
    "MACs": "MACs: multiply-accumulates of one image.",
    "Latency": "Latency: of one image, the median over process launches with its bootstrap 95 % interval.",
    "Memory": "Memory: the largest resident set of a process, less that of the same process without the network.",
    "Energy": "Energy: of one image, of the whole processor or GPU.",
}


def tabulate(combined: CombinedRuns) -> PaperTable:
    """A line a network, framework and precision of each run, as :func:`harness.report.run_table.summary` has them."""
    found = combined.rows
    groups: dict[tuple[str, ...], Group] = {}
    for row in found:
        groups.setdefault((row.run, row.architecture, row.framework, row.precision), []).append(row)
    columns = [column for column in _columns(found, list(groups.values())) if any(column[1])]
    headers = tuple(header for header, _ in columns)
    return PaperTable(
        caption=_caption(found, headers),
        columns=headers,
        lines=tuple(zip(*(cells for _, cells in columns), strict=True)),
        notes=(*_meanings(headers), *_sources(combined), *_failures(found)),
    )


def tabulate_figure(shown: Figure, combined: CombinedRuns) -> PaperTable:
    """A line a network of the figure: the accuracy says whether it is measured or published."""
    points = shown.points
    columns = [
        ("Network", [point.name for point in points]),
        ("Top-1 [%]", [_percent(point.top1.value, point.top1.low, point.top1.high) for point in points]),
        ("Top-1 is", ["measured" if point.measured else "published" for point in points]),
        _scaled("Parameters", "", [(point.params, None, None) for point in points]),
        _scaled("Operations", "", [(2 * point.macs, None, None) for point in points]),
        _scaled("Latency", "s", [point.latency_s for point in points]),
    ]
    timed = f"Latency: of one image, {shown.setting.text}, with its 95 % interval." if shown.setting else ""
    left_out = [f"Left out: {name}: {reason}" for name, reason in shown.left_out.items()]
    notes = ["Operations: 2 for each multiply-accumulate of one image.", timed, *_sources(combined), *left_out]
    columns = [column for column in columns if any(column[1])]
    return PaperTable(
        caption="Top-1 accuracy on ImageNet, operations and latency",
        columns=tuple(header for header, _ in columns),
        lines=tuple(zip(*(cells for _, cells in columns), strict=True)),
        notes=tuple(filter(None, notes)),
    )


def _columns(rows: Sequence[Row], groups: Sequence[Group]) -> Iterator[Column]:
    firsts = [group[0] for group in groups]
    datasets = [run_table.known(group, "dataset") or "" for group in groups]
    if len({row.run for row in rows}) > 1:
        yield "Machine", [row.run for row in firsts]
    yield "Network", [row.architecture for row in firsts]
    yield "Exported from", [row.framework for row in firsts]
    if len({row.precision for row in rows}) > 1:
        yield "Precision", [row.precision for row in firsts]
        yield _scaled("File", "B", [_count(group, "file_bytes") for group in groups])
    if len(set(filter(None, datasets))) > 1:
        yield "Data set", datasets
    yield "Accuracy [%]", [_accuracy(group) for group in groups]
    yield _scaled("Parameters", "", [_count(group, "params") for group in groups])
    yield _scaled("MACs", "", [_count(group, "macs") for group in groups])
    yield from _latencies(rows, groups)
    for name, unit in run_table.TAKEN.items():
        yield _ranged(name.capitalize(), unit, [run_table.taken(group)[name] for group in groups])


def _latencies(rows: Sequence[Row], groups: Sequence[Group]) -> Iterator[Column]:
    """A column for each way of timing, as in the table that ends a run."""
    timed = sweeps.usual(row for row in rows if row.latency_median_s is not None)
    subjects = sorted({run_table.subject(row) for row in timed})
    shown = set(map(id, timed))
    of_groups = [{run_table.subject(row): row for row in group if id(row) in shown} for group in groups]
    for subject, label in zip(subjects, run_table.latency_labels(subjects), strict=True):
        times = [_time(of_group[subject]) if subject in of_group else None for of_group in of_groups]
        yield _scaled("Latency" if label == "latency" else f"Latency, {label}", "s", times)


def _time(row: Row) -> Quantity | None:
    """The latency of one image in seconds."""
    if row.latency_median_s is None:
        return None
    low, high = (end and end / row.batch for end in (row.latency_low_s, row.latency_high_s))
    return row.latency_median_s / row.batch, low, high


def _count(group: Group, name: str) -> Quantity | None:
    value = run_table.known(group, name)
    return None if value is None else (value, None, None)


def _accuracy(group: Group) -> str:
    return _percent(*(run_table.known(group, f"accuracy{end}") for end in ("", "_low", "_high")))


def _percent(value: float | None, low: float | None, high: float | None) -> str:
    return "" if value is None else format_percent(value, low, high).replace(" %", "", 1)


def _scaled(name: str, unit: str, quantities: Sequence[Quantity | None]) -> Column:
    """A column of quantities in one unit, the one that suits most of them."""
    size, prefix = common_unit([quantity[0] for quantity in quantities if quantity])
    header = f"{name} [{prefix}{unit}]" if prefix or unit else name
    return header, [format_scaled(size, *quantity) if quantity else "" for quantity in quantities]


def _ranged(name: str, unit: str, found: Sequence[Sequence[float]]) -> Column:
    """A column of amounts from the least to the most that the rows of a line have."""
    size, prefix = common_unit([max(values) for values in found if values])
    ends = [dict.fromkeys(format_scaled(size, end) for end in (min(values), max(values))) if values else {}
            for values in found]  # fmt: skip
    return f"{name} [{prefix}{unit}]", [" to ".join(pair) for pair in ends]


def _caption(rows: Sequence[Row], headers: Sequence[str]) -> str:
    shown = [word.lower() for word in ("Accuracy", "Parameters", "Latency") if _shows(headers, word)]
    words = " and ".join(filter(None, [", ".join(shown[:-1]), *shown[-1:]])).capitalize() or "What was found"
    networks = len({row.architecture for row in rows})
    datasets = sorted({row.dataset for row in rows if row.dataset and row.accuracy is not None})
    on = f" on {datasets[0]}" if len(datasets) == 1 and _shows(headers, "Accuracy") else ""
    return f"{words} of {networks} network{'s' if networks != 1 else ''}{on}"


def _shows(headers: Sequence[str], word: str) -> bool:
    return any(header.startswith(word) for header in headers)


def _meanings(headers: Sequence[str]) -> list[str]:
    return [meaning for word, meaning in _MEANINGS.items() if _shows(headers, word)]


def _sources(combined: CombinedRuns) -> Iterator[str]:
    """Where the numbers come from: machine, versions and commit of each run."""
    several = len(combined.runs) > 1
    for run in combined.runs:
        described = runs.described(run) or "machine not known"
        yield f"{run.label if several else f'Run {run.name}'}: {described}."
    yield from combined.notes


def _failures(rows: Sequence[Row]) -> Iterator[str]:
    """What is not measured or not right, once for each reason."""
    reasons: dict[str, list[str]] = {}
    for row in rows:
        if row.status != "ok":
            reasons.setdefault(run_table.status(row), []).append(f"{row.architecture} ({row.framework})")
    for reason, names in reasons.items():
        yield f"{', '.join(dict.fromkeys(names))}: {reason}"
