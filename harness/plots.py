"""The pictures of a run: each a PNG and an SVG, with the CSV of what they show beside them."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness import drawing, labels
from harness.errors import HarnessError
from harness.rows import Row
from harness.tables import format_count, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.transforms import Bbox

OPERATIONS_LABEL = "Operations [G-Ops] (1 multiply-accumulate = 2 operations; input H×W)"
LATENCY_LABEL = "Latency of one image [ms] (median and 95 % interval over process launches)"

LARGEST_BUBBLE = 2400.0  # points², of the network with the most parameters
ASIDE = 7.0  # points between the values of twins, which would hide each other
ORDER = ("keras", "torch")  # twins from left to right, from top to bottom

_ACCURACY_COLUMNS: tuple[str, ...] = (
    "dataset",
    "adaptation",
    "architecture",
    "framework",
    "params",
    "macs",
    "correct",
    "total",
)
_ACCURACY_COLUMNS += ("accuracy", "accuracy_low", "accuracy_high")
_LATENCY_COLUMNS = ("run", "device", "provider", "precision", "batch", "architecture", "framework", "threads")

Interval = tuple[float, float, float]  # value, low, high


def draw(rows: list[Row], folder: Path) -> list[Path]:
    """Draw into a folder every picture that the rows have something for.

    Returns the files written. Raises :class:`HarnessError` where there is nothing for any picture.
    """
    drawn: list[Path] = []
    if with_accuracy(rows):
        drawn += accuracy_against_operations(rows, folder / "accuracy_against_operations")
    if with_latency(rows):
        drawn += latency(rows, folder / "latency")
    if not drawn:
        raise HarnessError("Nothing to draw: no row of status ok has a latency, or an accuracy and macs.")
    return drawn


def accuracy_against_operations(rows: list[Row], path_stem: Path) -> list[Path]:
    """Draw accuracy against operations, the area of a bubble being its parameters: one panel a data set.

    Returns the files written: ``path_stem`` with ``.png``, ``.svg`` and ``.csv``. Raises
    :class:`HarnessError` where no row has both an accuracy and multiply-accumulates.
    """
    shown = with_accuracy(rows)
    if not shown:
        raise HarnessError("Nothing to draw: no row of status ok has both an accuracy and macs.")
    table = [
        {"giga_operations": operations(row)} | {name: getattr(row, name) for name in _ACCURACY_COLUMNS} for row in shown
    ]
    return drawing.write(lambda: accuracy_figure(shown), table, path_stem)


def latency(rows: list[Row], path_stem: Path) -> list[Path]:
    """Draw the latency of every network as dots with intervals: one panel a run and device setting.

    Returns the files written: ``path_stem`` with ``.png``, ``.svg`` and ``.csv`` (times in
    milliseconds, as drawn). Raises :class:`HarnessError` where no row has a latency.
    """
    shown = with_latency(rows)
    if not shown:
        raise HarnessError("Nothing to draw: no row of status ok has a latency.")
    table = [
        {name: getattr(row, name) for name in _LATENCY_COLUMNS}
        | dict(zip(("median_ms", "low_ms", "high_ms"), milliseconds(row), strict=True))
        for row in shown
    ]
    return drawing.write(lambda: latency_figure(shown), table, path_stem)


def with_accuracy(rows: Sequence[Row]) -> list[Row]:
    """The rows that stand in the accuracy picture: one a network, framework, data set and result."""
    points = {
        (row.dataset or "", row.macs, row.architecture, row.framework, row.accuracy, row.total or 0): row
        for row in rows
        if row.status == "ok" and row.macs and row.accuracy is not None and math.isfinite(row.accuracy)
    }
    return [points[key] for key in sorted(points)]


def with_latency(rows: Sequence[Row]) -> list[Row]:
    """The rows that stand in the latency picture: those of one thread and of the most threads there are."""
    timed = [row for row in rows if row.status == "ok" and row.latency_median_s]
    most = max((row.threads or 0 for row in timed), default=0)
    points = [row for row in timed if row.threads in (None, 1, most)]
    return sorted(points, key=lambda row: (_setting(row), row.architecture, row.framework, row.threads or 0))


def operations(row: Row) -> float:
    """The operations of one image in billions: a multiply-accumulate counts as two."""
    return 2 * (row.macs or 0) / 1e9


def percent(row: Row) -> Interval:
    """The accuracy in percent with its interval; without one, the value three times."""
    return _interval(100.0, row.accuracy, row.accuracy_low, row.accuracy_high)


def milliseconds(row: Row) -> Interval:
    """The latency of one image with its interval: a call's, divided by its batch."""
    return _interval(1e3 / row.batch, row.latency_median_s, row.latency_low_s, row.latency_high_s)


