"""Inception-v4 (Szegedy et al. 2016), in Keras: a stem of branches, modules of parallel branches, one dense layer."""

import keras
from keras import layers


def build() -> keras.Model:
    """An untrained network that turns images (N, 299, 299, 3) into logits (N, 1000)."""
    image = keras.Input((299, 299, 3), name="image")
    maps = convolution(image, 32, 3, strides=2, padding="valid", name="conv_1a")  # (N, 149, 149, 32)
    maps = convolution(maps, 32, 3, padding="valid", name="conv_2a")  # (N, 147, 147, 32)
    maps = convolution(maps, 64, 3, name="conv_2b")  # (N, 147, 147, 64)
    maps = stem_3a(maps, name="mixed_3a")  # (N, 73, 73, 160)
    maps = stem_4a(maps, name="mixed_4a")  # (N, 71, 71, 192)
    maps = stem_5a(maps, name="mixed_5a")  # (N, 35, 35, 384)
    for letter in "bcde":
        maps = inception_a(maps, name=f"mixed_5{letter}")  # (N, 35, 35, 384)
    maps = reduction_a(maps, name="mixed_6a")  # (N, 17, 17, 1024)
    for letter in "bcdefgh":
        maps = inception_b(maps, name=f"mixed_6{letter}")  # (N, 17, 17, 1024)
    maps = reduction_b(maps, name="mixed_7a")  # (N, 8, 8, 1536)
    for letter in "bcd":
        maps = inception_c(maps, name=f"mixed_7{letter}")  # (N, 8, 8, 1536)
    features = layers.GlobalAveragePooling2D(name="pool")(maps)  # (N, 1536)
    features = layers.Dropout(0.2, name="dropout")(features)
    logits = layers.Dense(1000, name="logits")(features)  # (N, 1000)
    return keras.Model(image, logits, name="inception_v4")


def stem_3a(maps: keras.KerasTensor, name: str) -> keras.KerasTensor:
    """Maps (N, 147, 147, 64) to (N, 73, 73, 160)."""
    pool = layers.MaxPooling2D(3, strides=2, name=f"{name}_pool")(maps)
    three = convolution(maps, 96, 3, strides=2, padding="valid", name=f"{name}_3x3")
    return layers.Concatenate(name=name)([pool, three])


def stem_4a(maps: keras.KerasTensor, name: str) -> keras.KerasTensor:
    """Maps (N, 73, 73, 160) to (N, 71, 71, 192)."""
    three = convolution(maps, 64, 1, name=f"{name}_3x3_0")
    three = convolution(three, 96, 3, padding="valid", name=f"{name}_3x3_1")
    seven = convolution(maps, 64, 1, name=f"{name}_7x7_0")
    seven = convolution(seven, 64, (1, 7), name=f"{name}_7x7_1")
    seven = convolution(seven, 64, (7, 1), name=f"{name}_7x7_2")
    seven = convolution(seven, 96, 3, padding="valid", name=f"{name}_7x7_3")
    return layers.Concatenate(name=name)([three, seven])


def stem_5a(maps: keras.KerasTensor, name: str) -> keras.KerasTensor:
    """Maps (N, 71, 71, 192) to (N, 35, 35, 384)."""
    three = convolution(maps, 192, 3, strides=2, padding="valid", name=f"{name}_3x3")
    pool = layers.MaxPooling2D(3, strides=2, name=f"{name}_pool")(maps)
    return layers.Concatenate(name=name)([three, pool])


def inception_a(maps: keras.KerasTensor, name: str) -> keras.KerasTensor:
    """Maps (N, 35, 35, 384) to the same shape."""
    one = convolution(maps, 96, 1, name=f"{name}_1x1")
    three = convolution(maps, 64, 1, name=f"{name}_3x3_0")
    three = convolution(three, 96, 3, name=f"{name}_3x3_1")
    double = convolution(maps, 64, 1, name=f"{name}_double_3x3_0")
    double = convolution(double, 96, 3, name=f"{name}_double_3x3_1")
    double = convolution(double, 96, 3, name=f"{name}_double_3x3_2")
    pool = average(maps, name=f"{name}_pool_0")
    pool = convolution(pool, 96, 1, name=f"{name}_pool_1")
    return layers.Concatenate(name=name)([one, three, double, pool])


