"""What is killed at every point: each scenario is one command of the harness, with planted measurements."""

import os
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Protocol

import numpy as np

from harness import cli
from harness.commands import run as run_command
from harness.data import images
from harness.errors import HarnessError
from harness.frameworks import training, weights
from harness.machine import cache, environment, files
from harness.measurements import manifest, rows
from harness.measurements.run_folder import ENVIRONMENT, ROWS, RunFolder, read_object
from harness.measurements.types import Launch
from harness.networks import catalog
from harness.pieces import making, plan
from harness.pieces.piece import Piece
from harness.pieces.request import Request
from harness.report import drawing, page
from harness.timing import inspection, latency, small_models
from harness.timing.inspection import Inspection
from harness.timing.latency import Effort, Subject

Told = Sequence[Mapping[str, Any]]
Tell = Callable[[Mapping[str, Any]], object]
MODELS = ("one", "other")
OLDER = b"of an earlier report"


class Scenario(Protocol):
    """One command: what is there before it, how it is carried out, and what must never be lost."""

    name: str

    def prepare(self, folder: Path) -> None:
        """Put there what the command needs."""

    def learn(self, folder: Path) -> None:
        """See what an unharmed command left."""

    def run(self, folder: Path, tell: Tell, *, resume: bool) -> int:
        """Carry it out in this process, or go on with it; tell what it has recorded, and give its exit code."""

    def lost(self, folder: Path, told: Told) -> list[str]:
        """What of all that it had recorded when it was killed is not there, or half-written."""

    def missing(self, folder: Path, told: Told) -> list[str]:
        """What is not there after it was gone on with to its end."""


def plant_measurements() -> None:
    """In place of worker processes and of the machine: values that no second measurement repeats."""
    environment.collect = lambda *_: {"machine": "planted", "commit": "0123456789ab"}  # type: ignore[assignment]
    environment.moment = lambda *_: {"time": "2026-01-01T00:00:00+00:00"}  # type: ignore[assignment]
    inspection.inspect_all = _inspected
    latency.launcher = _launcher  # type: ignore[assignment]
    latency.answer = lambda *_, **__: {"peak_rss_bytes": 2, "arena_bytes": None, "device_memory_bytes": None}  # type: ignore[assignment]


def _inspected(subjects: Iterable[Subject]) -> dict[str, Inspection]:
    nodes = {"CPUExecutionProvider": {"Conv": 2}}
    return {one.key: Inspection(nodes=nodes, outputs={"y": np.ones(64, np.float32)}) for one in subjects}


def _launcher(subjects: Sequence[Subject], effort: Effort, seed: int, known: object = None) -> Any:  # noqa: ARG001
    def launch(number: int, groups: Sequence[Sequence[str]]) -> dict[str, Launch]:
        return {key: _planted(number, effort.rounds) for group in groups for key in group}

    return launch


def _planted(number: int, rounds: int) -> Launch:
    chance = random.SystemRandom()
    return Launch(
        launch=number,
        calls_per_sample=1,
        samples_ns=tuple(chance.randrange(100_000, 101_000) for _ in range(rounds + 1)),
        rounds=(-1, *range(rounds)),
        settled=True,
        session_s=0.01,
        first_run_s=0.01,
        threads_in_effect=1,
        providers=("CPUExecutionProvider",),
    )


def _save_models(folder: Path) -> None:
    for name in MODELS:
        small_models.save_convolutions(folder / f"{name}.onnx", 2, 4, 8)


def _half_written(folder: Path) -> list[str]:
    """JSON, tables and pages with a final name that cannot be read whole."""
    wrong = []
    for file in (file for file in folder.rglob("*") if files.PARTIAL not in str(file.relative_to(folder))):
        run = RunFolder(file.parent.parent)
        try:
            if file.suffix == ".json":
                read_object(file)
            elif file.parent.name == "samples":
                run.samples(file.stem)
            elif file.parent.name == "outputs":
                run.outputs(file.stem, "")
        except HarnessError as error:
            wrong.append(str(error))
    return wrong


def _left_over(folder: Path) -> list[str]:
    return [f"{file.relative_to(folder)} is left over" for file in folder.rglob(f"*{files.PARTIAL}")]


