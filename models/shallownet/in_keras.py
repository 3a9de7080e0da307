"""ShallowNet of Ted Scully's lecture, in Keras: one convolution and a dense layer."""

import keras
from keras import layers


def build() -> keras.Model:
    """An untrained network that turns images (N, 32, 32, 3) into logits (N, 10)."""
    return keras.Sequential(
        [
            keras.Input((32, 32, 3), name="image"),
            layers.Conv2D(64, 3, padding="same", activation="relu", name="conv1"),  # (N, 32, 32, 64)
            layers.Flatten(name="flatten"),  # (N, 65536)
            layers.Dense(10, name="logits"),  # (N, 10)
        ],
        name="shallownet",
    )
