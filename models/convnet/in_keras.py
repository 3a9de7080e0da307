"""Subir Varma's CNN, in Keras: five valid convolutions, then Flatten or global max pooling."""

import keras
from keras import layers


def build(global_pooling: bool) -> keras.Model:
    """An untrained network that turns images (N, 32, 32, 3) into logits (N, 10)."""
    head = layers.GlobalMaxPooling2D(name="global_pool") if global_pooling else layers.Flatten(name="flatten")
    return keras.Sequential(
        [
            # The lecture prints a summary alone: the size is inferred from its shapes, ReLU is assumed.
            keras.Input((32, 32, 3), name="image"),
            layers.Conv2D(32, 3, activation="relu", name="conv1"),  # (N, 30, 30, 32)
            layers.Conv2D(32, 3, activation="relu", name="conv2"),  # (N, 28, 28, 32)
            layers.MaxPooling2D(2, name="pool1"),  # (N, 14, 14, 32)
            layers.Conv2D(64, 3, activation="relu", name="conv3"),  # (N, 12, 12, 64)
            layers.Conv2D(64, 3, activation="relu", name="conv4"),  # (N, 10, 10, 64)
            layers.MaxPooling2D(2, name="pool2"),  # (N, 5, 5, 64)
            layers.Conv2D(64, 3, activation="relu", name="conv5"),  # (N, 3, 3, 64)
            head,  # flattened (N, 576); pooled (N, 64)
            layers.Dense(1024, activation="relu", name="dense1"),  # (N, 1024)
            layers.Dense(10, name="logits"),  # (N, 10)
        ],
        name="convnet",
    )