class Run:
    """`harness run` on two files; its pictures and its page are those of the scenario `report`."""

    name = "run"

    def prepare(self, folder: Path) -> None:
        _save_models(folder)

    def learn(self, folder: Path) -> None:
        self.rows = len(rows.read(folder / "run"))

    def run(self, folder: Path, tell: Tell, *, resume: bool) -> int:
        plant_measurements()
        page.write = lambda _, target: target  # type: ignore[assignment]
        run_command._show = lambda *_: None  # type: ignore[assignment]
        append = rows.append

        def told(path: Path, *new: rows.Row) -> None:
            append(path, *new)
            tell({"recorded": [_identity(row) for row in new]})

        rows.append = told
        models = [str(folder / f"{name}.onnx") for name in MODELS]
        out = ["--out", str(folder / "run")]
        begun = (folder / "run" / "settings.json").is_file()
        if resume and begun:
            return cli.main(["run", *out, "--resume"])
        return cli.main(["run", *models, "--threads", "1", "--launches", "2", "--seconds", "0.1", *out])

    def lost(self, folder: Path, told: Told) -> list[str]:
        recorded = [row for line in told for row in line.get("recorded", [])]
        found = self._found(folder / "run") if recorded else []
        return [f"{row} is lost" for row in recorded if row not in found] + _half_written(folder)

    def missing(self, folder: Path, told: Told) -> list[str]:
        found = self._found(folder / "run")
        wrong = [] if len(found) == self.rows else [f"{len(found)} of {self.rows} rows"]
        for row in rows.read(folder / "run"):
            name, _, subject = (row.sampled_as or "").partition("/")
            table = RunFolder(folder / "run").samples(name)
            if table is None or subject not in set(table["subject"]):
                wrong.append(f"the samples of {row.key} are missing")
        return wrong + self.lost(folder, told) + _left_over(folder)

    def _found(self, folder: Path) -> list[list[object]]:
        try:
            return [_identity(row) for row in rows.read(folder)]
        except HarnessError:
            return []


def _identity(row: rows.Row) -> list[object]:
    """What tells a row from that of a second measurement."""
    return [row.architecture, row.threads, row.latency_median_s]


class Comparison:
    """`harness ab` of two files: each launch counts."""

    name = "ab"

    def prepare(self, folder: Path) -> None:
        _save_models(folder)

    def learn(self, folder: Path) -> None:
        self.rows = len(rows.read(folder / "ab" / "a"))

    def run(self, folder: Path, tell: Tell, *, resume: bool) -> int:
        plant_measurements()
        write = files.write

        def told(target: Path, text: str) -> None:
            write(target, text)
            if target.parent.name == "launches":
                tell({"launch": target.name, "text": text})

        files.write = told
        models = [str(folder / f"{name}.onnx") for name in MODELS]
        command = ["ab", *models, "--out", str(folder / "ab"), "--threads", "1", "--launches", "6", "--seconds", "0.01"]
        begun = (folder / "ab" / "comparison.json").is_file()
        code = cli.main([*command, "--resume"] if resume and begun else command)
        finished = resume and code == cli.BAD_INPUT and not (folder / "ab" / "launches").exists()
        return 0 if finished else code  # killed behind its last write, it is refused as finished

    def lost(self, folder: Path, told: Told) -> list[str]:
        wrong = _half_written(folder)
        for line in (line for line in told if "launch" in line):
            kept = folder / "ab" / "launches" / line["launch"]
            if kept.is_file():
                wrong += [] if kept.read_text() == line["text"] else [f"{kept.name} has changed"]
            elif not self._in_samples(folder, line["text"]):
                wrong.append(f"{kept.name} is lost")
        return wrong

    def missing(self, folder: Path, told: Told) -> list[str]:
        wrong = self.lost(folder, told) + _left_over(folder)
        for side in "ab":
            found = rows.read(folder / "ab" / side)
            wrong += [] if len(found) == self.rows else [f"{len(found)} of {self.rows} rows in {side}"]
            wrong += [f"{row.launches} launches in {side}" for row in found if row.launches != 6]
        return wrong

    def _in_samples(self, folder: Path, text: str) -> bool:
        """Whether the samples of a launch lie in the tables of both sides."""
        import json

        import pandas as pd

        outcomes = json.loads(text)
        for side in "ab":
            parts = [
                pd.read_parquet(file).astype({"subject": str})
                for file in (folder / "ab" / side / "samples").glob("*.parquet")
            ]
            if not parts:
                return False
            table = pd.concat(parts)
            (key,) = (key for key in outcomes if key.startswith(f"{side} 0") and "again" not in key)
            once = table["subject"].str.startswith("onnx, ") & ~table["subject"].str.endswith("again")
            of_launch = table[once & (table["launch"] == outcomes[key]["launch"])]
            if list(of_launch["nanoseconds"]) != outcomes[key]["samples_ns"]:
                return False
        return True


