"""Salha Alzahrani's MNIST network, in Keras: two valid convolutions, a max pooling, two dense layers."""

import keras
from keras import layers


def build() -> keras.Model:
    """An untrained network that turns images (N, 28, 28, 1) into logits (N, 10)."""
    return keras.Sequential(
        [
            keras.Input((28, 28, 1), name="image"),  # the lecture feeds 0 to 255, against its own advice
            layers.Conv2D(32, 3, name="conv1"),  # (N, 26, 26, 32)
            layers.Activation("relu", name="relu1"),
            layers.Conv2D(32, 3, name="conv2"),  # (N, 24, 24, 32)
            layers.Activation("relu", name="relu2"),
            layers.MaxPooling2D(2, name="pool1"),  # (N, 12, 12, 32)
            layers.Flatten(name="flatten"),  # (N, 4608)
            layers.Dense(64, name="dense1"),  # (N, 64)
            layers.Activation("relu", name="relu3"),
            layers.Dense(10, name="logits"),  # (N, 10)
        ],
        name="mnist_cnn",
    )
