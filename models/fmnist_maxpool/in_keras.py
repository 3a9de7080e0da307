"""Quang-Vinh Dinh's max-pooling example, in Keras: five valid convolutions, two max poolings."""

import keras
from keras import layers


def build() -> keras.Model:
    """An untrained network that turns images (N, 28, 28, 1) into logits (N, 10)."""
    return keras.Sequential(
        [
            keras.Input((28, 28, 1), name="image"),
            # The lecture's figure of these layers is missing; its listing for open sizes has them.
            layers.Conv2D(32, 3, activation="relu", name="conv1"),  # (N, 26, 26, 32)
            layers.Conv2D(64, 3, activation="relu", name="conv2"),  # (N, 24, 24, 64)
            layers.MaxPooling2D(2, name="pool1"),  # (N, 12, 12, 64)
            layers.Conv2D(128, 3, activation="relu", name="conv3"),  # (N, 10, 10, 128)
            layers.Conv2D(256, 3, activation="relu", name="conv4"),  # (N, 8, 8, 256)
            layers.MaxPooling2D(2, name="pool2"),  # (N, 4, 4, 256)
            layers.Conv2D(512, 3, activation="relu", name="conv5"),  # (N, 2, 2, 512)
            layers.Flatten(name="flatten"),  # (N, 2048)
            layers.Dense(10, name="logits"),  # (N, 10)
        ],
        name="fmnist_maxpool",
    )
