"""Quang-Vinh Dinh's first CNN, in Keras: four valid 7×7 convolutions and a dense layer."""

import keras
from keras import layers


def build() -> keras.Model:
    """An untrained network that turns images (N, 28, 28, 1) into logits (N, 10)."""
    return keras.Sequential(
        [
            keras.Input((28, 28, 1), name="image"),
            layers.Conv2D(32, 7, activation="relu", name="conv1"),  # (N, 22, 22, 32)
            layers.Conv2D(64, 7, activation="relu", name="conv2"),  # (N, 16, 16, 64)
            layers.Conv2D(128, 7, activation="relu", name="conv3"),  # (N, 10, 10, 128)
            layers.Conv2D(256, 7, activation="relu", name="conv4"),  # (N, 4, 4, 256)
            layers.Flatten(name="flatten"),  # (N, 4096)
            layers.Dense(10, name="logits"),  # (N, 10)
        ],
        name="fmnist_conv7",
    )
