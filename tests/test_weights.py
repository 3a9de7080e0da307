"""Weights carried between the frameworks and kept in files."""

from collections import OrderedDict
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import torch
from torch import nn

from harness import weights
from harness.errors import HarnessError


def drawn(**shapes: tuple[int, ...]) -> weights.Weights:
    """Weights by ``layer_kind=shape``."""
    random = np.random.default_rng(0)
    return {
        ".".join(name.rsplit("__", 1)): random.normal(size=shape).astype(np.float32) for name, shape in shapes.items()
    }


def keras_network(*layers: Any) -> keras.Model:
    return keras.Sequential([keras.Input((2, 3, 2)), *layers])


def outputs(model: keras.Model, images: np.ndarray) -> np.ndarray:
    found: np.ndarray = keras.ops.convert_to_numpy(model(images))
    return found


IMAGES = np.random.default_rng(1).normal(size=(4, 2, 3, 2)).astype(np.float32)  # N, H, W, C


def test_a_dense_layer_behind_a_flatten_reads_channels_first() -> None:
    model = keras_network(
        keras.layers.Flatten(), keras.layers.Dense(5, name="first"), keras.layers.Dense(12, name="second")
    )
    neutral = drawn(first__weight=(5, 12), first__bias=(5,), second__weight=(12, 5), second__bias=(12,))
    weights.to_keras(model, neutral)
    features = np.stack([image.transpose(2, 0, 1).ravel() for image in IMAGES])  # C, H, W
    hidden = features @ neutral["first.weight"].T + neutral["first.bias"]
    expected = hidden @ neutral["second.weight"].T + neutral["second.bias"]
    assert np.allclose(outputs(model, IMAGES), expected, atol=1e-5)
    back = weights.from_keras(model)
    assert set(back) == set(neutral)
    assert all(np.array_equal(back[name], neutral[name]) for name in neutral)


def test_a_dense_layer_behind_a_pooling_is_only_transposed() -> None:
    neutral = drawn(dense__weight=(5, 2), dense__bias=(5,))
    # Flattening what has no height and width any more changes no order.
    for layers in ([], [keras.layers.Flatten()]):
        model = keras_network(keras.layers.GlobalAveragePooling2D(), *layers, keras.layers.Dense(5, name="dense"))
        weights.to_keras(model, neutral)
        expected = IMAGES.mean((1, 2)) @ neutral["dense.weight"].T + neutral["dense.bias"]
        assert np.allclose(outputs(model, IMAGES), expected, atol=1e-5)


def test_a_convolution_kernel_lies_output_input_height_width() -> None:
    model = keras_network(keras.layers.Conv2D(3, (2, 3), name="conv"))
    neutral = drawn(conv__weight=(3, 2, 2, 3), conv__bias=(3,))
    weights.to_keras(model, neutral)
    expected = np.einsum("nhwc,ochw->no", IMAGES, neutral["conv.weight"]) + neutral["conv.bias"]
    assert np.allclose(outputs(model, IMAGES)[:, 0, 0], expected, atol=1e-5)


def torch_network() -> nn.Module:
    block = nn.Sequential(OrderedDict(conv=nn.Conv2d(1, 2, 3), norm=nn.BatchNorm2d(2)))
    return nn.Sequential(OrderedDict(block=block, logits=nn.Linear(2, 3)))


NESTED = {
    "block_conv.weight": (2, 1, 3, 3),
    "block_conv.bias": (2,),
    "block_norm.weight": (2,),
    "block_norm.bias": (2,),
    "block_norm.running_mean": (2,),
    "block_norm.running_var": (2,),
    "logits.weight": (3, 2),
    "logits.bias": (3,),
}


def test_nested_modules_are_named_with_underscores() -> None:
    model, twin = torch_network(), torch_network()
    found = weights.from_torch(model)
    assert weights.shapes(found) == NESTED
    weights.to_torch(twin, found)
    for (name, one), other in zip(model.state_dict().items(), twin.state_dict().values(), strict=True):
        assert torch.equal(one, other), name
    found["logits.bias"] += 1
    assert not np.array_equal(found["logits.bias"], model.logits.bias.detach().numpy()), "a view, not a copy"


def same_network_in_keras() -> keras.Model:
    return keras.Sequential(
        [
            keras.Input((3, 3, 1)),
            keras.layers.Conv2D(2, 3, name="block_conv"),
            keras.layers.BatchNormalization(name="block_norm"),
            keras.layers.Dropout(0.5),
            keras.layers.Dense(3, name="logits"),
        ]
    )


@pytest.mark.parametrize("framework", ["keras", "torch"])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"logits.bias": None}, r"lack 'logits\.bias'.*\(3,\)"),
        ({"logits.weight": (2, 3)}, r"'logits\.weight' has shape \(2, 3\), the network expects \(3, 2\)"),
        ({"aux.weight": (1,)}, r"'aux\.weight', which the network does not have"),
    ],
    ids=["missing", "misshapen", "extra"],
)
def test_weights_that_do_not_fit_change_nothing(
    framework: str, change: dict[str, tuple[int, ...] | None], message: str
) -> None:
    shapes = {name: shape for name, shape in {**NESTED, **change}.items() if shape is not None}
    unfit = {name: np.full(shape, 9, np.float32) for name, shape in shapes.items()}
    model, put, get = (
        (torch_network(), weights.to_torch, weights.from_torch)
        if framework == "torch"
        else (same_network_in_keras(), weights.to_keras, weights.from_keras)
    )
    before = get(model)
    with pytest.raises(HarnessError, match=message):
        put(model, unfit)
    after = get(model)
    assert all(np.array_equal(before[name], after[name]) for name in before)


def test_a_file_gives_back_what_it_was_given(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    kept = drawn(conv__weight=(3, 2, 2, 3), conv__bias=(3,), empty__weight=(0, 2))
    kept["turned.weight"] = kept["conv.weight"].transpose(3, 1, 2, 0)  # not contiguous
    weights.save(path, kept, {"architecture": "some"})
    loaded = weights.load(path)
    assert set(loaded) == set(kept)
    for name, array in kept.items():
        assert loaded[name].dtype == np.float32
        assert np.array_equal(loaded[name], array)
    assert list(tmp_path.iterdir()) == [path], "something half-made was left"


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    whole, path = tmp_path / "whole.safetensors", tmp_path / "weights.safetensors"
    weights.save(whole, drawn(conv__weight=(3, 2, 2, 3), conv__bias=(3,)), {})
    content = whole.read_bytes()
    cuts = [content[:size] for size in (0, 4, 8, 20, len(content) // 2, len(content) - 1)]
    for damaged in (*cuts, content + b"\0", b"PK\x03\x04" * 50, b"\x80\x04\x95" + content):
        path.write_bytes(damaged)
        with pytest.raises(HarnessError, match=r"weights\.safetensors is no whole \.safetensors file"):
            weights.load(path)
    for unreadable in (tmp_path / "absent.safetensors", tmp_path):
        with pytest.raises(HarnessError, match=r"is no whole \.safetensors file"):
            weights.load(unreadable)
