"""The folder of a run: what lies where in it, and how each file is read.

================  ==========================================================================================
rows.csv          one row for each subject and way of timing it (:mod:`harness.measurements.rows`)
settings.json     what was asked for, with the digests of the user's own files; older runs: plan.json
environment.json  the machine and the software, and what ran beside the run
samples/          the raw samples of each network or file
outputs/          the first values that each subject gave
predictions/      the class that each file takes each test image for
histories/        how each network was trained
nodes/            where the time of each file goes, with peaks.csv beside it
================  ==========================================================================================
"""

import csv
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import HarnessError, RunFileError, first_line
from harness.machine import arrays, csv_cells
from harness.measurements import samples

if TYPE_CHECKING:
    import pandas
    from numpy.typing import NDArray

ROWS, ENVIRONMENT, PEAKS = "rows.csv", "environment.json", "peaks.csv"
SETTINGS, OLDER_SETTINGS = "settings.json", "plan.json"
SAMPLES, OUTPUTS, PREDICTIONS, HISTORIES, NODES = "samples", "outputs", "predictions", "histories", "nodes"
COUNTS = ("rank", "position", "macs", "threads")  # columns of whole numbers
MEASURED = ("_s", "_byte", "share")  # how the names of columns of other numbers end

Line = Mapping[str, Any]


@dataclass(frozen=True)
class RunFolder:
    """The files of one run by their names. A reader returns what is empty if the run has no such file.

    Every reader raises :class:`RunFileError` for a file that is there and cannot be read.
    """

    path: Path

    @classmethod
    def around(cls, path: Path) -> "RunFolder":
        """The folder that a path names, or that holds the table which it names."""
        return cls(path if path.is_dir() else path.parent)

    @property
    def rows_file(self) -> Path:
        return self.path / ROWS

    @property
    def environment_file(self) -> Path:
        return self.path / ENVIRONMENT

    @property
    def settings_file(self) -> Path:
        """What the run was asked for: of an older run, under the name that it had."""
        older = self.path / OLDER_SETTINGS
        return older if older.is_file() and not (self.path / SETTINGS).is_file() else self.path / SETTINGS

    @property
    def peaks_file(self) -> Path:
        return self.path / PEAKS

    @property
    def nodes_folder(self) -> Path:
        return self.path / NODES

    def samples_file(self, name: str) -> Path:
        return self._file(SAMPLES, name, ".parquet")

    def outputs_file(self, name: str) -> Path:
        return self._file(OUTPUTS, name, ".npz")

    def predictions_file(self, name: str) -> Path:
        return self._file(PREDICTIONS, name, ".npz")

    def history_file(self, name: str) -> Path:
        return self._file(HISTORIES, name, ".json")

    def node_table_file(self, name: str, framework: str, threads: int) -> Path:
        return self._file(NODES, f"{name}.{framework}.{threads}", ".csv")

    @property
    def histories(self) -> dict[str, Path]:
        """By network: the file that tells how it was trained."""
        return {file.stem: file for file in sorted((self.path / HISTORIES).glob("*.json"))}

    @property
    def environment(self) -> Mapping[str, Any]:
        """What the run recorded of the machine and the software."""
        return read_object(self.environment_file) if self.environment_file.is_file() else {}

    def samples(self, name: str) -> "pandas.DataFrame | None":
        """The samples of a network or file, one line a sample; None if the run has none."""
        path = self.samples_file(name)
        return samples.read_table(path) if path.is_file() else None

    def outputs(self, name: str, subject: str) -> "dict[str, NDArray[Any]]":
        """What one subject gave, by output."""
        found = self._arrays(self.outputs_file(name), "outputs of a run")
        own = {key: values for key, values in found.items() if key.startswith(f"{subject}/")}
        return {key.removeprefix(f"{subject}/"): values for key, values in own.items()}

    def predictions(self, name: str) -> "dict[str, NDArray[Any]]":
        """The classes (N,) that each file of a network takes the test images for; their own as "labels"."""
        return self._arrays(self.predictions_file(name), "predictions of a run")

    def _arrays(self, path: Path, expected: str) -> "dict[str, NDArray[Any]]":
        if not path.is_file():
            return {}
        try:
            return arrays.read_arrays(path, expected)
        except HarnessError as error:
            raise RunFileError(str(error)) from error

    def _file(self, folder: str, name: str, suffix: str) -> Path:
        """A file of a network; its name may come from a table that anybody wrote."""
        if not name or "/" in name or "\\" in name or "\0" in name:
            raise RunFileError(f"{self.path}: expected the name of a network or file, found {name!r}.")
        return self.path / folder / f"{name}{suffix}"


def begun(environment: Mapping[str, Any]) -> str:
    """When a run was begun, as ISO 8601; empty if its environment does not tell."""
    moments = environment.get("moments")
    first = moments[0] if isinstance(moments, list) and moments else None
    return str(first.get("time") or "") if isinstance(first, dict) else ""


def read_object(path: Path) -> dict[str, Any]:
    """The object of a JSON file. Raises :class:`RunFileError` if it holds none."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise RunFileError(f"{path} cannot be read: {error}.") from error
    if not isinstance(found, dict):
        raise RunFileError(f"{path}: expected an object, found {type(found).__name__}.")
    return found


def read_table(path: Path, needed: Sequence[str] = ()) -> list[dict[str, Any]]:
    """The lines of a table beside the rows: columns with a unit and counts as numbers, None for an empty field.

    Raises :class:`RunFileError` if it cannot be read, or lacks a column that is needed.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            found = csv.DictReader(file)
            lacking = [name for name in needed if name not in (found.fieldnames or ())]
            if lacking:
                raise ValueError(f"it lacks the column {lacking[0]!r}")
            return [{name: _value(name, text) for name, text in line.items()} for line in found]
    except (OSError, ValueError, AttributeError, csv.Error) as error:  # AttributeError: a line with too many fields
        raise RunFileError(f"{path} cannot be read: {first_line(error)}.") from error


def _value(name: str, text: str | None) -> object:
    if not text:
        return None
    if name in COUNTS:
        return int(text)
    if not name.endswith(MEASURED):
        return csv_cells.unguard(text)
    value = float(text)
    if not math.isfinite(value):  # the time outside any node may be negative: it is a difference
        raise ValueError(f"its {name} is {text}")
    return value
