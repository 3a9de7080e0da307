"""ENet, in Keras: bottlenecks whose input goes around them, pooled and filled up with zeros; learned slopes."""

from collections.abc import Sequence

import keras
from keras import layers, ops


def build(stages: Sequence[Sequence[int]]) -> keras.Model:
    """An untrained network that turns images (N, 224, 224, 3) into logits (N, 1000).

    ``stages`` gives the channels that each bottleneck puts out; the first of a stage halves height
    and width.
    """
    image = keras.Input((224, 224, 3), name="image")
    # On an even size, `same` with stride 2 pads nothing before and one pixel after: this network pads both sides.
    maps = layers.ZeroPadding2D(1, name="stem_conv_pad")(image)  # (N, 226, 226, 3)
    maps = layers.Conv2D(13, 3, strides=2, name="stem_conv")(maps)  # (N, 112, 112, 13)
    pooled = layers.MaxPooling2D(2, name="stem_pool")(image)  # (N, 112, 112, 3)
    maps = layers.Concatenate(name="stem")([maps, pooled])  # (N, 112, 112, 16)
    maps = prelu("stem_prelu")(maps)
    for stage, channels in enumerate(stages, start=1):
        # (N, 56, 56, 64) then (N, 56, 56, 128); (N, 28, 28, 256); (N, 14, 14, 512); (N, 7, 7, 1024)
        dropout = 0.01 if stage == 1 else 0.1
        for number, outputs in enumerate(channels, start=1):
            # A quarter of 64 would be few channels for the first of all: it keeps its 64.
            inside = outputs if stage == number == 1 else outputs // 4
            maps = bottleneck(maps, inside, outputs, number == 1, dropout, f"stage{stage}_bottleneck{number}")
    maps = layers.AveragePooling2D(7, name="pool")(maps)  # (N, 1, 1, 1024)
    features = layers.Flatten(name="flatten")(maps)  # (N, 1024)
    logits = layers.Dense(1000, name="logits")(features)  # (N, 1000)
    return keras.Model(image, logits, name="enet")


def bottleneck(
    maps: keras.KerasTensor, inside: int, outputs: int, down: bool, dropout: float, name: str
) -> keras.KerasTensor:
    """A 3×3 convolution of few channels between two of 1×1, added to the input: maps (N, H, W, C) to (N, H, W, F).

    ``inside`` are the few channels, ``outputs`` is F. With ``down``, height and width are halved: on
    the main path by a convolution of 2×2, on the skip path by max pooling. C grows to F by zeros.
    """
    size = 2 if down else 1
    main = layers.Conv2D(inside, size, strides=size, use_bias=False, name=f"{name}_conv1")(maps)
    main = prelu(f"{name}_prelu1")(norm(f"{name}_bn1")(main))
    main = layers.Conv2D(inside, 3, padding="same", name=f"{name}_conv2")(main)
    main = prelu(f"{name}_prelu2")(norm(f"{name}_bn2")(main))
    main = layers.Conv2D(outputs, 1, use_bias=False, name=f"{name}_conv3")(main)
    main = norm(f"{name}_bn3")(main)
    main = layers.SpatialDropout2D(dropout, name=f"{name}_dropout")(main)
    skip = layers.MaxPooling2D(2, name=f"{name}_pool")(maps) if down else maps
    if skip.shape[-1] < outputs:
        skip = ops.pad(skip, ((0, 0), (0, 0), (0, 0), (0, outputs - skip.shape[-1])))
    return prelu(f"{name}_prelu3")(layers.Add(name=f"{name}_add")([main, skip]))


def norm(name: str) -> layers.Layer:
    """What follows every convolution of a bottleneck."""
    return layers.BatchNormalization(momentum=0.9, epsilon=1e-3, name=name)


def prelu(name: str) -> layers.Layer:
    """A ReLU that leaves of what is below zero a learned part: one slope a channel, at first a quarter."""
    return layers.PReLU(alpha_initializer=keras.initializers.Constant(0.25), shared_axes=[1, 2], name=name)
