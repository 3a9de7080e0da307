"""Quang-Vinh Dinh's fully convolutional network, in Keras: 1×1 convolutions in place of dense layers."""

import keras
from keras import layers


def build() -> keras.Model:
    """An untrained network that turns images (N, H, W, 1) of any size into logits; 28×28 gives (N, 1, 1, 10)."""
    return keras.Sequential(
        [
            keras.Input((None, None, 1), name="image"),  # the shapes below are those of 28×28
            layers.Conv2D(32, 3, padding="same", activation="relu", name="conv1"),  # (N, 28, 28, 32)
            # On an even size, `same` with stride 2 pads nothing before and one pixel after; on an odd size one on
            # each side.
            layers.Conv2D(64, 3, strides=2, padding="same", activation="relu", name="conv2"),  # (N, 14, 14, 64)
            layers.Conv2D(128, 3, padding="same", activation="relu", name="conv3"),  # (N, 14, 14, 128)
            layers.Conv2D(256, 3, strides=2, padding="same", activation="relu", name="conv4"),  # (N, 7, 7, 256)
            # The lecture's other padding example has 3×3 same here, so this replaces more than its dense layer.
            layers.Conv2D(512, 7, activation="relu", name="conv5"),  # (N, 1, 1, 512)
            layers.Conv2D(10, 1, name="logits"),  # (N, 1, 1, 10)
        ],
        name="fcn_1x1",
    )
