"""From a data set's images to the arrays a network is fed: adapted to its input, scaled by its recipe."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from harness.data import datasets
from harness.errors import HarnessError
from harness.networks import data_layouts
from harness.networks.architecture import Architecture, Recipe, Scaling, Split

if TYPE_CHECKING:
    from harness.data.datasets import Dataset

    Bytes = NDArray[np.uint8]
    Floats = NDArray[np.float32]
    Labels = NDArray[np.int64]

_PORTION = 256  # images that are floats at a time where all are gone through

# Of ImageNet's training images: of bytes, in the order of BGR (Caffe); of x / 255, in that of RGB (torchvision).
_IMAGENET_BGR_MEAN = (103.939, 116.779, 123.68)
_IMAGENET_RGB_MEAN = (0.485, 0.456, 0.406)
_IMAGENET_RGB_DEVIATION = (0.229, 0.224, 0.225)


@dataclass(frozen=True, kw_only=True)
class Scale:
    """What becomes of a byte, in float32: less ``mean``, then divided by ``deviation``.

    Both hold one value a channel, or one for all; ``blue_first`` turns RGB to BGR before.
    """

    mean: "Floats"
    deviation: "Floats"
    blue_first: bool = False

    def __call__(self, images: "Bytes") -> "Floats":
        """The images (N, H, W, C) as floats."""
        scaled: Floats = (images[..., ::-1] if self.blue_first else images).astype(np.float32, order="C")
        scaled -= _over(images, self.mean)
        scaled /= _over(images, self.deviation)
        return scaled


@dataclass(frozen=True, kw_only=True)
class Images:
    """A data set ready for one network: images as bytes (N, H, W, C), labels (N,).

    ``validated_on`` names the split that the validation arrays are: the test split, where nothing
    is held apart. ``adaptation`` says in words what was done to make the images fit; empty where
    nothing was. Without a ``scale`` the arrays are not images but float32 (see :meth:`mapped`).
    """

    x_train: "Bytes | Floats"
    y_train: "Labels"
    x_validation: "Bytes | Floats"
    y_validation: "Labels"
    x_test: "Bytes | Floats"
    y_test: "Labels"
    validated_on: Split
    adaptation: str
    scale: Scale | None

    def scaled(self, images: "Bytes | Floats") -> "Floats":
        """Some of the images as the network is fed them, float32 (N, H, W, C)."""
        return self.scale(images) if self.scale else images.astype(np.float32, copy=False)  # type: ignore[arg-type]

    def mapped(self, function: "Callable[[Floats], Floats]") -> "Images":
        """With what the function makes of the scaled images in place of them: the features of frozen layers."""

        def of(images: "Bytes | Floats") -> "Floats":
            starts = range(0, len(images), _PORTION)
            return np.concatenate([function(self.scaled(images[start : start + _PORTION])) for start in starts])

        x_test = of(self.x_test)
        x_validation = x_test if self.x_validation is self.x_test else of(self.x_validation)
        return replace(self, x_train=of(self.x_train), x_validation=x_validation, x_test=x_test, scale=None)


def prepare(dataset: "Dataset", architecture: Architecture, recipe: Recipe) -> Images:
    """The images as the architecture's recipe feeds them.

    Validated on the data set's own validation split, where it has one; else on the last share of the
    training images, where the recipe holds one out; else on the test split. Raises
    :class:`HarnessError` where the data set's classes are not the network's outputs, or its images
    do not fit.
    """
    if reason := misfit(dataset.name, dataset.classes, architecture):
        raise HarnessError(f"{reason}: choose a data set of {max(2, architecture.outputs)} classes.")
    x_train, _ = fit(dataset.x_train[: recipe.training_images], architecture.input_shape, recipe.fitting)
    y_train = dataset.y_train[: recipe.training_images].astype("int64")
    x_test, _ = fit(dataset.x_test, architecture.input_shape, recipe.fitting)
    y_test = dataset.y_test.astype("int64")
    validated_on: Split = "validation"
    if dataset.x_validation is not None and dataset.y_validation is not None:
        x_validation, _ = fit(dataset.x_validation, architecture.input_shape, recipe.fitting)
        y_validation = dataset.y_validation.astype("int64")
    elif recipe.validation_split > 0:
        end = _kept(len(x_train), recipe.validation_split)
        x_train, x_validation, y_train, y_validation = x_train[:end], x_train[end:], y_train[:end], y_train[end:]
    else:
        validated_on, x_validation, y_validation = "test", x_test, y_test
    return Images(
        x_train=x_train,
        y_train=y_train,
        x_validation=x_validation,
        y_validation=y_validation,
        x_test=x_test,
        y_test=y_test,
        validated_on=validated_on,
        adaptation=adaptation(dataset, architecture, recipe),
        scale=scaled_by(recipe.scaling, x_train),
    )


def misfit(dataset: str, classes: int, architecture: Architecture) -> str:
    """Why the network's outputs are none for so many classes; empty where they are: one output tells two."""
    if classes == max(2, architecture.outputs):
        return ""
    outputs = "1 output" if architecture.outputs == 1 else f"{architecture.outputs} outputs"
    return f"{architecture.name} has {outputs} and {dataset} has {classes} classes"


