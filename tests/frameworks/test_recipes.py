"""What a recipe draws: first weights, the order of the images, their augmentation."""

from collections import OrderedDict
from dataclasses import replace

import keras
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage, stats

from harness.data.images import Images, Scale
from harness.frameworks import recipes, weights
from harness.networks.architecture import Augmentation, Optimizer, Recipe

RECIPE = Recipe(dataset="any", optimizer=Optimizer(name="sgd", learning_rate=0.1), batch=32, epochs=1)
SHAPES = {"conv1.weight": (32, 16, 5, 5), "dense1.weight": (200, 100), "dense2.weight": (200, 100)}
KERNELS = {name: np.zeros(shape, np.float32) for name, shape in SHAPES.items()}


class Draws:
    """A random generator whose draws are known: shares of the greatest turn, shifts and zoom; whether to flip."""

    def __init__(
        self, turn: float = 0.0, down: float = 0.0, right: float = 0.0, flip: bool = False, zoom: float = 0.0
    ) -> None:
        self.singles, self.shift, self.flip = [turn, zoom], (down, right), flip

    def uniform(self, low: float, high: float, size: int | tuple[int, int]) -> np.ndarray:
        assert (low, high) == (-1, 1)
        if isinstance(size, int):
            return np.full(size, self.singles.pop(0))
        return np.tile(np.array(self.shift)[:, None], size[1])

    def random(self, size: int) -> np.ndarray:
        return np.full(size, 0.0 if self.flip else 0.9)


