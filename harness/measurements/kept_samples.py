"""The samples that a run has kept of its rows, each file read once."""

from harness.measurements import samples
from harness.measurements.comparison import Rounds
from harness.measurements.configurations import Configuration
from harness.measurements.providers import SHORT_NAMES, Target
from harness.measurements.rows import Row
from harness.measurements.run_folder import RunFolder
from harness.measurements.samples import Medians
from harness.measurements.subject_key import CONTROLS, SubjectKey


class KeptSamples:
    """The medians of rounds by row; none for what a run has not kept, or without its folder."""

    def __init__(self, folder: RunFolder | None) -> None:
        self._folder = folder
        self._rounds: dict[str, Medians] = {}
        self._launches: dict[str, dict[str, list[float]]] = {}

    def of(self, row: Row | None) -> Rounds:
        """The rounds of a row."""
        if row is None:
            return {}
        name, subject = row.kept_as
        self._read(name)
        return self._rounds[name].get(subject, {})

    def of_controls(self, row: Row) -> dict[str, Rounds]:
        """The rounds of the controls that were timed beside a row, by name; a run of before has one alone."""
        name = row.kept_as[0]
        self._read(name)
        keys = {control: _control(row, control) for control in CONTROLS}
        known = self._rounds[name]
        found = {control: known.get(key.text) or known.get(key.older_text, {}) for control, key in keys.items()}
        return {control: rounds for control, rounds in found.items() if rounds}

    def launches_of(self, row: Row) -> list[float]:
        """The median of a call in nanoseconds in each launch of a row."""
        name, subject = row.kept_as
        self._read(name)
        return self._launches[name].get(subject, [])

    def _read(self, name: str) -> None:
        if name not in self._rounds:
            table = self._folder.samples(name) if self._folder else None
            self._rounds[name] = samples.by_round(table) if table is not None else {}
            self._launches[name] = samples.by_launch(table) if table is not None else {}


def _control(row: Row, control: str) -> SubjectKey:
    target = Target(provider=SHORT_NAMES.get(row.provider or "", "cpu"), device=row.device)
    return Configuration(target=target, threads=row.threads or 1).key(control)
