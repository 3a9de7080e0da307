"""Accuracy: which class each test image is taken for."""

from typing import TYPE_CHECKING

from harness.measurements.types import Accuracy

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray


MANY_CLASSES = 100  # from so many on, whether the right one is among the best five is a figure of its own


def classes(scores: "NDArray[numpy.float32]", *, threshold: float) -> "NDArray[numpy.int64]":
    """The class (N,) of the highest of the scores (N, outputs); of a single one, 1 where it is above the threshold."""
    found: NDArray[numpy.int64] = (
        (scores[:, 0] > threshold).astype("int64") if scores.shape[1] == 1 else scores.argmax(1)
    )
    return found


def among_best(
    scores: "NDArray[numpy.float32]", labels: "NDArray[numpy.int64]", count: int = 5
) -> "NDArray[numpy.bool_]":
    """Whether each label (N,) is among the highest so many of the scores (N, outputs)."""
    best = scores.argpartition(-count, axis=1)[:, -count:]
    found: NDArray[numpy.bool_] = (best == labels[:, None]).any(1)
    return found


def measure_accuracy(predicted: "NDArray[numpy.int64]", labels: "NDArray[numpy.int64]") -> Accuracy:
    """How many of the predictions (N,) are the labels (N,)."""
    return Accuracy(correct=int((predicted == labels).sum()), total=len(labels))
