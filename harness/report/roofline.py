"""The roofline of a network's files: how fast each node is beside what the machine can do at most.

S. Williams, A. Waterman, D. Patterson, "Roofline", Communications of the ACM 52 (2009).
"""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import HarnessError
from harness.report import drawing, labels
from harness.report.tables import format_percent, format_seconds

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

LARGEST_BUBBLE = 900.0  # points², of a node that takes half of its call
SMALLEST_BUBBLE = 12.0
NAMED = 10  # of the most expensive nodes
X_LABEL = "Arithmetic intensity [multiply-accumulates per byte read or written]"
Y_LABEL = "Speed [GMAC/s]"
NOTE = (
    "The area of a node is its share of the nodes' time; numbers are its rank by time, as in the table.\n"
    "Bytes: each input, weight and output once. A node above the roof of the memory finds its data in a cache."
)
_ROOFS = {"memory": "-", "cache": "--"}  # by peak: the style of its line

Line = Mapping[str, Any]


def draw(title: str, files: Mapping[str, Sequence[Line]], peaks: Mapping[str, Line], stem: Path) -> list[Path]:
    """Draw the nodes of each file of a network, by framework: a panel each, under the same roofs.

    ``files`` holds the lines of :func:`harness.timing.node_times.lines`, ``peaks`` by name those of one thread
    count. Returns the files written: ``stem`` with ``.png``, ``.svg``, ``.pdf`` and ``.csv``. Raises
    :class:`HarnessError` where no node has multiply-accumulates and a time.
    """
    shown = {framework: [line for line in lines if _placed(line)] for framework, lines in files.items()}
    if not any(shown.values()):
        raise HarnessError("Nothing to draw: no node has both multiply-accumulates and a time.")
    table = [{"framework": framework, **line} for framework, lines in shown.items() for line in lines]
    table += [_roof_line(table[0], peak) for peak in peaks.values()]
    return drawing.write(lambda: figure(title, files, peaks), table, stem)


def _roof_line(like: Line, peak: Line) -> dict[str, Any]:
    """A measured peak as a line of the picture's table, beside the nodes."""
    column = "gmac_per_s" if peak["unit"] == "MAC" else "gb_per_s"
    rate = peak["peak_per_s"]
    found = {"part": f"peak: {peak['peak']}", column: rate and rate / 1e9, "reason": peak["reason"]}
    return dict.fromkeys(like) | found


def figure(title: str, files: Mapping[str, Sequence[Line]], peaks: Mapping[str, Line]) -> "Figure":
    """The picture, before it is written anywhere."""
    drawn, panels = drawing.panels([3.9] * len(files), note=NOTE)
    every = [line for lines in files.values() for line in lines if _placed(line)]
    limits = _limits(every, peaks)
    for (framework, lines), axes in zip(files.items(), panels, strict=True):
        shown = [line for line in lines if _placed(line)]
        for side, (low, high) in zip(("x", "y"), limits, strict=True):
            getattr(axes, f"set_{side}scale")("log")
            getattr(axes, f"set_{side}lim")(low, high)
            drawing.plain_ticks(getattr(axes, f"{side}axis"), math.log10(high / low))
        roofs = _draw_roofs(axes, peaks)
        for line in shown:
            _draw_node(axes, framework, line)
        drawing.title(axes, f"{title}, {framework}: {_summary(lines)}")
        axes.set_ylabel(Y_LABEL)
        axes.set_xlabel(X_LABEL)
        _name_nodes(axes, shown)
        sizes = [
            drawing.swatch(f"{100 * share:.0f} %", "#bbbbbb", size=math.sqrt(_area(share)))
            for share in (0.02, 0.1, 0.5)
        ]
        drawing.legends(axes, ("Share of the time", sizes), ("Measured peaks", roofs))
    return drawn


def _placed(line: Line) -> bool:
    """Whether a line has a place on logarithmic axes."""
    return bool(line["part"] == "node" and line["macs"] and line["gmac_per_s"] and line["macs_per_byte"])