def reduction_a(maps: keras.KerasTensor, name: str) -> keras.KerasTensor:
    """Maps (N, 35, 35, 384) to (N, 17, 17, 1024)."""
    three = convolution(maps, 384, 3, strides=2, padding="valid", name=f"{name}_3x3")
    double = convolution(maps, 192, 1, name=f"{name}_double_3x3_0")
    double = convolution(double, 224, 3, name=f"{name}_double_3x3_1")
    double = convolution(double, 256, 3, strides=2, padding="valid", name=f"{name}_double_3x3_2")
    pool = layers.MaxPooling2D(3, strides=2, name=f"{name}_pool")(maps)
    return layers.Concatenate(name=name)([three, double, pool])


def inception_b(maps: keras.KerasTensor, name: str) -> keras.KerasTensor:
    """Maps (N, 17, 17, 1024) to the same shape; 7×7 as 1×7 and 7×1."""
    one = convolution(maps, 384, 1, name=f"{name}_1x1")
    seven = convolution(maps, 192, 1, name=f"{name}_7x7_0")
    seven = convolution(seven, 224, (1, 7), name=f"{name}_7x7_1")
    seven = convolution(seven, 256, (7, 1), name=f"{name}_7x7_2")
    double = convolution(maps, 192, 1, name=f"{name}_double_7x7_0")
    double = convolution(double, 192, (7, 1), name=f"{name}_double_7x7_1")
    double = convolution(double, 224, (1, 7), name=f"{name}_double_7x7_2")
    double = convolution(double, 224, (7, 1), name=f"{name}_double_7x7_3")
    double = convolution(double, 256, (1, 7), name=f"{name}_double_7x7_4")
    pool = average(maps, name=f"{name}_pool_0")
    pool = convolution(pool, 128, 1, name=f"{name}_pool_1")
    return layers.Concatenate(name=name)([one, seven, double, pool])


def reduction_b(maps: keras.KerasTensor, name: str) -> keras.KerasTensor:
    """Maps (N, 17, 17, 1024) to (N, 8, 8, 1536)."""
    three = convolution(maps, 192, 1, name=f"{name}_3x3_0")
    three = convolution(three, 192, 3, strides=2, padding="valid", name=f"{name}_3x3_1")
    seven = convolution(maps, 256, 1, name=f"{name}_7x7_0")
    seven = convolution(seven, 256, (1, 7), name=f"{name}_7x7_1")
    seven = convolution(seven, 320, (7, 1), name=f"{name}_7x7_2")
    seven = convolution(seven, 320, 3, strides=2, padding="valid", name=f"{name}_7x7_3")
    pool = layers.MaxPooling2D(3, strides=2, name=f"{name}_pool")(maps)
    return layers.Concatenate(name=name)([three, seven, pool])


def inception_c(maps: keras.KerasTensor, name: str) -> keras.KerasTensor:
    """Maps (N, 8, 8, 1536) to the same shape; 3×3 as 1×3 and 3×1, at last beside each other."""
    one = convolution(maps, 256, 1, name=f"{name}_1x1")
    three = convolution(maps, 384, 1, name=f"{name}_3x3_0")
    three = flat(three, name=f"{name}_3x3_1")
    double = convolution(maps, 384, 1, name=f"{name}_double_3x3_0")
    double = convolution(double, 448, (3, 1), name=f"{name}_double_3x3_1")
    double = convolution(double, 512, (1, 3), name=f"{name}_double_3x3_2")
    double = flat(double, name=f"{name}_double_3x3_3")
    pool = average(maps, name=f"{name}_pool_0")
    pool = convolution(pool, 256, 1, name=f"{name}_pool_1")
    return layers.Concatenate(name=name)([one, three, double, pool])


def flat(maps: keras.KerasTensor, name: str) -> keras.KerasTensor:
    """Maps (N, 8, 8, C) to (N, 8, 8, 512)."""
    wide = convolution(maps, 256, (1, 3), name=f"{name}_1x3")
    high = convolution(maps, 256, (3, 1), name=f"{name}_3x1")
    return layers.Concatenate(name=name)([wide, high])


def average(maps: keras.KerasTensor, name: str) -> keras.KerasTensor:
    """The mean of each 3×3 pixels; at the edges, of those inside alone."""
    return layers.AveragePooling2D(3, strides=1, padding="same", name=name)(maps)


def convolution(
    maps: keras.KerasTensor,
    filters: int,
    size: int | tuple[int, int],
    name: str,
    strides: int = 1,
    padding: str = "same",
) -> keras.KerasTensor:
    """A convolution without biases, which the batch norm behind it has, and a ReLU."""
    maps = layers.Conv2D(filters, size, strides=strides, padding=padding, use_bias=False, name=f"{name}_conv")(maps)
    maps = layers.BatchNormalization(momentum=0.9, epsilon=1e-3, name=f"{name}_bn")(maps)
    return layers.ReLU(name=f"{name}_relu")(maps)
