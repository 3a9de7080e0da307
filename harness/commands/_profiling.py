"""The pass that profiles the nodes of a run, as people see it: its bar, and the nodes that it prints."""

from collections.abc import Mapping
from pathlib import Path

from harness.machine import progress
from harness.measurements.run_folder import PEAKS, RunFolder
from harness.pieces.piece import Pieces
from harness.report.tables import print_table
from harness.runs import folder as run_folder
from harness.runs import nodes
from harness.runs.folder import Settings
from harness.runs.model_files import ModelFile


def measure(
    folder: Path, measured: Mapping[str, Pieces | ModelFile], settings: Settings, errors: dict[str, BaseException]
) -> None:
    """Profile what has no tables yet, under a bar."""
    run_folder.note_moment(folder, "profiling")
    with progress.bars() as bars:
        names = [PEAKS, *measured]
        task = bars.add_task("profiling", total=len(names), note="")

        def report(name: str, share: float) -> None:
            bars.update(task, completed=names.index(name) + share, note=name)

        nodes.measure(folder, measured, settings, errors, report, lambda text: progress.say_above(bars, text))


def show(folder: Path, measured: Mapping[str, Pieces | ModelFile], settings: Settings, *, table: bool) -> None:
    """Print the most expensive nodes, for people alone: programs read the tables in the folder."""
    lines = nodes.most_expensive(folder, measured, settings.threads[0])
    if lines and table:
        print_table(list(lines[0]), lines, "table")
    progress.say(f"where the time goes: {RunFolder(folder).nodes_folder}, {RunFolder(folder).peaks_file}")