def _limits(every: Sequence[Line], peaks: Mapping[str, Line]) -> tuple[tuple[float, float], tuple[float, float]]:
    """The limits of both axes: all nodes, and where the roofs meet."""
    top = (_per_s(peaks, "gemm") or 0.0) / 1e9
    ridges = [1e9 * top / rate for name in _ROOFS if top and (rate := _per_s(peaks, name))]
    intensities = [*(line["macs_per_byte"] for line in every), *ridges]
    speeds = [*(line["gmac_per_s"] for line in every), *([top] if top else [])]
    return (min(intensities) / 2, max(intensities) * 2.5), (min(speeds) / 3, max(speeds) * 3)


def _per_s(peaks: Mapping[str, Line], name: str) -> float | None:
    line = peaks.get(name)
    return line["peak_per_s"] if line else None


def _draw_roofs(axes: "Axes", peaks: Mapping[str, Line]) -> "list[Line2D]":
    """The roofs, and their entries of the legend: nothing where a peak is not known."""
    from matplotlib.lines import Line2D

    top = (_per_s(peaks, "gemm") or math.inf) / 1e9
    left, right = axes.get_xlim()
    entries = []
    if math.isfinite(top):
        axes.axhline(top, color=drawing.GREY, linewidth=1.3, zorder=1.5)
        entries.append(Line2D([], [], color=drawing.GREY, linewidth=1.3, label=f"{_round(top)} GMAC/s"))
    for name, style in _ROOFS.items():
        rate = _per_s(peaks, name)
        if rate is None:
            continue
        end = min(right, 1e9 * top / rate)
        if end > left:
            line: dict[str, Any] = {"color": drawing.GREY, "linewidth": 1.3, "linestyle": style}
            axes.plot([left, end], [left * rate / 1e9, end * rate / 1e9], zorder=1.5, **line)
            entries.append(Line2D([], [], label=f"{name} {_round(rate / 1e9)} GB/s", **line))
    return entries


def _round(value: float) -> str:
    """Short enough for a legend."""
    return f"{value:.0f}" if value >= 10 else f"{value:.2g}"


def _draw_node(axes: "Axes", framework: str, line: Line) -> None:
    colour, _ = drawing.style(framework)
    area = _area(line["share"])
    drawn: dict[str, Any] = {"facecolors": f"{colour}66", "edgecolors": colour, "linewidths": 1.0, "zorder": 2}
    axes.scatter([line["macs_per_byte"]], [line["gmac_per_s"]], area, **drawn)


def _area(share: float) -> float:
    return max(SMALLEST_BUBBLE, 2 * LARGEST_BUBBLE * share)


def _name_nodes(axes: "Axes", shown: Sequence[Line]) -> None:
    """Name the most expensive nodes, clear of each other and of the rest."""
    from matplotlib.transforms import Bbox

    occupied: dict[str, list[Bbox]] = {}
    for line in shown:
        x, y = axes.transData.transform((line["macs_per_byte"], line["gmac_per_s"]))
        radius = drawing.DPI / 72 * (math.sqrt(_area(line["share"])) / 2 + 1)
        if line["rank"] <= NAMED:
            name = f"{line['rank']} {str(line['operator']).rpartition('.')[2]}"
            occupied[name] = [Bbox.from_extents(x - radius, y - radius, x + radius, y + radius)]
    labels.name(axes, occupied)


def _summary(lines: Sequence[Line]) -> str:
    """How long the call is, and how much of it has no place in the picture."""
    whole = next((line["median_s"] for line in lines if line["part"] == "whole call"), None)
    elsewhere = sum(line["share"] or 0.0 for line in lines if line["part"] == "node" and not _placed(line))
    return f"{format_seconds(whole)} a call, {format_percent(elsewhere)} of the nodes' time without MACs (not shown)"
