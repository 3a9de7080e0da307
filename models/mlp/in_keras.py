"""Multi-layer perceptron, in Keras: flatten, dense layers of 128 units, ten classes."""

import keras
from keras import layers


def build(hidden: int, activation: str, input_shape: tuple[int, int, int]) -> keras.Model:
    """An untrained network that turns images (N, H, W, C) into logits (N, 10)."""
    dense = [layers.Dense(128, activation=activation, name=f"dense{number}") for number in range(1, hidden + 1)]
    return keras.Sequential(
        [
            keras.Input(input_shape, name="image"),
            layers.Flatten(name="flatten"),  # (N, H * W * C)
            *dense,  # (N, 128) each
            layers.Dense(10, name="logits"),  # (N, 10)
        ],
        name="mlp",
    )
