"""AlexNet with batch norm, in Keras: five convolutions in one tower, max pooling, three dense layers."""

import keras
from keras import layers


def build() -> keras.Model:
    """An untrained network that turns images (N, 224, 224, 3) into logits (N, 1000)."""
    return keras.Sequential(
        [
            keras.Input((224, 224, 3), name="image"),
            # With a stride of 4, `same` would pad 3 before and 4 after: this network pads 2 on either side.
            layers.ZeroPadding2D(2, name="conv1_pad"),  # (N, 228, 228, 3)
            layers.Conv2D(64, 11, strides=4, name="conv1"),  # (N, 55, 55, 64)
            *norm_and_relu("conv1"),
            layers.MaxPooling2D(3, strides=2, name="pool1"),  # (N, 27, 27, 64)
            layers.Conv2D(192, 5, padding="same", name="conv2"),  # (N, 27, 27, 192)
            *norm_and_relu("conv2"),
            layers.MaxPooling2D(3, strides=2, name="pool2"),  # (N, 13, 13, 192)
            layers.Conv2D(384, 3, padding="same", name="conv3"),  # (N, 13, 13, 384)
            *norm_and_relu("conv3"),
            layers.Conv2D(256, 3, padding="same", name="conv4"),  # (N, 13, 13, 256)
            *norm_and_relu("conv4"),
            layers.Conv2D(256, 3, padding="same", name="conv5"),  # (N, 13, 13, 256)
            *norm_and_relu("conv5"),
            layers.MaxPooling2D(3, strides=2, name="pool3"),  # (N, 6, 6, 256)
            layers.Flatten(name="flatten"),  # (N, 9216)
            layers.Dropout(0.5, name="dropout1"),
            layers.Dense(4096, name="dense1"),  # (N, 4096)
            *norm_and_relu("dense1"),
            layers.Dropout(0.5, name="dropout2"),
            layers.Dense(4096, name="dense2"),  # (N, 4096)
            *norm_and_relu("dense2"),
            layers.Dense(1000, name="logits"),  # (N, 1000)
        ],
        name="bn_alexnet",
    )


def norm_and_relu(name: str) -> list[layers.Layer]:
    """What follows every layer with weights but the last."""
    return [
        layers.BatchNormalization(momentum=0.9, epsilon=1e-3, name=f"{name}_bn"),
        layers.ReLU(name=f"{name}_relu"),
    ]