def pictures(count: int = 3, height: int = 9, width: int = 9, channels: int = 2, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((count, height, width, channels), np.float32)


def as_images(x: np.ndarray, y: np.ndarray, divided_by: float = 1) -> Images:
    scale = Scale(mean=np.zeros(1, np.float32), deviation=np.full(1, divided_by, np.float32))
    return Images(
        x_train=x,
        y_train=y,
        x_validation=x,
        y_validation=y,
        x_test=x,
        y_test=y,
        validated_on="test",
        adaptation="",
        scale=scale,
    )


def numbered(count: int) -> Images:
    """Images whose every pixel is their number, and labels that are it too."""
    x = np.broadcast_to(np.arange(count, dtype=np.uint8)[:, None, None, None], (count, 4, 4, 1)).copy()
    return as_images(x, np.arange(count))


@pytest.mark.parametrize("name", KERNELS)
def test_first_kernels_are_glorot_uniform(name: str) -> None:
    drawn = recipes.first_weights(KERNELS, RECIPE, seed=0)[name]
    oracle = torch.nn.init.xavier_uniform_(torch.empty(drawn.shape), generator=torch.Generator().manual_seed(0))
    assert drawn.dtype == np.float32
    assert np.abs(drawn).max() == pytest.approx(oracle.abs().max().item(), rel=1e-3)
    assert drawn.std() == pytest.approx(oracle.std().item(), rel=0.03)
    assert stats.ks_2samp(drawn.ravel(), oracle.numpy().ravel()).pvalue > 0.01


def test_first_kernels_of_small_spread() -> None:
    drawn = recipes.first_weights(KERNELS, replace(RECIPE, initialisation="normal_0.01"), seed=0)["dense1.weight"]
    assert stats.kstest(drawn.ravel() / 0.01, "norm").pvalue > 0.01


def test_first_kernels_are_repeatable_and_each_layers_own() -> None:
    first = recipes.first_weights(KERNELS, RECIPE, seed=0)
    alone = recipes.first_weights({"dense2.weight": np.zeros((200, 100), np.float32)}, RECIPE, seed=0)
    assert np.array_equal(first["dense2.weight"], alone["dense2.weight"])
    assert not np.array_equal(first["dense1.weight"], first["dense2.weight"])
    assert not np.array_equal(first["conv1.weight"], recipes.first_weights(KERNELS, RECIPE, seed=1)["conv1.weight"])


@pytest.mark.parametrize("framework", ["keras", "torch"])
def test_what_is_no_kernel_starts_as_it_was_built_but_without_biases(framework: str) -> None:
    """Scales and variances at one, slopes at a quarter: what a recipe does not say, the definition does."""
    if framework == "keras":
        slopes = keras.layers.PReLU(keras.initializers.Constant(0.25), shared_axes=[1, 2], name="slopes")
        convolution = keras.layers.Conv2D(3, 1, bias_initializer="ones", name="conv")
        norm = keras.layers.BatchNormalization(name="norm")
        built = weights.from_keras(keras.Sequential([keras.Input((4, 4, 2)), convolution, norm, slopes]))
    else:
        layers = OrderedDict(conv=torch.nn.Conv2d(2, 3, 1), norm=torch.nn.BatchNorm2d(3), slopes=torch.nn.PReLU(3))
        built = weights.from_torch(torch.nn.Sequential(layers))
    drawn = recipes.first_weights(built, RECIPE, seed=0)
    kernel = drawn.pop("conv.weight")
    assert not np.array_equal(kernel, built["conv.weight"])
    assert {name: set(array.tolist()) for name, array in drawn.items()} == {
        "conv.bias": {0},
        "norm.weight": {1},
        "norm.bias": {0},
        "norm.running_mean": {0},
        "norm.running_var": {1},
        "slopes.weight": {0.25},
    }


def test_an_epoch_shows_every_image_once() -> None:
    shown = list(recipes.batches(numbered(100), RECIPE, seed=0, epoch=0))
    assert [len(labels) for _, labels in shown] == [32, 32, 32, 4]
    for batch, labels in shown:
        assert batch.shape == (len(labels), 4, 4, 1)
        assert np.array_equal(batch[:, 0, 0, 0], labels)
    order = np.concatenate([labels for _, labels in shown])
    assert np.array_equal(np.sort(order), np.arange(100))
    assert not np.array_equal(order, np.arange(100))


def test_the_order_is_drawn_from_seed_and_epoch() -> None:
    def order(seed: int, epoch: int, recipe: Recipe = RECIPE) -> tuple[int, ...]:
        return tuple(np.concatenate([y for _, y in recipes.batches(numbered(50), recipe, seed, epoch)]))

    assert order(0, 0) == order(0, 0)
    assert len({order(0, 0), order(0, 1), order(1, 0), order(1, 1)}) == 4
    assert order(0, 0) == order(0, 0, replace(RECIPE, batch=7))


def test_augmentation_leaves_labels_and_order() -> None:
    recipe = replace(RECIPE, augmentation=Augmentation(rotation_degrees=90, shift_fraction=0.5, horizontal_flip=True))
    for batch, labels in recipes.batches(numbered(100), recipe, seed=0, epoch=0):
        # An image of one value has it everywhere, whatever is done to it.
        assert np.allclose(batch, labels[:, None, None, None], rtol=1e-6)


def test_a_batch_is_scaled_when_it_is_shown_and_then_augmented() -> None:
    x = np.random.default_rng(0).integers(0, 256, (40, 6, 6, 3), np.uint8)
    plain = {}
    for batch, labels in recipes.batches(as_images(x, np.arange(40), 255), RECIPE, seed=0, epoch=3):
        assert batch.dtype == np.float32
        assert np.array_equal(batch, x[labels] / np.float32(255))
        plain[labels[0]] = batch
    assert x.dtype == np.uint8
    changed = Augmentation(rotation_degrees=30, horizontal_flip=True)
    random = np.random.default_rng([0, 3])
    random.permutation(40)  # the order is drawn first, then what each batch is changed by
    shown = recipes.batches(as_images(x, np.arange(40), 255), replace(RECIPE, augmentation=changed), seed=0, epoch=3)
    for batch, labels in shown:
        assert np.array_equal(batch, recipes.augment(plain[labels[0]], changed, random))


def test_augmentation_is_repeatable_and_new_in_each_epoch() -> None:
    recipe = replace(RECIPE, augmentation=Augmentation(rotation_degrees=20, zoom_fraction=0.2, outside="reflect"))
    x = np.random.default_rng(0).integers(0, 256, (8, 9, 9, 2), np.uint8)
    data, before = as_images(x, np.arange(8)), x.copy()

    def shown(epoch: int) -> np.ndarray:
        ((batch, labels),) = recipes.batches(data, recipe, 0, epoch)
        return batch[np.argsort(labels)]

    assert np.array_equal(shown(0), shown(0))
    assert not np.allclose(shown(0), shown(1))
    assert np.array_equal(x, before), "the images themselves were changed"


def test_no_augmentation_is_identity() -> None:
    batch = pictures(4, 8, 11)
    assert np.array_equal(recipes.augment(batch, Augmentation(), np.random.default_rng(0)), batch)


def test_a_flip_is_exact_and_happens_to_half_the_images() -> None:
    batch = pictures(400, 6, 5)
    found = recipes.augment(batch, Augmentation(horizontal_flip=True), np.random.default_rng(0))
    flipped = np.array([np.array_equal(after, before[:, ::-1]) for before, after in zip(batch, found, strict=True)])
    kept = np.array([np.array_equal(after, before) for before, after in zip(batch, found, strict=True)])
    assert (flipped ^ kept).all()
    assert 160 < flipped.sum() < 240


@pytest.mark.parametrize("side", [8, 9])
def test_quarter_turns(side: int) -> None:
    batch, quarter = pictures(3, side, side), Augmentation(rotation_degrees=90)
    clockwise = recipes.augment(batch, quarter, Draws(turn=1))
    counter = recipes.augment(batch, quarter, Draws(turn=-1))
    assert np.allclose(clockwise, np.rot90(batch, -1, axes=(1, 2)), atol=1e-6)
    assert np.allclose(counter, np.rot90(batch, 1, axes=(1, 2)), atol=1e-6)
    half = recipes.augment(batch, Augmentation(rotation_degrees=180), Draws(turn=1))
    assert np.allclose(half, batch[:, ::-1, ::-1], atol=1e-6)


@pytest.mark.parametrize("degrees", [7.0, 30.0, 90.0, 133.0])
@pytest.mark.parametrize("size", [(9, 9), (8, 12)])
def test_a_turn_is_scipys(degrees: float, size: tuple[int, int]) -> None:
    batch = pictures(2, *size)
    found = recipes.augment(batch, Augmentation(rotation_degrees=degrees), Draws(turn=1))
    # Coordinates that leave an image take its edge; scipy turns counter-clockwise.
    expected = ndimage.rotate(
        batch.astype(float), -degrees, axes=(2, 1), reshape=False, order=1, mode="nearest", prefilter=False
    )
    assert np.allclose(found, expected, atol=1e-4)


def test_a_shift_by_whole_pixels_repeats_the_edge() -> None:
    batch, shift = pictures(2, 8, 8), Augmentation(shift_fraction=0.5)
    found = recipes.augment(batch, shift, Draws(down=0.25, right=-0.5))  # 1 row and 2 columns of 8
    expected = np.pad(batch, ((0, 0), (0, 1), (2, 0), (0, 0)), mode="edge")[:, 1:, :8]
    assert np.allclose(found, expected, atol=1e-6)


def test_a_shift_is_a_share_of_height_and_of_width() -> None:
    batch = pictures(2, 6, 10)
    found = recipes.augment(batch, Augmentation(shift_fraction=0.25), Draws(down=1, right=1))  # 1.5 rows, 2.5 columns
    expected = ndimage.shift(batch.astype(float), (0, -1.5, -2.5, 0), order=1, mode="nearest", prefilter=False)
    assert np.allclose(found, expected, atol=1e-6)


def test_turn_flip_and_shift_together() -> None:
    batch = pictures(2, 8, 8)
    every = Augmentation(rotation_degrees=90, shift_fraction=0.25, horizontal_flip=True)
    found = recipes.augment(batch, every, Draws(turn=1, down=1, flip=True))  # 2 rows of 8
    lifted = np.pad(batch[:, :, ::-1], ((0, 0), (0, 2), (0, 0), (0, 0)), mode="edge")[:, 2:]
    assert np.allclose(found, np.rot90(lifted, -1, axes=(1, 2)), atol=1e-6)


@pytest.mark.parametrize("outside", ["nearest", "reflect"])
@pytest.mark.parametrize("zoom", [0.4, 1.0, 1.9])
@pytest.mark.parametrize("size", [(9, 9), (8, 12)])
def test_turn_and_zoom_are_scipys(outside: str, zoom: float, size: tuple[int, int]) -> None:
    batch = pictures(2, *size).astype(np.float32)
    every = Augmentation(rotation_degrees=35, zoom_fraction=0.9, outside=outside)
    found = recipes.augment(batch, every, Draws(turn=1, zoom=(zoom - 1) / 0.9))
    cosine, sine = np.cos(np.deg2rad(35)), np.sin(np.deg2rad(35))
    matrix = zoom * np.array([[cosine, -sine], [sine, cosine]])  # from a point of the result to one of the image
    centre = (np.array(size) - 1) / 2
    for image, result in zip(batch, found, strict=True):
        for channel in range(image.shape[-1]):
            expected = ndimage.affine_transform(
                image[..., channel].astype(float), matrix, centre - matrix @ centre, order=1, mode=outside
            )
            assert np.allclose(result[..., channel], expected, atol=1e-5)


@pytest.mark.parametrize(("outside", "pad"), [("nearest", "edge"), ("reflect", "symmetric")])
def test_what_is_seen_beyond_the_edges(outside: str, pad: str) -> None:
    """A zoom by three shows the image in the middle, each third pixel of it, between what is beyond its edges."""
    batch = pictures(2, 9, 9)
    found = recipes.augment(batch, Augmentation(zoom_fraction=2.0, outside=outside), Draws(zoom=1))
    whole = np.pad(batch, ((0, 0), (9, 9), (9, 9), (0, 0)), mode=pad)
    assert np.allclose(found, whole[:, 1::3, 1::3], atol=1e-6)


def test_a_zoom_goes_the_way_of_keras() -> None:
    batch = pictures(2, 8, 8)
    oracle = keras.layers.RandomZoom(
        (0.3, 0.3), fill_mode="reflect", interpolation="bilinear", data_format="channels_last"
    )
    found = recipes.augment(batch, Augmentation(zoom_fraction=0.3, outside="reflect"), Draws(zoom=1))
    assert np.allclose(found, keras.ops.convert_to_numpy(oracle(batch, training=True)), atol=1e-5)


def test_each_image_has_a_zoom_of_its_own_within_the_fraction() -> None:
    # Of a ramp from the middle, a zoom makes one that is as many times as steep.
    ramp = np.arange(101, dtype=np.float32) - 50
    batch = np.broadcast_to(ramp[None, None, :, None], (500, 3, 101, 1)).copy()
    found = recipes.augment(batch, Augmentation(zoom_fraction=0.2), np.random.default_rng(0))
    zoom = found[:, 1, 51, 0] - found[:, 1, 50, 0]
    assert stats.kstest((zoom - 0.8) / 0.4, "uniform").pvalue > 0.01


@pytest.mark.parametrize("flip", [False, True])
def test_nothing_is_drawn_for_a_zoom_that_is_not_asked_for(flip: bool) -> None:
    """What is drawn decides the experiment: of each image a turn, two shifts and, where asked for, a flip."""
    random, expected = np.random.default_rng(0), np.random.default_rng(0)
    recipes.augment(pictures(7), Augmentation(rotation_degrees=10, horizontal_flip=flip, outside="reflect"), random)
    expected.random(7 * (4 if flip else 3))
    assert random.bit_generator.state == expected.bit_generator.state


AUGMENTATIONS = st.builds(
    Augmentation,
    rotation_degrees=st.floats(0, 180),
    shift_fraction=st.floats(0, 1),
    zoom_fraction=st.floats(0, 1),
    horizontal_flip=st.booleans(),
    outside=st.sampled_from(["nearest", "reflect"]),
)


@settings(max_examples=60, deadline=None)
@given(
    augmentation=AUGMENTATIONS,
    seed=st.integers(0, 2**32 - 1),
    size=st.tuples(*(st.integers(1, high) for high in (4, 9, 9, 3))),
)
def test_each_image_keeps_its_range_and_to_itself(
    augmentation: Augmentation, seed: int, size: tuple[int, int, int, int]
) -> None:
    batch = pictures(*size, seed=seed) * 2 - 1
    found = recipes.augment(batch, augmentation, np.random.default_rng(seed))
    assert found.shape == batch.shape
    assert found.dtype == np.float32
    within = (1, 2)  # each image and channel
    assert (found.min(within) >= batch.min(within) - 1e-6).all()
    assert (found.max(within) <= batch.max(within) + 1e-6).all()
    others = batch.copy()
    others[1:] = 5  # the rest of the batch is another
    assert np.array_equal(recipes.augment(others, augmentation, np.random.default_rng(seed))[0], found[0])
