"""LeNet 5 of 1998, in Keras: learned pooling, a table of connections, distances to drawn digits."""

from collections.abc import Sequence

import keras
import numpy as np
from keras import layers, ops


class ScaleAndShift(layers.Layer):
    """A learned factor and bias per map."""

    def build(self, shape: tuple[int | None, ...]) -> None:
        self.weight = self.add_weight(name="weight", shape=shape[-1:], initializer="ones")
        self.bias = self.add_weight(name="bias", shape=shape[-1:], initializer="zeros")

    def call(self, maps: keras.KerasTensor) -> keras.KerasTensor:
        return maps * self.weight + self.bias


class Nearness(layers.Layer):
    """Minus the squared Euclidean distance to each prototype: the nearest has the greatest logit.

    A prototype is +1 where its bitmap is black and -1 elsewhere: a constant, nothing learns it. The
    bitmaps are this project's drawings: the paper shows its own only as a picture.
    """

    def __init__(self, digits: Sequence[Sequence[str]], name: str) -> None:
        super().__init__(name=name)
        black = [[pixel == "#" for row in digit for pixel in row] for digit in digits]
        self.prototypes = np.where(black, 1.0, -1.0)  # (10, 84)

    def call(self, features: keras.KerasTensor) -> keras.KerasTensor:
        differences = ops.expand_dims(features, 1) - ops.cast(self.prototypes, features.dtype)  # (N, 10, 84)
        return -ops.sum(ops.square(differences), axis=-1)


def build(connections: Sequence[Sequence[int]], digits: Sequence[Sequence[str]]) -> keras.Model:
    """An untrained network that turns images (N, 32, 32, 1) into logits (N, 10).

    ``connections`` are the maps of S2 that each map of C3 reads, ``digits`` the prototypes, drawn.
    """
    # The lecture's layer figure is lost: the sizes are the paper's.
    # The paper scales tanh (1.7159 tanh(2x / 3)), so that ±1 lies inside its range; here it is plain.
    image = keras.Input((32, 32, 1), name="image")
    c1 = layers.Conv2D(6, 5, activation="tanh", name="c1")(image)  # (N, 28, 28, 6)
    # The paper adds the four pixels where this takes their mean: the learned factor covers both.
    s2 = layers.AveragePooling2D(2, name="pool2")(c1)  # (N, 14, 14, 6)
    s2 = layers.Activation("tanh", name="tanh2")(ScaleAndShift(name="s2")(s2))
    c3 = [
        layers.Conv2D(1, 5, name=f"c3_{number}")(ops.take(s2, maps, axis=-1))  # (N, 10, 10, 1)
        for number, maps in enumerate(connections)
    ]
    c3 = layers.Concatenate(name="c3")(c3)  # (N, 10, 10, 16)
    c3 = layers.Activation("tanh", name="tanh3")(c3)
    s4 = layers.AveragePooling2D(2, name="pool4")(c3)  # (N, 5, 5, 16)
    s4 = layers.Activation("tanh", name="tanh4")(ScaleAndShift(name="s4")(s4))
    c5 = layers.Conv2D(120, 5, activation="tanh", name="c5")(s4)  # (N, 1, 1, 120)
    c5 = layers.Flatten(name="flatten")(c5)  # (N, 120)
    f6 = layers.Dense(84, activation="tanh", name="f6")(c5)  # (N, 84): 7×12 pixels
    logits = Nearness(digits, name="logits")(f6)  # (N, 10)
    return keras.Model(image, logits, name="lenet5_1998")
