"""Inception-v3 (Szegedy et al. 2015), in Keras: a stem, eleven modules of parallel branches, one dense layer."""

import keras
from keras import layers


def build() -> keras.Model:
    """An untrained network that turns images (N, 299, 299, 3) into logits (N, 1000)."""
    image = keras.Input((299, 299, 3), name="image")
    maps = convolution(image, 32, 3, strides=2, padding="valid", name="conv_1a")  # (N, 149, 149, 32)
    maps = convolution(maps, 32, 3, padding="valid", name="conv_2a")  # (N, 147, 147, 32)
    maps = convolution(maps, 64, 3, name="conv_2b")  # (N, 147, 147, 64)
    maps = layers.MaxPooling2D(3, strides=2, name="pool_3a")(maps)  # (N, 73, 73, 64)
    maps = convolution(maps, 80, 1, name="conv_3b")  # (N, 73, 73, 80)
    maps = convolution(maps, 192, 3, padding="valid", name="conv_4a")  # (N, 71, 71, 192)
    maps = layers.MaxPooling2D(3, strides=2, name="pool_5a")(maps)  # (N, 35, 35, 192)
    maps = inception_a(maps, 32, name="mixed_5b")  # (N, 35, 35, 256)
    maps = inception_a(maps, 64, name="mixed_5c")  # (N, 35, 35, 288)
    maps = inception_a(maps, 64, name="mixed_5d")  # (N, 35, 35, 288)
    maps = reduction_a(maps, name="mixed_6a")  # (N, 17, 17, 768)
    maps = inception_b(maps, 128, name="mixed_6b")  # (N, 17, 17, 768)
    maps = inception_b(maps, 160, name="mixed_6c")  # (N, 17, 17, 768)
    maps = inception_b(maps, 160, name="mixed_6d")  # (N, 17, 17, 768)
    maps = inception_b(maps, 192, name="mixed_6e")  # (N, 17, 17, 768)
    maps = reduction_b(maps, name="mixed_7a")  # (N, 8, 8, 1280)
    maps = inception_c(maps, name="mixed_7b")  # (N, 8, 8, 2048)
    maps = inception_c(maps, name="mixed_7c")  # (N, 8, 8, 2048)
    features = layers.GlobalAveragePooling2D(name="pool")(maps)  # (N, 2048)
    features = layers.Dropout(0.5, name="dropout")(features)
    logits = layers.Dense(1000, name="logits")(features)  # (N, 1000)
    return keras.Model(image, logits, name="inception_v3")


def inception_a(maps: keras.KerasTensor, pooled: int, name: str) -> keras.KerasTensor:
    """Maps (N, 35, 35, C) to (N, 35, 35, 224 + ``pooled``); one branch sees 5×5 by two convolutions of 3×3."""
    one = convolution(maps, 64, 1, name=f"{name}_1x1")
    five = convolution(maps, 48, 1, name=f"{name}_5x5_0")
    five = convolution(five, 64, 5, name=f"{name}_5x5_1")
    double = convolution(maps, 64, 1, name=f"{name}_double_3x3_0")
    double = convolution(double, 96, 3, name=f"{name}_double_3x3_1")
    double = convolution(double, 96, 3, name=f"{name}_double_3x3_2")
    pool = average(maps, name=f"{name}_pool_0")
    pool = convolution(pool, pooled, 1, name=f"{name}_pool_1")
    return layers.Concatenate(name=name)([one, five, double, pool])


def reduction_a(maps: keras.KerasTensor, name: str) -> keras.KerasTensor:
    """Maps (N, 35, 35, 288) to (N, 17, 17, 768)."""
    three = convolution(maps, 384, 3, strides=2, padding="valid", name=f"{name}_3x3")
    double = convolution(maps, 64, 1, name=f"{name}_double_3x3_0")
    double = convolution(double, 96, 3, name=f"{name}_double_3x3_1")
    double = convolution(double, 96, 3, strides=2, padding="valid", name=f"{name}_double_3x3_2")
    pool = layers.MaxPooling2D(3, strides=2, name=f"{name}_pool")(maps)
    return layers.Concatenate(name=name)([three, double, pool])


