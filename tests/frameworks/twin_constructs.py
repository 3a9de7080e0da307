"""Small networks in both frameworks, one for each construct: the same names, and the same function."""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import keras
import torch
from keras import layers, ops
from torch import nn
from torch.nn import functional

Tensor = torch.Tensor


@dataclass(frozen=True)
class Construct:
    """A construct by its name. ``shape`` is that of an image, (H, W, C)."""

    name: str
    shape: tuple[int, ...]
    in_torch: Callable[[], nn.Module]
    in_keras: Callable[[], keras.Model]


class Written(nn.Module):
    """A PyTorch network of named layers, whose forward is a function of it and of the image."""

    def __init__(self, forward: Callable[[Any, Tensor], Tensor], **layers_: nn.Module) -> None:
        super().__init__()
        self.written = forward
        for name, layer in layers_.items():
            self.add_module(name, layer)

    def forward(self, image: Tensor) -> Tensor:
        return self.written(self, image)


CONSTRUCTS: list[Construct] = []


def construct(shape: tuple[int, ...]) -> Callable[[Callable[[], Iterator[Any]]], None]:
    """Register a construct: a generator that yields the PyTorch network, then a function of Keras' symbolic image."""

    def register(build: Callable[[], Iterator[Any]]) -> None:
        def in_torch() -> nn.Module:
            model: nn.Module = next(build())
            model.fed = (2, shape[-1], *shape[:-1])  # type: ignore[assignment]
            return model.eval()

        def in_keras() -> keras.Model:
            parts = build()
            next(parts)
            made = next(parts)
            if isinstance(made, keras.Model):
                return made
            image = keras.Input(shape)
            return keras.Model(image, made(image))

        CONSTRUCTS.append(Construct(build.__name__, shape, in_torch, in_keras))

    return register


def chain(**named: nn.Module) -> nn.Module:
    return nn.Sequential(OrderedDict(named))


def through(*steps: Any) -> Callable[[Any], Any]:
    """Keras layers one after another."""

    def call(value: Any) -> Any:
        for step in steps:
            value = step(value)
        return value

    return call


@construct((6, 5, 3))
def flatten_of_maps() -> Iterator[Any]:
    yield chain(conv=nn.Conv2d(3, 4, 3), flat=nn.Flatten(), logits=nn.Linear(4 * 4 * 3, 5))
    yield through(layers.Conv2D(4, 3, name="conv"), layers.Flatten(), layers.Dense(5, name="logits"))


@construct((6, 5, 3))
def permuted_before_flatten_in_torch() -> Iterator[Any]:
    yield Written(
        lambda net, x: net.logits(net.conv(x).permute(0, 2, 3, 1).flatten(1)),
        conv=nn.Conv2d(3, 4, 3),
        logits=nn.Linear(48, 5),
    )
    yield through(layers.Conv2D(4, 3, name="conv"), layers.Flatten(), layers.Dense(5, name="logits"))


@construct((6, 5, 3))
def permuted_before_flatten_in_keras() -> Iterator[Any]:
    yield chain(conv=nn.Conv2d(3, 4, 3), flat=nn.Flatten(), logits=nn.Linear(4 * 4 * 3, 5))
    yield through(
        layers.Conv2D(4, 3, name="conv"), layers.Permute((2, 3, 1)), layers.Flatten(), layers.Dense(5, name="logits")
    )


@construct((6, 5, 3))
def reshape_by_ops() -> Iterator[Any]:
    yield Written(
        lambda net, x: net.logits(net.conv(x).relu().view(len(x), -1)), conv=nn.Conv2d(3, 4, 3), logits=nn.Linear(48, 5)
    )
    yield through(
        layers.Conv2D(4, 3, name="conv", activation="relu"),
        lambda maps: ops.reshape(maps, (-1, 48)),
        layers.Dense(5, name="logits"),
    )


@construct((6, 5, 3))
def flatten_of_rows() -> Iterator[Any]:
    """Each row of maps is a place with (W, C) features."""
    yield Written(
        lambda net, x: net.logits(net.rows(net.conv(x).permute(0, 2, 1, 3).flatten(2)).flatten(1)),
        conv=nn.Conv2d(3, 4, 3),
        rows=nn.Linear(12, 6),
        logits=nn.Linear(24, 5),
    )
    yield through(
        layers.Conv2D(4, 3, name="conv"),
        layers.Reshape((4, 12)),
        layers.Dense(6, name="rows"),
        layers.Flatten(),
        layers.Dense(5, name="logits"),
    )


