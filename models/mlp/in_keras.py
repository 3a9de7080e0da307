"""Multi-layer perceptron, in Keras: flatten, dense layers of 128 units, ten classes."""

import keras
from keras import layers


def build(hidden: int, activation: str, input_shape: tuple[int, int, int]) -> keras.Model:
    """An untrained network that turns images (N, H, W, C) into logits (N, 10)."""
    model = keras.Sequential(name="mlp")
    model.add(keras.Input(input_shape, name="image"))
    model.add(layers.Flatten(name="flatten"))  # (N, H * W * C)
    for number in range(1, hidden + 1):
        model.add(layers.Dense(128, activation=activation, name=f"dense{number}"))  # (N, 128)
    model.add(layers.Dense(10, name="logits"))  # (N, 10)
    return model
