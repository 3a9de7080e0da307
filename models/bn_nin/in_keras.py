"""Network in Network with batch norm, in Keras: behind each large convolution two of 1×1, a small network a pixel."""

import keras
from keras import layers


def build() -> keras.Model:
    """An untrained network that turns images (N, 224, 224, 3) into logits (N, 1000)."""
    return keras.Sequential(
        [
            keras.Input((224, 224, 3), name="image"),
            # With a stride of 4, `same` would pad 3 before and 4 after: this network pads 5 on either side.
            layers.ZeroPadding2D(5, name="block1_conv1_pad"),  # (N, 234, 234, 3)
            layers.Conv2D(96, 11, strides=4, name="block1_conv1"),  # (N, 56, 56, 96)
            *network_in_network(96, "block1"),
            *pool("block1"),  # (N, 28, 28, 96)
            layers.Conv2D(256, 5, padding="same", name="block2_conv1"),  # (N, 28, 28, 256)
            *network_in_network(256, "block2"),
            *pool("block2"),  # (N, 14, 14, 256)
            layers.Conv2D(384, 3, padding="same", name="block3_conv1"),  # (N, 14, 14, 384)
            *network_in_network(384, "block3"),
            *pool("block3"),  # (N, 7, 7, 384)
            layers.Conv2D(1024, 3, padding="same", name="block4_conv1"),  # (N, 7, 7, 1024)
            *network_in_network(1024, "block4"),
            layers.AveragePooling2D(7, name="pool"),  # (N, 1, 1, 1024)
            layers.Flatten(name="flatten"),  # (N, 1024)
            layers.Dense(1000, name="logits"),  # (N, 1000)
        ],
        name="bn_nin",
    )


def network_in_network(filters: int, block: str) -> list[layers.Layer]:
    """What follows a block's first convolution: two of 1×1, with a batch norm and a ReLU behind each of the three."""
    return [
        *norm_and_relu(f"{block}_conv1"),
        layers.Conv2D(filters, 1, name=f"{block}_conv2"),
        *norm_and_relu(f"{block}_conv2"),
        layers.Conv2D(filters, 1, name=f"{block}_conv3"),
        *norm_and_relu(f"{block}_conv3"),
    ]


def norm_and_relu(name: str) -> list[layers.Layer]:
    """What follows every convolution."""
    return [
        layers.BatchNormalization(momentum=0.9, epsilon=1e-3, name=f"{name}_bn"),
        layers.ReLU(name=f"{name}_relu"),
    ]


def pool(block: str) -> list[layers.Layer]:
    """Windows of 3×3 that overlap, halving height and width."""
    return [
        # On an even size, `same` pads only after. Behind a ReLU, a padded zero is never more than the maximum.
        layers.ZeroPadding2D(1, name=f"{block}_pool_pad"),
        layers.MaxPooling2D(3, strides=2, name=f"{block}_pool"),
    ]
