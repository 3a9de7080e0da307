"""Convolutions in Keras: from maps (N, H, W, 6) on."""

from collections.abc import Callable
from typing import Any

from keras import layers

Body = Callable[[Any], Any]


def follow(*steps: Any) -> Any:
    """What the last layer gives if each reads the one before; the first is no layer but what they begin with."""
    found, *rest = steps
    for layer in rest:
        found = layer(found)
    return found


CONVOLUTIONS: dict[str, Body] = {
    "conv_valid": lambda maps: layers.Conv2D(8, 3, name="conv")(maps),
    "conv_same": lambda maps: layers.Conv2D(8, 3, padding="same", name="conv")(maps),
    "conv_same_stride": lambda maps: layers.Conv2D(8, 3, strides=2, padding="same", name="conv")(maps),
    "conv_same_stride_even": lambda maps: follow(
        maps,
        layers.Conv2D(6, 2, name="even"),  # even sizes: "same" pads below and to the right alone
        layers.Conv2D(8, 3, strides=2, padding="same", name="conv"),
    ),
    "conv_padded_stride": lambda maps: follow(
        maps,
        layers.ZeroPadding2D(1, name="pad"),
        layers.Conv2D(8, 3, strides=2, name="conv"),
    ),
    "conv_even_kernel": lambda maps: layers.Conv2D(8, 4, padding="same", name="conv")(maps),
    "conv_dilated": lambda maps: layers.Conv2D(8, 3, dilation_rate=2, padding="same", name="conv")(maps),
    "conv_grouped": lambda maps: layers.Conv2D(8, 3, groups=2, padding="same", name="conv")(maps),
    "conv_1x1": lambda maps: layers.Conv2D(12, 1, name="conv")(maps),
    "conv_5x5_unbiased": lambda maps: layers.Conv2D(8, 5, use_bias=False, name="conv")(maps),
    "conv_flat": lambda maps: follow(
        maps,
        layers.Conv2D(6, (1, 7), padding="same", name="across"),
        layers.Conv2D(6, (7, 1), padding="same", name="down"),
    ),
    "conv_two": lambda maps: follow(
        maps,
        layers.Conv2D(6, 3, padding="same", activation="relu", name="first"),
        layers.Conv2D(6, 3, padding="same", activation="relu", name="second"),
    ),
    "depthwise": lambda maps: layers.DepthwiseConv2D(3, padding="same", name="depthwise")(maps),
    "depthwise_stride": lambda maps: layers.DepthwiseConv2D(3, strides=2, name="depthwise")(maps),
    "depthwise_multiplied": lambda maps: layers.DepthwiseConv2D(3, depth_multiplier=2, name="depthwise")(maps),
    "depthwise_separable": lambda maps: follow(
        maps,
        layers.DepthwiseConv2D(3, padding="same", use_bias=False, name="depthwise"),
        layers.Conv2D(8, 1, activation="relu", name="pointwise"),
    ),
    "transposed": lambda maps: layers.Conv2DTranspose(8, 2, strides=2, name="conv")(maps),
    "transposed_same": lambda maps: layers.Conv2DTranspose(8, 4, strides=2, padding="same", name="conv")(maps),
    "transposed_same_odd": lambda maps: layers.Conv2DTranspose(8, 3, strides=2, padding="same", name="conv")(maps),
    "stride_then_1x1": lambda maps: follow(  # a bottleneck: the stride is that of the 3×3
        maps,
        layers.Conv2D(4, 1, activation="relu", name="reduce"),
        layers.ZeroPadding2D(1, name="pad"),
        layers.Conv2D(4, 3, strides=2, activation="relu", name="spatial"),
        layers.Conv2D(8, 1, name="expand"),
    ),
    "conv_1d": lambda maps: follow(
        maps,
        layers.Reshape((-1, 6), name="sequence"),
        layers.Conv1D(8, 3, strides=2, activation="relu", name="conv"),
        layers.GlobalAveragePooling1D(name="mean"),
    ),
    "conv_1d_causal": lambda maps: follow(
        maps,
        layers.Reshape((-1, 6), name="sequence"),
        layers.Conv1D(8, 3, padding="causal", name="conv"),
        layers.GlobalMaxPooling1D(name="max"),
    ),
    "conv_3d": lambda maps: follow(
        maps,
        layers.Reshape((*maps.shape[1:], 1), name="volume"),
        layers.Conv3D(4, 3, padding="same", activation="relu", name="conv"),
        layers.GlobalAveragePooling3D(name="mean"),
    ),
    "dense_hidden": lambda maps: follow(
        maps,
        layers.GlobalMaxPooling2D(name="max"),
        layers.Dense(12, activation="relu", name="hidden"),
        layers.Dense(12, activation="tanh", name="square"),
    ),
    "dense_on_channels": lambda maps: layers.Dense(8, activation="relu", name="dense")(maps),
}
