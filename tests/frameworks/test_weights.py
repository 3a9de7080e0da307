"""Weights carried between the frameworks and kept in files."""

from collections import OrderedDict
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow
import torch
from torch import nn

from harness.errors import HarnessError
from harness.frameworks import constants, weights


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


def assert_given_back(model: keras.Model, neutral: weights.Weights) -> None:
    back = weights.from_keras(model)
    assert set(back) == set(neutral)
    assert all(np.array_equal(back[name], neutral[name]) for name in neutral)


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
    assert_given_back(model, neutral)


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


def test_a_depthwise_kernel_is_a_grouped_one() -> None:
    model = keras_network(keras.layers.DepthwiseConv2D((1, 2), depth_multiplier=3, name="depthwise"))
    neutral = drawn(depthwise__weight=(6, 1, 1, 2), depthwise__bias=(6,))
    weights.to_keras(model, neutral)
    twin = nn.Sequential(OrderedDict(depthwise=nn.Conv2d(2, 6, (1, 2), groups=2)))
    weights.to_torch(twin, neutral)
    expected = twin(torch.from_numpy(IMAGES).permute(0, 3, 1, 2)).detach().permute(0, 2, 3, 1).numpy()
    assert np.allclose(outputs(model, IMAGES), expected, atol=1e-5)
    assert_given_back(model, neutral)


def test_slopes_and_weights_of_ones_own_layers() -> None:
    class Affine(keras.layers.Layer):
        def build(self, shape: Any) -> None:
            self.scale = self.add_weight(name="scale", shape=shape[1:])

        def call(self, maps: Any) -> Any:
            return maps * self.scale

    slopes = keras.layers.PReLU(shared_axes=[1, 2], name="prelu")
    model = keras_network(slopes, keras.layers.Dropout(0.5), Affine(name="own"))
    neutral = drawn(prelu__weight=(2,), own__scale=(2, 2, 3))
    weights.to_keras(model, neutral)
    sloped = nn.functional.prelu(
        torch.from_numpy(IMAGES).permute(0, 3, 1, 2), torch.from_numpy(neutral["prelu.weight"])
    )
    expected = sloped.permute(0, 2, 3, 1).numpy() * neutral["own.scale"].transpose(1, 2, 0)  # H, W, C
    assert np.allclose(outputs(model, IMAGES), expected, atol=1e-6)
    assert_given_back(model, neutral)


def test_the_graph_tells_which_dense_layers_read_flattened_maps() -> None:
    image = keras.Input((2, 3, 2))
    # By the order of the layers, `flat` comes between the Flatten and the dense layer that reads it.
    maps = keras.layers.Flatten()(image)
    flat = keras.layers.Dense(4, name="flat")(keras.layers.GlobalAveragePooling2D()(image))
    dropped = keras.layers.Dropout(0.5)(keras.layers.Activation("tanh")(maps))
    both = keras.layers.Add()(
        [keras.layers.Dense(4, name="straight")(maps), keras.layers.Dense(4, name="behind")(dropped), flat]
    )
    model = keras.Model(image, keras.layers.Dense(12, name="last")(both))
    neutral = drawn(
        **{f"{name}__weight": (4, 12) for name in ("straight", "behind")}, flat__weight=(4, 2), last__weight=(12, 4)
    ) | drawn(straight__bias=(4,), behind__bias=(4,), flat__bias=(4,), last__bias=(12,))
    weights.to_keras(model, neutral)

    def dense(name: str, features: np.ndarray) -> np.ndarray:
        product: np.ndarray = features @ neutral[f"{name}.weight"].T + neutral[f"{name}.bias"]
        return product

    features = IMAGES.transpose(0, 3, 1, 2).reshape(4, -1)  # C, H, W
    expected = dense("straight", features) + dense("behind", np.tanh(features)) + dense("flat", IMAGES.mean((1, 2)))
    assert np.allclose(outputs(model, IMAGES), dense("last", expected), atol=1e-5)
    assert_given_back(model, neutral)


def test_a_network_that_grew_layer_by_layer_is_the_same() -> None:
    neutral = drawn(first__weight=(5, 12), first__bias=(5,), second__weight=(3, 5), second__bias=(3,))
    layers = [keras.layers.Flatten, keras.layers.ReLU]
    found = []
    for grown in (False, True):
        first, second = keras.layers.Dense(5, name="first"), keras.layers.Dense(3, name="second")
        model = keras_network() if grown else keras_network(*(layer() for layer in layers), first, second)
        for layer in (*(layer() for layer in layers), first, second) if grown else ():
            model.add(layer)
        weights.to_keras(model, neutral)
        found.append(outputs(model, IMAGES))
    assert np.array_equal(*found)


