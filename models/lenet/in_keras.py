"""The LeNet of Ted Scully's lecture, in Keras: two same-padded convolutions, a pooling or two, two dense layers."""

import keras
from keras import layers


def build(second_pooling: bool) -> keras.Model:
    """An untrained network that turns images (N, 28, 28, 1) into logits (N, 10)."""
    # What the lecture calls "without Pooling" keeps the first one.
    pool2 = [layers.MaxPooling2D(2, name="pool2")] if second_pooling else []
    return keras.Sequential(
        [
            keras.Input((28, 28, 1), name="image"),
            layers.Conv2D(20, 5, padding="same", activation="relu", name="conv1"),  # (N, 28, 28, 20)
            layers.MaxPooling2D(2, name="pool1"),  # (N, 14, 14, 20)
            layers.Conv2D(50, 5, padding="same", activation="relu", name="conv2"),  # (N, 14, 14, 50)
            *pool2,  # (N, 7, 7, 50)
            layers.Flatten(name="flatten"),  # (N, 2450); without the second pooling (N, 9800)
            layers.Dense(500, activation="relu", name="dense1"),  # (N, 500)
            layers.Dense(10, name="logits"),  # (N, 10)
        ],
        name="lenet",
    )
