"""The LeNet of Quang-Vinh Dinh's lecture, in Keras: two convolutions, max pooling, three dense layers."""

import keras
from keras import layers


def build(input_shape: tuple[int, int, int]) -> keras.Model:
    """An untrained network that turns images (N, H, W, C) into logits (N, 10)."""
    return keras.Sequential(
        [
            keras.Input(input_shape, name="image"),  # the shapes below are those of 28×28; 32×32 ends in (N, 6, 6, 16)
            layers.Conv2D(6, 5, padding="same", activation="relu", name="conv1"),  # (N, 28, 28, 6)
            # LeNet 5 averages and has tanh; the lecture's code prints max pooling and ReLU.
            layers.MaxPooling2D(2, name="pool1"),  # (N, 14, 14, 6)
            layers.Conv2D(16, 5, activation="relu", name="conv2"),  # (N, 10, 10, 16)
            layers.MaxPooling2D(2, name="pool2"),  # (N, 5, 5, 16)
            layers.Flatten(name="flatten"),  # (N, 400)
            layers.Dense(120, activation="relu", name="dense1"),  # (N, 120)
            layers.Dense(84, activation="relu", name="dense2"),  # (N, 84)
            layers.Dense(10, name="logits"),  # (N, 10)
        ],
        name="lenet_28",
    )
