"""A network of the catalogue as a run measures it: timed in turns, with its proof, accuracy and counts."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from harness.data import images
from harness.errors import HarnessError
from harness.machine import files, temporary
from harness.machine.arrays import save_arrays
from harness.measurements import runtimes
from harness.measurements.configurations import Way
from harness.measurements.rows import Row
from harness.measurements.subject_key import FLOAT32, ONNXRUNTIME
from harness.measurements.types import Timing
from harness.networks import catalog
from harness.pieces import artifacts, evaluation, explaining, results
from harness.pieces.piece import Pieces
from harness.runs import framework_check, precision_rows, run_rows, second_opinion
from harness.runs.folder import Settings
from harness.runs.framework_check import Check
from harness.runs.turns import Progress, Turns
from harness.timing.latency import Subject
from harness.timing.opinions import Question

MOST_SHOWN = slice(16)  # images that second opinions are on; fewer from so many multiply-accumulates on
MANY_IMAGES_MACS = 3e8


@dataclass(frozen=True, kw_only=True)
class MeasuredNetwork:
    """A network, with the pieces that its files are made by."""

    pieces: Pieces

    @property
    def name(self) -> str:
        return self.pieces.weights.request.architecture.name

    @property
    def architecture(self) -> str:
        return self.name

    @property
    def frameworks(self) -> tuple[str, ...]:
        return tuple(self.pieces.exports)

    def check_made(self, errors: Mapping[str, BaseException]) -> None:
        for piece in self.pieces.exported:
            if piece.digest in errors:
                raise errors[piece.digest]

    def made(self, row: Row) -> bool:
        return row.weights in (None, self.pieces.weights.digest)

    def ways(self, settings: Settings) -> list[Way]:
        return [
            Way(framework=framework, configuration=configuration)
            for framework in self.frameworks
            for configuration in runtimes.applied(settings.configurations, framework)
        ]

    def refusal(self, batch: int) -> str:  # noqa: ARG002 - a network takes any
        return ""

    def subject(self, way: Way) -> Subject:
        configuration = way.configuration
        exported, own = (
            results.artifact_in(self.pieces, way.framework, configuration.precision),
            configuration.runtime != ONNXRUNTIME,
        )
        return Subject(
            key=way.key,
            model=self.pieces.weights.weights_file if own else exported.path,
            shapes={"image": (configuration.batch, *exported.sized(configuration.image_size))},
            threads=configuration.threads,
            target=configuration.target,
            session=configuration.session,
            runtime=configuration.runtime,
            architecture=catalog.reference(self.pieces.weights.request.architecture) if own else "",
        )

    def question(self, way: Way, folder: Path) -> Question:
        """On images of the proof and, of the float32 file, with its tolerance."""
        precision = way.configuration.precision
        file, macs = results.artifact_in(self.pieces, way.framework, precision), self.macs(way)
        model, fed = folder / f"{way.framework}-{precision}.onnx", folder / f"{way.framework}.npz"
        model.write_bytes(artifacts.with_logits(file.path))
        evaluated = evaluation.load(self.pieces.weights)
        images_in = evaluated.compared[: evaluated.exact][MOST_SHOWN if macs <= MANY_IMAGES_MACS else explaining.SHOWN]
        save_arrays(fed, {artifacts.INPUT: images.native(images_in, file.metadata["layout"])})
        proof = results.verdict(self.pieces) if precision == FLOAT32 else None
        subject = self.subject(way)
        return replace(
            second_opinion.about(subject),
            model=model,
            shapes=dict.fromkeys(subject.shapes, (len(images_in), *file.input_shape)),
            inputs=fed,
            tolerance=proof.tolerance if proof else None,
            scale=proof.scale if proof else None,
            reference_s=second_opinion.reference_s(macs / way.configuration.batch),
            rows=1,
        )

    def macs(self, way: Way) -> float:
        architecture, size = self.pieces.weights.request.architecture, way.configuration.image_size
        larger = math.prod(size) / math.prod(architecture.input_shape[:-1]) if size else 1.0
        return architecture.macs * larger * way.configuration.batch

    def measure(self, turns: Turns, errors: Mapping[str, BaseException], progress: Progress) -> dict[Way, Row]:
        ways = self.ways(turns.settings)
        if not turns.places.present(ways):  # nothing was made for it either
            asked = {way: run_rows.asked(turns.run, self.pieces, way.framework) for way in ways}
            return {way: turns.places.row(row, way, {}, turns.name) for way, row in asked.items()}
        try:
            rows = self._measure(turns, errors, progress)
        except Exception:
            self._check_kept(errors)
            raise
        self._check_kept(errors)  # else a file that is gone would be told as one that cannot be run
        return rows

    def _check_kept(self, errors: Mapping[str, BaseException]) -> None:
        """Raise :class:`HarnessError` if what was made for the network has been removed meanwhile."""
        if any(not piece.made and piece.digest not in errors for piece in self.pieces.exported):
            raise HarnessError("the cache was emptied while the run read it: go on with --resume, which makes it again")

    def _measure(self, turns: Turns, errors: Mapping[str, BaseException], progress: Progress) -> dict[Way, Row]:
        ways = self.ways(turns.settings)
        present = turns.places.present(ways)
        timings, checks = self._timed([way for way in present if self.startable(way, errors)], turns, progress)
        save_arrays(turns.kept.predictions_file(turns.name), precision_rows.predictions(self.pieces))
        if self.pieces.weights.kind == "train":
            files.copy(self.pieces.weights.folder / "history.json", turns.kept.history_file(turns.name))
        proved = run_rows.proved(turns.run, self.pieces)
        rows = {}
        for way in ways:
            known = precision_rows.complete(proved[way.framework], self.pieces, way, self.failure(way, errors))
            row = turns.places.row(run_rows.resized(known, self.pieces, way), way, timings, turns.name)
            rows[way] = framework_check.noted(row, checks.get(way.key))
        return rows

    def _timed(
        self, started: list[Way], turns: Turns, progress: Progress
    ) -> tuple[dict[str, Timing], dict[str, Check]]:
        """By key: the timings, and what the check found of what a framework runs."""
        with temporary.folder() as compiled:  # empty: what compiling takes is told, and once alone
            asked = {
                way: replace(self.subject(way), compiled=compiled / str(number)) for number, way in enumerate(started)
            }
            checks = framework_check.check_all(self.pieces, [(way.framework, one) for way, one in asked.items()])
            failed = {key: Timing(launches=(), failure=check.failure) for key, check in checks.items() if check.failure}
            return failed | turns.time([one for one in asked.values() if one.key not in failed], progress), checks

    def failed(self, run: str, settings: Settings, error: BaseException) -> dict[Way, Row]:
        rows = {}
        for way in self.ways(settings):
            row = replace(run_rows.asked(run, self.pieces, way.framework), status="failed")
            rows[way] = run_rows.placed(replace(row, reason=run_rows.one_line(error)), way.configuration)
        return rows

    def failure(self, way: Way, errors: Mapping[str, BaseException]) -> BaseException | None:
        """What went wrong if a file of a lower precision was to be made, or run on the CPU beside its original."""
        if way.configuration.precision == FLOAT32:
            return None
        key = way.framework, way.configuration.precision
        return errors.get(self.pieces.converted[key].digest) or errors.get(self.pieces.compared[key].digest)

    def startable(self, way: Way, errors: Mapping[str, BaseException]) -> bool:
        """Whether its file is there, and the CPU's provider is not known to refuse it."""
        if self.failure(way, errors) is None:
            return True
        made = self.pieces.converted[way.framework, way.configuration.precision].made
        return made and way.configuration.target.provider != "cpu"
