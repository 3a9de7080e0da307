"""What a recipe means in numbers: first weights, the order of the images, their augmentation.

All of it is drawn by numpy from the seed, so that "trained in Keras" and "trained in PyTorch" are
the same experiment: the same first weights, the same images in the same order, changed alike.
"""

import zlib
from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from harness.data.images import Images
from harness.networks.architecture import Augmentation, Recipe


def first_weights(
    built: Mapping[str, NDArray[np.float32]], recipe: Recipe, seed: int
) -> dict[str, NDArray[np.float32]]:
    """The weights that training starts from, by the names and layouts of :mod:`harness.frameworks.weights`.

    ``built`` are those that the definition itself gives a new network. Kernels are drawn by the recipe
    (Glorot and Bengio, AISTATS 2010: uniform in ±sqrt(6 / (fan_in + fan_out))), biases are zero, and
    the rest is as built: scales of normalisations one, slopes of PReLU a quarter, running statistics, and variables
    of a layer of one's own.
    """
    weights = {}
    for name, array in built.items():
        shape, kind = array.shape, name.rpartition(".")[2]
        if len(shape) < 2 or not kind.startswith("weight") or (array == 1).all():
            weights[name] = np.zeros_like(array) if kind.startswith("bias") else array
            continue
        random = np.random.default_rng([seed, zlib.crc32(name.encode())])
        if recipe.initialisation == "normal_0.01":
            weights[name] = random.normal(0, 0.01, shape).astype(np.float32)
        else:
            field = int(np.prod(shape[2:]))
            limit = (6 / ((shape[0] + shape[1]) * field)) ** 0.5
            weights[name] = random.uniform(-limit, limit, shape).astype(np.float32)
    return weights


def batches(
    images: Images, recipe: Recipe, seed: int, epoch: int
) -> Iterator[tuple[NDArray[np.float32], NDArray[np.int64]]]:
    """One epoch's batches: images (B, H, W, C) and labels (B,), shuffled, scaled, augmented by the recipe."""
    random = np.random.default_rng([seed, epoch])
    order = random.permutation(len(images.x_train))
    for start in range(0, len(order), recipe.batch):
        chosen = order[start : start + recipe.batch]
        batch = images.scaled(images.x_train[chosen])
        if recipe.augmentation is not None:
            batch = augment(batch, recipe.augmentation, random)
        yield batch, images.y_train[chosen]


def augment(
    images: NDArray[np.float32], augmentation: Augmentation, random: np.random.Generator
) -> NDArray[np.float32]:
    """The images (B, H, W, C), each rotated, zoomed, shifted and flipped at random; bilinear.

    The whole batch is sampled at once. A zoom by more than one shows more than the image, as that of
    Keras' RandomZoom. Sampling points outside an image take its nearest pixel, as Keras'
    ImageDataGenerator does by default, or that of its reflection, as Keras' layers do.
    """
    count, height, width, _ = images.shape
    angle = np.deg2rad(random.uniform(-1, 1, count) * augmentation.rotation_degrees)
    shift = random.uniform(-1, 1, (2, count)) * augmentation.shift_fraction
    flip = np.where(random.random(count) < 0.5, -1, 1) if augmentation.horizontal_flip else np.ones(count)
    zoom = np.ones(count)
    if augmentation.zoom_fraction > 0:
        zoom += random.uniform(-1, 1, count) * augmentation.zoom_fraction
    y, x = np.meshgrid(np.arange(height) - (height - 1) / 2, np.arange(width) - (width - 1) / 2, indexing="ij")
    cosine, sine = (zoom * np.cos(angle))[:, None, None], (zoom * np.sin(angle))[:, None, None]
    rows = cosine * y - sine * x + (height - 1) / 2 + shift[0][:, None, None] * height
    columns = (sine * y + cosine * x) * flip[:, None, None] + (width - 1) / 2
    columns = columns + shift[1][:, None, None] * width
    if augmentation.outside == "reflect":
        rows, columns = _reflected(rows, height), _reflected(columns, width)
    return _sample(images, rows, columns)


def _reflected(positions: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    """Positions along a side as on d c b a | a b c d | d c b a: mirrored at the outer edges of its end pixels."""
    folded = np.mod(positions + 0.5, 2 * size)
    reflected: NDArray[np.float64] = np.minimum(folded, 2 * size - folded) - 0.5
    return reflected


def _sample(
    images: NDArray[np.float32], rows: NDArray[np.float64], columns: NDArray[np.float64]
) -> NDArray[np.float32]:
    """The images read at fractional rows and columns (B, H, W), by bilinear interpolation; edges are repeated."""
    count, height, width, _ = images.shape
    rows, columns = np.clip(rows, 0, height - 1), np.clip(columns, 0, width - 1)
    top, left = rows.astype(np.intp), columns.astype(np.intp)
    bottom, right = np.minimum(top + 1, height - 1), np.minimum(left + 1, width - 1)
    down = (rows - top)[..., None].astype(np.float32)
    along = (columns - left)[..., None].astype(np.float32)
    image = np.arange(count)[:, None, None]
    upper = images[image, top, left] * (1 - along) + images[image, top, right] * along
    lower = images[image, bottom, left] * (1 - along) + images[image, bottom, right] * along
    sampled: NDArray[np.float32] = upper * (1 - down) + lower * down
    return sampled
