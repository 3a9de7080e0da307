"""Accuracy: which class each test image is taken for, by the exported file itself."""

from typing import TYPE_CHECKING

from harness import runtime
from harness.images import native
from harness.measurements import Accuracy, Artifact

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray


def predictions(artifact: Artifact, images: "NDArray[numpy.float32]", threads: int) -> "NDArray[numpy.int64]":
    """The class (N,) that the file takes each of the images (N, H, W, C) for."""
    session = runtime.session(artifact.path, threads=threads)
    fed = native(images, artifact.metadata["layout"])
    probabilities = runtime.outputs(session, fed, session.get_outputs()[0].name)
    return classes(probabilities, threshold=0.5)


def classes(scores: "NDArray[numpy.float32]", *, threshold: float) -> "NDArray[numpy.int64]":
    """The class (N,) of the highest of the scores (N, outputs); of a single one, 1 where it is above the threshold."""
    found: NDArray[numpy.int64] = (
        (scores[:, 0] > threshold).astype("int64") if scores.shape[1] == 1 else scores.argmax(1)
    )
    return found


def of(predicted: "NDArray[numpy.int64]", labels: "NDArray[numpy.int64]") -> Accuracy:
    """How many of the predictions (N,) are the labels (N,)."""
    return Accuracy(correct=int((predicted == labels).sum()), total=len(labels))
