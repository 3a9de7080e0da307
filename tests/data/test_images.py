"""From a data set's bytes to what a network is fed: scaling, resizing, channels, layout."""

from collections.abc import Callable
from dataclasses import replace

import keras
import numpy as np
import pytest
import torch

from harness.data import datasets, images
from harness.errors import HarnessError
from harness.networks import catalog
from harness.networks.architecture import Optimizer, Recipe

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
        classes=10,
        x_train=x[:count],
        y_train=y[:count],
        x_test=255 - x[count:],
        y_test=y[count:],
    )


def test_raw_scaling_feeds_the_bytes(sample: datasets.Dataset) -> None:
    found = images.prepare(sample, GREY, recipe("raw"))
    assert found.x_train.dtype == found.x_test.dtype == np.uint8
    assert np.array_equal(found.x_train[..., 0], sample.x_train[:300])
    assert np.array_equal(found.x_test[..., 0], sample.x_test)
    assert found.scaled(found.x_test).dtype == np.float32
    assert np.array_equal(found.scaled(found.x_test), found.x_test)
    assert found.y_train.dtype == found.y_test.dtype == np.int64
    assert np.array_equal(found.y_train, sample.y_train[:300])
    assert np.array_equal(found.y_test, sample.y_test)


def test_unit_scaling_divides_by_255(sample: datasets.Dataset) -> None:
    found = images.prepare(sample, GREY, recipe("unit"))
    shown = found.scaled(found.x_test)
    # To the last bit: a multiplication by 1 / 255 would be another experiment.
    assert np.array_equal(shown[..., 0], sample.x_test.astype(np.float32) / np.float32(255))
    assert (shown.min(), shown.max()) == (0, 1)


@pytest.mark.parametrize("training_images", [300, None])
def test_standard_scaling_knows_only_the_training_images(sample: datasets.Dataset, training_images: int | None) -> None:
    inverted = replace(sample, x_test=255 - sample.x_test)  # another mean than the training images'
    found = images.prepare(inverted, GREY, recipe("standard", training_images))
    training = sample.x_train[:training_images].astype(float)
    expected = (inverted.x_test - training.mean()) / training.std()
    shown = found.scaled(found.x_train)
    assert np.allclose(found.scaled(found.x_test)[..., 0], expected, atol=1e-5)
    assert shown.mean(dtype=float) == pytest.approx(0, abs=1e-5)
    assert shown.std(dtype=float) == pytest.approx(1, abs=1e-5)
    assert abs(found.scaled(found.x_test).mean(dtype=float)) > 0.5


def test_standard_scaling_goes_by_channel() -> None:
    data = coloured()
    found = images.prepare(data, COLOUR, recipe("standard"))
    for channel in range(3):
        training = data.x_train[..., channel].astype(float)
        expected = (data.x_test[..., channel] - training.mean()) / training.std()
        assert np.allclose(found.scaled(found.x_test)[..., channel], expected, atol=1e-4)
    assert found.adaptation == ""


@pytest.mark.parametrize(
    ("scaling", "oracle"),
    [
        ("minus_one_to_one", keras.applications.mobilenet.preprocess_input),
        ("imagenet_bgr", keras.applications.vgg16.preprocess_input),
        ("imagenet_rgb", lambda x: keras.applications.imagenet_utils.preprocess_input(x, mode="torch")),
    ],
)
def test_the_scalings_of_imagenet_are_those_of_keras(scaling: str, oracle: Callable[[np.ndarray], np.ndarray]) -> None:
    data = coloured()
    found = images.prepare(data, COLOUR, recipe(scaling))
    shown = found.scaled(found.x_test)
    assert shown.dtype == np.float32
    assert shown.flags.c_contiguous  # PyTorch takes no other
    assert np.allclose(shown, oracle(data.x_test.astype(np.float32)), rtol=1e-5, atol=1e-5)


def test_the_last_share_is_held_out_of_training_and_of_its_statistics(sample: datasets.Dataset) -> None:
    darkened = sample.x_train[:50].copy()
    darkened[40:] //= 4
    data = replace(sample, x_train=np.concatenate([darkened, sample.x_train[50:]]))
    found = images.prepare(data, GREY, replace(recipe("standard", 50), validation_split=0.2))
    assert found.validated_on == "validation"
    assert np.array_equal(found.x_train[..., 0], data.x_train[:40])
    assert np.array_equal(found.x_validation[..., 0], data.x_train[40:50])
    assert np.array_equal(found.y_train, data.y_train[:40])
    assert np.array_equal(found.y_validation, data.y_train[40:50])
    assert found.scaled(found.x_train).mean(dtype=float) == pytest.approx(0, abs=1e-5)
    assert found.scaled(found.x_validation).mean(dtype=float) < -0.2
    third = images.prepare(data, GREY, replace(recipe("unit", None), validation_split=1 / 3))
    assert (len(third.x_train), len(third.x_validation)) == (4000, 2000)
    with pytest.raises(HarnessError, match="2 training images are too few"):
        images.prepare(data, GREY, replace(recipe("unit", 2), validation_split=0.1))


