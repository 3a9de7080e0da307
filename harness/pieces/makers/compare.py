"""How far a file of a lower precision is from the one that it was made from."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from harness.data import images
from harness.errors import HarnessError
from harness.frameworks.training import Progress
from harness.machine import temporary
from harness.machine.arrays import read_arrays, save_arrays
from harness.measurements.types import Artifact
from harness.pieces import artifacts, evaluation
from harness.pieces.piece import Piece
from harness.timing import profile_events, runtime

DEVIATION, PREDICTIONS = "deviation.json", "predictions.npz"
MULTIPLYING = ("Conv", "Gemm", "MatMul")  # part of the names of operators whose arithmetic counts
PROFILED_AS = {"float": "float32"}  # the profiler's name of a type: ours


@dataclass(frozen=True, kw_only=True)
class Deviation:
    """How a file differs from the float32 file that it was made from, run by the CPU's provider.

    ``max_abs`` and ``scale`` are of logits on the images of the twin proof, ``max_abs`` None where a logit is no
    finite number. ``not_finite`` counts the test images with such a logit or score, of ``images``. ``multiplied_in``
    says in what types the nodes that multiply were run, and ``casts`` how many casts onnxruntime added.
    """

    max_abs: float | None
    scale: float
    not_finite: int
    images: int
    multiplied_in: Mapping[str, int]
    casts: int


def name(framework: str, precision: str) -> str:
    """What the predictions of a converted file are called."""
    return f"{framework}_{precision}"


def make(piece: Piece, folder: Path, threads: int, progress: Progress) -> None:
    """Run the file beside the one it was made from, and keep what it predicts.

    Raises :class:`HarnessError` where the CPU's provider cannot run it.
    """
    (converted,) = piece.needs
    (export,) = converted.needs
    found, exact = artifacts.read(converted.folder / artifacts.FILE), artifacts.read(export.folder / artifacts.FILE)
    evaluated = evaluation.load(export.needs[0])
    compared = evaluated.compared[: evaluated.exact]
    try:
        logits = evaluation.logits(found, compared, threads)
        key = name(export.framework, piece.precision)
        kept = evaluation.predictions({key: found}, evaluated, threads, progress, watched=True)
        multiplied_in, casts = _run_once(found, compared[:1])
    except HarnessError:
        raise
    except Exception as error:  # onnxruntime's own errors share no base class
        if type(error).__module__.startswith("onnxruntime"):
            raise HarnessError(f"onnxruntime cannot run the {piece.precision} file: {error}") from error
        raise
    finite = kept.pop(evaluation.finite(key))
    expected = evaluation.logits(exact, compared, threads)
    distance = float(np.abs(logits - expected).max())
    deviation = Deviation(
        max_abs=distance if np.isfinite(distance) else None,
        scale=float(np.abs(expected).max()),
        not_finite=int((~finite).sum()),
        images=len(finite),
        multiplied_in=multiplied_in,
        casts=casts,
    )
    save_arrays(folder / PREDICTIONS, kept)
    (folder / DEVIATION).write_text(json.dumps(asdict(deviation), indent=1))


def deviation(compared: Piece) -> Deviation:
    """What a piece of kind "compare" found."""
    return Deviation(**json.loads((compared.folder / DEVIATION).read_text()))


def predictions(compared: Piece) -> dict[str, NDArray[Any]]:
    """The class that the file takes each test image for, under :func:`name`; of many classes whether five hold it."""
    return read_arrays(compared.folder / PREDICTIONS)


def _run_once(found: Artifact, image: NDArray[np.float32]) -> tuple[dict[str, int], int]:
    """In what types the nodes that multiply are run, by onnxruntime's profiler, and how many casts it added."""
    with temporary.folder() as folder:
        session = runtime.session(found.path, threads=1, profile=folder / "profile")
        runtime.outputs(session, images.native(image, found.metadata["layout"]), session.get_outputs()[0].name)
        events = json.loads(Path(session.end_profiling()).read_text())
    nodes = list(profile_events.of_nodes(events))
    multiplying = [node for node in nodes if any(part in node.operator for part in MULTIPLYING)]
    types = Counter(PROFILED_AS.get(node.input_type, node.input_type) for node in multiplying)
    written = sum(node.op_type == "Cast" for node in onnx.load(found.path).graph.node)
    return dict(types), sum(node.operator == "Cast" for node in nodes) - written
