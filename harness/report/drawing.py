"""What the pictures of a run share: panels, axes, legends, and how they are written.

The same data give the same bytes. Nothing here opens a window or touches matplotlib's global state.
"""

import io
import math
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.errors import HarnessError
from harness.machine import files
from harness.measurements.pareto import Front
from harness.report.tables import format_count, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

# By ending: the metadata that a picture goes without, so that it tells neither the time nor the machine.
PICTURES: dict[str, dict[str, None]] = {
    ".png": {"Software": None},
    ".svg": {"Date": None, "Creator": None},
    ".pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}
WIDTH_IN, DPI, FONT_PT, TITLE_PT = 10.0, 160, 10.5, 12.0
RIGHT_IN, LEFT_IN, TOP_IN, BOTTOM_IN = 1.75, 0.75, 0.45, 0.65  # around a panel; legends stand on the right
NOTE_IN, NOTE_LINE_IN = 0.3, 0.17
GREY, FRONT = "#555555", "#009E73"
FULLEST = 0.6  # the opacity of a bubble that is always on the front: what lies under it is still seen
# Blue, vermillion and, for the front, green of Okabe and Ito's palette, told apart under every colour blindness.
_STYLES = {"torch": ("#0072B2", "o"), "keras": ("#D55E00", "s")}
_OTHER_STYLE = (GREY, "D")
# The salt makes the SVG's ids the same each time. Publishers take TrueType fonts (42), and refuse Type 3.
_SETTINGS = {"svg.hashsalt": "onnx-harness", "font.size": FONT_PT, "pdf.fonttype": 42}


def style(framework: str) -> tuple[str, str]:
    """The colour and marker of a framework."""
    return _STYLES.get(framework, _OTHER_STYLE)


def panels(
    heights: Sequence[float], left_in: float = LEFT_IN, note: str = "", columns: int = 1
) -> "tuple[Figure, list[Axes]]":
    """A figure of panels under one another, each so many inches high, with room for texts and legends.

    Of several ``columns`` the panels come row by row.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    below = NOTE_IN + NOTE_LINE_IN * note.count("\n") if note else 0.0
    total = sum(height + TOP_IN + BOTTOM_IN for height in heights) + below
    figure = Figure(figsize=(WIDTH_IN, total), dpi=DPI)
    FigureCanvasAgg(figure)
    figure.text(0.15 / WIDTH_IN, 0.12 / total, note, fontsize=9, color=GREY, parse_math=False)
    found, top = [], total
    width = (WIDTH_IN - RIGHT_IN - left_in * columns) / columns
    for height in heights:
        bottom = top - TOP_IN - height
        for column in range(columns):
            left = left_in + column * (left_in + width)
            axes = figure.add_axes((left / WIDTH_IN, bottom / total, width / WIDTH_IN, height / total))
            axes.grid(color="#dddddd", linewidth=0.6)
            axes.set_axisbelow(True)
            axes.spines[["top", "right"]].set_visible(False)
            found.append(axes)
        top = bottom - BOTTOM_IN
    return figure, found


def title(axes: "Axes", text: str) -> None:
    """Write the title of a panel, smaller where it is long; a name is no formula: a dollar sign in it stays one."""
    written = axes.set_title(plain(text), loc="left", fontsize=TITLE_PT, parse_math=False)
    figure = axes.get_figure(root=True)
    assert figure is not None
    room, width = figure.bbox.x1 - axes.bbox.x0, written.get_window_extent().width
    written.set_fontsize(TITLE_PT * min(1.0, 0.98 * room / width))


def log_axis(axes: "Axes", values: Sequence[float], pad: float) -> None:
    """Make x a logarithmic axis around some positive values, its ticks written as plain numbers."""
    low, high = math.log10(min(values)), math.log10(max(values))
    margin = max(pad * (high - low), 0.15)
    axes.set_xscale("log")
    axes.set_xlim(10 ** (low - margin), 10 ** (high + margin))
    plain_ticks(axes.xaxis, high - low)


def plain_ticks(axis: "Axis", decades: float) -> None:
    """Write the ticks of a logarithmic axis as plain numbers, closer where what it shows spans few powers of ten."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axis.set_major_locator(LogLocator(subs=(1.0,) if decades > 2 else (1.0, 2.0, 5.0)))
    axis.set_major_formatter(FuncFormatter(lambda value, _place: f"{value:.12g}"))
    axis.set_minor_formatter(NullFormatter())


def face(share: float, colour: str = FRONT) -> str:
    """The fill of a bubble, the fuller the larger the share of draws in which it is on the Pareto front."""
    return f"{colour}{round(255 * FULLEST * share):02x}"


def draw_front(axes: "Axes", front: Front, colour: str = FRONT) -> None:
    """Draw a Pareto front as a staircase to the right edge, with its 95 % band. The limits of x must be final."""
    left, right = axes.get_xlim()
    scale = np.geomspace if axes.get_xscale() == "log" else np.linspace
    costs = np.union1d(scale(max(left, 0.0), right, 400)[1:-1], [cost for cost, _, _ in front.costs])
    low, high = front.band(costs)
    axes.fill_between(costs, low, high, step="post", color=colour, alpha=0.18, linewidth=0, zorder=1)
    steps = [*front.steps, (right, front.steps[-1][1])]
    axes.step(*zip(*steps, strict=True), where="post", color=colour, linewidth=1.3, zorder=1.5)


def front_legend(colours: Mapping[str, str] | None = None) -> "tuple[str, list[Line2D]]":
    """The block of a legend that tells of a Pareto front, or of those of these names, and of the fill of bubbles."""
    from matplotlib.colors import to_hex, to_rgb
    from matplotlib.lines import Line2D

    fill = GREY if colours else FRONT
    drawn = [
        *(
            Line2D([], [], color=of, linewidth=1.3, label=name)
            for name, of in (colours or {"values shown": FRONT}).items()
        ),
        Line2D([], [], color=fill, linewidth=8, alpha=0.18, label="95 % band"),
    ]
    shares = []
    for share in (1.0, 0.5, 0.0):
        red, green, blue = (1 - FULLEST * share * (1 - part) for part in to_rgb(fill))
        shares.append(swatch(f"{100 * share:.0f} % of draws", GREY, face=to_hex((red, green, blue)), size=11))
    return "Pareto front", [*drawn, *shares]


def swatch(
    label: str, colour: str, marker: str = "o", *, filled: bool = True, size: float = 6.0, face: str = ""
) -> "Line2D":
    """One entry of a legend."""
    from matplotlib.lines import Line2D

    fill = face or (colour if filled else "white")
    return Line2D([], [], linestyle="", marker=marker, markersize=size, color=colour, mfc=fill, label=plain(label))


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


def round_count(size: int) -> str:
    """``2 M`` for what is ``2.00 M`` where it was measured."""
    number, *unit = format_count(size).split()
    return " ".join([f"{float(number):g}", *unit])


def legends(axes: "Axes", *blocks: tuple[str, Sequence["Line2D"]]) -> None:
    """Write titled legends under one another on the right of a panel."""
    from matplotlib.legend import Legend

    figure = axes.get_figure(root=True)
    assert figure is not None
    height_pt = axes.get_position().height * figure.get_figheight() * 72
    top = 1.0
    for heading, entries in blocks:
        sizes = [float(entry.get_markersize()) for entry in entries]
        pitch = max(1.7 * FONT_PT, *((one + other) / 2 + 4 for one, other in pairwise([FONT_PT, *sizes])))
        legend = Legend(
            axes,
            entries,
            [str(entry.get_label()) for entry in entries],
            title=heading,
            alignment="left",
            loc="upper left",
            bbox_to_anchor=(1.01, top),
            frameon=False,
            labelspacing=pitch / FONT_PT - 1.0,
            handlelength=max(1.2, max(sizes, default=0) / FONT_PT),
        )
        for text in legend.get_texts():
            text.set_parse_math(False)
        axes.add_artist(legend)
        beyond = max(0.0, sizes[-1] / 2 - FONT_PT) if sizes else 0.0
        top -= (pitch * len(entries) + 3 * FONT_PT + beyond) / height_pt


def write(draw: "Callable[[], Figure]", table: Sequence[Mapping[str, object]], stem: Path) -> list[Path]:
    """Draw a picture and write it in each of :data:`PICTURES`, and what it shows as ``.csv``.

    Each file is written whole or not at all, and the same data give the same bytes.
    """
    contents = render(draw)
    files.make_folder(stem.parent)
    pictures = [_replace(stem.with_name(stem.name + ending), content) for ending, content in contents.items()]
    shown = stem.with_name(stem.name + ".csv")
    files.write_table(shown, list(table[0]), table)
    return [*pictures, shown]


def render(draw: "Callable[[], Figure]") -> dict[str, bytes]:
    """A picture by the ending of each of :data:`PICTURES`."""
    context = imported("matplotlib.style").context
    contents = {}
    with context(["default", _SETTINGS]):  # a user's own settings of matplotlib change nothing
        figure = draw()
        for ending, metadata in PICTURES.items():
            picture = io.BytesIO()
            figure.savefig(picture, format=ending[1:], dpi=DPI, metadata=metadata)
            contents[ending] = picture.getvalue()
    return contents


def imported(name: str) -> Any:
    """A module of the ``plots`` extra; :class:`HarnessError` says how to install it where it is missing."""
    from importlib import import_module

    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        wanted = "pip install 'onnx-harness[plots]'"
        raise HarnessError(f"Pictures need {error.name}, which is not installed: {wanted}.") from error


def _replace(path: Path, content: bytes) -> Path:
    with files.replacing(path) as partial:
        partial.write_bytes(content)
    return path
