"""The settings of a run: how its folder is begun with them, and how one that was stopped is found again."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from harness.errors import HarnessError, RunFileError
from harness.frameworks import training
from harness.machine import environment, files
from harness.measurements import configurations, providers, subject_key
from harness.measurements.configurations import Configuration
from harness.measurements.providers import Target
from harness.measurements.run_folder import RunFolder, read_object
from harness.networks import catalog
from harness.pieces.request import KerasExporter, Request
from harness.runs import model_files
from harness.runs.model_files import FileSettings
from harness.timing import latency

END = "the end"  # the moment at which all is measured

Facts = Mapping[str, object]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a run does, apart from what it finds; the same settings resume it."""

    architectures: tuple[str, ...]  # by name; those of a user's folder as DIR:NAME
    profile: str = "quick"
    trained_in: str = "torch"
    data: str | None = None
    training_precision: training.Precision = "float32"
    base_weights: Mapping[str, str] = field(default_factory=dict)  # by base: a file
    keras_exporter: KerasExporter = "auto"
    seed: int = 0
    epochs: int | None = None  # None: as many as the recipe says
    threads: tuple[int, ...]
    providers: tuple[str, ...] = ("cpu",)  # by short name
    device: str | None = None  # None: what each provider usually runs on
    cuda_graph: bool = False
    batches: tuple[int, ...] = (1,)
    image_sizes: tuple[tuple[int, int] | None, ...] = (None,)  # None: the network's own
    precisions: tuple[str, ...] = (subject_key.FLOAT32,)
    runtimes: tuple[str, ...] = (subject_key.ONNXRUNTIME,)
    second_opinion: bool = True  # on what each file computes, in a pass of its own
    energy: bool = False  # of each call, in a pass of its own
    control: bool = False  # the same models in every run, timed beside each network or file
    nodes: bool = False  # where the time goes, in a pass of its own
    effort: latency.Effort = field(default_factory=latency.Effort)
    precision_target: float | None = None  # half of each interval, relative to its median
    time_limit_s: float | None = None  # of measuring, for the launches that this takes; None: the usual
    files: FileSettings = field(default_factory=FileSettings)

    @property
    def targets(self) -> tuple[Target, ...]:
        """Where each file is timed."""
        return providers.targets(self.providers, self.device, self.cuda_graph)

    @property
    def configurations(self) -> tuple[Configuration, ...]:
        """How each file is timed."""
        return configurations.every(
            self.targets, self.threads, self.batches, self.image_sizes, self.precisions, self.runtimes
        )

    def requests(self) -> list[Request]:
        """One request a network."""
        return [
            Request(
                architecture=architecture,
                profile=self.profile,
                trained_in=self.trained_in,
                seed=self.seed,
                epochs=self.epochs,
                data=self.data,
                precision=self.training_precision,
                base_weights=self._file(architecture.base),
                keras_exporter=self.keras_exporter,
            )
            for architecture in map(catalog.get, self.architectures)
        ]

    def _file(self, base: str | None) -> Path | None:
        file = self.base_weights.get(base or "")
        return Path(file) if file else None


def begin(folder: Path, settings: Settings, facts: Facts) -> None:
    """Make the folder of a new run. Raises :class:`HarnessError` where it holds something already."""
    check_new(folder, "choose another --out, or go on with that run by --resume")
    _write_json(RunFolder(folder).settings_file, asdict(settings))
    begin_unplanned(folder, facts)


def check_new(folder: Path, advice: str) -> None:
    """Raise :class:`HarnessError` if the folder holds something, but for what a killed run had begun to write."""
    if folder.exists() and not (folder.is_dir() and all(file.suffix == files.PARTIAL for file in folder.iterdir())):
        raise HarnessError(f"{folder} is not empty: {advice}.")


def begin_unplanned(folder: Path, facts: Facts) -> None:
    """The same of a run that cannot be gone on with: its environment, and no settings."""
    _write_json(RunFolder(folder).environment_file, {**facts, "moments": []})


def go_on(folder: Path, settings: Settings, facts: Facts) -> None:
    """Keep the settings that a run goes on with, for the next time that it is stopped.

    Raises :class:`HarnessError` if it was begun on another machine or with other software.
    """
    if RunFolder(folder).environment_file.is_file():
        check_same_machine(folder, facts)
    else:  # killed between the two files that begin a run
        begin_unplanned(folder, facts)
    _write_json(RunFolder(folder).settings_file, asdict(settings))


def resumed(folder: Path) -> Settings:
    """The settings of a run that was stopped. Raises :class:`HarnessError` where the folder is no run."""
    try:
        found = read_object(RunFolder(folder).settings_file)
        effort = latency.Effort(**found.pop("effort"))
        own = _file_settings(**found.pop("files", {}))
        whole = {name: _tuples(value) if isinstance(value, list) else value for name, value in found.items()}
        return Settings(**whole, effort=effort, files=own)
    except (RunFileError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise HarnessError(
            f"{folder} is no run that could be resumed: it holds no whole {RunFolder(folder).settings_file.name}."
        ) from error


def _tuples(value: Any) -> Any:
    """What JSON made lists of as the tuples that they were."""
    return tuple(map(_tuples, value)) if isinstance(value, list) else value


def _file_settings(
    models: Sequence[str] = (), shapes: Mapping[str, Sequence[int]] | None = None, **others: Any
) -> FileSettings:
    """What the user said of files, as it was."""
    sizes = {name: tuple(shape) for name, shape in (shapes or {}).items()}
    return FileSettings(models=tuple(models), shapes=sizes, **others)


def check_same_files(folder: Path, settings: Settings) -> None:
    """Raise :class:`HarnessError` where a file of the user's has changed since the run was begun."""
    begun = settings.files.digests
    for path, found in model_files.digests(settings.files, settings.data).items():
        if begun.get(path) != found:
            raise HarnessError(
                f"{path} has changed since {folder} was begun: its rows would not belong together. Begin another run."
            )


def check_same_machine(folder: Path, facts: Facts) -> None:
    """Raise :class:`HarnessError` where the run was begun on another machine or with other software."""
    begun = read_object(RunFolder(folder).environment_file)
    now = json.loads(json.dumps(dict(facts)))
    # What is not known is not another: git may have been too slow to name the commit.
    changed = [name for name in now if None not in (begun.get(name), now[name]) and begun[name] != now[name]]
    if changed:
        raise HarnessError(
            f"{folder} was begun with another {changed[0]} ({begun[changed[0]]}, now {now[changed[0]]}): "
            "its rows would not belong together. Begin another run."
        )


def note_moment(folder: Path, what: str) -> None:
    """Add to the environment what runs beside the run at this moment."""
    moments = read_object(RunFolder(folder).environment_file)["moments"]
    note(folder, {"moments": [*moments, {"before": what, **environment.moment()}]})


def note(folder: Path, facts: Facts) -> None:
    """Add facts to the environment."""
    _write_json(RunFolder(folder).environment_file, {**read_object(RunFolder(folder).environment_file), **facts})


def _write_json(path: Path, content: Mapping[str, object]) -> None:
    files.write(path, json.dumps(content, indent=2) + "\n")
