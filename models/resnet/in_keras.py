"""ResNet, in Keras: each block learns what to add to its input, which goes around it by a shortcut."""

from collections.abc import Sequence

import keras
from keras import layers

FILTERS = (64, 128, 256, 512)  # of the 3×3 convolutions of each stage


def build(stages: Sequence[int], block: str) -> keras.Model:
    """An untrained network that turns images (N, 224, 224, 3) into logits (N, 1000).

    ``stages`` gives the blocks of each stage, ``block`` their kind: "basic" or "bottleneck". A
    bottleneck's output has four times the channels below.
    """
    image = keras.Input((224, 224, 3), name="image")
    maps = convolution(image, 64, 7, 2, "stem_conv")  # (N, 112, 112, 64)
    maps = norm("stem_bn")(maps)
    maps = layers.ReLU(name="stem_relu")(maps)
    # Behind a ReLU, a padded zero is never more than the maximum.
    maps = layers.ZeroPadding2D(1, name="stem_pool_pad")(maps)  # (N, 114, 114, 64)
    maps = layers.MaxPooling2D(3, strides=2, name="stem_pool")(maps)  # (N, 56, 56, 64)
    for stage, (filters, blocks) in enumerate(zip(FILTERS, stages, strict=True), start=1):
        # (N, 56, 56, 64), (N, 28, 28, 128), (N, 14, 14, 256), (N, 7, 7, 512)
        for number in range(1, blocks + 1):
            stride = 2 if stage > 1 and number == 1 else 1
            maps = BLOCKS[block](maps, filters, stride, f"stage{stage}_block{number}")
    maps = layers.GlobalAveragePooling2D(name="pool")(maps)  # (N, 512)
    logits = layers.Dense(1000, name="logits")(maps)  # (N, 1000)
    return keras.Model(image, logits, name="resnet")


def basic(maps: keras.KerasTensor, filters: int, stride: int, name: str) -> keras.KerasTensor:
    """Two 3×3 convolutions, around which the input is added: maps (N, H, W, C) to (N, H / stride, W / stride, F)."""
    change = convolution(maps, filters, 3, stride, f"{name}_conv1")
    change = norm(f"{name}_bn1")(change)
    change = layers.ReLU(name=f"{name}_relu1")(change)
    change = convolution(change, filters, 3, 1, f"{name}_conv2")
    change = norm(f"{name}_bn2")(change)
    maps = layers.Add(name=f"{name}_add")([change, shortcut(maps, filters, stride, f"{name}_shortcut")])
    return layers.ReLU(name=f"{name}_relu2")(maps)


def bottleneck(maps: keras.KerasTensor, filters: int, stride: int, name: str) -> keras.KerasTensor:
    """A 3×3 convolution of few channels between two of 1×1: maps (N, H, W, C) to (N, H / stride, W / stride, 4 F)."""
    change = convolution(maps, filters, 1, 1, f"{name}_conv1")
    change = norm(f"{name}_bn1")(change)
    change = layers.ReLU(name=f"{name}_relu1")(change)
    # The paper has the stride in the convolution before.
    change = convolution(change, filters, 3, stride, f"{name}_conv2")
    change = norm(f"{name}_bn2")(change)
    change = layers.ReLU(name=f"{name}_relu2")(change)
    change = convolution(change, 4 * filters, 1, 1, f"{name}_conv3")
    change = norm(f"{name}_bn3")(change)
    maps = layers.Add(name=f"{name}_add")([change, shortcut(maps, 4 * filters, stride, f"{name}_shortcut")])
    return layers.ReLU(name=f"{name}_relu3")(maps)


BLOCKS = {"basic": basic, "bottleneck": bottleneck}


def shortcut(maps: keras.KerasTensor, filters: int, stride: int, name: str) -> keras.KerasTensor:
    """The input itself, or where its shape is not the output's, a linear map of it."""
    if stride == 1 and maps.shape[-1] == filters:
        return maps
    return norm(f"{name}_bn")(convolution(maps, filters, 1, stride, f"{name}_conv"))


def convolution(maps: keras.KerasTensor, filters: int, size: int, stride: int, name: str) -> keras.KerasTensor:
    """A convolution without biases, which the batch norm behind it has."""
    # On an even size, `same` with stride 2 pads one pixel less before than after: this network pads both sides alike.
    if size > 1 and stride > 1:
        maps = layers.ZeroPadding2D(size // 2, name=f"{name}_pad")(maps)
        return layers.Conv2D(filters, size, strides=stride, use_bias=False, name=name)(maps)
    return layers.Conv2D(filters, size, strides=stride, padding="same", use_bias=False, name=name)(maps)


def norm(name: str) -> layers.Layer:
    """What follows every convolution."""
    return layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name=name)
