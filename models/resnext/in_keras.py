"""ResNeXt-50 (Xie et al. 2017), in Keras: a ResNet whose 3×3 convolutions are 32 narrow ones beside each other."""

import keras
from keras import layers

GROUPS = 32
STAGES = (
    (128, 3),  # channels inside, and blocks: (N, 56, 56, 256)
    (256, 4),  # (N, 28, 28, 512)
    (512, 6),  # (N, 14, 14, 1024)
    (1024, 3),  # (N, 7, 7, 2048)
)


def build() -> keras.Model:
    """An untrained network that turns images (N, 224, 224, 3) into logits (N, 1000)."""
    image = keras.Input((224, 224, 3), name="image")
    maps = convolution(image, 64, 7, 2, "stem_conv")  # (N, 112, 112, 64)
    maps = norm("stem_bn")(maps)
    maps = layers.ReLU(name="stem_relu")(maps)
    # Behind a ReLU, a padded zero is never more than the maximum.
    maps = layers.ZeroPadding2D(1, name="stem_pool_pad")(maps)  # (N, 114, 114, 64)
    maps = layers.MaxPooling2D(3, strides=2, name="stem_pool")(maps)  # (N, 56, 56, 64)
    for stage, (inside, blocks) in enumerate(STAGES, start=1):
        for number in range(1, blocks + 1):
            stride = 2 if stage > 1 and number == 1 else 1
            maps = bottleneck(maps, inside, stride, f"stage{stage}_block{number}")
    features = layers.GlobalAveragePooling2D(name="pool")(maps)  # (N, 2048)
    logits = layers.Dense(1000, name="logits")(features)  # (N, 1000)
    return keras.Model(image, logits, name="resnext50_32x4d")


def bottleneck(maps: keras.KerasTensor, inside: int, stride: int, name: str) -> keras.KerasTensor:
    """A 3×3 convolution in groups between two of 1×1: maps (N, H, W, C) to (N, H / stride, W / stride, 2 × inside)."""
    change = convolution(maps, inside, 1, 1, f"{name}_conv1")
    change = norm(f"{name}_bn1")(change)
    change = layers.ReLU(name=f"{name}_relu1")(change)
    change = convolution(change, inside, 3, stride, f"{name}_conv2", groups=GROUPS)
    change = norm(f"{name}_bn2")(change)
    change = layers.ReLU(name=f"{name}_relu2")(change)
    change = convolution(change, 2 * inside, 1, 1, f"{name}_conv3")
    change = norm(f"{name}_bn3")(change)
    maps = layers.Add(name=f"{name}_add")([change, shortcut(maps, 2 * inside, stride, f"{name}_shortcut")])
    return layers.ReLU(name=f"{name}_relu3")(maps)


def shortcut(maps: keras.KerasTensor, filters: int, stride: int, name: str) -> keras.KerasTensor:
    """The input itself, or where its shape is not the output's, a linear map of it."""
    if stride == 1 and maps.shape[-1] == filters:
        return maps
    return norm(f"{name}_bn")(convolution(maps, filters, 1, stride, f"{name}_conv"))


def convolution(
    maps: keras.KerasTensor, filters: int, size: int, stride: int, name: str, groups: int = 1
) -> keras.KerasTensor:
    """A convolution without biases, which the batch norm behind it has."""
    # On an even size, `same` with stride 2 pads one pixel less before than after: this network pads both sides alike.
    if size > 1 and stride > 1:
        maps = layers.ZeroPadding2D(size // 2, name=f"{name}_pad")(maps)
    edges = "valid" if stride > 1 else "same"
    return layers.Conv2D(filters, size, strides=stride, padding=edges, groups=groups, use_bias=False, name=name)(maps)


def norm(name: str) -> layers.Layer:
    """What follows every convolution."""
    return layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name=name)
