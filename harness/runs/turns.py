"""How the subjects of one network or file are timed in a run, and where what they gave is kept."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from harness.measurements import samples
from harness.measurements.run_folder import RunFolder
from harness.measurements.types import Timing
from harness.runs.folder import Settings
from harness.runs.places import Places
from harness.timing import inspection, latency
from harness.timing.latency import Subject
from harness.timing.stopping import Aim

Progress = Callable[[float], None]  # is told the share that is done


@dataclass(frozen=True, kw_only=True)
class Turns:
    """The turns of one network or file, beside call floors and controls."""

    folder: Path
    name: str
    settings: Settings
    places: Places
    seed: int
    aim: Aim | None = None

    @property
    def kept(self) -> RunFolder:
        """Where what is measured is kept."""
        return RunFolder(self.folder)

    @property
    def run(self) -> str:
        """The name of the run."""
        return self.folder.name

    def time(self, asked: Sequence[Subject], progress: Progress) -> dict[str, Timing]:
        """The timings by subject; their raw samples and outputs are kept."""
        beside = self.places.beside
        elsewhere = [floor for floor in beside if floor.target.provider != inspection.CPU]
        inspected = inspection.inspect_all([*elsewhere, *asked])
        asked = [*beside, *asked] if asked else []
        failed = {key: Timing(launches=(), failure=seen.failure) for key, seen in inspected.items() if seen.failure}
        timed = [subject for subject in asked if subject.key not in failed]
        timings = self._measured(timed, progress) if timed else {}
        samples.save(self.kept.samples_file(self.name), timings)
        inspection.save_outputs(self.kept.outputs_file(self.name), inspected)
        nodes = {key: seen.nodes for key, seen in inspected.items()}
        return {key: replace(timing, nodes=nodes.get(key, {})) for key, timing in timings.items()} | failed

    def _measured(self, timed: Sequence[Subject], progress: Progress) -> dict[str, Timing]:
        beside = {subject.key for subject in self.places.beside}  # as narrow as they happen to be
        effort = self.settings.effort
        return latency.measure(timed, effort, seed=self.seed, aim=self.aim, exempt=beside, progress=progress)
