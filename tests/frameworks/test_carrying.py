"""Weights of each construct, carried from PyTorch to Keras and back: the outputs are the same."""

from collections import OrderedDict
from pathlib import Path

import keras
import numpy as np
import pytest
import torch
from torch import nn

from harness.frameworks import torch_training, vocabulary, weights
from harness.frameworks.keras_rules import kind_of
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


class ByRows(nn.Module):
    """Flattens maps as Keras does: H, W, C."""

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        return maps.permute(0, 2, 3, 1).flatten(1)


def random_twins(seed: int) -> tuple[nn.Module, keras.Model, tuple[int, ...]]:
    """A random chain of layers in both frameworks, which goes from maps to features and back."""
    random = np.random.default_rng(seed)
    shape: tuple[int, ...] = tuple(int(size) for size in random.integers(3, 6, 3))
    image, steps = keras.Input(shape), OrderedDict[str, nn.Module]()
    maps = image
    for number in range(int(random.integers(4, 9))):
        name, made = f"layer_{number}_x", int(random.integers(2, 6))
        of_maps, channels = len(maps.shape) == 4, maps.shape[-1]
        kind = random.choice(["features", "norm", "flatten" if of_maps else "maps"])
        if kind == "features" and of_maps:
            steps[name] = nn.Conv2d(channels, made, 3, padding=1)
            maps = keras.layers.Conv2D(made, 3, padding="same", name=name)(maps)
        elif kind == "features":
            steps[name] = nn.Linear(channels, made)
            maps = keras.layers.Dense(made, name=name)(maps)
        elif kind == "norm":
            steps[name] = (nn.BatchNorm2d if of_maps else nn.BatchNorm1d)(channels, eps=1e-3)
            maps = keras.layers.BatchNormalization(name=name)(maps)
        elif kind == "flatten":
            steps[name] = nn.Flatten() if random.random() < 0.5 else ByRows()
            maps = keras.layers.Flatten()(maps)
        else:
            steps[f"{name}_wide"] = nn.Linear(channels, 6 * made)
            steps[name] = nn.Unflatten(1, (made, 3, 2))
            maps = keras.layers.Reshape((3, 2, made))(keras.layers.Dense(6 * made, name=f"{name}_wide")(maps))
    steps["flat"] = nn.Flatten()
    maps = keras.layers.Flatten()(maps)
    steps["logits"] = nn.Linear(maps.shape[-1], 3)
    in_torch = nn.Sequential(steps)
    in_torch.fed = (2, shape[-1], *shape[:-1])
    return in_torch, keras.Model(image, keras.layers.Dense(3, name="logits")(maps)), shape


@pytest.mark.parametrize("seed", range(8))
def test_weights_of_random_chains_are_the_same_in_both_frameworks(seed: int) -> None:
    in_torch, in_keras, shape = random_twins(seed)
    weights.to_torch(in_torch, random_weights(weights.from_torch(in_torch), seed))
    weights.to_keras(in_keras, weights.from_torch(in_torch))
    one, other = outputs(in_torch, in_keras, shape)
    assert np.allclose(one, other, rtol=1e-4, atol=1e-5 * np.abs(one).max())


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_a_view_of_maps_is_run_in_the_layout_that_it_takes(layout: torch.memory_format) -> None:
    construct = next(each for each in CONSTRUCTS if each.name == "reshape_by_ops")
    images = torch.from_numpy(np.random.default_rng(1).normal(size=(3, *construct.shape)).astype(np.float32))
    torch.manual_seed(0)
    model = construct.in_torch()
    expected = model(images.permute(0, 3, 1, 2).contiguous())
    with torch.inference_mode():
        found = torch_training.forward(model.to(memory_format=layout), images)
    assert torch.allclose(found, expected, atol=1e-5)
    torch_training.forward(model, images).sum().backward()  # what was run for an accuracy is trained on


def test_each_row_of_the_table_is_carried_in_a_construct() -> None:
    kinds = {kind_of(layer) for each in CONSTRUCTS for layer in each.in_keras()._flatten_layers()}
    assert set(vocabulary.BY_KERAS) <= kinds


def test_the_documented_table_is_that_of_the_code() -> None:
    text = (Path(__file__).parents[2] / "docs" / "layers.md").read_text()
    assert vocabulary.table() in text
    assert vocabulary.notes() in text
