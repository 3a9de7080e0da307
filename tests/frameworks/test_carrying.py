"""Weights of each construct, carried from PyTorch to Keras and back: the outputs are the same."""

import keras
import numpy as np
import pytest
import torch
from torch import nn

from harness.frameworks import weights
from tests.frameworks.twin_constructs import CONSTRUCTS, Construct

named = pytest.mark.parametrize("construct", CONSTRUCTS, ids=[each.name for each in CONSTRUCTS])


def random_weights(like: weights.Weights, seed: int) -> weights.Weights:
    random = np.random.default_rng(seed)
    return {name: random.uniform(0.1, 1.0, array.shape).astype(np.float32) for name, array in like.items()}


def outputs(in_torch: nn.Module, in_keras: keras.Model, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    images = np.random.default_rng(1).normal(size=(3, *shape)).astype(np.float32)
    with torch.no_grad():
        one = in_torch.eval()(torch.from_numpy(images).permute(0, 3, 1, 2).contiguous()).numpy()
    return one.reshape(3, -1), in_keras(images, training=False).numpy().reshape(3, -1)


@named
def test_weights_are_the_same_in_both_frameworks(construct: Construct) -> None:
    in_torch, in_keras = construct.in_torch(), construct.in_keras()
    drawn = random_weights(weights.from_torch(in_torch), 0)
    weights.to_torch(in_torch, drawn)
    weights.to_keras(in_keras, weights.from_torch(in_torch))
    one, other = outputs(in_torch, in_keras, construct.shape)
    assert np.abs(one).max() > 0
    assert np.allclose(one, other, rtol=1e-5, atol=1e-5 * np.abs(one).max())

    changed = random_weights(weights.from_keras(in_keras), 2)
    weights.to_keras(in_keras, changed)
    weights.to_torch(in_torch, weights.from_keras(in_keras))
    third, fourth = outputs(in_torch, in_keras, construct.shape)
    assert np.allclose(third, fourth, rtol=1e-5, atol=1e-5 * np.abs(third).max())
    assert not np.allclose(one, third)