class Windows(nn.Module):
    """Reads what nothing is known of: windows of an image, flattened."""

    def __init__(self) -> None:
        super().__init__()
        self.logits = nn.Linear(2 * 4 * 2, 2)
        self.fed = (2, 2, 2, 3)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.logits(nn.functional.unfold(image, 2).flatten(1))
        return logits


class Opaque(keras.layers.Layer):
    """Written in TensorFlow: what it does to axes cannot be seen."""

    def compute_output_shape(self, shape: Any) -> Any:
        return (*shape[:-1], shape[-1] // 2, 2)

    def call(self, maps: Any) -> Any:
        return tensorflow.reshape(maps, (-1, 2, 3, 1, 2)) + 0.0


def untold() -> dict[str, Any]:
    """Networks in which a layer reads features whose order cannot be followed."""
    opaque = keras_network(Opaque(name="opaque"), keras.layers.Flatten(), keras.layers.Dense(2, name="logits"))
    return {
        "unfolded": (lambda: weights.from_torch(Windows()), "'logits' reads features .* behind 'unfold'"),
        "opaque": (lambda: weights.from_keras(opaque), "'logits' reads features .* behind 'opaque'"),
    }


@pytest.mark.parametrize("name", ["unfolded", "opaque"])
def test_what_cannot_be_followed_is_refused_by_name(name: str) -> None:
    carry, message = untold()[name]
    with pytest.raises(HarnessError, match=message):
        carry()


def colliding() -> dict[str, Any]:
    """Networks with two layers of one neutral name."""
    in_torch = nn.Module()
    in_torch.add_module("block_1", nn.Linear(4, 4))
    in_torch.add_module("block", nn.Sequential(nn.ReLU(), nn.Linear(4, 4)))
    inner = keras.Sequential([keras.Input((2, 3, 2)), keras.layers.Dense(2, name="a")], name="inner")
    in_keras = keras_network(inner, keras.layers.Dense(2, name="inner_a"))
    return {
        "torch": (
            lambda: weights.from_torch(in_torch),
            "2 weights .*'block_1.weight': 'block_1.weight' and 'block.1.w",
        ),
        "keras": (lambda: weights.from_keras(in_keras), "2 weights are called 'inner_a.weight'"),
    }


@pytest.mark.parametrize("framework", ["torch", "keras"])
def test_names_that_collide_are_refused(framework: str) -> None:
    carry, message = colliding()[framework]
    with pytest.raises(HarnessError, match=message):
        carry()


def test_constants_are_no_weights() -> None:
    in_torch = nn.Sequential(OrderedDict(norm=nn.BatchNorm2d(2)))
    in_torch.norm.register_buffer("mask", torch.tril(torch.ones(4, 4, dtype=torch.bool)))
    in_torch.norm.register_buffer("places", torch.arange(6), persistent=False)
    assert set(weights.from_torch(in_torch)) == {f"norm.{k}" for k in ("weight", "bias", "running_mean", "running_var")}
    scaling = keras.layers.Normalization(name="scaling")
    scaling.adapt(IMAGES)
    frozen = keras.layers.Dense(2, name="frozen", trainable=False)
    in_keras = keras_network(scaling, frozen, keras.layers.Dropout(0.5))
    found = weights.from_keras(in_keras)
    assert set(found) == {"frozen.weight", "frozen.bias"}, "a frozen layer has weights all the same"
    assert not frozen.trainable
    weights.to_keras(in_keras, {name: np.ones_like(array) for name, array in found.items()})
    assert np.allclose(scaling.mean, IMAGES.mean((0, 1, 2)), atol=1e-6)


@pytest.mark.parametrize(
    ("deviation", "said"), [(2.0, ""), (2.5, "the constant 'scaling.deviation' differs by 0.5 between")]
)
def test_constants_of_one_name_are_compared(deviation: float, said: str) -> None:
    class Scaling(keras.layers.Layer):
        def build(self, _: Any) -> None:
            constant = keras.initializers.Constant(2.0)
            self.deviation = self.add_weight(name="deviation", shape=(2,), initializer=constant, trainable=False)
            self.other = self.add_weight(name="other", shape=(2,), initializer="ones", trainable=False)

        def call(self, maps: Any) -> Any:
            return maps / self.deviation + self.other

    in_torch = nn.Sequential(OrderedDict(scaling=nn.Identity()))
    in_torch.scaling.register_buffer("deviation", torch.full((1, 2, 1, 1), deviation))
    found = constants.compare(keras_network(Scaling(name="scaling")), in_torch)
    assert found.startswith(said)
    assert bool(found) == bool(said)


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
