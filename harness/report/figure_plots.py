"""The figure of 2016 and its edition of today, drawn: accuracy against costs, accuracy per parameter, time by cost."""

import math
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.measurements.fitted_line import FEWEST, Line
from harness.measurements.pareto import Front, Interval
from harness.report import advances, drawing, figure, labels
from harness.report.advances import Advance
from harness.report.figure import Figure, Point
from harness.report.plots import BUBBLE_NOTE, LATENCY_LABEL, OPERATIONS_LABEL, SIZE_NOTE

if TYPE_CHECKING:
    import matplotlib.figure
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D
    from matplotlib.transforms import Bbox

LEGEND_PARAMS = tuple(million * 10**6 for million in (5, 35, 65, 95, 125, 155))
LARGEST_BUBBLE = 2200.0  # points², of the last of them
MOST_OPERATIONS = 40.0  # where the axis of the paper ends
COLOUR = "#0072B2"
ERAS = {"2016": COLOUR, "today": "#D55E00"}  # blue and vermillion, of the networks and of their front
MARKS = {"measured": ("o", True), "published": ("D", False)}  # marker, and whether it is filled
COMPARED = ("alexnet_two_tower", "vgg19")  # with the best accuracy per parameter, as in the paper

Of = Callable[[Point], Interval]
FrontOf = Callable[[Iterable[Point]], Front]


def draw(shown: Figure, folder: Path) -> list[Path]:
    """Draw into a folder every picture that the points have something for; returns the files written."""
    name = f"figure_{shown.edition}"
    drawn = drawing.write(lambda: accuracy_figure(shown), table(shown), folder / name)
    bars = sorted(shown.points, key=lambda point: point.density)
    drawn += drawing.write(lambda: density_figure(bars), density_table(bars), folder / f"{name}_accuracy_per_parameter")
    if len(shown.timed) >= FEWEST and shown.edition in {point.era for point in shown.timed}:
        line = figure.time_line(shown.timed)
        stem = folder / f"{name}_latency_by_operations"
        drawn += drawing.write(lambda: line_figure(shown, line), line_table(shown, line), stem)
    if found := advances.find(shown.points) if shown.edition == "today" else []:
        drawn += drawing.write(
            lambda: advances_figure(found), [vars(each) for each in found], folder / f"{name}_advances"
        )
    return drawn


def table(shown: Figure) -> list[dict[str, object]]:
    """One record a network: what the pictures of accuracy show. Shares of one; times in milliseconds, of one image."""
    by_operations, by_latency = (
        _places(shown.points, figure.operations_front),
        _places(shown.timed, figure.latency_front),
    )
    return [
        _record(point, shown)
        | dict(zip(("on_operations_front", "operations_front_share"), by_operations[point.name], strict=True))
        | dict(zip(("on_latency_front", "latency_front_share"), by_latency.get(point.name, (None, None)), strict=True))
        for point in shown.points
    ]


def density_table(points: Sequence[Point]) -> list[dict[str, object]]:
    """Accuracy per parameter of each network, and how many times that of each it is."""
    return [
        {
            "architecture": point.name,
            "params": point.params,
            "accuracy_shown": shown_as(point),
            "measured_percent_per_million_params": point.density if point.measured else None,
            "published_percent_per_million_params": None if point.measured else point.density,
        }
        | {f"times_{other.name}": point.density / other.density for other in points}
        for point in points
    ]


def line_table(shown: Figure, line: Line) -> list[dict[str, object]]:
    """Latency of each network, what the line has for it, and the residual; the line itself stands in each record."""
    of_line = {
        "slope_ms_per_giga_operation": line.slope,
        "intercept_ms": line.intercept,
        "r_squared": line.r_squared,
        "r_squared_low": line.r_squared_low,
        "r_squared_high": line.r_squared_high,
        "r_squared_unseen": line.r_squared_unseen,
    }
    return [
        {"architecture": point.name, "giga_operations": point.giga_operations}
        | dict(zip(("latency_ms", "latency_low_ms", "latency_high_ms"), point.latency_ms, strict=True))
        | {"line_ms": line.at(point.giga_operations), "residual_ms": residual}
        | of_line
        for point, residual in zip(shown.timed, line.residuals, strict=True)
    ]


