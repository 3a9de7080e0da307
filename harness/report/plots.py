"""The pictures of a run: each a PNG, an SVG and a PDF, with the CSV of what they show beside them."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import HarnessError
from harness.measurements.pareto import Front, Interval
from harness.measurements.rows import Row
from harness.measurements.subject_key import FLOAT32, ONNXRUNTIME
from harness.report import drawing, labels, precision_plots, sweep_plots, sweeps
from harness.report.tables import plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.transforms import Bbox

OPERATIONS_LABEL = "Operations [G-Ops] (1 multiply-accumulate = 2 operations; input H×W)"
LATENCY_LABEL = "Latency of one image [ms] (median and 95 % interval over process launches)"

SIZE_NOTE = "H×W: each network at its own input size."
BUBBLE_NOTE = (
    f"{SIZE_NOTE} The area of a bubble is its number of parameters; its fill, in how many draws it is on the front."
)

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
_FRONT_COLUMNS = ("on_front", "front_share")
_LATENCY_COLUMNS: tuple[str, ...] = ("run", "runtime", "device", "provider", "precision", "batch")
_LATENCY_COLUMNS += ("architecture", "framework", "threads")


def draw(rows: list[Row], folder: Path) -> list[Path]:
    """Draw into a folder every picture that the rows have something for.

    Returns the files written. Raises :class:`HarnessError` where there is nothing for any picture.
    """
    drawn: list[Path] = []
    if with_accuracy(rows):
        drawn += accuracy_against_operations(rows, folder / "accuracy_against_operations")
    if with_latency(rows):
        drawn += latency(rows, folder / "latency")
    drawn += sweep_plots.draw(rows, folder)
    if precision_plots.changes(rows):
        drawn += precision_plots.draw(rows, folder / "precision")
    if not drawn:
        raise HarnessError("Nothing to draw: no row of status ok has a latency, or an accuracy and macs.")
    return drawn


def accuracy_against_operations(rows: list[Row], path_stem: Path) -> list[Path]:
    """Draw accuracy against operations, the area of a bubble being its parameters: one panel a data set.

    Returns the files written: ``path_stem`` with ``.png``, ``.svg``, ``.pdf`` and ``.csv``. Raises
    :class:`HarnessError` where no row has both an accuracy and multiply-accumulates.
    """
    shown = with_accuracy(rows)
    if not shown:
        raise HarnessError("Nothing to draw: no row of status ok has both an accuracy and macs.")
    placed = _placed(shown)
    table = [
        {"giga_operations": operations(row)}
        | {name: getattr(row, name) for name in _ACCURACY_COLUMNS}
        | dict(zip(_FRONT_COLUMNS, placed[_network(row)], strict=True))
        for row in shown
    ]
    return drawing.write(lambda: accuracy_figure(shown), table, path_stem)


def latency(rows: list[Row], path_stem: Path) -> list[Path]:
    """Draw the latency of every network as dots with intervals: one panel a run and device setting.

    Returns the files written: ``path_stem`` with ``.png``, ``.svg``, ``.pdf`` and ``.csv`` (times in
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
    """The rows that stand in the accuracy picture: one a network, framework, data set and result, all in float32."""
    exported = [row for row in rows if row.status == "ok" and row.precision == FLOAT32]
    points = {
        (row.dataset or "", row.macs, row.architecture, row.framework, row.accuracy, row.total or 0): row
        for row in exported
        if row.macs and row.accuracy is not None and math.isfinite(row.accuracy)
    }
    return [points[key] for key in sorted(points)]


def with_latency(rows: Sequence[Row]) -> list[Row]:
    """The rows that stand in the latency picture: one thread and the most there are, in the usual batch and size."""
    timed = [row for row in rows if row.status == "ok" and row.latency_median_s]
    points = sweeps.usual(sweeps.of_fewest_and_most_threads(timed))
    return sorted(points, key=lambda row: (_setting(row), row.architecture, row.framework, row.threads or 0))


def front(rows: Sequence[Row]) -> tuple[list[Row], Front]:
    """The Pareto front of the networks of one data set, and the row that stands for each: PyTorch's file if there.

    Twins are one network: both would only be in each other's way.
    """
    standing: dict[tuple[str, ...], Row] = {}
    for row in sorted(rows, key=lambda row: (row.framework != "torch", row.framework)):
        standing.setdefault(_network(row), row)
    chosen = list(standing.values())
    return chosen, Front([(operations(row),) * 3 for row in chosen], [percent(row) for row in chosen])


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
    figure, panels = drawing.panels([5.1] * len(datasets), note=BUBBLE_NOTE)
    for dataset, axes in zip(datasets, panels, strict=True):
        shown = [row for row in rows if (row.dataset or "") == dataset]
        values = [value for row in shown for value in percent(row)]
        margin = max(0.5, 0.12 * (max(values) - min(values)))
        axes.set_ylim(min(values) - margin, max(values) + margin)
        drawing.log_axis(axes, [operations(row) for row in shown], pad=0.1)
        standing, of_panel = front(shown)
        drawing.draw_front(axes, of_panel)
        shares = dict(zip(map(id, standing), of_panel.shares, strict=True))
        for row in shown:
            _draw_bubble(axes, row, per_param, _aside(frameworks, row), shares.get(id(row)))
        drawing.title(axes, _accuracy_title(shown))
        axes.set_ylabel("Accuracy [%] with its 95 % interval")
        axes.set_xlabel(OPERATIONS_LABEL)
        _name_bubbles(axes, shown, per_param)
    exporters = [drawing.swatch(name, *drawing.style(name), filled=_filled(name)) for name in frameworks]
    sizes = drawing.round_sizes([row.params for row in rows if row.params])
    bubbles = [drawing.swatch(drawing.round_count(size), "#bbbbbb", size=math.sqrt(size * per_param)) for size in sizes]
    drawing.legends(panels[0], ("Exported from", exporters), ("Parameters", bubbles), drawing.front_legend())
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


def _draw_bubble(axes: "Axes", row: Row, per_param: float, aside: float, share: float | None) -> None:
    """One file: a ring, filled by its share of the front where it stands for its network; value and interval beside."""
    from matplotlib.transforms import ScaledTranslation

    figure = axes.get_figure(root=True)
    assert figure is not None
    colour, marker = drawing.style(row.framework)
    x, (y, low, high) = operations(row), percent(row)
    face = "none" if share is None else drawing.face(share)
    drawn: dict[str, Any] = {"facecolors": face, "edgecolors": drawing.GREY, "linewidths": 1.0, "zorder": 2}
    axes.scatter([x], [y], per_param * (row.params or 0), **drawn)
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


def _accuracy_title(rows: Sequence[Row]) -> str:
    totals = sorted({row.total for row in rows if row.total})
    images = (
        f", {' to '.join(f'{total:,}' for total in dict.fromkeys((totals[0], totals[-1])))} test images"
        if totals
        else ""
    )
    return f"Accuracy against operations: {rows[0].dataset or 'data set not named'}{images}"


def _network(row: Row) -> tuple[str, ...]:
    """What twins have in common."""
    return row.dataset or "", row.run, row.architecture


def _placed(rows: Sequence[Row]) -> dict[tuple[str, ...], tuple[bool, float]]:
    """Whether each network is on the front of its data set, and in what share of draws."""
    found: dict[tuple[str, ...], tuple[bool, float]] = {}
    for dataset in {row.dataset for row in rows}:
        standing, of_panel = front([row for row in rows if row.dataset == dataset])
        found |= dict(zip(map(_network, standing), zip(of_panel.members, of_panel.shares, strict=True), strict=True))
    return found


def _by_latency(rows: Sequence[Row]) -> list[str]:
    """The networks, fastest first."""
    slowest: dict[str, float] = {}
    for row in rows:
        slowest[row.architecture] = max(slowest.get(row.architecture, 0.0), milliseconds(row)[0])
    return sorted(slowest, key=lambda name: (slowest[name], name))


def _setting(row: Row) -> str:
    """What must be equal for two latencies to stand in one panel; those of different runs are not comparable."""
    own = row.runtime if row.runtime != ONNXRUNTIME else None
    parts = (row.run, row.device, row.provider, own, row.precision, f"batch {row.batch}")
    return ", ".join(part for part in parts if part)


def _frameworks(rows: Sequence[Row]) -> list[str]:
    present = {row.framework for row in rows}
    return [name for name in ORDER if name in present] + sorted(present - set(ORDER))


def _aside(frameworks: Sequence[str], row: Row) -> float:
    """How many points right of the middle a framework's value stands."""
    return ASIDE * (frameworks.index(row.framework) - (len(frameworks) - 1) / 2)


def _filled(framework: str) -> bool:
    """Whether the marks are filled, so that twins are told apart without colour."""
    return framework == "torch"


def _interval(scale: float, value: float | None, low: float | None, high: float | None) -> Interval:
    middle = value or 0.0
    return scale * middle, scale * (middle if low is None else low), scale * (middle if high is None else high)
