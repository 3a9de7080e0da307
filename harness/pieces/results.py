"""What pieces left in the cache, read again."""

import json

import numpy as np
from numpy.typing import NDArray

from harness.frameworks.training import History
from harness.machine.arrays import read_arrays
from harness.measurements import answers
from harness.measurements.subject_key import FLOAT32
from harness.measurements.types import Accuracy, Artifact, Equivalence
from harness.pieces import artifacts
from harness.pieces.piece import Piece, Pieces

PREDICTIONS = "predictions.npz"


def history(piece: Piece) -> History:
    """The history that a training piece left."""
    return History.from_json(json.loads((piece.folder / "history.json").read_text()))


def artifact(piece: Piece) -> Artifact:
    """The file that a piece left that exports or converts."""
    return artifacts.read(piece.folder / artifacts.FILE)


def artifact_in(pieces: Pieces, framework: str, precision: str) -> Artifact:
    """The file of a network in a precision. It must have been made."""
    made = pieces.exports[framework] if precision == FLOAT32 else pieces.converted[framework, precision]
    return artifact(made)


def verdict(pieces: Pieces) -> Equivalence:
    """What the proof found."""
    found = json.loads((pieces.prove.folder / "equivalence.json").read_text())
    return Equivalence(**{**found, "notes": tuple(found["notes"]), "changed": tuple(found["changed"])})


def predictions(pieces: Pieces) -> dict[str, NDArray[np.int64]]:
    """The class that each exported file takes each test image for, by framework; and the labels, if any."""
    return read_arrays(pieces.prove.folder / PREDICTIONS)


def accuracies(pieces: Pieces) -> dict[str, Accuracy]:
    """Right answers of each exported file, by framework; none of a network that is not trained."""
    found = predictions(pieces)
    if "labels" not in found:
        return {}
    return {framework: answers.measure_accuracy(found[framework], found["labels"]) for framework in pieces.exports}


def top5(pieces: Pieces) -> dict[str, float]:
    """The share of images with the right answer among a file's first five, by framework; of ImageNet alone."""
    found = predictions(pieces)
    names = {framework: f"{framework}_top5" for framework in pieces.exports}
    return {framework: float(found[name].mean()) for framework, name in names.items() if name in found}
