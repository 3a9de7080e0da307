"""The convolutional bases against Keras' own VGG16 and MobileNet, which others wrote."""

from typing import Any

import keras
import numpy as np
import pytest
import torch

from harness.frameworks import keras_training, torch_training, untrained, weights
from harness.networks import catalog

ORACLES = {
    "vgg16_features": (keras.applications.VGG16, "block5_pool"),
    "mobilenet_features": (keras.applications.MobileNet, "conv_pw_13_relu"),
}


@pytest.mark.parametrize("name", ORACLES)
def test_the_base_is_that_of_keras_applications(name: str) -> None:
    application, last = ORACLES[name]
    architecture = catalog.get(name)
    images = np.random.default_rng(0).normal(size=(3, *architecture.input_shape)).astype(np.float32)
    lively = untrained.draw(architecture, images, seed=1)
    in_keras, in_torch = keras_training.build(architecture), torch_training.build(architecture)
    weights.to_keras(in_keras, lively)
    weights.to_torch(in_torch, lively)
    oracle = application(weights=None, include_top=False, input_shape=architecture.input_shape)
    carry(in_keras, oracle)
    expected = oracle.predict(images, verbose=0)
    base = keras.Model(in_keras.inputs, in_keras.get_layer(last).output)
    assert agree(base.predict(images, verbose=0), expected)
    assert agree(torch_base(in_torch, last, images), expected)


def carry(ours: keras.Model, oracle: keras.Model) -> None:
    """Put our weights into the oracle's layers of the same names: every one of them, and nothing is left."""
    names = [layer.name for layer in oracle.layers if layer.weights]
    ours_of_the_base = [layer.name for layer in ours.layers if layer.weights and layer.name not in ("dense1", "logits")]
    assert names == ours_of_the_base
    for name in names:
        oracle.get_layer(name).set_weights(ours.get_layer(name).get_weights())


def torch_base(network: Any, last: str, images: np.ndarray) -> np.ndarray:
    """What the layers up to the last one of the base make of the images (N, H, W, C), in the same layout."""
    names = [name for name, _ in network.named_children()]
    with torch.inference_mode():
        maps = network.eval()[: names.index(last) + 1](torch.from_numpy(images).permute(0, 3, 1, 2))
    found: np.ndarray = maps.permute(0, 2, 3, 1).numpy()
    return found


def agree(found: np.ndarray, expected: np.ndarray) -> bool:
    """Within float32's rounding over some thirty layers; the maps must differ between the images by much more."""
    scale = np.abs(expected).max()
    assert np.ptp(expected, axis=0).max() > 0.05 * scale
    return found.shape == expected.shape and bool(np.abs(found - expected).max() <= 1e-4 * scale)