@construct((7, 6, 1))
def signals() -> Iterator[Any]:
    yield Written(
        lambda net, x: net.logits(net.norm(net.conv(x.squeeze(1).transpose(1, 2))).relu().flatten(1)),
        conv=nn.Conv1d(6, 8, 3, padding=1),
        norm=nn.BatchNorm1d(8, eps=1e-3),
        logits=nn.Linear(56, 5),
    )
    yield through(
        layers.Reshape((7, 6)),
        layers.Conv1D(8, 3, padding="same", name="conv"),
        layers.BatchNormalization(name="norm"),
        layers.ReLU(),
        layers.Flatten(),
        layers.Dense(5, name="logits"),
    )


@construct((6, 5, 4))
def volumes() -> Iterator[Any]:
    yield Written(
        lambda net, x: net.logits(net.conv(x.permute(0, 2, 3, 1).unsqueeze(1)).relu().flatten(1)),
        conv=nn.Conv3d(1, 2, 3),
        logits=nn.Linear(2 * 4 * 3 * 2, 5),
    )
    yield through(
        layers.Reshape((6, 5, 4, 1)),
        layers.Conv3D(2, 3, activation="relu", name="conv"),
        layers.Flatten(),
        layers.Dense(5, name="logits"),
    )


@construct((4, 4, 3))
def transposed_convolutions() -> Iterator[Any]:
    yield Written(
        lambda net, x: net.logits(net.line(net.maps(x).flatten(2)).flatten(1)),
        maps=nn.ConvTranspose2d(3, 4, 2, stride=2),
        line=nn.ConvTranspose1d(4, 2, 3),
        logits=nn.Linear(2 * 66, 5),
    )
    yield through(
        layers.Conv2DTranspose(4, 2, strides=2, name="maps"),
        layers.Reshape((64, 4)),
        layers.Conv1DTranspose(2, 3, name="line"),
        layers.Flatten(),
        layers.Dense(5, name="logits"),
    )


@construct((6, 5, 4))
def grouped_and_depthwise() -> Iterator[Any]:
    yield chain(
        depthwise=nn.Conv2d(4, 8, 3, groups=4),
        grouped=nn.Conv2d(8, 6, 1, groups=2),
        norm=nn.GroupNorm(3, 6, eps=1e-3),
        flat=nn.Flatten(),
        logits=nn.Linear(6 * 4 * 3, 5),
    )
    yield through(
        layers.DepthwiseConv2D(3, depth_multiplier=2, name="depthwise"),
        layers.Conv2D(6, 1, groups=2, name="grouped"),
        layers.GroupNormalization(3, name="norm"),
        layers.Flatten(),
        layers.Dense(5, name="logits"),
    )


@construct((6, 5, 3))
def separable() -> Iterator[Any]:
    yield chain(
        sep=chain(depthwise=nn.Conv2d(3, 6, 3, groups=3, bias=False), pointwise=nn.Conv2d(6, 4, 1)),
        flat=nn.Flatten(),
        logits=nn.Linear(48, 5),
    )
    yield through(
        layers.SeparableConv2D(4, 3, depth_multiplier=2, name="sep"), layers.Flatten(), layers.Dense(5, name="logits")
    )


@construct((6, 5, 3))
def norms_of_flattened_maps() -> Iterator[Any]:
    yield chain(
        flat=nn.Flatten(),
        batch=nn.BatchNorm1d(90, eps=1e-3),
        layer=nn.LayerNorm(90, eps=1e-3),
        rms=nn.RMSNorm(90, eps=1e-6),
        slopes=nn.PReLU(90),
        logits=nn.Linear(90, 5),
    )
    yield through(
        layers.Flatten(),
        layers.BatchNormalization(name="batch"),
        layers.LayerNormalization(name="layer"),
        layers.RMSNormalization(name="rms"),
        layers.PReLU(name="slopes"),
        layers.Dense(5, name="logits"),
    )


@construct((6, 5, 3))
def norm_of_whole_maps() -> Iterator[Any]:
    yield chain(norm=nn.LayerNorm((3, 6, 5), eps=1e-3), flat=nn.Flatten(), logits=nn.Linear(90, 5))
    yield through(
        layers.LayerNormalization(axis=[1, 2, 3], name="norm"), layers.Flatten(), layers.Dense(5, name="logits")
    )