def _few(prepared: images.Images) -> images.Images:
    """Images of which few are tested on, so that an epoch takes milliseconds."""
    return replace(
        prepared,
        x_validation=prepared.x_validation[:20],
        y_validation=prepared.y_validation[:20],
        x_test=prepared.x_test[:20],
        y_test=prepared.y_test[:20],
    )


class Training:
    """A training that keeps a checkpoint per epoch, as those that take hours do."""

    name = "train"
    epochs: ClassVar[int] = 4

    def prepare(self, folder: Path) -> None:
        (folder / "cache").mkdir()

    def learn(self, folder: Path) -> None:
        self.weights = weights.load(self._file(folder))

    def run(self, folder: Path, tell: Tell, *, resume: bool) -> int:
        piece = self._piece(folder)
        prepare = images.prepare
        images.prepare = lambda *asked: _few(prepare(*asked))  # type: ignore[assignment]
        cache.sweep()

        def progress(_: float, epoch: training.Epoch | None) -> None:
            if epoch is not None:
                tell({"epoch": epoch.epoch})

        if resume:
            tell({"resumed": True})
        making.make(piece, 1, progress)
        return 0

    def lost(self, folder: Path, told: Told) -> list[str]:  # noqa: ARG002 - its weights tell, once it has gone on
        return _half_written(folder)

    def missing(self, folder: Path, told: Told) -> list[str]:  # noqa: ARG002
        made = weights.load(self._file(folder))
        same = all(np.array_equal(made[name], self.weights[name]) for name in self.weights)
        os.environ["HARNESS_CACHE"] = str(folder / "cache")
        cache.sweep()
        return ([] if same else ["other weights"]) + _left_over(folder)

    def _piece(self, folder: Path) -> Piece:
        os.environ["HARNESS_CACHE"] = str(folder / "cache")
        Piece.takes_hours = property(lambda self: self.kind == "train")  # type: ignore[assignment, method-assign]
        network = catalog.get("lenet5_1x1")
        quick = replace(network.recipes["quick"], epochs=self.epochs, training_images=64, batch=32)
        recipes = {**network.recipes, "quick": quick}
        asked = Request(architecture=replace(network, recipes=recipes), profile="quick", trained_in="torch", seed=0)
        return plan.train(asked)

    def _file(self, folder: Path) -> Path:
        (file,) = (folder / "cache" / "train").glob("*/weights.safetensors")
        return file


class Report:
    """`harness report` of a finished run that was reported before: page, pictures, tables and manifest.

    What a picture shows is planted.
    """

    name = "report"

    def prepare(self, folder: Path) -> None:
        source, run = Path(__file__).parents[2] / "results" / "reference" / "quick", folder / "run"
        run.mkdir()
        for name in (ROWS, ENVIRONMENT):
            (run / name).write_bytes((source / name).read_bytes())
        manifest.seal(run)
        drawn = [run / "latency.png", run / "report.html"]
        for file in drawn:
            file.write_bytes(OLDER)
        manifest.add(run, drawn)

    def learn(self, folder: Path) -> None:
        self.files = {file.relative_to(folder): file.read_bytes() for file in folder.rglob("*") if file.is_file()}

    def run(self, folder: Path, tell: Tell, *, resume: bool) -> int:  # noqa: ARG002
        drawing.render = lambda _: {ending: ending.encode() * 5000 for ending in drawing.PICTURES}
        return cli.main(["report", str(folder / "run"), "--no-claims"])

    def lost(self, folder: Path, told: Told) -> list[str]:  # noqa: ARG002
        there = [name for name in self.files if name.name != manifest.FILE and (folder / name).is_file()]
        halves = [name for name in there if (folder / name).read_bytes() not in (self.files[name], OLDER)]
        return [f"{name} is half-written" for name in halves] + self._refused(folder)

    def missing(self, folder: Path, told: Told) -> list[str]:
        there = {name: (folder / name).read_bytes() for name in self.files if (folder / name).is_file()}
        other = [name for name, whole in self.files.items() if there.get(name) != whole]
        return [f"{name} is not as it would be" for name in other] + self.lost(folder, told) + _left_over(folder)

    def _refused(self, folder: Path) -> list[str]:
        """Whether the run can no longer be read."""
        try:
            manifest.verify(folder / "run")
        except HarnessError as error:
            return [str(error)]
        return []


SCENARIOS: dict[str, type[Scenario]] = {one.name: one for one in (Run, Comparison, Training, Report)}
