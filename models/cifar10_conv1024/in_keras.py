"""Quang-Vinh Dinh's CNN for CIFAR-10, in Keras: six same-padded convolutions, three of them with stride 2."""

import keras
from keras import layers


def build() -> keras.Model:
    """An untrained network that turns images (N, 32, 32, 3) into logits (N, 10)."""
    return keras.Sequential(
        [
            keras.Input((32, 32, 3), name="image"),  # the lecture's height and width are undefined: CIFAR-10's
            layers.Conv2D(32, 3, padding="same", activation="relu", name="conv1"),  # (N, 32, 32, 32)
            # On an even size, `same` with stride 2 pads nothing before and one pixel after.
            layers.Conv2D(64, 3, strides=2, padding="same", activation="relu", name="conv2"),  # (N, 16, 16, 64)
            layers.Conv2D(128, 3, padding="same", activation="relu", name="conv3"),  # (N, 16, 16, 128)
            layers.Conv2D(256, 3, strides=2, padding="same", activation="relu", name="conv4"),  # (N, 8, 8, 256)
            layers.Conv2D(512, 3, padding="same", activation="relu", name="conv5"),  # (N, 8, 8, 512)
            layers.Conv2D(1024, 3, strides=2, padding="same", activation="relu", name="conv6"),  # (N, 4, 4, 1024)
            layers.Flatten(name="flatten"),  # (N, 16384)
            layers.Dense(512, activation="relu", name="dense1"),  # (N, 512)
            layers.Dense(10, name="logits"),  # (N, 10)
        ],
        name="cifar10_conv1024",
    )
