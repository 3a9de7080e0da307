"""Accuracy: which class each test image is taken for, by the exported file itself."""

from typing import TYPE_CHECKING

from harness import runtime
from harness.images import native
from harness.measurements import Accuracy, Artifact

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray


def predictions(artifact: Artifact, images: "NDArray[numpy.float32]", threads: int) -> "NDArray[numpy.int64]":
    """The class (N,) that the file gives the highest probability, for images (N, H, W, C)."""
    session = runtime.session(artifact.path, threads=threads)
    fed = native(images, artifact.metadata["layout"])
    classes: NDArray[numpy.int64] = runtime.outputs(session, fed, session.get_outputs()[0].name).argmax(1)
    return classes


def of(predicted: "NDArray[numpy.int64]", labels: "NDArray[numpy.int64]") -> Accuracy:
    """How many of the predictions (N,) are the labels (N,)."""
    return Accuracy(correct=int((predicted == labels).sum()), total=len(labels))
