"""A run as it lies in its folder, for whoever reads what was measured."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import HarnessError
from harness.measurements import rows, samples
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

    def to_frame(self) -> "pandas.DataFrame":
        """The rows as a table: one line a row, one column a field of :class:`Row`, with the same units."""
        return rows.to_frame(list(self.rows))

    def samples(self, row: Row) -> "pandas.DataFrame":
        """The raw samples of a row, in the order in which they were taken.

        Returns a table of ``launch`` (which fresh process), ``round`` (which turn; -1: the warm-up), ``calls`` (how
        many calls the sample repeats) and ``nanoseconds`` (what they took together).

        Raises :class:`HarnessError` if the row was not timed, or if its samples are missing or damaged.
        """
        if row.sampled_as is None:
            raise HarnessError(
                f"{row.architecture} from {row.framework} has no samples that can be found: expected a row that was "
                "timed, of a run since version 0.1."
            )
        name, _, subject = row.sampled_as.partition("/")
        table = samples.read_table(RunFolder(self.path).samples_file(name))
        return table[table["subject"] == subject].drop(columns="subject").reset_index(drop=True)


def read_run(folder: Path) -> Run:
    """The run of a folder, or of the rows.csv in it. Raises :class:`HarnessError` if there is none."""
    kept = RunFolder.around(folder)
    return Run(path=kept.path, rows=tuple(rows.read(folder)), environment=kept.environment)
