"""What each form of a network gives on the images of the proof: the frameworks' own, and the exported files'."""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.errors import HarnessError, reason
from harness.frameworks import endings, weights
from harness.machine.arrays import read_arrays, save_arrays
from harness.measurements.session_options import USUAL, SessionOptions
from harness.measurements.types import Artifact
from harness.networks.architecture import Architecture
from harness.pieces import evaluation
from harness.pieces.evaluation import Evaluation, Floats

SEVERAL = 3  # a batch of another size
AGREE = 1e-6  # of the largest logit: closer than this two runs of one form are not looked at again

Run = Callable[[Floats, int | None], NDArray[Any]]  # images (N, H, W, C) and batch: (N, places, classes)


@dataclass(frozen=True, kw_only=True)
class FormOutputs:
    """Logits of one form, each (N, places, classes).

    ``logits`` are of every image that is compared; ``alone`` of the first in a batch of its own, ``several`` of the
    first three in one batch and ``again`` of the same once more; ``outside`` of the image beyond the domain.
    ``exact`` are in float64, of the first images; empty for a file, and if ``inexact`` says why there are none.
    """

    logits: NDArray[Any]
    alone: NDArray[Any]
    several: NDArray[Any]
    again: NDArray[Any]
    outside: NDArray[Any]
    exact: NDArray[Any]
    inexact: str = ""


def of_framework(architecture: Architecture, framework: str, made: weights.Weights, on: Evaluation) -> FormOutputs:
    """What the framework's own form of the network gives."""
    module = importlib.import_module(f"harness.frameworks.{framework}_training")
    name = {"keras": "Keras", "torch": "PyTorch"}[framework]

    def runner(model: Any, dtype: str) -> Run:
        forward = module.runner(model, dtype)
        called = f"{architecture.name} in {name}"
        return lambda images, batch: endings.arrange(forward(images, batch), framework, len(images), called)

    model = module.build(architecture)
    (weights.to_torch if framework == "torch" else weights.to_keras)(model, made)
    found = _collect(runner(model, "float32"), on, name)
    exact, inexact = found.exact, ""
    try:
        with module.exactly(architecture, made) as exactly:
            exact = runner(exactly, "float64")(on.compared[: on.exact], None).astype(np.float64)
    except Exception as error:  # whatever a definition raises that demands float32: the proof says so
        inexact = f"{name} cannot be run in float64 ({reason(error)})"
    return FormOutputs(**{**vars(found), "exact": exact, "inexact": inexact})


def of_file(found: Artifact, on: Evaluation, threads: int, options: SessionOptions = USUAL) -> FormOutputs:
    """What an exported file gives, run by onnxruntime with these options."""
    return _collect(evaluation.file_runner(found, threads, options), on, f"the file from {found.framework}")


def save(path: Path, outputs: FormOutputs) -> None:
    save_arrays(path, {name: np.asarray(value) for name, value in vars(outputs).items()})


def load(path: Path) -> FormOutputs:
    found: dict[str, Any] = dict(read_arrays(path))
    return FormOutputs(**{**found, "inexact": str(found["inexact"])})


def _collect(run: Run, on: Evaluation, form: str) -> FormOutputs:
    logits = _in_batches(run, on.compared, None, form)
    several = _in_batches(run, on.compared[:SEVERAL], SEVERAL, form)
    alone = _in_batches(run, on.compared[:1], 1, form)
    scale = float(np.abs(logits).max())
    apart = max(float(np.abs(one - logits[: len(one)]).max()) for one in (several, alone))
    steady = apart <= AGREE * scale  # False for NaN too
    return FormOutputs(
        logits=logits,
        alone=alone,
        several=several,
        again=several if steady else _in_batches(run, on.compared[:SEVERAL], SEVERAL, form),
        outside=_in_batches(run, on.outside, 1, form),
        exact=np.zeros((0, *logits.shape[1:])),
    )


def _in_batches(run: Run, images: Floats, batch: int | None, form: str) -> NDArray[Any]:
    """Raises :class:`HarnessError` if the form cannot be run so."""
    try:
        return run(images, batch)
    except HarnessError:
        raise
    except Exception as error:  # each framework has its own
        size = f"a batch of {batch}" if batch else "batches as usual"
        raise HarnessError(f"{form} cannot be run in {size}: {reason(error)}.") from error
