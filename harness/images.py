"""From a data set's images to the arrays a network is fed: adapted to its input, scaled by its recipe."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.architecture import Architecture, Recipe
from harness.errors import HarnessError

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

    from harness.datasets import Dataset


@dataclass(frozen=True, kw_only=True)
class Images:
    """A data set ready for one network: float32 images (N, H, W, C), labels (N,).

    ``adaptation`` says in words what was done to make the images fit; empty where nothing was.
    """

    x_train: "NDArray[numpy.float32]"
    y_train: "NDArray[numpy.int64]"
    x_test: "NDArray[numpy.float32]"
    y_test: "NDArray[numpy.int64]"
    adaptation: str


def prepare(dataset: "Dataset", architecture: Architecture, recipe: Recipe) -> Images:
    """The images as the architecture's recipe feeds them.

    Raises :class:`HarnessError` where the data set's classes are not the network's outputs.
    """
    classes = int(dataset.y_train.max()) + 1
    if classes != architecture.outputs:
        raise HarnessError(
            f"{architecture.name} has {architecture.outputs} outputs and {dataset.name} has {classes} classes: "
            "choose a data set with as many."
        )
    x_train = dataset.x_train[: recipe.training_images]
    fitted_train, adaptation = fit(x_train, architecture.input_shape)
    fitted_test, _ = fit(dataset.x_test, architecture.input_shape)
    mean, deviation = _statistics(fitted_train, recipe)
    return Images(
        x_train=_scale(fitted_train, mean, deviation),
        y_train=dataset.y_train[: recipe.training_images].astype("int64"),
        x_test=_scale(fitted_test, mean, deviation),
        y_test=dataset.y_test.astype("int64"),
        adaptation=adaptation,
    )


def fit(images: "NDArray[numpy.uint8]", input_shape: tuple[int, int, int]) -> "tuple[NDArray[numpy.uint8], str]":
    """Images (N, H, W) or (N, H, W, C) resized (bilinear) and with channels repeated to fit (H, W, C)."""
    import numpy as np
    from PIL import Image

    if images.ndim == 3:
        images = images[..., None]
    height, width, channels = input_shape
    steps = []
    if images.shape[1:3] != (height, width):
        steps.append(f"resized from {images.shape[1]}x{images.shape[2]} to {height}x{width} (bilinear)")
        planes = np.moveaxis(images, -1, 1).reshape(-1, *images.shape[1:3])
        size, method = (width, height), Image.Resampling.BILINEAR
        resized = np.stack([np.asarray(Image.fromarray(plane).resize(size, method)) for plane in planes])
        images = np.moveaxis(resized.reshape(len(images), -1, height, width), 1, -1)
    if images.shape[-1] != channels:
        if images.shape[-1] != 1:
            raise HarnessError(f"expected images with 1 or {channels} channels, found {images.shape[-1]}.")
        steps.append(f"grey channel repeated {channels} times")
        images = np.repeat(images, channels, axis=-1)
    return np.ascontiguousarray(images), "; ".join(steps)


def _statistics(
    images: "NDArray[numpy.uint8]", recipe: Recipe
) -> "tuple[NDArray[numpy.float64], NDArray[numpy.float64]]":
    """What is subtracted and what it is divided by, per channel, from the training images alone."""
    import numpy as np

    channels = images.shape[-1]
    if recipe.scaling == "raw":
        return np.zeros(channels), np.ones(channels)
    if recipe.scaling == "unit":
        return np.zeros(channels), np.full(channels, 255.0)
    axes = (0, 1, 2)
    return images.mean(axes, dtype=np.float64), images.std(axes, dtype=np.float64)


def _scale(
    images: "NDArray[numpy.uint8]",
    mean: "NDArray[numpy.float64]",
    deviation: "NDArray[numpy.float64]",
) -> "NDArray[numpy.float32]":
    import numpy as np

    scaled: NDArray[numpy.float32] = images.astype(np.float32)
    scaled -= mean.astype(np.float32)
    scaled /= deviation.astype(np.float32)
    return scaled


def native(images: "NDArray[numpy.float32]", layout: str) -> "NDArray[numpy.float32]":
    """The images (N, H, W, C) in a file's own layout: "NHWC" or "NCHW"."""
    import numpy as np

    return images if layout == "NHWC" else np.ascontiguousarray(images.transpose(0, 3, 1, 2))
