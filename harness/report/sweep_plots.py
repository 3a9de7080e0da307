"""The pictures of sweeps: time by batch, by threads and by size of the images, a row of two panels a network."""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.measurements.pareto import Interval
from harness.measurements.rows import Row
from harness.report import drawing, sweeps

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    Series = list[Row]
    Value = Callable[[Row], Interval]
    Legend = tuple[str, list[Line2D]]

HEIGHT_IN, LEFT_IN = 2.1, 0.85
SIGN_IN = 0.09  # the width of a sign in a tick's label
MOST_TICKS = 12
RING = 12.0  # points, around a knee
EFFICIENCIES: Mapping[float, Any] = {1.0: ":", 0.5: "--"}  # drawn beside the speed-up: share of the ideal, style
GUIDE: Mapping[str, Any] = {"color": drawing.GREY, "linewidth": 1.0, "zorder": 1}

BATCH_NOTE = (
    "Ring: the knee, the smallest batch with 90 % of the best throughput measured. A curve without one has 90 % at its "
    "first batch, or still rises at its last.\nIntervals: 95 %, over process launches."
)
THREADS_NOTE = (
    "Dotted: as fast as if each thread added as much as the first. The interval of a speed-up, from the ends of both "
    "latencies' 95 % intervals, is wider than 95 %."
)
SIZE_NOTE = (
    "Dotted: a line through the origin and the largest size, as if time were in proportion to pixels. "
    "Intervals: 95 %, over process launches."
)

_COLUMNS: tuple[str, ...] = ("run", "architecture", "framework", "runtime", "device", "provider", "options")
_COLUMNS += ("precision", "input_shape", "batch", "threads")


def draw(rows: Sequence[Row], folder: Path) -> list[Path]:
    """Draw into a folder a picture of each sweep that the rows hold; returns the files written."""
    drawn: list[Path] = []
    if of_batches := sweeps.by_batch(rows):
        table = [line for series in of_batches for line in batch_table(series)]
        drawn += drawing.write(lambda: batch_figure(of_batches), table, folder / "sweep_batch")
    if of_threads := sweeps.by_threads(rows):
        table = [line for series in of_threads for line in threads_table(series)]
        drawn += drawing.write(lambda: threads_figure(of_threads), table, folder / "sweep_threads")
    if of_sizes := sweeps.by_image_size(rows):
        table = [line for series in of_sizes for line in size_table(series)]
        drawn += drawing.write(lambda: size_figure(of_sizes), table, folder / "sweep_image_size")
    return drawn


def batch_table(series: "Series") -> list[dict[str, object]]:
    """A record a batch: the latency of a call in milliseconds, images a second, and the knee of the whole curve."""
    found = sweeps.knee(series)
    of_knee: dict[str, object] = {"knee_batch": found.batch, "no_knee": found.reason}
    of_knee |= {"knee_earliest": found.earliest, "knee_latest": found.latest}
    return [_record(row) | _named("images_per_s", sweeps.throughput(row)) | of_knee for row in series]


def threads_table(series: "Series") -> list[dict[str, object]]:
    """A record a thread count: the latency of a call in milliseconds, the speed-up over the fewest, the efficiency."""
    first = series[0]
    return [
        _record(row)
        | _named("speed_up", sweeps.speed_up(row, first))
        | _named("efficiency", sweeps.efficiency(row, first))
        for row in series
    ]


def size_table(series: "Series") -> list[dict[str, object]]:
    """A record a size: the latency of a call in milliseconds, pixels and multiply-accumulates of an image, GMAC/s."""
    return [
        _record(row)
        | {"pixels": sweeps.pixels(row), "macs": row.macs}
        | _named("gmac_per_s", sweeps.giga_macs_per_s(row))
        for row in series
    ]


def batch_figure(every: "Sequence[Series]") -> "Figure":
    """Latency of a call and throughput by batch, before it is written anywhere."""
    figure, rows = _rows(every, BATCH_NOTE)
    parts: tuple[tuple[str, Value], ...] = (
        ("Latency of a call [ms]", _call_ms),
        ("Throughput [images/s]", sweeps.throughput),
    )
    for panels, of_row in rows:
        for axes, (label, value) in zip(panels, parts, strict=True):
            _log_x(axes, {row.batch: str(row.batch) for row in _all(of_row)})
            _log_y(axes, [end for row in _all(of_row) for end in value(row)])
            axes.set_xlabel("Batch [images a call]")
            axes.set_ylabel(label)
            for series in of_row:
                _draw_line(axes, series, lambda row: row.batch, value)
                _draw_ring(axes, series, value)
    ring = drawing.swatch("knee", drawing.GREY, filled=False, size=RING)
    _legends(rows, every, ("Throughput", [ring]))
    return figure


