"""The training of each network, epoch by epoch."""

from collections.abc import Sequence

from harness.report.page import vega
from harness.report.page.run_files import Line, RunFiles
from harness.report.page.section import Chart, Section, table
from harness.report.tables import format_percent, plain

INTRO = (
    "Loss of each network by epoch: on the training images while it learned from them, and on held-out images after."
)
ABSENT = (
    "No history of a training is kept with the run: `harness run NAME --profile quick` (or lecture) trains, files of "
    "your own and networks with random weights are not trained."
)
PARTS = ("training", "validation")


def section(runs: Sequence[RunFiles]) -> Section:
    """A chart a network that was trained."""
    charts = [
        _chart(f"{run.label}: {name}" if len(runs) > 1 else name, epochs, run.numbers(name))
        for run in runs
        for name, epochs in run.histories.items()
    ]
    lines = [
        {"run": plain(run.label), "network": plain(name), **_line(epoch)}
        for run in runs
        for name, epochs in run.histories.items()
        for epoch in epochs
    ]
    tables = [table("Training by epoch", lines, folded=True)] if lines else []
    intro = INTRO if charts else ""
    return Section(key="training", title="Training", intro=intro, charts=charts, tables=tables, absent=ABSENT)


def _line(epoch: Line) -> dict[str, object]:
    return {
        "epoch": epoch["epoch"],
        "training loss": epoch["loss"],
        "validation loss": epoch["validation_loss"],
        "training accuracy": format_percent(epoch["accuracy"]),
        "validation accuracy": format_percent(epoch["validation_accuracy"]),
    }


def _chart(title: str, epochs: Sequence[Line], numbers: Sequence[int]) -> Chart:
    records = []
    for epoch in epochs:
        accuracies = {part: epoch[f"{_field(part)}accuracy"] for part in PARTS}
        for part in PARTS:
            told = {"Epoch": str(epoch["epoch"]), "Loss": f"{epoch[f'{_field(part)}loss']:.4g}"}
            hover = {**told, "Accuracy": format_percent(accuracies[part]), "On": f"{part} images"}
            y = epoch[f"{_field(part)}loss"]
            records.append({"rows": numbers, "x": epoch["epoch"], "y": y, "part": part, "series": part, "hover": hover})
    colour, _ = vega.kinds("part", "Images", PARTS, PARTS)
    dash = {"field": "part", "type": "nominal", "legend": None}
    last, best = epochs[-1], max(epochs, key=lambda epoch: epoch["validation_accuracy"])
    summary = (
        f"{len(epochs)} epoch{'s' if len(epochs) > 1 else ''}; at the end an accuracy of "
        f"{format_percent(last['accuracy'])} in training and {format_percent(last['validation_accuracy'])} in "
        f"validation; there the best was {format_percent(best['validation_accuracy'])}, in epoch {best['epoch']}."
    )
    x = vega.axis("Epoch", axis={"tickMinStep": 1, "format": "d"})
    spec = vega.lines(x, vega.axis("Loss"), colour, dash, points=len(epochs) <= 60, intervals=False)
    return Chart(title=plain(title), summary=summary, spec=spec, records=records, wide=False)


def _field(part: str) -> str:
    return "validation_" if part == "validation" else ""