def accuracy_figure(shown: Figure) -> "matplotlib.figure.Figure":
    """Accuracy against operations, and under it the same points against latency, before they are written anywhere."""
    timed = shown.timed
    unsure = [f"{point.name} ({point.top1.on})" for point in shown.points if point.top1.low is None]
    known = f"\nThe uncertainty of the accuracy is not known: {', '.join(unsure)}." if unsure else ""
    picture, panels = drawing.panels([5.2, 5.2] if timed else [8.0], note=BUBBLE_NOTE + known)
    axes = panels[0]
    most = max(MOST_OPERATIONS, *(point.giga_operations for point in shown.points))
    axes.set_xlim(-0.03 * most, 1.07 * most)  # the bubbles at the ends are drawn whole
    if shown.edition == "today":  # those of today would stand on one another at its left end
        drawing.log_axis(axes, [point.giga_operations for point in shown.points], pad=0.08)
    axes.set_xlabel(OPERATIONS_LABEL)
    drawing.title(axes, "Top-1 accuracy against operations, ImageNet")
    _draw_points(axes, shown, shown.points, _operations, figure.operations_front)
    sizes = [drawing.swatch(f"{params / 1e6:.0f} M", "#bbbbbb", size=_diameter(params)) for params in LEGEND_PARAMS]
    if timed:
        drawing.log_axis(panels[1], [end for point in timed for end in point.latency_ms], pad=0.12)
        panels[1].set_xlabel(LATENCY_LABEL)
        drawing.title(panels[1], f"Top-1 accuracy against measured latency: {_setting(shown)}")
        _draw_points(panels[1], shown, timed, lambda point: point.latency_ms, figure.latency_front)
    front = drawing.front_legend(ERAS if shown.edition == "today" else None)
    blocks = [("Parameters", sizes), ("Top-1 accuracy", _marks(shown.points)), front]
    for panel, legends in zip(panels, (blocks[:1], blocks[1:]) if timed else (blocks,), strict=True):
        drawing.legends(panel, *legends)
    return picture


def density_figure(points: Sequence[Point]) -> "matplotlib.figure.Figure":
    """Accuracy per parameter as bars, one a network, before it is written anywhere."""
    longest = max(len(point.name) for point in points)
    best, others = points[-1], [point for point in points[:-1] if point.name in COMPARED]
    times = " and ".join(f"{best.density / other.density:.1f} times that of {other.name}" for other in others)
    note = f"The accuracy per parameter of {best.name} is {times}." if times else ""
    picture, (axes,) = drawing.panels([0.5 + 0.32 * len(points)], left_in=0.35 + 0.085 * longest, note=note)
    for place, point in enumerate(points):
        _, filled = MARKS[shown_as(point)]
        colour = ERAS[point.era]
        look: dict[str, Any] = {"edgecolor": colour, "facecolor": colour if filled else "white", "linewidth": 1.4}
        axes.barh(place, point.density, height=0.6, **look)
        axes.annotate(
            f"{point.density:#.3g}",
            (point.density, place),
            (5, 0),
            textcoords="offset points",
            va="center",
            fontsize=10,
        )
    axes.set_yticks(range(len(points)), [point.name for point in points], parse_math=False)
    axes.set_xlim(0, 1.1 * max(point.density for point in points))
    axes.set_xlabel("Top-1 accuracy [%] per million parameters")
    drawing.title(axes, "Accuracy per parameter")
    several = len(_by_era(points)) > 1
    present = dict.fromkeys((shown_as(point), point.era) for point in reversed(points))
    marks = [
        drawing.swatch(f"{name}, {era}" if several else name, ERAS[era], "s", filled=MARKS[name][1], size=9)
        for name, era in present
    ]
    drawing.legends(axes, ("Top-1 accuracy", marks))
    return picture


