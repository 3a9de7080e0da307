"""Whether a framework's form computes what the exported file does: asked of a fresh process, never while timing."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harness.machine import temporary
from harness.machine.arrays import read_arrays
from harness.machine.process import WorkerFailedError
from harness.measurements import runtimes
from harness.measurements.rows import Row
from harness.measurements.subject_key import ONNXRUNTIME
from harness.measurements.types import Equivalence
from harness.networks import catalog
from harness.pieces import artifacts, results
from harness.pieces.piece import Pieces
from harness.runs import run_rows
from harness.timing import latency, runtime
from harness.timing.latency import Subject

Outputs = Mapping[str, NDArray[np.float32]]


@dataclass(frozen=True, kw_only=True)
class Check:
    """How far a framework's outputs are from the exported file's; ``failure`` says why that cannot be told.

    ``first_run_s`` is the first call where nothing was compiled before.
    """

    max_abs: float | None = None
    tolerance: float = 0.0
    first_run_s: float = 0.0
    failure: str = ""

    @property
    def equal(self) -> bool:
        return self.max_abs is not None and self.max_abs <= self.tolerance  # False for NaN too


def check_all(needed: Pieces, subjects: Iterable[tuple[str, Subject]]) -> dict[str, Check]:
    """By key: the check of each subject that a framework runs; with each stands the framework that it is of."""
    proof = results.verdict(needed)
    found = {}
    for framework, subject in subjects:
        if subject.runtime == ONNXRUNTIME:
            continue
        try:
            found[subject.key] = _check(subject, results.artifact(needed.exports[framework]).path, proof)
        except WorkerFailedError as error:
            found[subject.key] = Check(failure=str(error))
    return found


def noted(row: Row, check: Check | None) -> Row:
    """The row with what was found, if anything was; one whose outputs are others is not ok, whatever its latency."""
    if check is None or check.failure:
        return row
    row = replace(row, output_max_abs=check.max_abs)
    if not check.equal:
        reason = f"its outputs are {check.max_abs:.2g} from the exported file's, the tolerance is {check.tolerance:.2g}"
        return run_rows.noted(replace(row, status="not equivalent", reason=reason), row.reason)
    if row.runtime == "torch.compile":
        reason = f"compiled in {check.first_run_s:.1f} s where nothing was"
        return run_rows.noted(replace(row, reason=reason), row.reason)
    return row


def _check(subject: Subject, file: Path, proof: Equivalence) -> Check:
    with temporary.folder() as folder:
        path = folder / "outputs.npz"
        reply = latency.answer(subject, "open", outputs=str(path))
        own = read_arrays(path)
    return compared(own, _of_file(file, subject), proof, reply["first_run_s"])


def compared(own: Outputs, of_file: Outputs, proof: Equivalence, first_run_s: float = 0.0) -> Check:
    """The largest difference of logits and of probabilities, each (N, outputs).

    The tolerance is the proof's: of logits, and probabilities move by less. It is larger where logits are
    larger than those of the proof, whose images were others.
    """
    apart = [np.abs(own[name].reshape(of_file[name].shape) - of_file[name]).max() for name in of_file]
    scale = float(np.abs(of_file["logits"]).max())
    return Check(
        max_abs=float(np.max(apart)),  # NaN stays NaN
        tolerance=proof.tolerance * max(1.0, scale / proof.scale),
        first_run_s=first_run_s,
    )


def _of_file(file: Path, subject: Subject) -> Outputs:
    """What the exported file makes of what the subject is fed."""
    session = runtime.session(artifacts.with_logits(file), threads=1)
    (shape,) = subject.shapes.values()
    images = runtimes.images(shape, catalog.get(subject.architecture).input_type)
    names = {artifacts.OUTPUT: session.get_outputs()[0].name, "logits": "logits"}  # by the name that a form calls it
    return {key: runtime.outputs(session, images, name, batch=len(images)) for key, name in names.items()}