def adaptation(dataset: "Dataset", architecture: Architecture, recipe: Recipe) -> str:
    """In words, what is done to the images of the data set to fit the network; empty where nothing is."""
    _, fitted = fit(dataset.x_test[:1], architecture.input_shape, recipe.fitting)
    return "; ".join(step for step in (dataset.adaptation, fitted) if step)


def sample(architecture: Architecture, count: int, scaling: Scaling | None = None) -> "Floats":
    """What a network that is not trained here is fed, (count, H, W, C): real images, or random values.

    The images are the first test images of the embedded sample, 2,000 at most, resized to the network's input.
    """
    if architecture.vocabulary is not None:
        return tokens(architecture, count)
    drawn = of_kind(datasets.load(datasets.SAMPLE).x_test[:count], architecture.input_shape)
    return scaled(drawn, scaling or usual_scaling(architecture))


def tokens(architecture: Architecture, count: int, seed: int = 0) -> "Floats":
    """So many random sequences of tokens (count, T), int32."""
    assert architecture.vocabulary is not None
    shape = (count, *architecture.input_shape)
    return np.random.default_rng(seed).integers(0, architecture.vocabulary, shape, np.int32)


def of_kind(images: "Bytes", input_shape: tuple[int, ...], seed: int = 0) -> "Bytes":
    """As many inputs of that shape: these images resized, or random bytes if the network takes none."""
    if len(input_shape) == data_layouts.IMAGE:
        return fit(images, input_shape)[0]
    return np.random.default_rng(seed).integers(0, 256, (len(images), *input_shape), np.uint8)


def usual_scaling(architecture: Architecture) -> Scaling:
    """That of a network which is not trained here: values from 0 to 1 of images, from -1 to 1 of anything else."""
    return "unit" if len(architecture.input_shape) == data_layouts.IMAGE else "minus_one_to_one"


def scaled(images: "Bytes", scaling: Scaling) -> "Floats":
    """Images (N, H, W, C) as a network expects them that was trained elsewhere: not by "standard"."""
    return scaled_by(scaling, images)(images)


def fit(
    images: "Bytes", input_shape: tuple[int, ...], fitting: Literal["resize", "pad"] = "resize"
) -> "tuple[Bytes, str]":
    """Images (N, H, W) or (N, H, W, C) made to fit (H, W, C), and in words what was done.

    Resized (bilinear), or padded with zeros; grey channels are repeated. Raises
    :class:`HarnessError` for other channels, and for images too large to be padded.
    """
    if images.ndim == 3:
        images = images[..., None]
    channels, steps = input_shape[-1], []
    before, after = images.shape[1:3], input_shape[:2]
    if before != after:
        images = _padded(images, after) if fitting == "pad" else _resized(images, after)
        done, how = ("padded", "zeros") if fitting == "pad" else ("resized", "bilinear")
        steps.append(f"{done} from {before[0]}x{before[1]} to {after[0]}x{after[1]} ({how})")
    if images.shape[-1] != channels:
        if images.shape[-1] != 1:
            expected = "1 channel" if channels == 1 else f"1 or {channels} channels"
            raise HarnessError(f"expected images with {expected}, found {images.shape[-1]}.")
        steps.append(f"grey channel repeated {channels} times")
        images = np.repeat(images, channels, axis=-1)
    return np.ascontiguousarray(images), "; ".join(steps)


