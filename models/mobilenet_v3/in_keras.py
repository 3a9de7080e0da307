"""MobileNetV3-Small (Howard et al. 2019), in Keras: inverted residuals whose channels are weighed by one another."""

import keras
from keras import layers

# Size of the depthwise filters, channels inside, channels put out, of the squeeze (0: none), activation, stride.
BLOCKS = (
    (3, 16, 16, 8, "relu", 2),  # (N, 56, 56, 16)
    (3, 72, 24, 0, "relu", 2),  # (N, 28, 28, 24)
    (3, 88, 24, 0, "relu", 1),
    (5, 96, 40, 24, "hard_swish", 2),  # (N, 14, 14, 40)
    (5, 240, 40, 64, "hard_swish", 1),
    (5, 240, 40, 64, "hard_swish", 1),
    (5, 120, 48, 32, "hard_swish", 1),  # (N, 14, 14, 48)
    (5, 144, 48, 40, "hard_swish", 1),
    (5, 288, 96, 72, "hard_swish", 2),  # (N, 7, 7, 96)
    (5, 576, 96, 144, "hard_swish", 1),
    (5, 576, 96, 144, "hard_swish", 1),
)


def build() -> keras.Model:
    """An untrained network that turns images (N, 224, 224, 3) into logits (N, 1000)."""
    image = keras.Input((224, 224, 3), name="image")
    maps = convolution(image, 16, 3, 2, "hard_swish", "stem")  # (N, 112, 112, 16)
    for number, (size, inside, filters, squeezed, activation, stride) in enumerate(BLOCKS, start=1):
        maps = inverted_residual(maps, size, inside, filters, squeezed, activation, stride, f"block{number}")
    maps = convolution(maps, 576, 1, 1, "hard_swish", "head")  # (N, 7, 7, 576)
    features = layers.GlobalAveragePooling2D(name="pool")(maps)  # (N, 576)
    features = layers.Dense(1024, name="dense")(features)  # (N, 1024)
    features = layers.Activation("hard_swish", name="dense_activation")(features)
    features = layers.Dropout(0.2, name="dropout")(features)
    logits = layers.Dense(1000, name="logits")(features)  # (N, 1000)
    return keras.Model(image, logits, name="mobilenet_v3_small")


def inverted_residual(
    maps: keras.KerasTensor,
    size: int,
    inside: int,
    filters: int,
    squeezed: int,
    activation: str,
    stride: int,
    name: str,
) -> keras.KerasTensor:
    """Widened, filtered channel by channel, weighed, narrowed: maps (N, H, W, C) to (N, H / stride, W / stride, F)."""
    channels = maps.shape[-1]
    change = maps
    if inside != channels:
        change = convolution(change, inside, 1, 1, activation, f"{name}_expand")
    change = depthwise(change, size, stride, activation, f"{name}_depthwise")
    if squeezed:
        change = change * weigh(change, squeezed, f"{name}_squeeze")
    change = layers.Conv2D(filters, 1, use_bias=False, name=f"{name}_project_conv")(change)
    change = norm(f"{name}_project_bn")(change)
    if stride > 1 or channels != filters:
        return change
    return layers.Add(name=f"{name}_add")([maps, change])


def weigh(maps: keras.KerasTensor, squeezed: int, name: str) -> keras.KerasTensor:
    """A weight of 0 to 1 for each channel, from the means of all of them: maps (N, H, W, C) to (N, 1, 1, C)."""
    means = layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}_pool")(maps)
    weights = layers.Conv2D(squeezed, 1, activation="relu", name=f"{name}_conv1")(means)  # (N, 1, 1, squeezed)
    return layers.Conv2D(maps.shape[-1], 1, activation="hard_sigmoid", name=f"{name}_conv2")(weights)


def convolution(
    maps: keras.KerasTensor, filters: int, size: int, stride: int, activation: str, name: str
) -> keras.KerasTensor:
    """A convolution without biases, which the batch norm behind it has, and an activation."""
    if stride > 1:  # `same` would pad nothing before and one pixel after: this network pads both sides alike
        maps = layers.ZeroPadding2D(size // 2, name=f"{name}_pad")(maps)
    edges = "valid" if stride > 1 else "same"
    maps = layers.Conv2D(filters, size, strides=stride, padding=edges, use_bias=False, name=f"{name}_conv")(maps)
    return layers.Activation(activation, name=f"{name}_activation")(norm(f"{name}_bn")(maps))


def depthwise(maps: keras.KerasTensor, size: int, stride: int, activation: str, name: str) -> keras.KerasTensor:
    """One filter for each channel."""
    if stride > 1:
        maps = layers.ZeroPadding2D(size // 2, name=f"{name}_pad")(maps)
    edges = "valid" if stride > 1 else "same"
    maps = layers.DepthwiseConv2D(size, strides=stride, padding=edges, use_bias=False, name=f"{name}_conv")(maps)
    return layers.Activation(activation, name=f"{name}_activation")(norm(f"{name}_bn")(maps))


def norm(name: str) -> layers.Layer:
    """What follows every convolution."""
    return layers.BatchNormalization(momentum=0.99, epsilon=1e-3, name=name)
