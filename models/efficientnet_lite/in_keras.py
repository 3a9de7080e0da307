"""EfficientNet-Lite0 (Liu 2020), in Keras: the stages of EfficientNet-B0 without weights for channels."""

import keras
from keras import layers

# Channels inside a block for each channel it reads, size of the depthwise filters, channels it puts out, blocks of the
# stage, stride of the first.
STAGES = (
    (1, 3, 16, 1, 1),  # (N, 112, 112, 16)
    (6, 3, 24, 2, 2),  # (N, 56, 56, 24)
    (6, 5, 40, 2, 2),  # (N, 28, 28, 40)
    (6, 3, 80, 3, 2),  # (N, 14, 14, 80)
    (6, 5, 112, 3, 1),  # (N, 14, 14, 112)
    (6, 5, 192, 4, 2),  # (N, 7, 7, 192)
    (6, 3, 320, 1, 1),  # (N, 7, 7, 320)
)


def build() -> keras.Model:
    """An untrained network that turns images (N, 224, 224, 3) into logits (N, 1000)."""
    image = keras.Input((224, 224, 3), name="image")
    maps = convolution(image, 32, 3, 2, "stem")  # (N, 112, 112, 32)
    for stage, (expansion, size, filters, blocks, first) in enumerate(STAGES, start=1):
        for number in range(1, blocks + 1):
            stride = first if number == 1 else 1
            maps = inverted_residual(maps, expansion, size, filters, stride, f"stage{stage}_block{number}")
    maps = convolution(maps, 1280, 1, 1, "head")  # (N, 7, 7, 1280)
    features = layers.GlobalAveragePooling2D(name="pool")(maps)  # (N, 1280)
    features = layers.Dropout(0.2, name="dropout")(features)
    logits = layers.Dense(1000, name="logits")(features)  # (N, 1000)
    return keras.Model(image, logits, name="efficientnet_lite0")


def inverted_residual(
    maps: keras.KerasTensor, expansion: int, size: int, filters: int, stride: int, name: str
) -> keras.KerasTensor:
    """Widened, filtered channel by channel, narrowed: maps (N, H, W, C) to (N, H / stride, W / stride, F)."""
    channels = maps.shape[-1]
    change = maps
    if expansion > 1:
        change = convolution(change, expansion * channels, 1, 1, f"{name}_expand")
    # On an even size, `same` with stride 2 pads one pixel less before than after.
    change = layers.DepthwiseConv2D(
        size, strides=stride, padding="same", use_bias=False, name=f"{name}_depthwise_conv"
    )(change)
    change = norm_and_relu(change, f"{name}_depthwise")
    change = layers.Conv2D(filters, 1, use_bias=False, name=f"{name}_project_conv")(change)
    change = norm(f"{name}_project_bn")(change)
    if stride > 1 or channels != filters:
        return change
    return layers.Add(name=f"{name}_add")([maps, change])


def convolution(maps: keras.KerasTensor, filters: int, size: int, stride: int, name: str) -> keras.KerasTensor:
    """A convolution without biases, which the batch norm behind it has, and a ReLU that ends at 6."""
    maps = layers.Conv2D(filters, size, strides=stride, padding="same", use_bias=False, name=f"{name}_conv")(maps)
    return norm_and_relu(maps, name)


def norm_and_relu(maps: keras.KerasTensor, name: str) -> keras.KerasTensor:
    """What follows every convolution that is not the last of its block."""
    return layers.ReLU(6, name=f"{name}_relu")(norm(f"{name}_bn")(maps))


def norm(name: str) -> layers.Layer:
    """What follows every convolution."""
    return layers.BatchNormalization(momentum=0.99, epsilon=1e-3, name=name)