def accuracy_figure(rows: Sequence[Row]) -> "Figure":
    """The picture of accuracy against operations, before it is written anywhere."""
    datasets = sorted({row.dataset or "" for row in rows})
    frameworks = _frameworks(rows)
    per_param = LARGEST_BUBBLE / max(*(row.params or 0 for row in rows), 1)
    note = "H×W: each network at its own input size. The area of a bubble is its number of parameters."
    figure, panels = drawing.panels([5.1] * len(datasets), note=note)
    for dataset, axes in zip(datasets, panels, strict=True):
        shown = [row for row in rows if (row.dataset or "") == dataset]
        values = [value for row in shown for value in percent(row)]
        margin = max(0.5, 0.12 * (max(values) - min(values)))
        axes.set_ylim(min(values) - margin, max(values) + margin)
        drawing.log_axis(axes, [operations(row) for row in shown], pad=0.1)
        for row in shown:
            _draw_bubble(axes, row, per_param, _aside(frameworks, row))
        drawing.title(axes, _accuracy_title(shown))
        axes.set_ylabel("Accuracy [%] with its 95 % interval")
        axes.set_xlabel(OPERATIONS_LABEL)
        _name_bubbles(axes, shown, per_param)
    exporters = [drawing.swatch(name, *drawing.style(name), filled=_filled(name)) for name in frameworks]
    sizes = round_sizes([row.params for row in rows if row.params])
    bubbles = [drawing.swatch(_round_count(size), "#bbbbbb", size=math.sqrt(size * per_param)) for size in sizes]
    drawing.legends(panels[0], ("Exported from", exporters), ("Parameters", bubbles))
    return figure


def latency_figure(rows: Sequence[Row]) -> "Figure":
    """The picture of latencies, before it is written anywhere: hollow for one thread, filled for all."""
    groups = {setting: [row for row in rows if _setting(row) == setting] for setting in map(_setting, rows)}
    frameworks = _frameworks(rows)
    longest = max(len(row.architecture) for row in rows)
    heights = [0.4 + 0.4 * len({row.architecture for row in group}) for group in groups.values()]
    figure, panels = drawing.panels(heights, left_in=0.35 + 0.085 * longest)
    for (setting, group), axes in zip(groups.items(), panels, strict=True):
        names = _by_latency(group)
        for row in group:
            _draw_dot(axes, row, names.index(row.architecture) - _aside(frameworks, row) / 30)
        axes.set_yticks(range(len(names)), [plain(name) for name in names], parse_math=False)
        axes.set_ylim(-0.6, len(names) - 0.4)
        drawing.log_axis(axes, [value for row in group for value in milliseconds(row) if value > 0], pad=0.06)
        axes.set_xlabel(LATENCY_LABEL)
        drawing.title(axes, f"Latency: {setting}")
    exporters = [drawing.swatch(name, *drawing.style(name)) for name in frameworks]
    numbers = sorted({row.threads for row in rows if row.threads})
    threads = [drawing.swatch(str(number), drawing.GREY, filled=number > 1) for number in numbers]
    drawing.legends(panels[0], ("Exported from", exporters), ("Threads", threads))
    return figure


def round_sizes(params: Sequence[int]) -> list[int]:
    """Up to four round numbers that span some counts: 1, 2 or 5 times a power of ten."""
    if not params:
        return []
    powers = range(math.floor(math.log10(min(params))), math.ceil(math.log10(max(params))) + 1)
    ladder = [step * 10**power for power in powers for step in (1, 2, 5)]
    inside = [size for size in ladder if min(params) <= size <= max(params)]
    if not inside:
        return [max(size for size in ladder if size <= max(params))]
    return [inside[place] for place in sorted({round(third * (len(inside) - 1) / 3) for third in range(4)})]


