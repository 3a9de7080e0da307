"""What of a network or file is timed: one subject for each of its files and each way of timing it."""

import math
from collections.abc import Mapping, Sequence

from harness import catalog, file_accuracy, pieces, runtimes
from harness.configurations import ONNXRUNTIME, Way
from harness.errors import HarnessError
from harness.latency import Subject
from harness.model_files import ModelFile
from harness.plan import Pieces
from harness.run_folder import Settings


def frameworks(one: Pieces | ModelFile) -> list[str]:
    """Whose exporters made its files."""
    return [one.framework] if isinstance(one, ModelFile) else list(one.exports)


def names(one: Pieces | ModelFile) -> list[tuple[str, str]]:
    """By architecture and framework: what its rows are of."""
    architecture = one.architecture if isinstance(one, ModelFile) else one.weights.request.architecture.name
    return [(architecture, framework) for framework in frameworks(one)]


def check_made(one: Pieces | ModelFile, errors: Mapping[str, BaseException]) -> None:
    """Raise what went wrong where a piece of a network was to be made."""
    for piece in [] if isinstance(one, ModelFile) else one.all:
        if piece.digest in errors:
            raise errors[piece.digest]


def ways(one: Pieces | ModelFile, settings: Settings) -> list[Way]:
    """The ways in which it is timed: a row each. None where no runtime of the run can run it."""
    return [
        Way(framework=framework, configuration=each)
        for framework in frameworks(one)
        for each in runtimes.applied(settings.configurations, "" if isinstance(one, ModelFile) else framework)
    ]


def applicable(
    needed: Mapping[str, Pieces], own: Sequence[ModelFile], settings: Settings
) -> tuple[dict[str, Pieces], list[ModelFile], str]:
    """The networks and files that a runtime of the run can run; and which of them none can, in words.

    Raises :class:`HarnessError` where all are such.
    """
    networks = {name: pieces for name, pieces in needed.items() if ways(pieces, settings)}
    files = [file for file in own if ways(file, settings)]
    out = [name for name in needed if name not in networks] + [file.name for file in own if file not in files]
    why = f"no --runtime of {', '.join(settings.runtimes)} runs {', '.join(out)}" if out else ""
    if not networks and not files:
        raise HarnessError(f"{why}: a framework runs networks that are defined in it, an .onnx file takes onnxruntime.")
    return networks, files, why


def of(one: Pieces | ModelFile, way: Way) -> Subject:
    """What is timed. The files of a network must have been made."""
    configuration = way.configuration
    if isinstance(one, ModelFile):
        return file_accuracy.subject(one, way.key, configuration.threads, configuration.target)
    artifact = pieces.artifact(one.exports[way.framework])
    own = configuration.runtime != ONNXRUNTIME
    return Subject(
        key=way.key,
        model=one.weights.weights_file if own else artifact.path,
        shapes={"image": (configuration.batch, *artifact.sized(configuration.image_size))},
        threads=configuration.threads,
        target=configuration.target,
        runtime=configuration.runtime,
        architecture=catalog.reference(one.weights.request.architecture) if own else "",
    )


def macs(one: Pieces | ModelFile, way: Way) -> float:
    """The multiply-accumulates of one call, for estimates alone: 0 where nothing tells them before the file is read."""
    if isinstance(one, ModelFile):
        return 0.0
    architecture, size = one.weights.request.architecture, way.configuration.image_size
    height, width, _ = architecture.input_shape
    larger = math.prod(size) / (height * width) if size else 1.0
    return architecture.macs * larger * way.configuration.batch
