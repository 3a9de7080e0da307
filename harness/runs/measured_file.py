"""An .onnx file of the user's as a run measures it: timed in turns, then tested if there are labelled data."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from harness.errors import CannotWriteError, HarnessError
from harness.machine import processors
from harness.machine.arrays import save_arrays
from harness.measurements import runtimes
from harness.measurements.configurations import Way
from harness.measurements.rows import Row
from harness.measurements.subject_key import FLOAT32
from harness.networks.architecture import Scaling
from harness.runs import file_accuracy, file_counts, file_rows, own_precisions, run_rows, second_opinion
from harness.runs.file_accuracy import Predictions
from harness.runs.folder import Settings
from harness.runs.model_files import ModelFile
from harness.runs.own_precisions import Lower
from harness.runs.turns import Progress, Turns
from harness.timing.latency import Subject
from harness.timing.opinions import Question


@dataclass(frozen=True, kw_only=True)
class MeasuredFile:
    """A file, with what it is fed and tested on."""

    file: ModelFile
    data: str | None = None  # that it is calibrated on for lower precisions
    scaling: Scaling | None = None

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
        file = self.file if configuration.precision == FLOAT32 else self.lower(configuration.precision).planned
        fed = file.sized(configuration.batch, configuration.image_size)
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
        files, failures = self._made(turns.settings)
        ways = self.ways(turns.settings)
        made = [way for way in ways if way.configuration.precision in files]
        present = file_rows.timeable(self.file, made, turns.places)
        share = 0.5 if self.file.labelled else 1.0
        timings = turns.time([self.subject(way) for way in present], lambda done: progress(share * done))
        rows: dict[Way, Row] = {}
        kept: Predictions = {}
        for number, (precision, file) in enumerate(files.items()):
            own = [way for way in made if way.configuration.precision == precision]
            row = file_rows.describe(turns.run, file)
            row = row if precision == FLOAT32 else self.lower(precision).noted(row)
            if any(way in present and not timings[way.key].failure for way in own):
                told = partial(_told, progress, share, number / len(files), 1 / len(files))
                row = self._tested(row, file, precision, kept, told)
            rows |= file_rows.timed(row, file, own, turns.places, timings, turns.name)
        if kept:
            save_arrays(turns.kept.predictions_file(turns.name), kept)
        failed = self.failed(turns.run, turns.settings, HarnessError(""))
        lost = {way: failures[way.configuration.precision] for way in ways if way not in rows}
        rows |= {way: replace(failed[way], reason=run_rows.one_line(error)) for way, error in lost.items()}
        return {way: rows[way] for way in ways}

    def lower(self, precision: str) -> Lower:
        """The file in a lower precision."""
        return Lower(original=self.file, precision=precision, data=self.data, scaling=self.scaling)

    def _made(self, settings: Settings) -> tuple[dict[str, ModelFile], dict[str, HarnessError]]:
        """By precision, the files that are there, made if they were missing, and why others are not."""
        files, failures = {}, {}
        for precision in settings.precisions:
            try:
                files[precision] = self.file if precision == FLOAT32 else self.lower(precision).make()
            except CannotWriteError:
                raise
            except HarnessError as error:
                failures[precision] = error
        return files, failures

    def _tested(
        self, row: Row, file: ModelFile, precision: str, kept: Predictions, progress: Callable[[float], None]
    ) -> Row:
        """The row with the accuracy of a file; its predictions are added to those that are kept."""

        def keep(found: Predictions) -> None:
            kept.update(found if precision == FLOAT32 else own_precisions.named(found, file.framework, precision))

        run = file_accuracy.here(file, processors.threads_available())
        row = file_rows.with_accuracy(row, file, run, keep, progress)
        return row if precision == FLOAT32 else own_precisions.beside(row, kept)

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


def _told(progress: Progress, share: float, before: float, part: float, done: float) -> None:
    """Tell how much is done of a network or file, of which testing one precision is a part."""
    progress(share + (1 - share) * (before + part * done))