def _draw_bubble(axes: "Axes", row: Row, per_param: float, aside: float) -> None:
    """One network: a disc or a ring by framework, with its value and interval beside the middle."""
    from matplotlib.transforms import ScaledTranslation

    figure = axes.get_figure(root=True)
    assert figure is not None
    colour, marker = drawing.style(row.framework)
    x, (y, low, high) = operations(row), percent(row)
    face, edge = (colour + "40", "none") if _filled(row.framework) else ("none", colour)
    axes.scatter([x], [y], per_param * (row.params or 0), facecolors=face, edgecolors=edge, linewidths=1.4, zorder=2)
    shifted = axes.transData + ScaledTranslation(aside / 72, 0, figure.dpi_scale_trans)
    line: dict[str, Any] = {"elinewidth": 1.2, "capsize": 2, "transform": shifted, "zorder": 3}
    face = colour if _filled(row.framework) else "white"
    axes.errorbar([x], [y], [[y - low], [high - y]], fmt=marker, ms=4.5, color=colour, mfc=face, **line)


def _draw_dot(axes: "Axes", row: Row, y: float) -> None:
    colour, marker = drawing.style(row.framework)
    x, low, high = milliseconds(row)
    face = "white" if row.threads == 1 else colour
    line: dict[str, Any] = {"elinewidth": 1.2, "capsize": 2.5, "zorder": 3}
    axes.errorbar([x], [y], xerr=[[x - low], [high - x]], fmt=marker, ms=5, color=colour, mfc=face, **line)


def _name_bubbles(axes: "Axes", rows: Sequence[Row], per_param: float) -> None:
    """Write each network's name near its bubbles, clear of all bubbles, intervals and other names."""
    occupied: dict[str, list[Bbox]] = {}
    for row in rows:
        occupied.setdefault(row.architecture, []).extend(_occupied(axes, row, per_param))
    labels.name(axes, occupied)


def _occupied(axes: "Axes", row: Row, per_param: float) -> "list[Bbox]":
    """The boxes, in pixels, of a bubble and of the intervals beside its middle."""
    from matplotlib.transforms import Bbox

    value, low, high = percent(row)
    (x, y), (_, bottom), (_, top) = axes.transData.transform([(operations(row), part) for part in (value, low, high)])
    point = drawing.DPI / 72
    radius = point * (math.sqrt(per_param * (row.params or 0)) / 2 + 1)
    bubble = Bbox.from_extents(x - radius, y - radius, x + radius, y + radius)
    return [bubble, Bbox.from_extents(x - ASIDE * point, bottom - point, x + ASIDE * point, top + point)]


def _round_count(size: int) -> str:
    """``2 M`` for what is ``2.00 M`` where it was measured."""
    number, *unit = format_count(size).split()
    return " ".join([f"{float(number):g}", *unit])


def _accuracy_title(rows: Sequence[Row]) -> str:
    totals = sorted({row.total for row in rows if row.total})
    images = (
        f", {' to '.join(f'{total:,}' for total in dict.fromkeys((totals[0], totals[-1])))} test images"
        if totals
        else ""
    )
    return f"Accuracy against operations: {rows[0].dataset or 'data set not named'}{images}"


def _by_latency(rows: Sequence[Row]) -> list[str]:
    """The networks, fastest first."""
    slowest: dict[str, float] = {}
    for row in rows:
        slowest[row.architecture] = max(slowest.get(row.architecture, 0.0), milliseconds(row)[0])
    return sorted(slowest, key=lambda name: (slowest[name], name))


def _setting(row: Row) -> str:
    """What must be equal for two latencies to stand in one panel; those of different runs are not comparable."""
    parts = (row.run, row.device, row.provider, row.precision, f"batch {row.batch}")
    return ", ".join(part for part in parts if part)


def _frameworks(rows: Sequence[Row]) -> list[str]:
    present = {row.framework for row in rows}
    return [name for name in ORDER if name in present] + sorted(present - set(ORDER))


def _aside(frameworks: Sequence[str], row: Row) -> float:
    """How many points right of the middle a framework's value stands."""
    return ASIDE * (frameworks.index(row.framework) - (len(frameworks) - 1) / 2)


def _filled(framework: str) -> bool:
    """Whether the bubbles are discs, on which the rings of the twin can still be seen."""
    return framework == "torch"


def _interval(scale: float, value: float | None, low: float | None, high: float | None) -> Interval:
    middle = value or 0.0
    return scale * middle, scale * (middle if low is None else low), scale * (middle if high is None else high)
