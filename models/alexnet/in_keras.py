"""AlexNet of Ted Scully's lecture, in Keras: five convolutions in one tower, max pooling, three dense layers."""

import keras
from keras import layers


def build() -> keras.Model:
    """An untrained network that turns images (N, 227, 227, 3) into logits (N, 1000)."""
    return keras.Sequential(
        [
            keras.Input((227, 227, 3), name="image"),
            # The lecture's table names no activation: ReLU throughout, as in the paper.
            layers.Conv2D(96, 11, strides=4, activation="relu", name="conv1"),  # (N, 55, 55, 96)
            layers.MaxPooling2D(3, strides=2, name="pool1"),  # (N, 27, 27, 96)
            layers.Conv2D(256, 5, padding="same", activation="relu", name="conv2"),  # (N, 27, 27, 256)
            layers.MaxPooling2D(3, strides=2, name="pool2"),  # (N, 13, 13, 256)
            layers.Conv2D(384, 3, padding="same", activation="relu", name="conv3"),  # (N, 13, 13, 384)
            layers.Conv2D(384, 3, padding="same", activation="relu", name="conv4"),  # (N, 13, 13, 384)
            layers.Conv2D(256, 3, padding="same", activation="relu", name="conv5"),  # (N, 13, 13, 256)
            # The table prints 6×6×384: pooling keeps the depth, and 6·6·256 is the 9,216 of its next row.
            layers.MaxPooling2D(3, strides=2, name="pool3"),  # (N, 6, 6, 256)
            # The table's "Fully Connected 9216" is this flattening; as a dense layer it would add 84,943,872.
            layers.Flatten(name="flatten"),  # (N, 9216)
            layers.Dense(4096, activation="relu", name="dense1"),  # (N, 4096)
            layers.Dense(4096, activation="relu", name="dense2"),  # (N, 4096)
            layers.Dense(1000, name="logits"),  # (N, 1000); the table leaves it empty
        ],
        name="alexnet",
    )
