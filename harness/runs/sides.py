"""The two sides of a comparison: how the files of each are run, and what each file of theirs is fed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from harness.data import imagenet
from harness.errors import HarnessError
from harness.machine import environment
from harness.machine.interpreters import HERE, Interpreter
from harness.measurements.configurations import Way
from harness.measurements.rows import Row
from harness.measurements.session_options import USUAL, SessionOptions
from harness.networks import catalog
from harness.networks.architecture import Scaling
from harness.pieces.request import Request
from harness.runs import file_accuracy, model_files
from harness.runs.folder import Settings
from harness.runs.measured_file import MeasuredFile
from harness.runs.model_files import FileSettings, ModelFile
from harness.timing import runtime
from harness.timing.latency import Subject


@dataclass(frozen=True, kw_only=True)
class Side:
    """How one side runs its files; ``facts`` are those in which its environment is not this process' own."""

    name: str  # of its folder: a or b
    label: str
    settings: Settings
    session: SessionOptions = USUAL
    interpreter: Interpreter = HERE
    facts: Mapping[str, object] = field(default_factory=dict)

    def ways(self, file: "ModelFile | Missing") -> list[Way]:
        """The ways in which one of its files is timed: a row each."""
        if isinstance(file, ModelFile):
            found = MeasuredFile(file=file).ways(self.settings)
        else:
            found = [Way(framework=file.framework, configuration=one) for one in self.settings.configurations]
        return [replace(way, configuration=replace(way.configuration, session=self.session)) for way in found]

    def subject(self, file: ModelFile, way: Way) -> Subject:
        """What is timed, in a process of this side's interpreter."""
        return replace(MeasuredFile(file=file).subject(way), interpreter=self.interpreter)

    def environment(self) -> dict[str, object]:
        """What environment.json says of it: this machine, with its own interpreter, versions, commit and options."""
        config = runtime.SESSION_CONFIG | dict(self.session.entries)
        return {**environment.collect(), "session_config": config, **self.facts}


@dataclass(frozen=True, kw_only=True)
class Missing:
    """A file that one side does not have, and why."""

    architecture: str
    framework: str
    reason: str

    def row(self, run: str) -> Row:
        """The row of what is not there."""
        return Row(
            run=run, architecture=self.architecture, framework=self.framework, status="failed", reason=self.reason
        )


File = ModelFile | Missing


def users(side: Side) -> list[ModelFile]:
    """The files that the user named for a side, with what they are fed and tested on."""
    settings = side.settings
    found = model_files.read(settings.files, settings.data, settings.batches[0], ())
    return [file_accuracy.prepared(file, settings.files.output, side.interpreter) for file in found]


def exported(side: Side, network: str, framework: str, made: Path | str) -> File:
    """A network's exported file, tested on the images of its own recipe; or why it is not there."""
    if isinstance(made, str):
        return Missing(architecture=network, framework=framework, reason=made)
    try:
        data, named = _tested_on(side.settings, network), FileSettings(models=(str(made),))
        named = replace(named, scaling=data[1], digests=model_files.digests(named, None))
        (file,) = model_files.read(named, data[0], side.settings.batches[0], ())
        return file_accuracy.prepared(file, None, side.interpreter)
    except HarnessError as error:
        return Missing(architecture=network, framework=framework, reason=str(error))


def _tested_on(settings: Settings, network: str) -> tuple[str | None, Scaling | None]:
    """The data set whose test split a network's file is tested on, with the scaling; none of random weights."""
    (request,) = replace(settings, architectures=(catalog.reference(catalog.get(network)),)).requests()
    if not request.untrained:
        return request.recipe.dataset, request.recipe.scaling
    return _of_imported(request)


def _of_imported(request: Request) -> tuple[str | None, Scaling | None]:
    named = request.data is not None and request.data.startswith(imagenet.PREFIX)
    if request.imported is None or not named:
        return None, None
    return request.data, request.imported.preprocessing.scaling


def unlike(a: File, b: File) -> str:
    """Why two files cannot be fed the same, in words; empty where they can, or where one is missing.

    Names, types and layouts of inputs may differ, sizes may not.
    """
    if isinstance(a, Missing) or isinstance(b, Missing) or _sizes(a) == _sizes(b):
        return ""
    return f"{b.path.name} takes {_listed(b)}, and {a.path.name} takes {_listed(a)}: expected inputs of the same sizes"


def _sizes(file: ModelFile) -> Sequence[tuple[int, ...]]:
    return [(each.image_shape if each.layout else None) or each.shape for each in file.sized(1, None).inputs]


def _listed(file: ModelFile) -> str:
    return "; ".join(map(str, file.inputs)) or "no inputs"
