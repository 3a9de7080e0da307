"""Quang-Vinh Dinh's padding example, in Keras: same-padded convolutions, two of them with stride 2."""

import keras
from keras import layers


def build() -> keras.Model:
    """An untrained network that turns images (N, 28, 28, 1) into logits (N, 10)."""
    return keras.Sequential(
        [
            keras.Input((28, 28, 1), name="image"),
            layers.Conv2D(32, 3, padding="same", activation="relu", name="conv1"),  # (N, 28, 28, 32)
            # On an even size, `same` with stride 2 pads nothing before and one pixel after.
            layers.Conv2D(64, 3, strides=2, padding="same", activation="relu", name="conv2"),  # (N, 14, 14, 64)
            layers.Conv2D(128, 3, padding="same", activation="relu", name="conv3"),  # (N, 14, 14, 128)
            layers.Conv2D(256, 3, strides=2, padding="same", activation="relu", name="conv4"),  # (N, 7, 7, 256)
            layers.Conv2D(512, 3, padding="same", activation="relu", name="conv5"),  # (N, 7, 7, 512)
            layers.Flatten(name="flatten"),  # (N, 25088)
            layers.Dense(10, name="logits"),  # (N, 10)
        ],
        name="fmnist_same",
    )
