"""AlexNet in two towers, in Keras: grouped convolutions, local response normalisation, dropout."""

import keras
from keras import layers, ops


class LocalResponseNormalization(layers.Layer):
    """Each value is divided by (k + alpha × the mean of the squares around it, over ``size`` channels)^beta.

    Beyond the first and the last channel there are zeros. It has no weights.
    """

    def __init__(self, size: int, alpha: float, beta: float, k: float, name: str) -> None:
        super().__init__(name=name)
        self.size, self.alpha, self.beta, self.k = size, alpha, beta, k

    def call(self, maps: keras.KerasTensor) -> keras.KerasTensor:
        height, width, channels = maps.shape[1:]
        # Pooled along the channels: they take the place of a picture's width.
        squares = ops.reshape(ops.square(maps), (-1, height * width, channels, 1))
        around = self.size // 2
        squares = ops.pad(squares, ((0, 0), (0, 0), (around, around), (0, 0)))
        means = ops.average_pool(squares, (1, self.size), strides=1, data_format="channels_last")
        means = ops.reshape(means, (-1, height, width, channels))
        return maps / (self.k + self.alpha * means) ** self.beta


def build() -> keras.Model:
    """An untrained network that turns images (N, 227, 227, 3) into logits (N, 1000)."""
    return keras.Sequential(
        [
            keras.Input((227, 227, 3), name="image"),
            layers.Conv2D(96, 11, strides=4, activation="relu", name="conv1"),  # (N, 55, 55, 96)
            # Caffe's constants; the paper has k = 2, and multiplies the sum of the five squares by alpha.
            LocalResponseNormalization(5, alpha=1e-4, beta=0.75, k=1.0, name="norm1"),
            layers.MaxPooling2D(3, strides=2, name="pool1"),  # (N, 27, 27, 96)
            # Two towers: half of the filters read the first half of the channels, the others the second.
            layers.Conv2D(256, 5, padding="same", groups=2, activation="relu", name="conv2"),  # (N, 27, 27, 256)
            LocalResponseNormalization(5, alpha=1e-4, beta=0.75, k=1.0, name="norm2"),
            layers.MaxPooling2D(3, strides=2, name="pool2"),  # (N, 13, 13, 256)
            # Here the towers read each other.
            layers.Conv2D(384, 3, padding="same", activation="relu", name="conv3"),  # (N, 13, 13, 384)
            layers.Conv2D(384, 3, padding="same", groups=2, activation="relu", name="conv4"),  # (N, 13, 13, 384)
            layers.Conv2D(256, 3, padding="same", groups=2, activation="relu", name="conv5"),  # (N, 13, 13, 256)
            layers.MaxPooling2D(3, strides=2, name="pool3"),  # (N, 6, 6, 256)
            layers.Flatten(name="flatten"),  # (N, 9216)
            layers.Dense(4096, activation="relu", name="dense1"),  # (N, 4096)
            layers.Dropout(0.5, name="dropout1"),
            layers.Dense(4096, activation="relu", name="dense2"),  # (N, 4096)
            layers.Dropout(0.5, name="dropout2"),
            layers.Dense(1000, name="logits"),  # (N, 1000)
        ],
        name="alexnet_two_tower",
    )
