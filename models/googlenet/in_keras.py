"""GoogLeNet (Szegedy et al. 2014), in Keras: nine modules of 1×1, 3×3 and 5×5 filters, one dense layer."""

import keras
from keras import layers, ops


class LocalResponseNormalization(layers.Layer):
    """Each value is divided by (k + alpha × the mean of the squares around it, over ``size`` channels)^beta.

    Beyond the first and the last channel there are zeros. It has no weights.
    """

    def __init__(self, size: int, alpha: float, beta: float, k: float, name: str) -> None:
        super().__init__(name=name)
        self.size, self.alpha, self.beta, self.k = size, alpha, beta, k

    def call(self, maps: keras.KerasTensor) -> keras.KerasTensor:
        height, width, channels = maps.shape[1:]
        # Pooled along the channels: they take the place of a picture's width.
        squares = ops.reshape(ops.square(maps), (-1, height * width, channels, 1))
        around = self.size // 2
        squares = ops.pad(squares, ((0, 0), (0, 0), (around, around), (0, 0)))
        means = ops.average_pool(squares, (1, self.size), strides=1, data_format="channels_last")
        means = ops.reshape(means, (-1, height, width, channels))
        return maps / (self.k + self.alpha * means) ** self.beta


def build() -> keras.Model:
    """An untrained network that turns images (N, 224, 224, 3) into logits (N, 1000)."""
    image = keras.Input((224, 224, 3), name="image")
    # On an even size, `same` with stride 2 would pad two pixels before and three after: here it is three on both sides.
    maps = layers.ZeroPadding2D(3, name="conv1_pad")(image)  # (N, 230, 230, 3)
    maps = layers.Conv2D(64, 7, strides=2, activation="relu", name="conv1")(maps)  # (N, 112, 112, 64)
    # Pooling by 3×3 with stride 2 rounds sizes up. On an even size `same` does just that: one row and one column
    # after the last, which never win a maximum.
    maps = layers.MaxPooling2D(3, strides=2, padding="same", name="pool1")(maps)  # (N, 56, 56, 64)
    maps = LocalResponseNormalization(5, alpha=1e-4, beta=0.75, k=1.0, name="norm1")(maps)
    maps = layers.Conv2D(64, 1, activation="relu", name="conv2_reduce")(maps)  # (N, 56, 56, 64)
    maps = layers.Conv2D(192, 3, padding="same", activation="relu", name="conv2")(maps)  # (N, 56, 56, 192)
    maps = LocalResponseNormalization(5, alpha=1e-4, beta=0.75, k=1.0, name="norm2")(maps)
    maps = layers.MaxPooling2D(3, strides=2, padding="same", name="pool2")(maps)  # (N, 28, 28, 192)
    maps = inception(maps, 64, (96, 128), (16, 32), 32, name="inception_3a")  # (N, 28, 28, 256)
    maps = inception(maps, 128, (128, 192), (32, 96), 64, name="inception_3b")  # (N, 28, 28, 480)
    maps = layers.MaxPooling2D(3, strides=2, padding="same", name="pool3")(maps)  # (N, 14, 14, 480)
    maps = inception(maps, 192, (96, 208), (16, 48), 64, name="inception_4a")  # (N, 14, 14, 512)
    maps = inception(maps, 160, (112, 224), (24, 64), 64, name="inception_4b")  # (N, 14, 14, 512)
    maps = inception(maps, 128, (128, 256), (24, 64), 64, name="inception_4c")  # (N, 14, 14, 512)
    maps = inception(maps, 112, (144, 288), (32, 64), 64, name="inception_4d")  # (N, 14, 14, 528)
    maps = inception(maps, 256, (160, 320), (32, 128), 128, name="inception_4e")  # (N, 14, 14, 832)
    maps = layers.MaxPooling2D(3, strides=2, padding="same", name="pool4")(maps)  # (N, 7, 7, 832)
    maps = inception(maps, 256, (160, 320), (32, 128), 128, name="inception_5a")  # (N, 7, 7, 832)
    maps = inception(maps, 384, (192, 384), (48, 128), 128, name="inception_5b")  # (N, 7, 7, 1024)
    features = layers.GlobalAveragePooling2D(name="pool5")(maps)  # (N, 1024)
    features = layers.Dropout(0.4, name="dropout")(features)
    logits = layers.Dense(1000, name="logits")(features)  # (N, 1000)
    return keras.Model(image, logits, name="googlenet")


def inception(
    maps: keras.KerasTensor, ones: int, threes: tuple[int, int], fives: tuple[int, int], pooled: int, name: str
) -> keras.KerasTensor:
    """The same maps through four branches; what they make is stacked.

    The numbers are filters: of 1×1; of 3×3 and 5×5, each behind the 1×1 that reduce the maps for
    them; and of the 1×1 behind the pooling.
    """
    reduce, filters = threes
    one = layers.Conv2D(ones, 1, activation="relu", name=f"{name}_1x1_conv")(maps)
    three = layers.Conv2D(reduce, 1, activation="relu", name=f"{name}_3x3_reduce")(maps)
    three = layers.Conv2D(filters, 3, padding="same", activation="relu", name=f"{name}_3x3_conv")(three)
    reduce, filters = fives
    five = layers.Conv2D(reduce, 1, activation="relu", name=f"{name}_5x5_reduce")(maps)
    five = layers.Conv2D(filters, 5, padding="same", activation="relu", name=f"{name}_5x5_conv")(five)
    pool = layers.MaxPooling2D(3, strides=1, padding="same", name=f"{name}_pool_max")(maps)
    pool = layers.Conv2D(pooled, 1, activation="relu", name=f"{name}_pool_conv")(pool)
    return layers.Concatenate(name=name)([one, three, five, pool])
