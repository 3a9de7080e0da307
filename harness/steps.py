"""The public API, second part: the steps of a run one by one, for benchmarks of your own.

Import these from ``harness``, like everything that is public. Nothing is recorded here: each step returns what it
found. Networks are made in the cache, whose folder the environment variable HARNESS_CACHE names.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from harness.machine import progress, temporary
from harness.measurements.providers import DEVICES, PROVIDERS
from harness.measurements.types import Accuracy, Equivalence, Timing
from harness.networks import catalog

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

    from harness.pieces.piece import Pieces
    from harness.timing.latency import Subject


@dataclass(frozen=True, kw_only=True)
class TimedFile:
    """An .onnx file and one way of timing it.

    ``shapes`` are whole shapes by input, the batch axis included; None: a batch of one and the file's own sizes, as
    ``harness run FILE`` feeds them. Inputs are fed random numbers, or zeros if they are whole numbers.
    """

    file: str | Path
    threads: int | None = 1  # None: all that this process may use
    provider: str = "cpu"  # one of :func:`list_providers`
    shapes: Mapping[str, tuple[int, ...]] | None = None


@dataclass(frozen=True, kw_only=True)
class PreparedNetwork:
    """A network with the files that both frameworks exported, and what is known of them without a clock.

    What could not be made is left out, and ``failures`` says why: by framework of its file, by "proof" of the rest.
    """

    name: str
    files: Mapping[str, Path]  # by framework: "keras", "torch"
    equivalence: Equivalence | None
    accuracies: Mapping[str, Accuracy]  # by framework, on the test images
    failures: Mapping[str, str]
    untrained: str  # why the weights are random; empty if they are trained


def prepare_networks(
    names: Sequence[str], *, trained: bool = True, seed: int = 0, verbose: bool = False
) -> dict[str, PreparedNetwork]:
    """Train networks, export them from both frameworks and prove the files equivalent; what is in the cache is reused.

    Args:
        names: Networks of the catalogue, or folders of your own.
        trained: By the quick recipe; False: random weights.
        seed: Of first weights, order and augmentation.
        verbose: Show live bars on standard error.

    Returns:
        Each network by the name that was given.

    Raises:
        HarnessError: A name is unknown, or a definition of your own is not what its facts say. What fails later
            is in :attr:`PreparedNetwork.failures`.
    """
    from harness.pieces import bars, definitions, plan
    from harness.pieces.request import Request

    requests = {}
    for name in dict.fromkeys(names):
        architecture = catalog.get(name)
        architecture = architecture if trained else replace(architecture, recipes={})
        requests[name] = Request(architecture=architecture, profile="quick", trained_in="torch", seed=seed)
    planned = {name: plan.plan_pieces(request) for name, request in requests.items()}
    with progress.shown(verbose):
        definitions.check_definitions(requests.values())
        errors = bars.make_pieces([piece for pieces in planned.values() for piece in pieces.all])
    return {name: _prepared(name, pieces, errors) for name, pieces in planned.items()}


def _prepared(name: str, pieces: "Pieces", errors: Mapping[str, BaseException]) -> PreparedNetwork:
    from harness.errors import reason
    from harness.pieces import results

    made = {key: piece for key, piece in {**pieces.exports, "proof": pieces.prove}.items() if piece.made}
    wanted = {**pieces.exports, "proof": pieces.prove}
    return PreparedNetwork(
        name=name,
        files={key: results.artifact(piece).path for key, piece in made.items() if key != "proof"},
        equivalence=results.verdict(pieces) if "proof" in made else None,
        accuracies=results.accuracies(pieces) if "proof" in made else {},
        failures={key: reason(errors[piece.digest]) for key, piece in wanted.items() if piece.digest in errors},
        untrained=pieces.untrained,
    )


def draw_weights(name: str, *, seed: int = 0) -> "dict[str, NDArray[numpy.float32]]":
    """Random weights for a network, lively enough that its outputs differ between images.

    Returns arrays by the names and in the layouts that both frameworks' definitions are given.

    Raises :class:`HarnessError` if the name is unknown.
    """
    from harness.data import images
    from harness.frameworks import untrained

    architecture = catalog.get(name)
    first = catalog.reference_framework(architecture)
    return untrained.draw(architecture, images.sample(architecture, untrained.IMAGES), seed, first)


def export_network(
    name: str, framework: str, weights: "Mapping[str, NDArray[numpy.float32]]", file: str | Path
) -> Path:
    """Export a network with these weights from one framework, in this process; give the path of the .onnx file.

    ``framework`` is "keras" or "torch"; ``weights`` are as :func:`draw_weights` returns them.

    Raises :class:`HarnessError` if the name is unknown or the weights do not fit it.
    """
    import importlib

    exporter = importlib.import_module(f"harness.pieces.export_{framework}")
    exporter.export(catalog.get(name), dict(weights), Path(file), {})
    return Path(file)


def list_providers() -> tuple[str, ...]:
    """The execution providers of the installed onnxruntime, by the short names of ``--provider``.

    Raises :class:`HarnessError` if onnxruntime is not installed.

    Example:
        >>> import harness
        >>> "cpu" in harness.list_providers()
        True
    """
    from harness.timing import runtime

    there = runtime.load().get_available_providers()
    return tuple(short for short, name in PROVIDERS.items() if name in there)


def time_files(
    files: Mapping[str, TimedFile], *, launches: int = 10, seconds: float = 0.15, seed: int = 0
) -> dict[str, Timing]:
    """Time .onnx files in turns, in fresh worker processes; needs the machine to itself.

    Args:
        files: What is timed, by names of your own.
        launches: Fresh processes each; an interval takes six at least.
        seconds: Measured per launch and file.
        seed: Of the order of turns.

    Returns:
        A :class:`Timing` by name, times in seconds. One whose process failed says why in ``failure``.

    Raises:
        HarnessError: A file cannot be read, or there is no such provider.

    Example:
        >>> import harness
        >>> one = harness.TimedFile(file="x.onnx", threads=1)
        >>> timing = harness.time_files({"x": one}, launches=1, seconds=0.01)["x"]
        >>> 1e-7 < timing.median_s < 1
        True
    """
    from harness.runs import choices
    from harness.timing import latency

    effort = choices.choose_effort(launches, seconds)
    return latency.measure([_subject(key, timed) for key, timed in files.items()], effort, seed=seed)


def measure_memory(timed: TimedFile) -> int:
    """Bytes of the largest resident set of a fresh process that runs the file, beyond one that runs an empty model.

    Raises :class:`HarnessError` if the file cannot be read or run.
    """
    from harness.errors import HarnessError
    from harness.machine.process import WorkerFailedError
    from harness.timing import latency

    subject = _subject("", timed)
    with temporary.folder() as folder:
        smallest = latency.save_identity(folder / "identity.onnx")
        baseline = replace(smallest, threads=subject.threads, target=subject.target)
        try:
            peaks = [int(latency.answer(one, "memory")["peak_rss_bytes"]) for one in (subject, baseline)]
        except WorkerFailedError as error:
            raise HarnessError(f"{timed.file} cannot be run: {error}") from error
    return peaks[0] - peaks[1]


def count_optimised_operators(file: str | Path) -> dict[str, int]:
    """How many nodes of each operator the graph has that onnxruntime makes of a file and runs on this processor.

    Raises :class:`HarnessError` if onnxruntime cannot load the file.

    Example:
        >>> import harness
        >>> harness.count_optimised_operators("x.onnx") != harness.count_cost("x.onnx").operators
        True
    """
    from collections import Counter

    import onnx

    from harness.errors import HarnessError
    from harness.machine.process import WorkerFailedError
    from harness.timing import profiles

    with temporary.folder() as folder:
        try:
            profiles.save_graphs(Path(file), folder / "optimised.onnx", folder / "countable.onnx")
        except WorkerFailedError as error:
            raise HarnessError(f"{file} cannot be loaded: {error}") from error
        return dict(Counter(node.op_type for node in onnx.load(folder / "optimised.onnx").graph.node))


def _subject(key: str, timed: TimedFile) -> "Subject":
    from harness.runs import choices, file_accuracy, model_files

    settings = choices.choose_files([choices.whole_path(timed.file)], None, shapes=dict(timed.shapes or {}))
    (model,) = model_files.read(settings, None, 1, ())
    (target,) = choices.choose_targets([timed.provider], DEVICES.get(timed.provider, (None,))[0])
    threads = choices.choose_threads(None if timed.threads is None else [timed.threads])[-1]
    return file_accuracy.subject(model, key, threads, target)
