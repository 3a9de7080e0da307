"""LeNet 5 of Ted Scully's lecture, in Keras: two valid convolutions, average pooling, three dense layers."""

import keras
from keras import layers


def build() -> keras.Model:
    """An untrained network that turns images (N, 32, 32, 1) into logits (N, 10)."""
    return keras.Sequential(
        [
            keras.Input((32, 32, 1), name="image"),
            # The lecture's table names no activation: ReLU is what its text calls modern, tanh the original.
            layers.Conv2D(6, 5, activation="relu", name="conv1"),  # (N, 28, 28, 6)
            # Nor which pooling: average is what its text calls the original, maximum modern.
            layers.AveragePooling2D(2, name="pool1"),  # (N, 14, 14, 6)
            layers.Conv2D(16, 5, activation="relu", name="conv2"),  # (N, 10, 10, 16)
            layers.AveragePooling2D(2, name="pool2"),  # (N, 5, 5, 16)
            layers.Flatten(name="flatten"),  # (N, 400)
            layers.Dense(120, activation="relu", name="dense1"),  # (N, 120)
            layers.Dense(84, activation="relu", name="dense2"),  # (N, 84)
            layers.Dense(10, name="logits"),  # (N, 10); the table leaves it empty
        ],
        name="lenet5",
    )
