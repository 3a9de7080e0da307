"""Subir Varma's CNN for 150×150 images, in Keras: four valid convolutions, each pooled, and two dense layers."""

import keras
from keras import layers


def build() -> keras.Model:
    """An untrained network that turns images (N, 150, 150, 3) into logits (N, 1)."""
    return keras.Sequential(
        [
            keras.Input((150, 150, 3), name="image"),
            layers.Conv2D(32, 3, activation="relu", name="conv1"),  # (N, 148, 148, 32)
            layers.MaxPooling2D(2, name="pool1"),  # (N, 74, 74, 32)
            layers.Conv2D(64, 3, activation="relu", name="conv2"),  # (N, 72, 72, 64)
            layers.MaxPooling2D(2, name="pool2"),  # (N, 36, 36, 64)
            layers.Conv2D(128, 3, activation="relu", name="conv3"),  # (N, 34, 34, 128)
            layers.MaxPooling2D(2, name="pool3"),  # (N, 17, 17, 128)
            layers.Conv2D(128, 3, activation="relu", name="conv4"),  # (N, 15, 15, 128)
            # Of an odd size, the last row and column are dropped.
            layers.MaxPooling2D(2, name="pool4"),  # (N, 7, 7, 128)
            layers.Flatten(name="flatten"),  # (N, 6272)
            layers.Dense(512, activation="relu", name="dense1"),  # (N, 512)
            layers.Dense(1, name="logits"),  # (N, 1)
        ],
        name="convnet_150",
    )
