"""What the folder of a run holds for its page, read at one place.

Beside its rows everything may be missing, older or damaged, since anybody may have made the folder: what cannot be
read is left out, and ``remarks`` say so.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from harness.errors import HarnessError, first_line
from harness.measurements import run_folder
from harness.measurements.rows import Row
from harness.measurements.run_folder import RunFolder
from harness.report import runtime_ratios, twin_ratios
from harness.report.runs import MeasuredRun
from harness.report.runtime_ratios import RuntimeRatio
from harness.report.twin_ratios import TwinRatio

Line = Mapping[str, Any]
Found = TypeVar("Found")

_NODE_COLUMNS: tuple[str, ...] = (
    "part",
    "rank",
    "node",
    "operator",
    "originals",
    "median_s",
    "low_s",
    "high_s",
    "share",
    "macs",
)
_GROUP_COLUMNS = ("group", "name", "nodes", "median_s", "low_s", "high_s", "share", "macs", "gmac_per_s")
_NODE_COLUMNS += ("gmac_per_s", "gb_per_s", "macs_per_byte")
_FIGURES = ("loss", "accuracy", "validation_loss", "validation_accuracy")


@dataclass(frozen=True, kw_only=True)
class NodeTable:
    """The lines of a file's nodes at one thread count, as ``nodes/NAME.FRAMEWORK.THREADS.csv`` has them.

    ``groups`` are its operators and layers; none in older runs.
    """

    network: str
    framework: str
    threads: int
    lines: Sequence[Line]
    groups: Sequence[Line] = ()


@dataclass(frozen=True, kw_only=True)
class RunFiles:
    """A run: its rows and what else is in its folder. ``histories`` are the epochs by network."""

    label: str
    first: int  # the number of its first row on the page
    rows: Sequence[Row]
    environment: Mapping[str, Any]
    histories: Mapping[str, Sequence[Line]]
    nodes: Sequence[NodeTable]
    peaks: Sequence[Line]
    twins: Sequence[TwinRatio]
    runtimes: Sequence[RuntimeRatio]
    remarks: Sequence[str]

    def numbers(self, network: str, *frameworks: str) -> list[int]:
        """The numbers on the page of a network's rows, of all frameworks where none is named."""
        return [
            number
            for number, row in enumerate(self.rows, start=self.first)
            if row.architecture == network and (not frameworks or row.framework in frameworks)
        ]


def read(run: MeasuredRun, first: int = 0) -> RunFiles:
    """A run with what its folder holds."""
    remarks: list[str] = []
    folder, files = run.folder, RunFolder(run.folder)

    def kept(what: Path, how: Callable[[Path], Found], otherwise: Found) -> Found:
        try:
            return how(what) if what.exists() else otherwise
        except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError, HarnessError) as error:
            remarks.append(f"{what.relative_to(folder)} cannot be read and is left out: {first_line(error)}")
            return otherwise

    histories: dict[str, Sequence[Line]] = {name: kept(file, _history, ()) for name, file in files.histories.items()}
    tables = [kept(file, _nodes, None) for file in sorted(files.nodes_folder.glob("*.csv")) if _is_node_table(file)]
    return RunFiles(
        label=run.rows[0].run,
        first=first,
        rows=run.rows,
        environment=kept(files.environment_file, run_folder.read_object, {}),
        histories={name: epochs for name, epochs in histories.items() if epochs},
        nodes=[node_table for node_table in tables if node_table],
        peaks=kept(files.peaks_file, _peaks, []),
        twins=kept(folder / run_folder.SAMPLES, lambda _: twin_ratios.gather(folder, run.rows), []),
        runtimes=kept(folder / run_folder.SAMPLES, lambda _: runtime_ratios.gather(folder, run.rows), []),
        remarks=remarks,
    )


def _history(path: Path) -> Sequence[Line]:
    epochs = run_folder.read_object(path)["epochs"]
    found: list[Line] = []
    for number, epoch in enumerate(epochs, start=1):
        figures = {name: float(epoch[name]) for name in _FIGURES}
        if not all(map(math.isfinite, figures.values())):
            raise ValueError(f"a figure of epoch {number} is no finite number")
        found.append({"epoch": number, **figures})
    return found


def _is_node_table(path: Path) -> bool:
    """``NAME.FRAMEWORK.THREADS.csv``: rooflines and comparisons of twins end otherwise."""
    *_, framework, threads = path.stem.split(".")[-3:]
    return threads.isdecimal() and framework in ("keras", "torch", "onnx")


def _nodes(path: Path) -> NodeTable | None:
    network, framework, threads = path.stem.rsplit(".", 2)
    lines = run_folder.read_table(path, _NODE_COLUMNS)
    nodes = [line for line in lines if line["part"] == "node"]
    if any(line["rank"] is None for line in nodes):
        raise ValueError("a node has no rank")
    beside = path.with_suffix(".groups.csv")
    groups = run_folder.read_table(beside, _GROUP_COLUMNS) if beside.is_file() else ()
    known = NodeTable(network=network, framework=framework, threads=int(threads), lines=lines, groups=groups)
    return known if nodes else None


def _peaks(path: Path) -> Sequence[Line]:
    return run_folder.read_table(path, ("peak", "threads", "peak_per_s"))
