"""The images that the forms of a network are compared on, and those that its files' accuracy is measured on."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness import imagenet, images, untrained
from harness.imported import Preprocessing
from harness.plan import Piece

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

    Floats = NDArray[numpy.float32]
    Labels = NDArray[numpy.int64]


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """Images (N, H, W, C) as the network is fed them.

    ``compared`` are those that all four forms are run on. ``portions`` gives those that the files
    alone are run on, in order; ``labels`` are of the latter, None where there are none.
    """

    compared: "Floats"
    portions: "Callable[[], Iterator[Floats]]"
    labels: "Labels | None"


def of(made: Piece) -> Evaluation:
    """What a network with these weights is run on: its test split, ImageNet's validation images, or the sample."""
    request = made.request
    if made.kind == "train":
        data = images.prepare(request.dataset, request.architecture, request.recipe)
        test = data.scaled(data.x_test)
        return Evaluation(compared=test, portions=lambda: iter([test]), labels=data.y_test)
    if made.kind == "import" and request.imported is not None:
        preprocessing = request.imported.preprocessing
        if request.validation is not None:
            return _of_imagenet(request.validation, preprocessing)
        sample = images.sample(request.architecture, untrained.IMAGES, preprocessing.scaling)
    else:
        sample = images.sample(request.architecture, untrained.IMAGES)
    return Evaluation(compared=sample, portions=lambda: iter([sample]), labels=None)


def _of_imagenet(validation: imagenet.Validation, preprocessing: Preprocessing) -> Evaluation:
    """The first images of a portion are compared; the accuracy is that on all, of which few are in memory at once."""
    import numpy as np

    def portions() -> "Iterator[Floats]":
        for portion in imagenet.portions(validation, preprocessing):
            yield images.scaled(portion, preprocessing.scaling)

    return Evaluation(
        compared=next(portions())[: untrained.IMAGES],
        portions=portions,
        labels=np.array(validation.labels, np.int64),
    )
