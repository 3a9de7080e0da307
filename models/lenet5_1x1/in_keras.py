"""The LeNet of G. Marques' lecture, in Keras: LeNet 5 whose third convolution is 1×1."""

import keras
from keras import layers


def build() -> keras.Model:
    """An untrained network that turns images (N, 28, 28, 1) into logits (N, 10)."""
    return keras.Sequential(
        [
            keras.Input((28, 28, 1), name="image"),
            # The lecture's text has tanh throughout; its code ReLU, as here.
            layers.Conv2D(6, 5, padding="same", activation="relu", name="conv1"),  # (N, 28, 28, 6)
            # The text has pooling with a learned scale and bias; the code plain means, here and below.
            layers.AveragePooling2D(2, name="pool1"),  # (N, 14, 14, 6)
            layers.Conv2D(16, 5, activation="relu", name="conv2"),  # (N, 10, 10, 16)
            layers.AveragePooling2D(2, name="pool2"),  # (N, 5, 5, 16)
            # LeNet 5 has 5×5 here, which gives (N, 1, 1, 120); the lecture's code prints 1×1.
            layers.Conv2D(120, 1, activation="relu", name="conv3"),  # (N, 5, 5, 120)
            layers.Flatten(name="flatten"),  # (N, 3000)
            layers.Dense(84, activation="relu", name="dense1"),  # (N, 84)
            # The text has radial basis functions; the code a dense layer and softmax.
            layers.Dense(10, name="logits"),  # (N, 10)
        ],
        name="lenet5_1x1",
    )
