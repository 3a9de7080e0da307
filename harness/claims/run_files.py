"""The files that a run keeps beside its rows, each checked as it is read: what is damaged is told, and not used."""

import math
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.errors import HarnessError
from harness.frameworks.training import History
from harness.measurements import run_folder
from harness.measurements.run_folder import RunFolder

Classes = NDArray[np.integer[Any]]


def history(path: Path) -> History:
    """How a network was trained. Raises :class:`HarnessError` where a figure is none that a training can have."""
    try:
        found = History.from_json(run_folder.read_object(path))
        faults = list(_faults(found))
    except (HarnessError, ValueError, TypeError, KeyError, AttributeError, ArithmeticError) as error:
        raise HarnessError(f"the history of {path.stem} is none of a training by this version: {error}") from error
    if faults:
        raise HarnessError(f"the history of {path.stem} is damaged: {faults[0]}.")
    return found


def predictions(folder: RunFolder, network: str, framework: str) -> tuple[Classes, Classes] | None:
    """The test images' classes (N,), and those that the framework's file takes them for; None if not kept.

    Raises :class:`HarnessError` if they are no two rows of classes of one length.
    """
    found = folder.predictions(network)
    if not found:
        return None
    for name in ("labels", framework):
        if name not in found:
            raise HarnessError(f"the predictions of {network} are damaged: expected {name} among {', '.join(found)}.")
    labels, predicted = found["labels"], found[framework]
    for name, array in (("labels", labels), (framework, predicted)):
        if array.ndim != 1 or len(array) == 0 or array.dtype.kind not in "iu":
            raise HarnessError(
                f"the predictions of {network} are damaged: expected classes (N,) as {name}, found {array.dtype} "
                f"{array.shape}."
            )
    if len(labels) != len(predicted):
        raise HarnessError(
            f"the predictions of {network} are damaged: expected one a label, found {len(predicted):,} for "
            f"{len(labels):,}."
        )
    return labels, predicted


def _faults(history: History) -> Iterator[str]:
    """What of a history cannot be so."""
    if not history.epochs:
        yield "it has no epochs"
    if history.validated_on not in ("validation", "test"):
        yield f"expected it to be validated on validation or test, found {history.validated_on!r}"
    for number, epoch in enumerate(history.epochs, start=1):
        if epoch.epoch != number:
            yield f"expected epoch {number}, found {epoch.epoch!r}"
        for name, value in asdict(epoch).items():
            if not _possible(name, value):
                yield f"the {name} of epoch {number} is {value!r}"
    for name, value in (("test_loss", history.test_loss), ("test_accuracy", history.test_accuracy)):
        if not _possible(name, value):
            yield f"the {name} is {value!r}"


def _possible(name: str, value: object) -> bool:
    """Whether a figure is a finite number; an accuracy a share of 1, a time above 0."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return False
    if name.endswith("accuracy"):
        return 0 <= value <= 1
    return name != "seconds" or value > 0
