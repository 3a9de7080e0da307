"""The samples that a run has kept of its rows, each file read once."""

from harness.measurements.comparison import Rounds
from harness.measurements.configurations import Configuration
from harness.measurements.providers import SHORT_NAMES, Target
from harness.measurements.rows import Row
from harness.measurements.run_folder import RunFolder
from harness.measurements.samples import Medians
from harness.measurements.subject_key import CONTROL


class KeptSamples:
    """The medians of rounds by row; none for what a run has not kept, or without its folder."""

    def __init__(self, folder: RunFolder | None) -> None:
        self._folder = folder
        self._read: dict[str, Medians] = {}

    def of(self, row: Row | None) -> Rounds:
        """The rounds of a row."""
        if row is None:
            return {}
        name, subject = row.kept_as
        return self._file(name).get(subject, {})

    def of_control(self, row: Row) -> Rounds:
        """The rounds of the control that was timed beside a row."""
        target = Target(provider=SHORT_NAMES.get(row.provider or "", "cpu"), device=row.device)
        key = Configuration(target=target, threads=row.threads or 1).key(CONTROL)
        subjects = self._file(row.kept_as[0])
        return subjects.get(key.text) or subjects.get(key.older_text, {})

    def _file(self, name: str) -> Medians:
        if name not in self._read:
            self._read[name] = self._folder.samples(name) if self._folder else {}
        return self._read[name]
