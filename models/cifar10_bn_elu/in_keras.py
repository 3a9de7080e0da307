"""Salha Alzahrani's CIFAR-10 network, in Keras: convolution, batch norm, ELU, three times two; dropout between."""

import keras
from keras import layers


def build() -> keras.Model:
    """An untrained network that turns images (N, 32, 32, 3) into logits (N, 10)."""
    return keras.Sequential(
        [
            keras.Input((32, 32, 3), name="image"),
            layers.Conv2D(32, 3, padding="same", name="conv1"),  # (N, 32, 32, 32)
            layers.BatchNormalization(momentum=0.99, epsilon=1e-3, name="norm1"),
            layers.Activation("elu", name="elu1"),
            layers.Conv2D(32, 3, padding="same", name="conv2"),  # (N, 32, 32, 32)
            layers.BatchNormalization(momentum=0.99, epsilon=1e-3, name="norm2"),
            layers.Activation("elu", name="elu2"),
            layers.MaxPooling2D(2, name="pool1"),  # (N, 16, 16, 32)
            layers.Dropout(0.2, name="dropout1"),
            layers.Conv2D(64, 3, padding="same", name="conv3"),  # (N, 16, 16, 64)
            layers.BatchNormalization(momentum=0.99, epsilon=1e-3, name="norm3"),
            layers.Activation("elu", name="elu3"),
            layers.Conv2D(64, 3, padding="same", name="conv4"),  # (N, 16, 16, 64)
            layers.BatchNormalization(momentum=0.99, epsilon=1e-3, name="norm4"),
            layers.Activation("elu", name="elu4"),
            layers.MaxPooling2D(2, name="pool2"),  # (N, 8, 8, 64)
            layers.Dropout(0.2, name="dropout2"),
            layers.Conv2D(128, 3, name="conv5"),  # (N, 6, 6, 128)
            layers.BatchNormalization(momentum=0.99, epsilon=1e-3, name="norm5"),
            layers.Activation("elu", name="elu5"),
            layers.Conv2D(128, 3, name="conv6"),  # (N, 4, 4, 128)
            layers.BatchNormalization(momentum=0.99, epsilon=1e-3, name="norm6"),
            layers.Activation("elu", name="elu6"),
            layers.MaxPooling2D(2, name="pool3"),  # (N, 2, 2, 128)
            layers.Dropout(0.5, name="dropout3"),
            layers.Flatten(name="flatten"),  # (N, 512)
            layers.Dense(10, name="logits"),  # (N, 10)
        ],
        name="cifar10_bn_elu",
    )
