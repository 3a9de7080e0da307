"""MobileNetV2 (Sandler et al. 2018), in Keras: depthwise convolutions of many channels between 1×1 ones of few."""

import keras
from keras import layers

# Channels inside a block for each channel it reads, channels it puts out, blocks of the stage, stride of the first.
STAGES = (
    (1, 16, 1, 1),  # (N, 112, 112, 16)
    (6, 24, 2, 2),  # (N, 56, 56, 24)
    (6, 32, 3, 2),  # (N, 28, 28, 32)
    (6, 64, 4, 2),  # (N, 14, 14, 64)
    (6, 96, 3, 1),  # (N, 14, 14, 96)
    (6, 160, 3, 2),  # (N, 7, 7, 160)
    (6, 320, 1, 1),  # (N, 7, 7, 320)
)


def build() -> keras.Model:
    """An untrained network that turns images (N, 224, 224, 3) into logits (N, 1000)."""
    image = keras.Input((224, 224, 3), name="image")
    maps = convolution(image, 32, 3, 2, "stem")  # (N, 112, 112, 32)
    for stage, (expansion, filters, blocks, first) in enumerate(STAGES, start=1):
        for number in range(1, blocks + 1):
            stride = first if number == 1 else 1
            maps = inverted_residual(maps, expansion, filters, stride, f"stage{stage}_block{number}")
    maps = convolution(maps, 1280, 1, 1, "head")  # (N, 7, 7, 1280)
    features = layers.GlobalAveragePooling2D(name="pool")(maps)  # (N, 1280)
    features = layers.Dropout(0.2, name="dropout")(features)
    logits = layers.Dense(1000, name="logits")(features)  # (N, 1000)
    return keras.Model(image, logits, name="mobilenet_v2")


def inverted_residual(
    maps: keras.KerasTensor, expansion: int, filters: int, stride: int, name: str
) -> keras.KerasTensor:
    """Widened, filtered channel by channel, narrowed: maps (N, H, W, C) to (N, H / stride, W / stride, F).

    If the shape stays, the input is added. The narrow end has no activation: a ReLU would lose too much there.
    """
    channels = maps.shape[-1]
    change = maps
    if expansion > 1:
        change = convolution(change, expansion * channels, 1, 1, f"{name}_expand")
    change = depthwise(change, stride, f"{name}_depthwise")
    change = layers.Conv2D(filters, 1, use_bias=False, name=f"{name}_project_conv")(change)
    change = norm(f"{name}_project_bn")(change)
    if stride > 1 or channels != filters:
        return change
    return layers.Add(name=f"{name}_add")([maps, change])


def convolution(maps: keras.KerasTensor, filters: int, size: int, stride: int, name: str) -> keras.KerasTensor:
    """A convolution without biases, which the batch norm behind it has, and a ReLU that ends at 6."""
    if stride > 1:  # `same` would pad nothing before and one pixel after: this network pads both sides alike
        maps = layers.ZeroPadding2D(size // 2, name=f"{name}_pad")(maps)
    edges = "valid" if stride > 1 else "same"
    maps = layers.Conv2D(filters, size, strides=stride, padding=edges, use_bias=False, name=f"{name}_conv")(maps)
    return layers.ReLU(6, name=f"{name}_relu")(norm(f"{name}_bn")(maps))


def depthwise(maps: keras.KerasTensor, stride: int, name: str) -> keras.KerasTensor:
    """One 3×3 filter for each channel."""
    if stride > 1:
        maps = layers.ZeroPadding2D(1, name=f"{name}_pad")(maps)
    edges = "valid" if stride > 1 else "same"
    maps = layers.DepthwiseConv2D(3, strides=stride, padding=edges, use_bias=False, name=f"{name}_conv")(maps)
    return layers.ReLU(6, name=f"{name}_relu")(norm(f"{name}_bn")(maps))


def norm(name: str) -> layers.Layer:
    """What follows every convolution."""
    return layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name=name)
