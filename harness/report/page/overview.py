"""The first chart: accuracy against operations, parameters, latency or memory; one a data set."""

import math
from collections.abc import Mapping, Sequence

from harness.measurements.rows import Row
from harness.networks import catalog
from harness.report import figure, plots, sweeps
from harness.report.figure import Top1
from harness.report.page import row_texts, vega
from harness.report.page.section import Chart, Section
from harness.report.tables import format_count, format_percent, plain

MOST_NAMES = 60  # points that are named; more would hide one another
AXES: Mapping[str, str] = {
    "operations": "Operations [G-Ops] (1 multiply-accumulate = 2 operations; input H×W)",
    "params": "Parameters [M]",
    "latency": "Latency of one image [ms] (median and 95 % interval over process launches)",
    "memory": "Memory of the process [MB] (peak resident set)",
}
FIELDS = {"params": "millions"}
INTRO = (
    "The area of a bubble is its number of parameters, the line the Pareto front of what is shown: no other costs at "
    "most as much and is at least as accurate. Vertical lines are 95 % intervals. Hollow and dashed: published by "
    "others, not measured here. The filters above choose what is shown."
)
ABSENT = (
    "No row has an accuracy: networks of the catalogue get one by training (--profile quick or lecture), "
    "files of your own by `harness run FILE.onnx --data NAME`."
)


def section(rows: Sequence[Row]) -> Section:
    """Accuracy against what it costs."""
    settings = list(dict.fromkeys(row_texts.setting(row) for row in rows if row.latency_median_s))
    records = [record for number, row in enumerate(rows) for record in _records(number, row, settings)]
    of_dataset: dict[str, list[dict[str, object]]] = {}
    for record in records:
        of_dataset.setdefault(str(record["dataset"]), []).append(record)
    charts = [_chart(name, found, rows, settings) for name, found in of_dataset.items()]
    return Section(
        key="overview", title="Accuracy against operations", intro=INTRO if charts else "", charts=charts, absent=ABSENT
    )


def _chart(dataset: str, records: Sequence[dict[str, object]], rows: Sequence[Row], settings: Sequence[str]) -> Chart:
    there = {str(record["framework"]) for record in records}
    present = [name for name in plots.ORDER if name in there] + sorted(there - set(plots.ORDER))
    kind = vega.kinds("framework", "File from", present, vega.FRAMEWORKS)
    networks = len({(record["network"], record["precision"]) for record in records})
    return Chart(
        title=plain(dataset),
        summary=_summary(dataset, rows),
        spec=vega.bubbles(vega.axis("Accuracy [%]"), kind, present, names=networks <= MOST_NAMES),
        records=records,
        axes={
            name: {"title": title, "field": FIELDS.get(name, name), "labels": vega.LOG_LABELS.format(axis="x")}
            for name, title in AXES.items()
            if any(_cost(one, name) for one in records)
        },
        settings=settings,
    )


def _cost(record: Mapping[str, object], name: str) -> bool:
    value = record[name]
    return isinstance(value, int | float) and value > 0


def _records(number: int, row: Row, settings: Sequence[str]) -> list[dict[str, object]]:
    """The measured point of a row, and the published one of its network, hollow."""
    sound = row.status == "ok" and bool(row.macs)
    measured = sound and row.accuracy is not None and math.isfinite(row.accuracy)
    found = []
    if measured:
        found.append(_record(number, row, settings, row.dataset or row_texts.NO_DATASET, plots.percent(row)))
    published = _published(row) if sound else None
    if published:
        dataset, top1 = published
        point = _record(number, row, settings, dataset, top1.percent)
        hover = {"Published by": top1.source, "On": top1.on, "Published accuracy": _percent(top1)}
        group = plain(f"{row.run}, {row.architecture}, {row.input_shape}")  # twins have it in common
        point |= {"published": True, "framework": vega.PUBLISHED, "group": group, "name": plain(row.architecture)}
        found.append(point | {"standing": not measured, "more": hover})
    return found


def _percent(top1: Top1) -> str:
    return format_percent(top1.value, top1.low, top1.high)


def _published(row: Row) -> tuple[str, Top1] | None:
    """What others report of the network, where it stands for these test images, or where nothing was measured."""
    if row.published_accuracy is not None:
        on, source = row.published_on or "", row.published_source or ""
        return row.dataset or "", Top1(value=row.published_accuracy, low=None, high=None, on=on, source=source)
    known = catalog.architectures().get(row.architecture)
    if known is None or known.published is None or row.dataset is not None or row.accuracy is not None:
        return None
    top1 = figure.published(known.published)
    return (f"{known.published.dataset}, as published", top1) if top1 else None


def _record(
    number: int, row: Row, settings: Sequence[str], dataset: str, percent: tuple[float, float, float]
) -> dict[str, object]:
    timed = row.latency_median_s is not None and 0 < min(sweeps.latency_s(row)) < math.inf
    latency = plots.milliseconds(row) if timed else (None, None, None)
    value, low, high = percent
    other = "" if row.precision == "float32" else f" ({row.precision})"
    return {
        "rows": [number],
        "group": plain(f"{row.run}, {row.architecture}, {row.framework}, {row.precision}, {row.input_shape}"),
        "setting": settings.index(row_texts.setting(row)) if timed else None,
        "dataset": dataset,
        "network": plain(row.architecture),
        "name": plain(f"{row.architecture}{other}"),
        "framework": plain(row.framework),
        "precision": plain(row.precision),
        "params": row.params,
        "millions": row.params and row.params / 1e6,
        "operations": plots.operations(row),
        "latency": latency[0],
        "latency_low": latency[1],
        "latency_high": latency[2],
        "memory": row.peak_rss_bytes and row.peak_rss_bytes / 1e6,
        "y": value,
        "y_low": low,
        "y_high": high,
        "published": False,
        "standing": True,
    }


def _summary(dataset: str, rows: Sequence[Row]) -> str:
    """In words what the chart of measured accuracies shows."""
    shown = [row for row in plots.with_accuracy(rows) if (row.dataset or row_texts.NO_DATASET) == dataset]
    if not shown:
        return f"Published accuracies on {plain(dataset)} against measured costs."
    standing, front = plots.front(shown)
    members = [row for row, on in zip(standing, front.members, strict=True) if on]
    best = max(shown, key=lambda row: row.accuracy or 0.0)
    names = ", ".join(dict.fromkeys(row.architecture for row in sorted(members, key=plots.operations)))
    return plain(
        f"{len(standing)} networks on {dataset}. The most accurate is {best.architecture} with "
        f"{format_percent(best.accuracy, best.accuracy_low, best.accuracy_high)} at "
        f"{format_count(2 * (best.macs or 0))} operations. On the Pareto front, by rising operations: {names}."
    )
