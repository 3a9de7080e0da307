"""Accuracy: which class each test image is taken for."""

from typing import TYPE_CHECKING

from harness.measurements.types import Accuracy

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray


NO_CLASS = -1
MANY_CLASSES = 100  # from so many on, whether the right one is among the best five is a figure of its own


def classes(scores: "NDArray[numpy.float32]", *, threshold: float) -> "NDArray[numpy.int64]":
    """The class (N,) of the highest of the scores (N, outputs); of a single one, 1 where it is above the threshold.

    Of equal scores the lowest index wins. An example with a score that is NaN is of no class: :data:`NO_CLASS`.
    """
    found: NDArray[numpy.int64] = (
        (scores[:, 0] > threshold).astype("int64") if scores.shape[1] == 1 else scores.argmax(1)
    )
    found[_unknown(scores)] = NO_CLASS
    return found


def among_best(
    scores: "NDArray[numpy.float32]", labels: "NDArray[numpy.int64]", count: int = 5
) -> "NDArray[numpy.bool_]":
    """Whether each label (N,) is among the highest so many of the scores (N, outputs), by the rule of :func:`classes`.

    So whoever is right at first is right among five. An example with a score that is NaN is never right.
    """
    import numpy as np

    own, places = np.take_along_axis(scores, labels[:, None], axis=1), np.arange(scores.shape[1])
    before = ((scores > own) | ((scores == own) & (places < labels[:, None]))).sum(1)
    found: NDArray[numpy.bool_] = (before < count) & ~_unknown(scores)
    return found


def _unknown(scores: "NDArray[numpy.float32]") -> "NDArray[numpy.bool_]":
    """Which examples have a score that is NaN."""
    import numpy as np

    return np.asarray(np.isnan(scores).any(1))


def measure_accuracy(predicted: "NDArray[numpy.int64]", labels: "NDArray[numpy.int64]") -> Accuracy:
    """How many of the predictions (N,) are the labels (N,)."""
    return Accuracy(correct=int((predicted == labels).sum()), total=len(labels))
