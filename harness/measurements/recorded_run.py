"""A run as it lies in its folder, for whoever reads what was measured."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import HarnessError, RunFileError
from harness.measurements import manifest, row_faults, rows, samples
from harness.measurements.rows import Row
from harness.measurements.run_folder import RunFolder

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True, kw_only=True)
class Run:
    """A run that was recorded.

    Example:
        >>> import harness
        >>> run = harness.read_run("runs/base")
        >>> sorted({row.architecture for row in run.rows})[:2]
        ['cifar10_bn_elu', 'convnet_gmp']
        >>> run.environment["system"].split()[0]
        'Linux'
        >>> table = run.to_frame()
        >>> table["threads"].unique().tolist()
        [1, 2]
        >>> list(run.samples(run.rows[0]).columns)
        ['launch', 'round', 'calls', 'nanoseconds']
    """

    path: Path  # of the folder
    rows: tuple[Row, ...]
    environment: Mapping[str, Any]  # as environment.json holds it; empty where there is none
    cut: str = ""  # why rows are missing: the table was cut, or the run was stopped; empty if all are there
    unsealed: str = ""  # what it means that the run has no manifest.json; empty if that vouches for its files

    def to_frame(self) -> "pandas.DataFrame":
        """The rows as a table: one line a row, one column a field of :class:`Row`, with the same units."""
        return rows.to_frame(list(self.rows))

    def samples(self, row: Row) -> "pandas.DataFrame":
        """The raw samples of a row, in the order in which they were taken.

        Returns a table of ``launch`` (which fresh process), ``round`` (which turn; -1: the warm-up), ``calls`` (how
        many calls the sample repeats) and ``nanoseconds`` (what they took together).

        Raises :class:`HarnessError` if the row was not timed, or if its samples are missing or damaged.
        """
        if row.latency_median_s is None:
            raise HarnessError(f"{row.architecture} from {row.framework} has no samples: it was not timed.")
        name, subject = row.kept_as
        path = RunFolder(self.path).samples_file(name)
        table = samples.read_table(path)
        found = table[table["subject"] == subject].drop(columns="subject").reset_index(drop=True)
        if found.empty:
            raise HarnessError(f"{path} has no samples of {subject!r}: expected the file of the run of that row.")
        return found


@dataclass(frozen=True, kw_only=True)
class RecordedRows:
    """The rows of a run, and what may be wrong with them: see :class:`Run`."""

    rows: tuple[Row, ...]
    cut: str
    unsealed: str


def read_run(path: Path) -> Run:
    """The run of a folder, or of a ``rows.csv``. Raises :class:`HarnessError` as :func:`read_rows` does."""
    recorded, folder = read_rows(path), RunFolder.around(path)
    return Run(
        path=folder.path,
        rows=recorded.rows,
        environment=folder.environment,
        cut=recorded.cut,
        unsealed=recorded.unsealed,
    )


def read_rows(path: Path) -> RecordedRows:
    """The rows of a run folder, or of a ``rows.csv``.

    Raises :class:`HarnessError` if there is none, if a file is not what the run's manifest says, and for a figure that
    no measurement can have.
    """
    folder = RunFolder.around(path)
    of_run = path.is_dir() or path.name == folder.rows_file.name
    sealed = manifest.verify(folder.path) if of_run else False
    table = rows.read_table(path)
    for number, row in enumerate(table.rows, start=2):
        for fault in row_faults.faults(row):
            raise RunFileError(f"{path}, line {number}: {fault}. Take the table as it was measured, or measure again.")
    unsealed = "" if sealed else f"{path} has no {manifest.FILE}: a file that was changed later is not noticed"
    return RecordedRows(rows=tuple(table.rows), cut=table.cut, unsealed=unsealed)
