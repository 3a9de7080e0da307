"""The picture of precisions: what each costs in accuracy, saves on disk and gains in time, against float32."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from harness.measurements import paired
from harness.measurements.configurations import PRECISIONS
from harness.measurements.pareto import Interval
from harness.measurements.rows import Row
from harness.measurements.subject_key import FLOAT32
from harness.report import drawing, sweeps
from harness.report.tables import format_threads, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Of Okabe and Ito's palette, each with a marker of its own.
STYLES = dict(zip(PRECISIONS[1:], (("#0072B2", "o"), ("#E69F00", "^"), ("#D55E00", "s")), strict=True))
ACCURACY_LABEL = "Change of accuracy against float32 [points] (paired 95 % interval)"
SIZE_LABEL = "Size on disk, of the float32 file's [%]"
SPEED_LABEL = "Speed, times that of the float32 file (ratio of medians and 95 % interval)"

Values = Callable[["Change"], Interval | None]


@dataclass(frozen=True, kw_only=True)
class Change:
    """A row of a lower precision beside the row of the same file in float32, timed in the same way."""

    row: Row
    single: Row

    @property
    def points(self) -> Interval | None:
        """The change of accuracy in percentage points, image by image; None where none was measured."""
        row = self.row
        if row.gained is None or row.lost is None or not row.total:
            return None
        value, low, high = (100 * part for part in paired.difference(row.gained, row.lost, row.total))
        return value, low, high

    @property
    def size(self) -> Interval | None:
        """The size in percent of the float32 file's, without an interval: three times the value."""
        if not self.row.file_bytes or not self.single.file_bytes:
            return None
        share = 100 * self.row.file_bytes / self.single.file_bytes
        return share, share, share

    @property
    def speed(self) -> Interval | None:
        """How many times as fast it is; the interval is made of both (MOVER on logarithms, Zou and Donner 2008)."""
        if not self.row.latency_median_s or not self.single.latency_median_s:
            return None
        lower, single = sweeps.latency_s(self.row), sweeps.latency_s(self.single)
        value = single[0] / lower[0]
        below = math.hypot(math.log(single[0] / single[1]), math.log(lower[2] / lower[0]))
        above = math.hypot(math.log(single[2] / single[0]), math.log(lower[0] / lower[1]))
        return value, value * math.exp(-below), value * math.exp(above)

    @property
    def setting(self) -> str:
        """What latencies of one panel have in common."""
        row = self.row
        threads = format_threads(row.threads) if row.threads else ""
        return ", ".join(filter(None, (row.run, row.device, row.provider, threads, f"batch {row.batch}")))


def changes(rows: Sequence[Row]) -> list[Change]:
    """The rows of lower precisions whose float32 row is there too."""
    single = {_place(row): row for row in rows if row.precision == FLOAT32 and row.status == "ok"}
    lower = [row for row in rows if row.precision in STYLES and row.status == "ok" and _place(row) in single]
    return [Change(row=row, single=single[_place(row)]) for row in lower]


def draw(rows: Sequence[Row], stem: Path) -> list[Path]:
    """Write the picture as ``stem`` with ``.png``, ``.svg`` and ``.pdf``, and what it shows as ``.csv``."""
    shown = changes(rows)
    return drawing.write(lambda: figure(shown), [_line(change) for change in shown], stem)


def figure(shown: Sequence[Change]) -> "Figure":
    """The picture before it is written anywhere: accuracy and size of each file once, its speed in each setting."""
    once = list({(_subject(change), change.row.precision): change for change in shown}.values())
    panels: list[tuple[str, str, Values, list[Change]]] = [
        ("Accuracy", ACCURACY_LABEL, lambda change: change.points, once),
        ("Size", SIZE_LABEL, lambda change: change.size, once),
    ]
    for setting in dict.fromkeys(change.setting for change in shown):
        of_setting = [change for change in shown if change.setting == setting]
        panels.append((f"Speed: {setting}", SPEED_LABEL, lambda change: change.speed, of_setting))
    filled = [panel for panel in panels if any(panel[2](change) for change in panel[3])]
    names = list(dict.fromkeys(_subject(change) for change in once))
    longest = max(len(" ".join(name)) for name in names)
    drawn, axes = drawing.panels([0.4 + 0.4 * len(names)] * len(filled), left_in=0.35 + 0.085 * longest)
    for (title, label, value, of_panel), panel in zip(filled, axes, strict=True):
        _draw_panel(panel, names, [(change, value(change)) for change in of_panel])
        panel.axvline({"Accuracy": 0.0, "Size": 100.0}.get(title, 1.0), color=drawing.GREY, linewidth=0.8)
        panel.set_xlabel(label)
        drawing.title(panel, title)
    present = [name for name in STYLES if any(change.row.precision == name for change in shown)]
    drawing.legends(axes[0], ("Precision", [drawing.swatch(name, *STYLES[name]) for name in present]))
    return drawn


def _draw_panel(
    axes: "Axes", names: Sequence[tuple[str, str]], values: Sequence[tuple[Change, Interval | None]]
) -> None:
    for change, interval in values:
        if interval is None:
            continue
        value, low, high = interval
        colour, marker = STYLES[change.row.precision]
        y = names.index(_subject(change)) + 0.2 * (list(STYLES).index(change.row.precision) - 1)
        axes.errorbar([value], [y], xerr=[[value - low], [high - value]], fmt=marker, ms=5, color=colour, capsize=2.5)
    axes.set_yticks(range(len(names)), [plain(" ".join(name)) for name in names], parse_math=False)
    axes.set_ylim(len(names) - 0.4, -0.6)


def _line(change: Change) -> dict[str, object]:
    row = change.row
    columns = ("run", "architecture", "framework", "precision", "device", "provider", "threads", "batch", "input_shape")
    line: dict[str, object] = {name: getattr(row, name) for name in columns}
    for name, interval in (("points", change.points), ("size_percent", change.size), ("speed", change.speed)):
        ends = (name, f"{name}_low", f"{name}_high") if name != "size_percent" else (name,)
        line |= dict(zip(ends, interval or (None,) * len(ends), strict=False))
    return line | {"mcnemar_p": row.mcnemar_p, "gained": row.gained, "lost": row.lost}


def _subject(change: Change) -> tuple[str, str]:
    return change.row.architecture, change.row.framework


def _place(row: Row) -> tuple[object, ...]:
    """What a row and its float32 row have in common."""
    return row.run, *replace(row, precision=FLOAT32).key