@construct((6, 5, 3))
def norm_without_scale_and_centre() -> Iterator[Any]:
    yield chain(norm=nn.BatchNorm2d(3, eps=1e-3, affine=False), flat=nn.Flatten(), logits=nn.Linear(90, 5))
    yield through(
        layers.BatchNormalization(scale=False, center=False, name="norm"),
        layers.Flatten(),
        layers.Dense(5, name="logits"),
    )


@construct((6, 5, 3))
def joined_features() -> Iterator[Any]:
    yield Written(
        lambda net, x: net.logits(torch.cat([x.flatten(1), x.amax((2, 3)), net.conv(x).flatten(1)], 1)),
        conv=nn.Conv2d(3, 4, 3),
        logits=nn.Linear(90 + 3 + 48, 5),
    )

    def call(image: Any) -> Any:
        parts = [
            layers.Flatten()(image),
            layers.GlobalMaxPooling2D()(image),
            layers.Flatten()(layers.Conv2D(4, 3, name="conv")(image)),
        ]
        return layers.Dense(5, name="logits")(layers.Concatenate()(parts))

    yield call


@construct((6, 5, 3))
def joined_channels() -> Iterator[Any]:
    yield Written(
        lambda net, x: net.logits(torch.cat([net.one(x), net.other(x)], 1).flatten(1)),
        one=nn.Conv2d(3, 4, 3),
        other=nn.Conv2d(3, 2, 3),
        logits=nn.Linear(72, 5),
    )

    def call(image: Any) -> Any:
        both = layers.Concatenate()([layers.Conv2D(4, 3, name="one")(image), layers.Conv2D(2, 3, name="other")(image)])
        return layers.Dense(5, name="logits")(layers.Flatten()(both))

    yield call


@construct((6, 5, 3))
def decoder() -> Iterator[Any]:
    """A dense layer whose outputs become maps: they are in another order in each framework, too."""
    yield chain(
        flat=nn.Flatten(),
        wide=nn.Linear(90, 4 * 3 * 2),
        norm=nn.BatchNorm1d(24, eps=1e-3),
        maps=nn.Unflatten(1, (2, 4, 3)),
        up=nn.ConvTranspose2d(2, 3, 2, stride=2),
        again=nn.Flatten(),
        logits=nn.Linear(3 * 8 * 6, 5),
    )
    yield through(
        layers.Flatten(),
        layers.Dense(24, name="wide"),
        layers.BatchNormalization(name="norm"),
        layers.Reshape((4, 3, 2)),
        layers.Conv2DTranspose(3, 2, strides=2, name="up"),
        layers.Flatten(),
        layers.Dense(5, name="logits"),
    )


@construct((6, 5, 3))
def shortcut_of_flattened_maps() -> Iterator[Any]:
    yield Written(
        lambda net, x: net.logits(x.flatten(1) + net.wide(x.flatten(1))),
        wide=nn.Linear(90, 90),
        logits=nn.Linear(90, 5),
    )

    def call(image: Any) -> Any:
        flat = layers.Flatten()(image)
        return layers.Dense(5, name="logits")(flat + layers.Dense(90, name="wide")(flat))

    yield call


@construct((6, 5, 4))
def squeeze_and_excite() -> Iterator[Any]:
    yield Written(
        lambda net, x: net.logits((x * torch.sigmoid(net.gate(x.mean((2, 3))))[:, :, None, None]).flatten(1)),
        gate=nn.Linear(4, 4),
        logits=nn.Linear(120, 5),
    )

    def call(image: Any) -> Any:
        gate = layers.Dense(4, activation="sigmoid", name="gate")(layers.GlobalAveragePooling2D()(image))
        return layers.Dense(5, name="logits")(layers.Flatten()(image * layers.Reshape((1, 1, 4))(gate)))

    yield call


@construct((7, 6, 1))
def recurrent() -> Iterator[Any]:
    yield Written(
        lambda net, x: net.logits(net.rnn(net.gru(net.lstm(x.squeeze(1))[0])[0])[0][:, -1]),
        lstm=nn.LSTM(6, 5, batch_first=True),
        gru=nn.GRU(5, 4, batch_first=True),
        rnn=nn.RNN(4, 3, batch_first=True),
        logits=nn.Linear(3, 5),
    )
    yield through(
        layers.Reshape((7, 6)),
        layers.LSTM(5, return_sequences=True, name="lstm"),
        layers.GRU(4, return_sequences=True, name="gru"),
        layers.SimpleRNN(3, name="rnn"),
        layers.Dense(5, name="logits"),
    )


