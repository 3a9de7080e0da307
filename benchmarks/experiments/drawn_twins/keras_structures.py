"""Branches, gates, sizes and sequences in Keras: from maps (N, H, W, 6) on."""

from typing import Any

from keras import layers, ops

from .keras_convolutions import Body, follow


def _residual(maps: Any) -> Any:
    branch = follow(
        maps,
        layers.Conv2D(6, 3, padding="same", use_bias=False, name="block_branch_conv"),
        layers.BatchNormalization(epsilon=1e-5, name="block_branch_norm"),
    )
    return layers.ReLU(name="relu")(layers.Add(name="sum")([maps, branch]))


def _projected(maps: Any) -> Any:
    branch = layers.Conv2D(8, 3, padding="same", name="block_branch_conv")(maps)
    return layers.ReLU(name="relu")(branch + layers.Conv2D(8, 1, name="block_shortcut")(maps))


def _inception(maps: Any) -> Any:
    pooled = layers.MaxPooling2D(3, strides=1, padding="same", name="pool")(maps)
    branches = [
        layers.Conv2D(4, 1, name="block_one")(maps),
        layers.Conv2D(4, 3, padding="same", name="block_three")(maps),
        layers.Conv2D(4, 1, name="block_pooled")(pooled),
    ]
    return layers.ReLU(name="relu")(layers.Concatenate(name="join")(branches))


def _dense_block(maps: Any) -> Any:
    for number in (1, 2):
        grown = layers.Conv2D(4, 3, padding="same", activation="relu", name=f"block_grow{number}")(maps)
        maps = layers.Concatenate(name=f"join{number}")([maps, grown])
    return maps


def _squeezed(maps: Any) -> Any:
    weights = follow(
        maps,
        layers.GlobalAveragePooling2D(keepdims=True, name="squeeze"),
        layers.Conv2D(3, 1, activation="relu", name="block_reduce"),
        layers.Conv2D(6, 1, activation="sigmoid", name="block_expand"),
    )
    return layers.Multiply(name="scaled")([maps, weights])


def _gated(maps: Any) -> Any:
    first, second = ops.split(layers.Conv2D(16, 1, name="block_conv")(maps), 2, axis=-1)
    return first * ops.sigmoid(second)


def _larger(maps: Any) -> Any:
    branches = [layers.Conv2D(8, 1, name=f"block_{name}")(maps) for name in ("left", "right")]
    return layers.Maximum(name="larger")(branches)


def _averaged(maps: Any) -> Any:
    branches = [layers.Conv2D(8, 1, activation="tanh", name=f"block_{name}")(maps) for name in ("left", "right")]
    return layers.Average(name="mean_of_both")(branches)


def _attention(maps: Any) -> Any:
    tokens = layers.Reshape((-1, 6), name="tokens")(layers.AveragePooling2D(3, name="pool")(maps))
    query, key, value = (layers.Dense(8, name=f"block_{name}")(tokens) for name in ("query", "key", "value"))
    scores = ops.softmax(ops.matmul(query, ops.transpose(key, (0, 2, 1))) / 8**0.5, axis=-1)
    return layers.GlobalAveragePooling1D(name="pooled")(ops.matmul(scores, value))


def _shuffled(maps: Any) -> Any:
    height, width = maps.shape[1:3]
    return follow(
        layers.Conv2D(6, 1, groups=2, name="block_first")(maps),
        layers.Reshape((height, width, 2, 3), name="groups"),
        layers.Permute((1, 2, 4, 3), name="turn"),
        layers.Reshape((height, width, 6), name="joined"),
        layers.Conv2D(8, 3, groups=2, padding="same", name="block_second"),
    )


STRUCTURES: dict[str, Body] = {
    "residual": _residual,
    "residual_projected": _projected,
    "inception": _inception,
    "dense_block": _dense_block,
    "squeeze_and_excite": _squeezed,
    "gated": _gated,
    "larger_of_two": _larger,
    "average_of_two": _averaged,
    "attention": _attention,
    "channel_shuffle": _shuffled,
    "up_nearest": lambda maps: follow(
        maps, layers.UpSampling2D(2, name="up"), layers.Conv2D(6, 3, strides=2, name="conv")
    ),
    "up_bilinear": lambda maps: follow(
        maps,
        layers.UpSampling2D(2, interpolation="bilinear", name="up"),
        layers.Conv2D(6, 3, strides=2, name="conv"),
    ),
    "cropped": lambda maps: follow(
        maps, layers.Cropping2D(((1, 2), (0, 3)), name="crop"), layers.Conv2D(8, 3, name="conv")
    ),
    "padded_unevenly": lambda maps: follow(
        maps, layers.ZeroPadding2D(((1, 2), (0, 3)), name="pad"), layers.Conv2D(8, 3, name="conv")
    ),
    "dropped_out": lambda maps: follow(
        maps,
        layers.SpatialDropout2D(0.3, name="channels"),
        layers.Conv2D(8, 3, activation="relu", name="conv"),
        layers.Dropout(0.5, name="drop"),
    ),
    "noisy_in_training": lambda maps: follow(
        maps, layers.GaussianNoise(0.2, name="noise"), layers.Conv2D(8, 3, name="conv")
    ),
    "permuted": lambda maps: follow(
        maps, layers.Permute((2, 1, 3), name="turn"), layers.Conv2D(8, (3, 5), name="conv")
    ),
}
