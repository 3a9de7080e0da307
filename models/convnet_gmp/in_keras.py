"""Subir Varma's CNN with global max pooling, in Keras: five valid convolutions, no Flatten."""

import keras
from keras import layers


def build() -> keras.Model:
    """An untrained network that turns images (N, 32, 32, 3) into logits (N, 10)."""
    return keras.Sequential(
        [
            keras.Input((32, 32, 3), name="image"),
            layers.Conv2D(32, 3, activation="relu", name="conv1"),  # (N, 30, 30, 32)
            layers.Conv2D(32, 3, activation="relu", name="conv2"),  # (N, 28, 28, 32)
            layers.MaxPooling2D(2, name="pool1"),  # (N, 14, 14, 32)
            layers.Conv2D(64, 3, activation="relu", name="conv3"),  # (N, 12, 12, 64)
            layers.Conv2D(64, 3, activation="relu", name="conv4"),  # (N, 10, 10, 64)
            layers.MaxPooling2D(2, name="pool2"),  # (N, 5, 5, 64)
            layers.Conv2D(64, 3, activation="relu", name="conv5"),  # (N, 3, 3, 64)
            layers.GlobalMaxPooling2D(name="global_pool"),  # (N, 64)
            layers.Dense(1024, activation="relu", name="dense1"),  # (N, 1024)
            layers.Dense(10, name="logits"),  # (N, 10)
        ],
        name="convnet_gmp",
    )