@construct((7, 6, 1))
def bidirectional() -> Iterator[Any]:
    yield Written(
        lambda net, x: net.logits(net.gru(net.lstm(x.squeeze(1))[0])[0].flatten(1)),
        lstm=nn.LSTM(6, 5, batch_first=True, bidirectional=True),
        gru=nn.GRU(10, 4, batch_first=True, bidirectional=True),
        logits=nn.Linear(56, 5),
    )
    yield through(
        layers.Reshape((7, 6)),
        layers.Bidirectional(layers.LSTM(5, return_sequences=True), name="lstm"),
        layers.Bidirectional(layers.GRU(4, return_sequences=True), name="gru"),
        layers.Flatten(),
        layers.Dense(5, name="logits"),
    )


@construct((6, 5, 8))
def attention() -> Iterator[Any]:
    yield Written(
        lambda net, x: net.logits(net.attend(t := x.flatten(2).transpose(1, 2), t, t, need_weights=False)[0].mean(1)),
        attend=nn.MultiheadAttention(8, 2, batch_first=True),
        logits=nn.Linear(8, 5),
    )

    def call(image: Any) -> Any:
        tokens = layers.Reshape((30, 8))(image)
        found = layers.MultiHeadAttention(2, 4, name="attend")(tokens, tokens)
        return layers.Dense(5, name="logits")(layers.GlobalAveragePooling1D()(found))

    yield call


class Attention(nn.Module):
    """Two heads, written by hand, with one projection for query, key and value."""

    def __init__(self) -> None:
        super().__init__()
        self.qkv, self.out, self.logits = nn.Linear(8, 24), nn.Linear(8, 8), nn.Linear(240, 5)

    def forward(self, image: Tensor) -> Tensor:
        tokens = image.flatten(2).transpose(1, 2)
        query, key, value = self.qkv(tokens).reshape(-1, 30, 3, 2, 4).permute(2, 0, 3, 1, 4)
        found = functional.scaled_dot_product_attention(query, key, value)
        logits: Tensor = self.logits(self.out(found.transpose(1, 2).reshape(-1, 30, 8)).flatten(1))
        return logits


@construct((6, 5, 8))
def attention_by_hand() -> Iterator[Any]:
    yield Attention()

    def call(image: Any) -> Any:
        tokens = layers.Reshape((30, 8))(image)
        parts = ops.transpose(ops.reshape(layers.Dense(24, name="qkv")(tokens), (-1, 30, 3, 2, 4)), (2, 0, 3, 1, 4))
        query, key, value = parts[0], parts[1], parts[2]
        weights = ops.softmax(query @ ops.transpose(key, (0, 1, 3, 2)) / 2)
        found = ops.reshape(ops.transpose(weights @ value, (0, 2, 1, 3)), (-1, 30, 8))
        return layers.Dense(5, name="logits")(layers.Flatten()(layers.Dense(8, name="out")(found)))

    yield call


class TorchScale(nn.Module):
    def __init__(self, *shape: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.rand(shape))

    def forward(self, maps: Tensor) -> Tensor:
        return maps * self.gamma


class KerasScale(layers.Layer):  # type: ignore[misc]
    def __init__(self, *shape: int, **named: Any) -> None:
        super().__init__(**named)
        self.gamma_shape = shape

    def build(self, _: Any) -> None:
        self.gamma = self.add_weight(shape=self.gamma_shape, initializer="ones", name="gamma")

    def call(self, maps: Any) -> Any:
        return maps * self.gamma


@construct((6, 5, 3))
def layers_of_ones_own() -> Iterator[Any]:
    yield chain(channel=TorchScale(3, 1, 1), place=TorchScale(3, 6, 5), flat=nn.Flatten(), logits=nn.Linear(90, 5))
    yield through(
        KerasScale(3, name="channel"),
        KerasScale(6, 5, 3, name="place"),
        layers.Flatten(),
        layers.Dense(5, name="logits"),
    )


class KerasBlock(layers.Layer):  # type: ignore[misc]
    """A layer that holds others, named by its attributes."""

    def __init__(self, **named: Any) -> None:
        super().__init__(**named)
        self.conv = layers.Conv2D(4, 3, padding="same")
        self.norms = [layers.BatchNormalization(), layers.BatchNormalization()]

    def call(self, maps: Any) -> Any:
        return self.norms[1](self.norms[0](self.conv(maps)))


