"""A head on MobileNet (Howard et al. 2017), in Keras: depthwise-separable convolutions, then two dense layers."""

import keras
from keras import layers

# Filters and stride of each block, a depthwise 3×3 and a pointwise 1×1 convolution.
BLOCKS = (
    (64, 1),  # (N, 80, 80, 64)
    (128, 2),  # (N, 40, 40, 128)
    (128, 1),
    (256, 2),  # (N, 20, 20, 256)
    (256, 1),
    (512, 2),  # (N, 10, 10, 512)
    (512, 1),
    (512, 1),
    (512, 1),
    (512, 1),
    (512, 1),
    (1024, 2),  # (N, 5, 5, 1024)
    (1024, 1),
)


def build() -> keras.Model:
    """An untrained network that turns images (N, 160, 160, 3) into logits (N, 1)."""
    network = [
        keras.Input((160, 160, 3), name="image"),
        # On an even size, `same` with stride 2 pads nothing before and one pixel after.
        layers.Conv2D(32, 3, strides=2, padding="same", use_bias=False, name="conv1"),  # (N, 80, 80, 32)
        *norm_and_relu("conv1"),
    ]
    for block, (filters, stride) in enumerate(BLOCKS, start=1):
        depthwise, pointwise = f"conv_dw_{block}", f"conv_pw_{block}"
        network += [
            # (N, 80, 80, 32) to (N, 5, 5, 1024): channels stay, a stride of 2 halves height and width.
            layers.DepthwiseConv2D(3, strides=stride, padding="same", use_bias=False, name=depthwise),
            *norm_and_relu(depthwise),
            layers.Conv2D(filters, 1, use_bias=False, name=pointwise),  # (N, 80, 80, 64) to (N, 5, 5, 1024)
            *norm_and_relu(pointwise),
        ]
    network += [
        layers.Flatten(name="flatten"),  # (N, 25600)
        layers.Dense(256, name="dense1"),  # (N, 256); linear, as the lecture prints it
        layers.Dropout(0.5, name="dropout1"),
        layers.Dense(1, name="logits"),  # (N, 1)
    ]
    return keras.Sequential(network, name="mobilenet_features")


def norm_and_relu(name: str) -> list[layers.Layer]:
    """What follows every convolution."""
    return [
        layers.BatchNormalization(momentum=0.99, epsilon=1e-3, name=f"{name}_bn"),
        layers.ReLU(6, name=f"{name}_relu"),
    ]
