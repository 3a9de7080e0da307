"""An .onnx file of the user's as a run measures it: timed in turns, then tested if there are labelled data."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from harness.machine import processors
from harness.machine.arrays import save_arrays
from harness.measurements import runtimes
from harness.measurements.configurations import Way
from harness.measurements.rows import Row
from harness.runs import file_accuracy, file_counts, file_rows, run_rows, second_opinion
from harness.runs.folder import Settings
from harness.runs.model_files import ModelFile
from harness.runs.turns import Progress, Turns
from harness.timing.latency import Subject
from harness.timing.opinions import Question


@dataclass(frozen=True, kw_only=True)
class MeasuredFile:
    """A file, with what it is fed and tested on."""

    file: ModelFile

    @property
    def name(self) -> str:
        return self.file.name

    @property
    def architecture(self) -> str:
        return self.file.architecture

    @property
    def frameworks(self) -> tuple[str, ...]:
        return (self.file.framework,)

    def check_made(self, errors: Mapping[str, BaseException]) -> None:  # noqa: ARG002 - it lies there
        return None

    def made(self, row: Row) -> bool:  # noqa: ARG002 - a file that has changed is refused before
        return True

    def ways(self, settings: Settings) -> list[Way]:
        """In a run of one image a call, in the batch that the file fixes."""
        configurations = settings.configurations
        if settings.batches == (1,):
            configurations = tuple(replace(each, batch=self.file.batch) for each in configurations)
        return [
            Way(framework=self.file.framework, configuration=configuration)
            for configuration in runtimes.applied(configurations, "")
        ]

    def refusal(self, batch: int) -> str:
        return self.file.refusal(batch)

    def subject(self, way: Way) -> Subject:
        configuration = way.configuration
        fed = self.file.sized(configuration.batch, configuration.image_size)
        subject = file_accuracy.subject(fed, way.key, configuration.threads, configuration.target)
        return replace(subject, session=configuration.session)

    def question(self, way: Way, folder: Path) -> Question:
        """On what it is timed on; of labelled data, on the first examples."""
        subject, data = self.subject(way), self.file.labelled
        inputs, step = subject.inputs, self.file.inputs[0].shape[0] if data else 0
        if data and all(shape[:1] == (step,) for shape in subject.shapes.values()):
            first = {name: array[:step] for name, array in next(data.portions()).items()}
            if all(len(array) == step for array in first.values()):
                inputs = folder / "examples.npz"
                save_arrays(inputs, first)
        limit_s = second_opinion.reference_s(self.macs(way))
        return replace(second_opinion.about(subject), inputs=inputs, reference_s=limit_s)

    def macs(self, way: Way) -> float:
        ledger, _ = file_counts.count(self.file, way.configuration.image_size)
        return float(ledger.macs or 0) * way.configuration.batch if ledger else 0.0

    def measure(
        self,
        turns: Turns,
        errors: Mapping[str, BaseException],  # noqa: ARG002 - nothing is made for it
        progress: Progress,
    ) -> dict[Way, Row]:
        row, ways = file_rows.describe(turns.run, self.file), self.ways(turns.settings)
        share = 0.5 if self.file.labelled else 1.0
        present = file_rows.timeable(self.file, ways, turns.places)
        timings = turns.time([self.subject(way) for way in present], lambda done: progress(share * done))
        if not all(timings[way.key].failure for way in present):
            keep = partial(save_arrays, turns.kept.predictions_file(turns.name))
            run = file_accuracy.here(self.file, processors.threads_available())
            row = file_rows.with_accuracy(row, self.file, run, keep, lambda done: progress(share + (1 - share) * done))
        return file_rows.timed(row, self.file, ways, turns.places, timings, turns.name)

    def failed(self, run: str, settings: Settings, error: BaseException) -> dict[Way, Row]:
        row = Row(
            run=run,
            architecture=self.file.architecture,
            framework=self.file.framework,
            precision=self.file.precision,
            batch=self.file.batch,
            status="failed",
            reason=run_rows.one_line(error),
            onnx_sha256=self.file.sha256,
        )
        return {way: run_rows.placed(row, way.configuration) for way in self.ways(settings)}
