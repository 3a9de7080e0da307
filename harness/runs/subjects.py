"""What of a network or file is timed: one subject for each of its files and each way of timing it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from harness.errors import HarnessError
from harness.measurements import runtimes
from harness.measurements.configurations import Way
from harness.measurements.subject_key import FLOAT32, ONNXRUNTIME
from harness.measurements.types import Artifact
from harness.networks import catalog
from harness.pieces import results
from harness.pieces.piece import Pieces
from harness.runs import file_accuracy, file_counts
from harness.runs.folder import Settings
from harness.runs.model_files import ModelFile
from harness.timing.latency import Subject


def frameworks(one: Pieces | ModelFile) -> list[str]:
    """Whose exporters made its files."""
    return [one.framework] if isinstance(one, ModelFile) else list(one.exports)


def names(one: Pieces | ModelFile) -> list[tuple[str, str]]:
    """By architecture and framework: what its rows are of."""
    architecture = one.architecture if isinstance(one, ModelFile) else one.weights.request.architecture.name
    return [(architecture, framework) for framework in frameworks(one)]


def check_made(one: Pieces | ModelFile, errors: Mapping[str, BaseException]) -> None:
    """Raise what went wrong where a piece was to be made that every row of a network needs."""
    for piece in [] if isinstance(one, ModelFile) else one.exported:
        if piece.digest in errors:
            raise errors[piece.digest]


def failure(one: Pieces, way: Way, errors: Mapping[str, BaseException]) -> BaseException | None:
    """What went wrong where a file of a lower precision was to be made, or run on the CPU beside its original."""
    key = way.framework, way.configuration.precision
    if way.configuration.precision == FLOAT32:
        return None
    return errors.get(one.converted[key].digest) or errors.get(one.compared[key].digest)


def startable(one: Pieces, way: Way, errors: Mapping[str, BaseException]) -> bool:
    """Whether its file is there, and the CPU's provider is not known to refuse it."""
    if failure(one, way, errors) is None:
        return True
    made = one.converted[way.framework, way.configuration.precision].made
    return made and way.configuration.target.provider != "cpu"


def ways(one: Pieces | ModelFile, settings: Settings) -> list[Way]:
    """The ways in which it is timed: a row each. None where no runtime of the run can run it.

    In a run of one image a call, a file in the batch that it fixes.
    """
    configurations = settings.configurations
    if isinstance(one, ModelFile) and settings.batches == (1,):
        configurations = tuple(replace(each, batch=one.batch) for each in configurations)
    return [
        Way(framework=framework, configuration=each)
        for framework in frameworks(one)
        for each in runtimes.applied(configurations, "" if isinstance(one, ModelFile) else framework)
    ]


def refusal(one: Pieces | ModelFile, batch: int) -> str:
    """Why it cannot be fed so many images a call; empty where it can."""
    return one.refusal(batch) if isinstance(one, ModelFile) else ""


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


def make_subject(one: Pieces | ModelFile, way: Way) -> Subject:
    """What is timed. The files of a network must have been made."""
    configuration = way.configuration
    if isinstance(one, ModelFile):
        fed = one.sized(configuration.batch, configuration.image_size)
        found = file_accuracy.subject(fed, way.key, configuration.threads, configuration.target)
        return replace(found, session=configuration.session)
    exported, own = artifact(one, way), configuration.runtime != ONNXRUNTIME
    return Subject(
        key=way.key,
        model=one.weights.weights_file if own else exported.path,
        shapes={"image": (configuration.batch, *exported.sized(configuration.image_size))},
        threads=configuration.threads,
        target=configuration.target,
        session=configuration.session,
        runtime=configuration.runtime,
        architecture=catalog.reference(one.weights.request.architecture) if own else "",
    )


def artifact(one: Pieces, way: Way) -> Artifact:
    """The file of a network, in the precision that it is timed in. It must have been made."""
    if way.configuration.precision == FLOAT32:
        return results.artifact(one.exports[way.framework])
    return results.artifact(one.converted[way.framework, way.configuration.precision])


def macs(one: Pieces | ModelFile, way: Way) -> float:
    """The multiply-accumulates of one call, for estimates alone: 0 where a file's cannot be counted."""
    size = way.configuration.image_size
    if isinstance(one, ModelFile):
        ledger, _ = file_counts.count(one, size)
        return float(ledger.macs or 0) * way.configuration.batch if ledger else 0.0
    architecture = one.weights.request.architecture
    height, width, _ = architecture.input_shape
    larger = math.prod(size) / (height * width) if size else 1.0
    return architecture.macs * larger * way.configuration.batch