def native(images: "Floats", layout: str) -> "Floats":
    """The images (N, H, W, C), or other inputs with their channels last, in a file's own layout: "NHWC" or "NCHW"."""
    channels = layout.find("C")
    return images if channels in (-1, images.ndim - 1) else np.ascontiguousarray(np.moveaxis(images, -1, channels))


def in_precision(images: NDArray[Any], kind: str) -> NDArray[Any]:
    """Images as floats of that kind; tokens stay whole numbers."""
    return images.astype(kind, copy=False) if np.issubdtype(images.dtype, np.floating) else images


def _resized(images: "Bytes", size: tuple[int, ...]) -> "Bytes":
    height, width = size
    planes = np.moveaxis(images, -1, 1).reshape(-1, *images.shape[1:3])
    method = Image.Resampling.BILINEAR
    resized = np.stack([np.asarray(Image.fromarray(plane).resize((width, height), method)) for plane in planes])
    return np.moveaxis(resized.reshape(len(images), -1, height, width), 1, -1)


def _padded(images: "Bytes", size: tuple[int, ...]) -> "Bytes":
    """Surrounded by zeros, as many on either side; an odd one goes below and to the right."""
    found = images.shape[1:3]
    if found[0] > size[0] or found[1] > size[1]:
        raise HarnessError(
            f"expected images of at most {size[0]}x{size[1]}, which the recipe pads to that, found "
            f"{found[0]}x{found[1]}: choose a data set of smaller ones."
        )
    sides = [((to - side) // 2, to - side - (to - side) // 2) for side, to in zip(found, size, strict=True)]
    return np.pad(images, ((0, 0), *sides, (0, 0)))


def _kept(count: int, held_out: float) -> int:
    """How many of the training images are trained on where the last share of them is held out."""
    kept = round(count * (1 - held_out))
    if not 0 < kept < count:
        raise HarnessError(f"{count} training images are too few to hold out a share of {held_out} of them.")
    return kept


def scaled_by(scaling: Scaling, training: "Bytes") -> Scale:
    """The scaling in numbers; "standard" takes them from these training images alone."""
    channels = training.shape[-1]
    if scaling.startswith("imagenet") and channels != 3:
        raise HarnessError(f"the scaling {scaling} is of 3 channels, and the network's input has {channels}.")
    match scaling:
        case "raw":
            mean, deviation = np.zeros(1), np.ones(1)
        case "unit":
            mean, deviation = np.zeros(1), np.full(1, 255.0)
        case "minus_one_to_one":
            mean, deviation = np.full(1, 127.5), np.full(1, 127.5)
        case "imagenet_bgr":
            mean, deviation = np.array(_IMAGENET_BGR_MEAN), np.ones(1)
        case "imagenet_rgb":
            mean, deviation = 255 * np.array(_IMAGENET_RGB_MEAN), 255 * np.array(_IMAGENET_RGB_DEVIATION)
        case "standard":
            mean, deviation = _statistics(training)
    return Scale(
        mean=mean.astype(np.float32), deviation=deviation.astype(np.float32), blue_first=scaling == "imagenet_bgr"
    )


def _statistics(training: "Bytes") -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and standard deviation of each channel, a portion at a time; of a channel that is constant, 1."""
    totals = np.zeros((2, training.shape[-1]))
    for start in range(0, len(training), _PORTION):
        portion = training[start : start + _PORTION].astype(np.float64)
        totals += portion.sum((0, 1, 2)), np.square(portion).sum((0, 1, 2))  # whole numbers: exact
    mean, square = totals / (training.size / training.shape[-1])
    deviation = np.sqrt(square - mean**2)
    return mean, np.where(deviation > 0, deviation, 1.0)


def _over(images: "Bytes", values: "Floats") -> "Floats":
    """Values for images (N, H, W, C), laid out over a whole image: numpy is ten times as fast as over channels."""
    return values if len(values) == 1 else np.tile(values, (*images.shape[1:3], 1))
