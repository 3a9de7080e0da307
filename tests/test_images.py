"""From a data set's bytes to what a network is fed: scaling, resizing, channels, layout."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from harness import catalog, datasets, images
from harness.architecture import Optimizer, Recipe
from harness.errors import HarnessError

GREY = catalog.get("lenet5_1x1")  # 28x28x1
COLOUR = catalog.get("cifar10_bn_elu")  # 32x32x3


@pytest.fixture(scope="module")
def sample() -> datasets.Dataset:
    return datasets.load(datasets.SAMPLE)


def recipe(scaling: str, training_images: int | None = 300) -> Recipe:
    return Recipe(
        dataset=datasets.SAMPLE,
        scaling=scaling,
        optimizer=Optimizer(name="sgd", learning_rate=0.1),
        batch=10,
        epochs=1,
        training_images=training_images,
    )


def coloured(count: int = 40) -> datasets.Dataset:
    """Images of three channels that differ in brightness and spread; the test images differ from the others."""
    random = np.random.default_rng(0)
    brightness, spread = np.array([40, 120, 200]), np.array([10, 30, 5])
    x = (random.normal(brightness, spread, (2 * count, 32, 32, 3))).clip(0, 255).astype(np.uint8)
    y = np.arange(2 * count, dtype=np.uint8) % 10
    return datasets.Dataset(
        name="coloured",
        source="drawn",
        genuine=False,
        license="none",
        x_train=x[:count],
        y_train=y[:count],
        x_test=255 - x[count:],
        y_test=y[count:],
    )


def test_raw_scaling_feeds_the_bytes(sample: datasets.Dataset) -> None:
    found = images.prepare(sample, GREY, recipe("raw"))
    assert found.x_train.dtype == found.x_test.dtype == np.float32
    assert np.array_equal(found.x_train[..., 0], sample.x_train[:300])
    assert np.array_equal(found.x_test[..., 0], sample.x_test)
    assert found.y_train.dtype == found.y_test.dtype == np.int64
    assert np.array_equal(found.y_train, sample.y_train[:300])
    assert np.array_equal(found.y_test, sample.y_test)


def test_unit_scaling_divides_by_255(sample: datasets.Dataset) -> None:
    found = images.prepare(sample, GREY, recipe("unit"))
    assert np.allclose(found.x_train[..., 0], sample.x_train[:300] / 255, rtol=1e-6, atol=0)
    assert np.allclose(found.x_test[..., 0], sample.x_test / 255, rtol=1e-6, atol=0)
    assert (found.x_test.min(), found.x_test.max()) == (0, 1)


@pytest.mark.parametrize("training_images", [300, None])
def test_standard_scaling_knows_only_the_training_images(sample: datasets.Dataset, training_images: int | None) -> None:
    inverted = replace(sample, x_test=255 - sample.x_test)  # another mean than the training images'
    found = images.prepare(inverted, GREY, recipe("standard", training_images))
    training = sample.x_train[:training_images].astype(float)
    expected = (inverted.x_test - training.mean()) / training.std()
    assert np.allclose(found.x_test[..., 0], expected, atol=1e-5)
    assert found.x_train.mean(dtype=float) == pytest.approx(0, abs=1e-5)
    assert found.x_train.std(dtype=float) == pytest.approx(1, abs=1e-5)
    assert abs(found.x_test.mean(dtype=float)) > 0.5


def test_standard_scaling_goes_by_channel() -> None:
    data = coloured()
    found = images.prepare(data, COLOUR, recipe("standard"))
    for channel in range(3):
        training = data.x_train[..., channel].astype(float)
        expected = (data.x_test[..., channel] - training.mean()) / training.std()
        assert np.allclose(found.x_test[..., channel], expected, atol=1e-4)
    assert found.adaptation == ""


def test_the_adaptation_is_told(sample: datasets.Dataset) -> None:
    assert images.prepare(sample, GREY, recipe("unit", 10)).adaptation == ""
    found = images.prepare(replace(sample, x_test=sample.x_test[:20]), COLOUR, recipe("unit", 10))
    assert found.adaptation == "resized from 28x28 to 32x32 (bilinear); grey channel repeated 3 times"
    assert found.x_train.shape == (10, 32, 32, 3)
    assert found.x_test.shape == (20, 32, 32, 3)
    assert np.array_equal(found.x_test[..., 0], found.x_test[..., 2])


@pytest.mark.parametrize("size", [(32, 32), (56, 41), (14, 14), (20, 36)])
@pytest.mark.parametrize("channels", [1, 3])
def test_resizing_is_bilinear(sample: datasets.Dataset, size: tuple[int, int], channels: int) -> None:
    source = sample.x_train[: 12 * channels].reshape(12, channels, 28, 28).transpose(0, 2, 3, 1)
    found, _ = images.fit(source, (*size, channels))
    expected = torch.nn.functional.interpolate(
        torch.from_numpy(source).permute(0, 3, 1, 2).double(), size, mode="bilinear", antialias=True
    )
    assert found.dtype == np.uint8
    # Pillow rounds to a byte after either direction.
    assert np.abs(found - expected.permute(0, 2, 3, 1).numpy()).max() <= 1.01


def test_resizing_keeps_constants_and_order() -> None:
    constant, _ = images.fit(np.full((2, 28, 28), 77, np.uint8), (45, 19, 1))
    assert (constant == 77).all()
    ramp = np.tile(np.arange(0, 252, 9, dtype=np.uint8), (1, 28, 1))  # brighter from left to right
    wide, _ = images.fit(ramp, (28, 64, 1))
    assert (np.diff(wide[0, :, :, 0].astype(int), axis=1) >= 0).all()
    assert (wide.min(), wide.max()) == (ramp.min(), ramp.max())


def test_what_does_not_fit_is_refused(sample: datasets.Dataset) -> None:
    with pytest.raises(HarnessError, match=r"lenet5_1x1 has 7 outputs and fashion_mnist_sample has 10 classes"):
        images.prepare(sample, replace(GREY, outputs=7), recipe("unit"))
    with pytest.raises(HarnessError, match=r"channels, found 3"):
        images.prepare(coloured(), GREY, recipe("unit"))


def test_the_native_layout() -> None:
    batch = np.random.default_rng(0).random((2, 4, 5, 3), np.float32)
    assert images.native(batch, "NHWC") is batch
    turned = images.native(batch, "NCHW")
    assert turned.shape == (2, 3, 4, 5)
    assert turned.flags.c_contiguous
    assert turned[1, 2, 3, 4] == batch[1, 3, 4, 2]
    assert np.array_equal(turned[0, 1], batch[0, :, :, 1])