def line_figure(shown: Figure, line: Line) -> "matplotlib.figure.Figure":
    """Latency by operations with the fitted line, before it is written anywhere."""
    from matplotlib.lines import Line2D
    from matplotlib.transforms import Bbox

    picture, (axes,) = drawing.panels([5.2], note=f"{SIZE_NOTE}\n{_told(line)}")
    most = 1.08 * max(point.giga_operations for point in shown.timed)
    highest = max(*(high for point in shown.timed for _, _, high in [point.latency_ms]), line.at(most))
    axes.set_xlim(0, most)
    axes.set_ylim(min(0, line.intercept), 1.08 * highest)
    axes.plot([0, most], [line.at(0), line.at(most)], color=drawing.GREY, linewidth=1.3, zorder=1)
    occupied = {}
    for point in shown.timed:
        x, (y, low, high) = point.giga_operations, point.latency_ms
        mark: dict[str, Any] = {"fmt": "o", "ms": 5, "elinewidth": 1.2, "capsize": 2.5, "color": COLOUR, "zorder": 3}
        axes.errorbar([x], [y], [[y - low], [high - y]], **mark)
        (left, bottom), (_, top) = axes.transData.transform([(x, low), (x, high)])
        occupied[point.name] = [Bbox.from_extents(left, bottom, left, top).padded(4 * drawing.DPI / 72)]
    axes.set_xlabel(OPERATIONS_LABEL)
    axes.set_ylabel("Latency of one image [ms] with its 95 % interval")
    drawing.title(axes, f"Latency by operations: {_setting(shown)}")
    labels.name(axes, occupied)
    drawing.legends(axes, ("Fitted line", [Line2D([], [], color=drawing.GREY, label=f"R² = {line.r_squared:.3f}")]))
    return picture


def advances_figure(found: Sequence[Advance]) -> "matplotlib.figure.Figure":
    """How many times fewer operations a network of today takes for at least the accuracy of each of 2016."""
    shown = [(each, each.operations_times) for each in found if each.operations_times is not None]
    note = "A network of today that is at least as accurate, of these the one with the fewest operations."
    picture, (axes,) = drawing.panels([0.5 + 0.32 * len(shown)], left_in=1.9, note=note)
    for place, (each, times) in enumerate(shown):
        axes.barh(place, times, height=0.6, color=ERAS["today"])
        text = f"{times:.3g}, {each.by}"
        axes.annotate(text, (times, place), (5, 0), textcoords="offset points", va="center", fontsize=10)
    axes.set_yticks(range(len(shown)), [each.of for each, _ in shown], parse_math=False)
    most = max(times for _, times in shown)
    drawing.log_axis(axes, [1.0, most], pad=0.0)
    axes.set_xlim(min(1.0, *(times for _, times in shown)), 5 * most)  # the names stand beside the bars
    axes.set_xlabel("Times fewer operations")
    drawing.title(axes, "What ten years saved at no less accuracy")
    return picture


def shown_as(point: Point) -> str:
    """Whether the accuracy that stands for a network was measured or published: the name of its mark."""
    return "measured" if point.measured else "published"


def _by_era(points: Iterable[Point]) -> dict[str, list[Point]]:
    """The points of each era, the earlier first: each has a front of its own."""
    shown = list(points)
    eras = {era: [point for point in shown if point.era == era] for era in ERAS}
    return {era: found for era, found in eras.items() if found}


def _draw_points(axes: "Axes", shown: Figure, points: Sequence[Point], of: Of, front_of: FrontOf) -> None:
    """Bubbles, marks, intervals, the fronts, and names clear of all of them. The limits of x must be final."""
    ends = [end for point in points for end in point.top1.percent]
    axes.set_ylim(min(ends) - 3.5, max(ends) + 3.5)
    axes.set_ylabel("Top-1 accuracy [%] with its 95 % interval")
    bubbles = []
    for era, found in _by_era(points).items():
        front, colour = front_of(found), ERAS[era] if shown.edition == "today" else drawing.FRONT
        drawing.draw_front(axes, front, colour)
        bubbles += [(point, drawing.face(share, colour)) for point, share in zip(found, front.shares, strict=True)]
    for point, face in sorted(bubbles, key=lambda pair: -pair[0].params):  # the smaller lie on the larger
        _draw_point(axes, point, of(point), face)
    labels.name(axes, {point.name: _occupied(axes, point, of(point)) for point in points})


