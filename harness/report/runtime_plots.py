"""The picture of what exporting pays: the time a framework takes for a network, in times of onnxruntime's."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import HarnessError
from harness.report import drawing
from harness.report.runtime_ratios import RuntimeRatio

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STEM = "runtimes"
LABEL = "Time of a call, in times of onnxruntime's with the exported file (ratio and 95 % interval over launches)"
NOTE = "Right of 1 the exported file is faster than the framework. Both took turns in one run."
_MARKERS = {"keras": "s", "keras.eager": "v", "torch": "o", "torch.compile": "D"}


def draw(ratios: Sequence[RuntimeRatio], folder: Path) -> list[Path]:
    """Draw the ratios into the folder: a panel for each setting, a line for each network.

    Returns the files written. Raises :class:`HarnessError` where there are none.
    """
    if not ratios:
        raise HarnessError("Nothing to draw: no network was timed in onnxruntime and in its framework in one run.")
    return drawing.write(lambda: figure(ratios), [asdict(ratio) for ratio in ratios], folder / STEM)


def figure(ratios: Sequence[RuntimeRatio]) -> "Figure":
    """The picture, before it is written anywhere."""
    settings = {ratio.setting: [ratio for ratio in ratios if ratio.setting == ratio.setting] for ratio in ratios}
    runtimes = [name for name in _MARKERS if any(ratio.runtime == name for ratio in ratios)]
    longest = max(len(ratio.network) for ratio in ratios)
    heights = [0.5 + 0.55 * len({ratio.network for ratio in group}) for group in settings.values()]
    drawn, panels = drawing.panels(heights, left_in=0.35 + 0.085 * longest, note=NOTE)
    for (setting, group), axes in zip(settings.items(), panels, strict=True):
        names = list(dict.fromkeys(ratio.network for ratio in group))[::-1]
        for ratio in group:
            aside = 0.16 * (runtimes.index(ratio.runtime) - (len(runtimes) - 1) / 2)
            _draw_dot(axes, ratio, names.index(ratio.network) - aside)
        axes.set_yticks(range(len(names)), names, parse_math=False)
        axes.set_ylim(-0.6, len(names) - 0.4)
        drawing.log_axis(axes, [1.0, *(end for ratio in group for end in _interval(ratio))], pad=0.08)
        axes.axvline(1.0, color=drawing.GREY, linewidth=1.2, zorder=1.5)
        axes.set_xlabel(LABEL, fontsize=9)
        drawing.title(axes, f"A framework's own time against its exported file's: {setting}")
    entries = [drawing.swatch(name, _colour(name), _MARKERS[name], filled=_filled(name)) for name in runtimes]
    drawing.legends(panels[0], ("Run by", entries))
    return drawn


def _draw_dot(axes: Any, ratio: RuntimeRatio, y: float) -> None:
    low, value, high = _interval(ratio)
    colour = _colour(ratio.runtime)
    line: dict[str, Any] = {"elinewidth": 1.2, "capsize": 2.5, "zorder": 3, "ms": 5, "color": colour}
    face = colour if _filled(ratio.runtime) else "white"
    axes.errorbar([value], [y], xerr=[[value - low], [high - value]], fmt=_MARKERS[ratio.runtime], mfc=face, **line)


def _interval(ratio: RuntimeRatio) -> tuple[float, float, float]:
    """Low, value and high; without an interval, the value three times."""
    low, high = (ratio.value if end is None else end for end in (ratio.low, ratio.high))
    return low, ratio.value, high


def _colour(runtime: str) -> str:
    return drawing.style(runtime.partition(".")[0])[0]


def _filled(runtime: str) -> bool:
    """Whether it is compiled: then its marks are filled."""
    return runtime in ("keras", "torch.compile")
