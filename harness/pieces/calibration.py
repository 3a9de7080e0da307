"""The images that 8-bit ranges are told from: of training, never those that accuracy is measured on.

Where there are none but the latter (imported weights, beside ImageNet's validation images), they are a
few of those, without their labels; the file's metadata say so.
"""

import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from harness.data import datasets, imagenet, images
from harness.data.preprocessing import Preprocessing
from harness.networks import data_layouts
from harness.pieces.piece import Piece
from harness.pieces.quantization import BATCH, IMAGES, MOST_BYTES, RANDOM_IMAGES

Floats = NDArray[np.float32]


SEED = 0


@dataclass(frozen=True, kw_only=True, eq=False)
class Calibration:
    """Images (N, H, W, C) as the network is fed them, and in words what they are of."""

    images: Floats
    origin: str

    @property
    def digest(self) -> str:
        """What identifies the images as they are fed."""
        return hashlib.sha256(str(self.images.shape).encode() + self.images.tobytes()).hexdigest()[:16]

    def batches(self, layout: str) -> Iterator[Floats]:
        """The images in a file's layout, a few at a time."""
        for start in range(0, len(self.images), BATCH):
            yield images.native(self.images[start : start + BATCH], layout)


def prepare(made: Piece) -> Calibration:
    """What a network with these weights is calibrated on."""
    request = made.request
    if made.kind == "train":
        data = images.prepare(request.dataset, request.architecture, request.recipe)
        drawn = data.scaled(data.x_train[_drawn(made, len(data.x_train), IMAGES)])
        return Calibration(images=drawn, origin="training images")
    if made.kind == "import" and request.imported is not None:
        preprocessing = request.imported.preprocessing
        if request.validation is not None:
            return Calibration(
                images=_of_validation(made, request.validation, preprocessing),
                origin="validation images, without their labels: no training images are there",
            )
        return _of_sample(made, preprocessing)
    return _of_sample(made, None)


def _of_sample(made: Piece, preprocessing: Preprocessing | None) -> Calibration:
    """Training images of the embedded sample, resized: the accuracy of such a network is not measured."""
    sample = datasets.load(datasets.SAMPLE).x_train
    architecture = made.request.architecture
    if architecture.vocabulary is not None:
        return Calibration(images=images.tokens(architecture, RANDOM_IMAGES, seed=1), origin="random tokens")
    fitted = images.of_kind(sample[_drawn(made, len(sample), RANDOM_IMAGES)], architecture.input_shape, seed=1)
    scaled = images.scaled(fitted, preprocessing.scaling if preprocessing else images.usual_scaling(architecture))
    of_images = len(architecture.input_shape) == data_layouts.IMAGE
    return Calibration(images=scaled, origin="images of the embedded sample" if of_images else "random inputs")


def _of_validation(made: Piece, validation: imagenet.Validation, preprocessing: Preprocessing) -> Floats:

    places = _drawn(made, len(validation.files), IMAGES)
    few = replace(
        validation,
        files=tuple(validation.files[place] for place in places),
        labels=tuple(validation.labels[place] for place in places),
    )
    portions = imagenet.portions(few, preprocessing)
    return np.concatenate([images.scaled(portion, preprocessing.scaling) for portion in portions])


def _drawn(made: Piece, available: int, wanted: int) -> NDArray[np.int64]:
    """The places of some images, in order: the same ones every time, and fewer where images are large."""

    bytes_each = 4 * math.prod(made.request.architecture.input_shape)
    count = max(1, min(available, wanted, MOST_BYTES // bytes_each))
    return np.sort(np.random.default_rng(SEED).choice(available, count, replace=False))