def _draw_point(axes: "Axes", point: Point, cost: Interval, face: str) -> None:
    (x, left, right), (y, low, high) = cost, point.top1.percent
    bubble: dict[str, Any] = {"facecolors": face, "edgecolors": drawing.GREY, "linewidths": 0.8}
    axes.scatter([x], [y], _diameter(point.params) ** 2, zorder=2, **bubble)
    marker, filled = MARKS[shown_as(point)]
    colour = ERAS[point.era]
    mark: dict[str, Any] = {"fmt": marker, "ms": 4.5, "color": colour, "mfc": colour if filled else "white"}
    line: dict[str, Any] = {"elinewidth": 1.2, "capsize": 2, "zorder": 3}
    axes.errorbar([x], [y], [[y - low], [high - y]], [[x - left], [right - x]], **mark, **line)


def _occupied(axes: "Axes", point: Point, cost: Interval) -> "list[Bbox]":
    """The boxes, in pixels, of a bubble and of the intervals around its mark."""
    from matplotlib.transforms import Bbox

    (x, left, right), (y, low, high) = cost, point.top1.percent
    corners = axes.transData.transform([(x, y), (left, low), (right, high)])
    point_px = drawing.DPI / 72
    bubble = Bbox.from_extents(*corners[0], *corners[0]).padded(point_px * (_diameter(point.params) / 2 + 1))
    return [bubble, Bbox(corners[1:]).padded(3 * point_px)]


def _marks(points: Iterable[Point]) -> "list[Line2D]":
    eras = _by_era(points)
    return [
        drawing.swatch(f"{name}, {era}" if len(eras) > 1 else name, ERAS[era], marker, filled=filled)
        for era, found in eras.items()
        for name, (marker, filled) in MARKS.items()
        if name in {shown_as(point) for point in found}
    ]


def _told(line: Line) -> str:
    """The line, and how well it fits."""
    sign = "+" if line.intercept >= 0 else "−"
    ends = f"(95 % interval {line.r_squared_low:.2f} to {line.r_squared_high:.2f})"
    fits = f"{line.slope:.3g} ms a G-Op {sign} {abs(line.intercept):.3g} ms; R² = {line.r_squared:.3f} {ends}"
    unseen = line.r_squared_unseen
    return fits + ("" if unseen is None else f", {unseen:.3f} where each network is left out of its own line")


def _record(point: Point, shown: Figure) -> dict[str, object]:
    measured, reported, setting = point.measured, point.published, shown.setting if point.latency_s else None
    times = point.latency_ms if point.latency_s else (None, None, None)
    return {
        "architecture": point.name,
        **({"era": point.era} if shown.edition == "today" else {}),
        "params": point.params,
        "macs": point.macs,
        "giga_operations": point.giga_operations,
        "accuracy_shown": shown_as(point),
        "measured_accuracy": measured and measured.value,
        "measured_low": measured and measured.low,
        "measured_high": measured and measured.high,
        "measured_on": measured and measured.on,
        "published_accuracy": reported and reported.value,
        "published_low": reported and reported.low,
        "published_high": reported and reported.high,
        "published_on": reported and reported.on,
        "published_source": reported and reported.source,
        "run": setting and setting.run,
        "framework": setting and setting.framework,
        "threads": setting and setting.threads,
        "latency_ms": times[0],
        "latency_low_ms": times[1],
        "latency_high_ms": times[2],
    }


def _places(points: Iterable[Point], front_of: FrontOf) -> dict[str, tuple[bool, float]]:
    """Whether each network is on the front of its era, and in which share of the draws."""
    places: dict[str, tuple[bool, float]] = {}
    for found in _by_era(points).values():
        front = front_of(found)
        names = (point.name for point in found)
        places |= dict(zip(names, zip(front.members, front.shares, strict=True), strict=True))
    return places


def _operations(point: Point) -> Interval:
    return (point.giga_operations,) * 3


def _setting(shown: Figure) -> str:
    return shown.setting.text if shown.setting else ""


def _diameter(params: int) -> float:
    """Of a bubble, in points: its area is proportional to the parameters."""
    return math.sqrt(LARGEST_BUBBLE * params / LEGEND_PARAMS[-1])