def test_what_it_is_validated_on_without_a_share(sample: datasets.Dataset) -> None:
    found = images.prepare(sample, GREY, recipe("unit"))
    assert found.validated_on == "test"
    assert found.x_validation is found.x_test
    assert found.y_validation is found.y_test
    divided = replace(sample, x_validation=sample.x_train[-7:], y_validation=sample.y_train[-7:])
    found = images.prepare(divided, COLOUR, recipe("unit"))
    assert found.validated_on == "validation"
    assert found.x_validation.shape == (7, 32, 32, 3)
    assert np.array_equal(found.y_validation, sample.y_train[-7:])
    assert len(found.x_train) == 300
    # A split of the data set's own goes before the share that a recipe would hold out.
    found = images.prepare(divided, GREY, replace(recipe("unit"), validation_split=0.1))
    assert (len(found.x_train), len(found.x_validation)) == (300, 7)


def test_features_take_the_place_of_the_images(sample: datasets.Dataset) -> None:
    found = images.prepare(sample, GREY, replace(recipe("unit"), validation_split=0.1))
    seen: list[int] = []

    def features(batch: np.ndarray) -> np.ndarray:
        seen.append(len(batch))
        return batch.sum((1, 2))

    mapped = found.mapped(features)
    assert max(seen) < len(found.x_test)  # in portions: the floats of all would not fit
    assert sum(seen) == 300 + 2000
    for split in ("x_train", "x_validation", "x_test"):
        expected = (getattr(found, split) / np.float32(255)).sum((1, 2))
        assert np.array_equal(mapped.scaled(getattr(mapped, split)), expected)
    assert mapped.validated_on == "validation"
    seen.clear()
    again = images.prepare(sample, GREY, recipe("unit")).mapped(features)
    assert sum(seen) == 300 + 2000, "the test images, which it is validated on, were gone through twice"
    assert again.x_validation is again.x_test


def test_the_adaptation_is_told(sample: datasets.Dataset) -> None:
    assert images.prepare(sample, GREY, recipe("unit", 10)).adaptation == ""
    few = replace(sample, x_test=sample.x_test[:20], y_test=sample.y_test[:20])
    found = images.prepare(few, COLOUR, recipe("unit", 10))
    assert found.adaptation == "resized from 28x28 to 32x32 (bilinear); grey channel repeated 3 times"
    assert found.x_train.shape == (10, 32, 32, 3)
    assert found.x_test.shape == (20, 32, 32, 3)
    assert np.array_equal(found.x_test[..., 0], found.x_test[..., 2])
    read = replace(few, adaptation="read at 28x28 (bilinear)")
    padded = images.prepare(read, COLOUR, replace(recipe("unit", 10), fitting="pad"))
    assert padded.adaptation == (
        "read at 28x28 (bilinear); padded from 28x28 to 32x32 (zeros); grey channel repeated 3 times"
    )
    assert images.adaptation(read, COLOUR, replace(recipe("unit", 10), fitting="pad")) == padded.adaptation


@pytest.mark.parametrize("size", [(32, 32), (31, 28), (29, 40)])
def test_padding_surrounds_by_zeros(sample: datasets.Dataset, size: tuple[int, int]) -> None:
    height, width = size[0] - 28, size[1] - 28
    sides = ((height // 2, height - height // 2), (width // 2, width - width // 2))
    found, _ = images.fit(sample.x_train[:5], (*size, 1), "pad")
    assert found.dtype == np.uint8
    assert np.array_equal(found[..., 0], np.pad(sample.x_train[:5], ((0, 0), *sides)))
    assert images.fit(found, (*size, 1), "pad")[1] == ""


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
    with pytest.raises(HarnessError, match=r"has 1 output and fashion_mnist_sample has 10 classes.*of 2 classes"):
        images.prepare(sample, replace(GREY, outputs=1), recipe("unit"))
    with pytest.raises(HarnessError, match=r"1 channel, found 3"):
        images.prepare(coloured(), GREY, recipe("unit"))
    with pytest.raises(HarnessError, match=r"imagenet_bgr is of 3 channels, and the network's input has 1"):
        images.prepare(sample, GREY, recipe("imagenet_bgr"))
    with pytest.raises(HarnessError, match=r"at most 32x20, .* found 28x28"):
        images.fit(sample.x_test[:2], (32, 20, 1), "pad")


def test_one_output_tells_two_classes(sample: datasets.Dataset) -> None:
    two = replace(sample, y_train=sample.y_train % 2, y_test=sample.y_test % 2, classes=2)
    found = images.prepare(two, replace(GREY, outputs=1), recipe("unit"))
    assert np.array_equal(found.y_test, sample.y_test % 2)
    said = [images.misfit("two", 2, replace(GREY, outputs=outputs)) for outputs in (1, 2, 3)]
    assert said == ["", "", "lenet5_1x1 has 3 outputs and two has 2 classes"]
    assert images.misfit("one", 1, replace(GREY, outputs=1))


def test_real_images_for_an_untrained_network(sample: datasets.Dataset) -> None:
    found = images.sample(replace(COLOUR, input_shape=(64, 48, 3)), 5)
    assert found.shape == (5, 64, 48, 3)
    assert found.dtype == np.float32
    expected, _ = images.fit(sample.x_test[:5], (64, 48, 3))
    assert np.array_equal(found, expected / np.float32(255))


def test_the_native_layout() -> None:
    batch = np.random.default_rng(0).random((2, 4, 5, 3), np.float32)
    assert images.native(batch, "NHWC") is batch
    turned = images.native(batch, "NCHW")
    assert turned.shape == (2, 3, 4, 5)
    assert turned.flags.c_contiguous
    assert turned[1, 2, 3, 4] == batch[1, 3, 4, 2]
    assert np.array_equal(turned[0, 1], batch[0, :, :, 1])