def threads_figure(every: "Sequence[Series]") -> "Figure":
    """Latency of a call and speed-up by threads, before it is written anywhere."""
    figure, rows = _rows(every, THREADS_NOTE)
    for (left, right), of_row in rows:
        counts = sorted({_threads(row) for row in _all(of_row)})
        _log_y(left, [end for row in _all(of_row) for end in _call_ms(row)])
        left.set_ylabel("Latency of a call [ms]")
        right.set_ylabel("Speed-up")
        for share, style in EFFICIENCIES.items():
            right.plot(counts, [share * count / counts[0] for count in counts], linestyle=style, **GUIDE)
        for series in of_row:
            work = _call_ms(series[0])[0] * _threads(series[0])
            _draw_line(left, series, _threads, _call_ms)
            _draw_ideal(left, series, _threads, [work / _threads(row) for row in series])
            _draw_line(right, series, _threads, partial(_speed_up, series[0]))
        right.set_ylim(bottom=0)
        for axes in (left, right):
            _plain_x(axes, counts)
            axes.set_xlabel("Threads")
    guides = [_guide(f"{100 * share:.0f} %", style) for share, style in EFFICIENCIES.items()]
    _legends(rows, every, ("Efficiency", guides))
    return figure


def size_figure(every: "Sequence[Series]") -> "Figure":
    """Latency of a call and speed by the pixels of an image, before it is written anywhere."""
    figure, rows = _rows(every, SIZE_NOTE)
    for (left, right), of_row in rows:
        _log_y(left, [end for row in _all(of_row) for end in _call_ms(row)])
        left.set_ylabel("Latency of a call [ms]")
        right.set_ylabel("Speed [GMAC/s]")
        for axes in (left, right):
            _log_x(axes, {sweeps.pixels(row): sweeps.size(row) for row in _all(of_row)})
            axes.set_xlabel("Image [height × width in pixels]")
        for series in of_row:
            last = series[-1]
            per_pixel = _call_ms(last)[0] / sweeps.pixels(last)
            _draw_line(left, series, sweeps.pixels, _call_ms)
            _draw_ideal(left, series, sweeps.pixels, [per_pixel * sweeps.pixels(row) for row in series])
            counted = [row for row in series if row.macs]
            _draw_line(right, counted, sweeps.pixels, lambda row: sweeps.giga_macs_per_s(row) or (0.0, 0.0, 0.0))
        right.set_ylim(bottom=0)
        if not any(row.macs for row in _all(of_row)):
            right.text(0.5, 0.5, "MACs not counted", transform=right.transAxes, ha="center", color=drawing.GREY)
    _legends(rows, every, ("Latency", [_guide("in proportion", ":")]))
    return figure


def _rows(every: "Sequence[Series]", note: str) -> "tuple[Figure, list[tuple[list[Axes], list[Series]]]]":
    """The figure, and two panels for each network and place with the series that stand in them."""
    of_panels: dict[str, list[Series]] = {}
    runs = {series[0].run for series in every}
    for series in every:
        of_panels.setdefault(_title(series, several_runs=len(runs) > 1), []).append(series)
    figure, panels = drawing.panels([HEIGHT_IN] * len(of_panels), left_in=LEFT_IN, note=note, columns=2)
    rows = [(panels[2 * place : 2 * place + 2], of_row) for place, of_row in enumerate(of_panels.values())]
    for title, ((left, _), _) in zip(of_panels, rows, strict=True):
        drawing.title(left, title)
    return figure, rows


def _title(series: "Series", *, several_runs: bool) -> str:
    """What the lines of a row of panels have in common."""
    first = series[0]
    run = first.run if several_runs else None
    runtime = None if first.runtime == "onnxruntime" else first.runtime
    size = sweeps.size(first) if len({row.input_shape for row in series}) == 1 else None
    batch = f"batch {first.batch}" if len({row.batch for row in series}) == 1 else None
    place = (first.provider or first.device).removesuffix("ExecutionProvider")
    options = first.options if first.device != "cpu" else None
    return ", ".join(filter(None, (run, first.architecture, runtime, place, options, first.precision, size, batch)))


def _legends(rows: "Sequence[tuple[list[Axes], list[Series]]]", every: "Sequence[Series]", *more: "Legend") -> None:
    """Whose files, how many threads, and what else is drawn: beside the first row."""
    frameworks = dict.fromkeys(row.framework for row in _all(every))
    exporters = [drawing.swatch(name, *drawing.style(name)) for name in sorted(frameworks)]
    constant = {_threads(series[0]) for series in every if len({row.threads for row in series}) == 1} - {0}
    threads = [drawing.swatch(str(count), drawing.GREY, filled=count > 1) for count in sorted(constant)]
    blocks = [("Exported from", exporters), *([("Threads", threads)] if threads else []), *more]
    drawing.legends(rows[0][0][1], *blocks)


