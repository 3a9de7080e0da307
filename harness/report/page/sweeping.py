"""What precisions, batches, thread counts and sizes of images change."""

from collections.abc import Callable, Mapping, Sequence

from harness.measurements.pareto import Interval
from harness.measurements.rows import Row
from harness.report import precision_plots, sweep_tables, sweeps
from harness.report.page import row_texts, vega
from harness.report.page.section import Chart, Section, table
from harness.report.precision_plots import STYLES, Change
from harness.report.tables import format_percent, plain

PRECISION_INTRO = (
    "Each file of a lower precision beside the float32 file that it was made from. Accuracy is compared image by image "
    "(paired 95 % interval), speed within one setting."
)
NO_PRECISIONS = "Only one precision was measured: `harness run NAME --precision float32 float16 int8` measures several."
BATCH_INTRO = (
    "A call takes a batch of images. The knee is the smallest batch with 90 % of the best throughput measured."
)
NO_BATCHES = "Only one batch was measured: `harness run NAME --batch 1 2 4 8 16 32` measures several."
THREADS_INTRO = "How many times as fast several threads are as the fewest; the interval is wider than 95 %."
NO_THREADS = "Only one thread count was measured: `harness run NAME --threads 1 2 4` measures several."
SIZES_INTRO = "The same network on images of several sizes."
NO_SIZES = "Only one size of images was measured: `harness run NAME --image-size 28 56` measures several."

Value = Callable[[Change], Interval | None]


def precisions(rows: Sequence[Row]) -> Section:
    """What lower precisions cost in accuracy, save on disk and gain in time."""
    numbers = {id(row): number for number, row in enumerate(rows)}
    changes = precision_plots.changes(rows)
    by_file = {(change.row.architecture, change.row.framework, change.row.precision): change for change in changes}
    once = list(by_file.values())
    parts: list[tuple[str, str, Value, Sequence[Change], float]] = [
        ("Accuracy", precision_plots.ACCURACY_LABEL, lambda change: change.points, once, 0.0),
        ("Size", precision_plots.SIZE_LABEL, lambda change: change.size, once, 100.0),
    ]
    for name in dict.fromkeys(change.setting for change in changes):
        of_setting = [change for change in changes if change.setting == name]
        speed = f"Speed: {plain(name)}", precision_plots.SPEED_LABEL
        parts.append((*speed, lambda change: change.speed, of_setting, 1.0))
    charts = [_precision_chart(*part, numbers) for part in parts if any(part[2](change) for change in part[3])]
    return Section(
        key="precision",
        title="Precision",
        intro=PRECISION_INTRO if charts else "",
        charts=charts,
        tables=[table("Lower precisions against float32", list(map(_change_line, changes)), folded=True)]
        if changes
        else [],
        absent=NO_PRECISIONS,
    )


def _change_line(change: Change) -> dict[str, object]:
    row = change.row
    return {
        "network": plain(row.architecture),
        "file": plain(row.framework),
        "precision": row.precision,
        "timed with": plain(change.setting),
        "change of accuracy [points]": _interval(change.points),
        "gained": row.gained,
        "lost": row.lost,
        "p": row.mcnemar_p,
        "size [%]": f"{change.size[0]:.3g}" if change.size else None,
        "speed, times float32's": _interval(change.speed),
    }


def _interval(values: Interval | None) -> str:
    if values is None:
        return ""
    value, low, high = values
    return f"{value:.3g} [{low:.3g}, {high:.3g}]" if low < high else f"{value:.3g}"


def _precision_chart(
    title: str, label: str, value: Value, changes: Sequence[Change], guide: float, numbers: Mapping[int, int]
) -> Chart:
    records = []
    for change in changes:
        interval = value(change)
        if interval is not None:
            x, low, high = interval
            name = plain(f"{change.row.architecture}, {change.row.framework}")
            place = {"rows": [numbers[id(change.row)]], "name": name, "precision": change.row.precision}
            records.append({**place, "x": x, "x_low": low, "x_high": high})
    kind = vega.kinds("precision", "Precision", [str(one["precision"]) for one in records], tuple(STYLES))
    worst, best = (choose(records, key=lambda one: float(str(one["x"]))) for choose in (min, max))
    summary = f"From {worst['x']:.3g} ({worst['name']}, {worst['precision']}) to {best['x']:.3g} ({best['name']})."
    spec = vega.dots(vega.axis(label), kind, offset="precision", guide=guide)
    return Chart(title=title, summary=summary, spec=spec, records=records)


def batches(rows: Sequence[Row]) -> Section:
    """Images a second by the batch."""
    ticks = sorted({row.batch for row in rows})
    x = vega.axis("Batch [images a call]", log=True, axis={"values": ticks, "format": "~s"})
    y = vega.axis("Throughput [images/s]", "y", log=True)
    charts = _charts(rows, sweeps.by_batch(rows), lambda row: float(row.batch), sweeps.throughput, x, y)
    lines = sweep_tables.batch_lines(rows)
    return Section(
        key="batches",
        title="Batches",
        intro=BATCH_INTRO if charts else "",
        charts=charts,
        tables=[table("Throughput by batch", lines, folded=True)] if lines else [],
        absent=NO_BATCHES,
    )