class KerasNet(keras.Model):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__()
        self.block = KerasBlock()
        self.pair = keras.Sequential([layers.Conv2D(4, 1, name="first"), layers.Conv2D(2, 1, name="second")])
        self.logits = layers.Dense(5)

    def call(self, image: Any) -> Any:
        return self.logits(ops.reshape(self.pair(self.block(image)), (-1, 60)))


@construct((6, 5, 3))
def subclassed_and_nested() -> Iterator[Any]:
    norms = nn.ModuleList([nn.BatchNorm2d(4, eps=1e-3), nn.BatchNorm2d(4, eps=1e-3)])
    block = Written(
        lambda net, x: net.norms[1](net.norms[0](net.conv(x))), conv=nn.Conv2d(3, 4, 3, padding=1), norms=norms
    )
    yield chain(
        block=block,
        pair=chain(first=nn.Conv2d(4, 4, 1), second=nn.Conv2d(4, 2, 1)),
        flat=nn.Flatten(),
        logits=nn.Linear(60, 5),
    )
    model = KerasNet()
    model(ops.zeros((1, 6, 5, 3)))
    yield model


@construct((6, 5, 3))
def automatic_names() -> Iterator[Any]:
    yield nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4, eps=1e-3), nn.Flatten(), nn.Linear(48, 6), nn.Linear(6, 5)
    )
    model = keras.Sequential(
        [layers.Conv2D(4, 3), layers.BatchNormalization(), layers.Flatten(), layers.Dense(6), layers.Dense(5)]
    )
    model(ops.zeros((1, 6, 5, 3)))
    yield model


@construct((6, 5, 3))
def shared_layer() -> Iterator[Any]:
    yield Written(
        lambda net, x: net.logits(net.twice(net.twice(x)).flatten(1)),
        twice=nn.Conv2d(3, 3, 3, padding=1),
        logits=nn.Linear(90, 5),
    )
    twice = layers.Conv2D(3, 3, padding="same", name="twice")
    yield through(twice, twice, layers.Flatten(), layers.Dense(5, name="logits"))


@construct((4, 4, 3))
def sub_pixel_convolution() -> Iterator[Any]:
    """Channels that become places: (C, r, r) in PyTorch and (r, r, C) in Keras."""
    yield Written(
        lambda net, x: net.logits(
            net.conv(x).reshape(-1, 2, 2, 2, 4, 4).permute(0, 1, 4, 2, 5, 3).reshape(-1, 2, 8, 8)
        ).flatten(1),
        conv=nn.Conv2d(3, 8, 1),
        logits=nn.Conv2d(2, 5, 8),
    )
    yield through(
        layers.Conv2D(8, 1, name="conv"),
        layers.Reshape((4, 4, 2, 2, 2)),
        layers.Permute((1, 3, 2, 4, 5)),
        layers.Reshape((8, 8, 2)),
        layers.Conv2D(5, 8, name="logits"),
        layers.Flatten(),
    )


@construct((4, 4, 3))
def patches() -> Iterator[Any]:
    yield Written(
        lambda net, x: net.logits(
            net.embed(x.reshape(-1, 3, 2, 2, 2, 2).permute(0, 2, 4, 1, 3, 5).reshape(-1, 4, 12)).flatten(1)
        ),
        embed=nn.Linear(12, 6),
        logits=nn.Linear(24, 5),
    )
    yield through(
        layers.Reshape((2, 2, 2, 2, 3)),
        layers.Permute((1, 3, 2, 4, 5)),
        layers.Reshape((4, 12)),
        layers.Dense(6, name="embed"),
        layers.Flatten(),
        layers.Dense(5, name="logits"),
    )


@construct((6, 6, 4))
def shuffled_channels() -> Iterator[Any]:
    yield Written(
        lambda net, x: net.logits(net.conv(x.reshape(-1, 2, 2, 6, 6).transpose(1, 2).reshape(-1, 4, 6, 6)).flatten(1)),
        conv=nn.Conv2d(4, 4, 3, groups=2),
        logits=nn.Linear(64, 5),
    )
    yield through(
        layers.Reshape((6, 6, 2, 2)),
        layers.Permute((1, 2, 4, 3)),
        layers.Reshape((6, 6, 4)),
        layers.Conv2D(4, 3, groups=2, name="conv"),
        layers.Flatten(),
        layers.Dense(5, name="logits"),
    )