def _draw_line(axes: "Axes", series: "Series", x: "Callable[[Row], int]", value: "Value") -> None:
    """One file and way of timing it: its values with their intervals, hollow for one thread."""
    if not series:
        return
    colour, marker = drawing.style(series[0].framework)
    values = [value(row) for row in series]
    ends = [[y - low for y, low, _ in values], [high - y for y, _, high in values]]
    look: dict[str, Any] = {"ms": 4.5, "elinewidth": 1.2, "capsize": 2, "linewidth": 1.2, "zorder": 3, "color": colour}
    look |= {"fmt": f"{marker}-", "mfc": "white" if {row.threads for row in series} == {1} else colour}
    axes.errorbar(list(map(x, series)), [y for y, _, _ in values], ends, **look)


def _draw_ideal(axes: "Axes", series: "Series", x: "Callable[[Row], int]", values: Sequence[float]) -> None:
    colour, _ = drawing.style(series[0].framework)
    axes.plot(list(map(x, series)), values, linestyle=":", color=colour, linewidth=1.0, zorder=2)


def _draw_ring(axes: "Axes", series: "Series", value: "Value") -> None:
    """Mark the knee of a curve, where it has one."""
    found, (colour, _) = sweeps.knee(series), drawing.style(series[0].framework)
    for row in series:
        if row.batch == found.batch:
            axes.plot([row.batch], [value(row)[0]], "o", ms=RING, mfc="none", mec=colour, mew=1.4, zorder=4)


def _guide(label: str, style: Any) -> "Line2D":
    from matplotlib.lines import Line2D

    return Line2D([], [], label=label, linestyle=style, **GUIDE)


def _log_x(axes: "Axes", labels: Mapping[int, str]) -> None:
    """A logarithmic axis with a tick at each value that was measured, and a label where there is room for it."""
    from matplotlib.ticker import NullFormatter, NullLocator

    drawing.log_axis(axes, list(labels), pad=0.06)
    width_in = axes.get_position().width * drawing.WIDTH_IN
    left, right = axes.get_xlim()
    shown, end = [], -math.inf
    for value in sorted(labels):
        place = width_in * math.log(value / left) / math.log(right / left)
        half = SIGN_IN * (len(labels[value]) + 1) / 2
        if place - half >= end:
            shown.append(value)
            end = place + half
    axes.set_xticks(shown, [labels[value] for value in shown])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_minor_formatter(NullFormatter())


def _plain_x(axes: "Axes", counts: Sequence[int]) -> None:
    """Thread counts, evenly: a tick at each, or at as many as there is room for."""
    from matplotlib.ticker import MaxNLocator

    margin = 0.06 * (counts[-1] - counts[0])
    axes.set_xlim(counts[0] - margin, counts[-1] + margin)
    if len(counts) <= MOST_TICKS:
        axes.set_xticks(list(counts))
    else:
        axes.xaxis.set_major_locator(MaxNLocator(MOST_TICKS, integer=True))


def _log_y(axes: "Axes", values: Sequence[float]) -> None:
    """A logarithmic axis around some positive values, its few ticks written as plain numbers."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    low, high = math.log10(min(values)), math.log10(max(values))
    margin = max(0.08 * (high - low), 0.1)
    axes.set_yscale("log")
    axes.set_ylim(10 ** (low - margin), 10 ** (high + margin))
    subs = (1.0,) if high - low > 2 else (1.0, 2.0, 5.0) if high - low > 0.6 else (1.0, 1.5, 2.0, 3.0, 5.0, 7.0)
    axes.yaxis.set_major_locator(LogLocator(subs=subs))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _place: _short(value)))
    axes.yaxis.set_minor_formatter(NullFormatter())


def _short(value: float) -> str:
    """``0.5``, ``500``, ``50k``: no wider than the room beside a panel."""
    return f"{value / 1e3:.12g}k" if value >= 1e4 else f"{value:.12g}"


def _record(row: Row) -> dict[str, object]:
    return {name: getattr(row, name) for name in _COLUMNS} | _named("call_ms", _call_ms(row))


def _named(name: str, value: Interval | None) -> dict[str, object]:
    """A value and the ends of its interval as columns of a table."""
    return dict(zip((name, f"{name}_low", f"{name}_high"), value or (None, None, None), strict=True))


def _all(every: "Sequence[Series]") -> list[Row]:
    return [row for series in every for row in series]


def _call_ms(row: Row) -> Interval:
    value, low, high = (1e3 * time for time in sweeps.latency_s(row))
    return value, low, high


def _speed_up(first: Row, row: Row) -> Interval:
    return sweeps.speed_up(row, first)


def _threads(row: Row) -> int:
    return row.threads or 0