def threads(rows: Sequence[Row]) -> Section:
    """The speed-up over the fewest threads."""
    every = sweeps.by_threads(rows)
    first = {id(row): series[0] for series in every for row in series}
    ticks = sorted({row.threads for row in rows if row.threads})
    x = vega.axis("Threads", axis={"values": ticks, "format": "d"})
    y = vega.axis("Speed-up over the fewest threads")
    charts = _charts(
        rows, every, lambda row: float(row.threads or 0), lambda row: sweeps.speed_up(row, first[id(row)]), x, y
    )
    lines = [_thread_line(row, first[id(row)]) for series in every for row in series]
    return Section(
        key="threads",
        title="Threads",
        intro=THREADS_INTRO if charts else "",
        charts=charts,
        tables=[table("Speed-up by threads", lines, folded=True)] if lines else [],
        absent=NO_THREADS,
    )


def _thread_line(row: Row, first: Row) -> dict[str, object]:
    value, low, high = sweeps.speed_up(row, first)
    return {
        "network": plain(row.architecture),
        "file": plain(row.framework),
        "with": row_texts.setting(row, row.precision, threads=False),
        "threads": row.threads,
        "speed-up": f"{value:.3g} [{low:.3g}, {high:.3g}]",
        "efficiency": format_percent(sweeps.efficiency(row, first)[0]),
    }


def sizes(rows: Sequence[Row]) -> Section:
    """The latency of an image by its pixels."""
    x, y = vega.axis("Pixels of an image", log=True), vega.axis("Latency of a call [ms]", "y", log=True)

    def milliseconds(row: Row) -> Interval:
        value, low, high = (1e3 * time for time in sweeps.latency_s(row))
        return value, low, high

    charts = _charts(rows, sweeps.by_image_size(rows), lambda row: float(sweeps.pixels(row) or 1), milliseconds, x, y)
    lines = sweep_tables.size_lines(rows)
    return Section(
        key="sizes",
        title="Sizes of images",
        intro=SIZES_INTRO if charts else "",
        charts=charts,
        tables=[table("Latency by size", lines, folded=True)] if lines else [],
        absent=NO_SIZES,
    )


def _charts(
    rows: Sequence[Row],
    every: Sequence[Sequence[Row]],
    along: Callable[[Row], float],
    value: Callable[[Row], Interval],
    x: vega.Spec,
    y: vega.Spec,
) -> list[Chart]:
    """One chart a network: a line a file and way of timing it."""
    numbers = {id(row): number for number, row in enumerate(rows)}
    networks: dict[str, list[Sequence[Row]]] = {}
    for series in every:
        networks.setdefault(series[0].architecture, []).append(series)
    charts = []
    for name, of_network in networks.items():
        records = []
        for series in of_network:
            for row in series:
                middle, low, high = value(row)
                told = {"rows": [numbers[id(row)]], "framework": plain(row.framework), "way": _way(series, of_network)}
                of = plain(", ".join(filter(None, (row.framework, str(told["way"])))))
                records.append({**told, "series": of, "x": along(row), "y": middle, "y_low": low, "y_high": high})
        present = list(dict.fromkeys(str(record["framework"]) for record in records))
        colour, _ = vega.kinds("framework", "Exported from", present, vega.FRAMEWORKS)
        several = len({record["way"] for record in records}) > 1
        dash: vega.Spec = {"field": "way", "type": "nominal", "title": "Timed with"}
        dash |= {} if several else {"legend": None}
        best = max(records, key=lambda record: float(str(record["y"])))
        summary = (
            f"{len(of_network)} lines; the highest value is {_plainly(best['y'])} ({best['series']}, at {best['x']:g})."
        )
        spec = vega.lines(x, y, colour, dash)
        charts.append(Chart(title=plain(name), summary=summary, spec=spec, records=records, wide=False))
    return charts


def _plainly(value: object) -> str:
    """A number without a power of ten."""
    number = float(str(value))
    return f"{number:,.0f}" if number >= 1000 else f"{number:.4g}"


def _way(series: Sequence[Row], every: Sequence[Sequence[Row]]) -> str:
    """What a line was timed with, as far as the lines of its chart, or its own rows, do not differ in it all along."""
    first = series[0]
    parts: list[str] = []
    for name in ("run", "runtime", "device", "provider", "options", "precision", "input_shape", "batch", "threads"):
        own = {getattr(row, name) for row in series}
        if len(own) == 1 and len({getattr(row, name) for one in every for row in one}) > 1:
            value = getattr(first, name)
            known = {"threads": f"{value} thread{'s' if value != 1 else ''}", "batch": f"batch {value}"}
            parts.append(known.get(name, str(value or "usual")))
    return plain(", ".join(parts))