@construct((6, 6, 4))
def pooled_and_padded() -> Iterator[Any]:
    yield chain(
        pad=nn.ZeroPad2d(1),
        pool=nn.MaxPool2d(2),
        mean=nn.AvgPool2d(2),
        up=nn.Upsample(scale_factor=3),
        flat=nn.Flatten(),
        logits=nn.Linear(4 * 36, 5),
    )
    yield through(
        layers.ZeroPadding2D(1),
        layers.MaxPooling2D(2),
        layers.AveragePooling2D(2),
        layers.UpSampling2D(3),
        layers.Flatten(),
        layers.Dense(5, name="logits"),
    )


@construct((6, 5, 8))
def einsum_dense() -> Iterator[Any]:
    yield Written(
        lambda net, x: net.logits(net.one(x.flatten(2).mT).mean(1)), one=nn.Linear(8, 6), logits=nn.Linear(6, 5)
    )
    yield through(
        layers.Reshape((30, 8)),
        layers.EinsumDense("abc,cd->abd", output_shape=(30, 6), bias_axes="d", name="one"),
        lambda found: ops.mean(found, axis=1),
        layers.Dense(5, name="logits"),
    )


@construct((7, 6, 1))
def depthwise_and_separable_signals() -> Iterator[Any]:
    yield Written(
        lambda net, x: net.logits(net.sep(net.depthwise(x.squeeze(1).mT)).flatten(1)),
        depthwise=nn.Conv1d(6, 12, 3, groups=6),
        sep=chain(depthwise=nn.Conv1d(12, 12, 2, groups=12, bias=False), pointwise=nn.Conv1d(12, 4, 1)),
        logits=nn.Linear(16, 5),
    )
    yield through(
        layers.Reshape((7, 6)),
        layers.DepthwiseConv1D(3, depth_multiplier=2, name="depthwise"),
        layers.SeparableConv1D(4, 2, name="sep"),
        layers.Flatten(),
        layers.Dense(5, name="logits"),
    )


@construct((3, 3, 2))
def transposed_volumes() -> Iterator[Any]:
    yield Written(
        lambda net, x: net.logits(net.up(x.permute(0, 2, 3, 1).unsqueeze(1)).flatten(1)),
        up=nn.ConvTranspose3d(1, 3, 2),
        logits=nn.Linear(3 * 4 * 4 * 3, 5),
    )
    yield through(
        layers.Reshape((3, 3, 2, 1)),
        layers.Conv3DTranspose(3, 2, name="up"),
        layers.Flatten(),
        layers.Dense(5, name="logits"),
    )


@construct((6, 5, 4))
def tokens() -> Iterator[Any]:
    """Each pixel is the number of its largest channel."""
    yield Written(
        lambda net, x: net.logits(net.table(x.argmax(1).flatten(1)).flatten(1)),
        table=nn.Embedding(4, 3),
        logits=nn.Linear(90, 5),
    )
    yield through(
        lambda image: ops.reshape(ops.argmax(image, axis=-1), (-1, 30)),
        layers.Embedding(4, 3, name="table"),
        layers.Flatten(),
        layers.Dense(5, name="logits"),
    )


class GroupedQueries(nn.Module):
    """Two heads of queries that share one of keys and values."""

    def __init__(self) -> None:
        super().__init__()
        self.query, self.out_proj = nn.Linear(8, 8), nn.Linear(8, 8)
        self.key, self.value = nn.Linear(8, 4), nn.Linear(8, 4)

    def forward(self, tokens: Tensor) -> Tensor:
        query = self.query(tokens).unflatten(2, (2, 4)).transpose(1, 2)
        key, value = self.key(tokens).unsqueeze(1), self.value(tokens).unsqueeze(1)
        found = functional.scaled_dot_product_attention(query, key.expand_as(query), value.expand_as(query))
        out: Tensor = self.out_proj(found.transpose(1, 2).flatten(2))
        return out


@construct((6, 5, 8))
def grouped_query_attention() -> Iterator[Any]:
    yield Written(
        lambda net, x: net.logits(net.attend(x.flatten(2).mT).mean(1)), attend=GroupedQueries(), logits=nn.Linear(8, 5)
    )

    def call(image: Any) -> Any:
        rows = layers.Reshape((30, 8))(image)
        found = layers.GroupQueryAttention(4, 2, 1, name="attend")(rows, rows)
        return layers.Dense(5, name="logits")(layers.GlobalAveragePooling1D()(found))

    yield call