def inception_b(maps: keras.KerasTensor, narrow: int, name: str) -> keras.KerasTensor:
    """Maps (N, 17, 17, 768) to the same shape; 7×7 as 1×7 and 7×1, ``narrow`` maps between them."""
    one = convolution(maps, 192, 1, name=f"{name}_1x1")
    seven = convolution(maps, narrow, 1, name=f"{name}_7x7_0")
    seven = convolution(seven, narrow, (1, 7), name=f"{name}_7x7_1")
    seven = convolution(seven, 192, (7, 1), name=f"{name}_7x7_2")
    double = convolution(maps, narrow, 1, name=f"{name}_double_7x7_0")
    double = convolution(double, narrow, (7, 1), name=f"{name}_double_7x7_1")
    double = convolution(double, narrow, (1, 7), name=f"{name}_double_7x7_2")
    double = convolution(double, narrow, (7, 1), name=f"{name}_double_7x7_3")
    double = convolution(double, 192, (1, 7), name=f"{name}_double_7x7_4")
    pool = average(maps, name=f"{name}_pool_0")
    pool = convolution(pool, 192, 1, name=f"{name}_pool_1")
    return layers.Concatenate(name=name)([one, seven, double, pool])


def reduction_b(maps: keras.KerasTensor, name: str) -> keras.KerasTensor:
    """Maps (N, 17, 17, 768) to (N, 8, 8, 1280)."""
    three = convolution(maps, 192, 1, name=f"{name}_3x3_0")
    three = convolution(three, 320, 3, strides=2, padding="valid", name=f"{name}_3x3_1")
    seven = convolution(maps, 192, 1, name=f"{name}_7x7_0")
    seven = convolution(seven, 192, (1, 7), name=f"{name}_7x7_1")
    seven = convolution(seven, 192, (7, 1), name=f"{name}_7x7_2")
    seven = convolution(seven, 192, 3, strides=2, padding="valid", name=f"{name}_7x7_3")
    pool = layers.MaxPooling2D(3, strides=2, name=f"{name}_pool")(maps)
    return layers.Concatenate(name=name)([three, seven, pool])


def inception_c(maps: keras.KerasTensor, name: str) -> keras.KerasTensor:
    """Maps (N, 8, 8, C) to (N, 8, 8, 2048); 3×3 as 1×3 and 3×1 beside each other."""
    one = convolution(maps, 320, 1, name=f"{name}_1x1")
    three = convolution(maps, 384, 1, name=f"{name}_3x3_0")
    three = flat(three, name=f"{name}_3x3_1")
    double = convolution(maps, 448, 1, name=f"{name}_double_3x3_0")
    double = convolution(double, 384, 3, name=f"{name}_double_3x3_1")
    double = flat(double, name=f"{name}_double_3x3_2")
    pool = average(maps, name=f"{name}_pool_0")
    pool = convolution(pool, 192, 1, name=f"{name}_pool_1")
    return layers.Concatenate(name=name)([one, three, double, pool])


def flat(maps: keras.KerasTensor, name: str) -> keras.KerasTensor:
    """Maps (N, 8, 8, C) to (N, 8, 8, 768)."""
    wide = convolution(maps, 384, (1, 3), name=f"{name}_1x3")
    high = convolution(maps, 384, (3, 1), name=f"{name}_3x1")
    return layers.Concatenate(name=name)([wide, high])


def average(maps: keras.KerasTensor, name: str) -> keras.KerasTensor:
    """The mean of each 3×3 pixels; zeros beyond the edges count."""
    # With `same`, Keras divides by the pixels inside alone.
    maps = layers.ZeroPadding2D(1, name=f"{name}_pad")(maps)
    return layers.AveragePooling2D(3, strides=1, name=name)(maps)


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
