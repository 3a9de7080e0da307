"""ConvNeXt-Tiny (Liu et al. 2022), in Keras: depthwise 7×7 convolutions, and a small perceptron at every place."""

import keras
from keras import layers

STAGES = (
    (96, 3),  # channels and blocks: (N, 56, 56, 96)
    (192, 3),  # (N, 28, 28, 192)
    (384, 9),  # (N, 14, 14, 384)
    (768, 3),  # (N, 7, 7, 768)
)


class Scale(layers.Layer):
    """Each channel times a factor that is learned and small at first."""

    def build(self, shape: tuple[int, ...]) -> None:
        self.gamma = self.add_weight(shape=(shape[-1],), initializer=keras.initializers.Constant(1e-6), name="gamma")

    def call(self, maps: keras.KerasTensor) -> keras.KerasTensor:
        return maps * self.gamma


def build() -> keras.Model:
    """An untrained network that turns images (N, 224, 224, 3) into logits (N, 1000)."""
    image = keras.Input((224, 224, 3), name="image")
    maps = layers.Conv2D(96, 4, strides=4, name="stem_conv")(image)  # (N, 56, 56, 96)
    maps = norm("stem_norm")(maps)
    for stage, (channels, blocks) in enumerate(STAGES, start=1):
        if stage > 1:  # (N, 28, 28, 192), (N, 14, 14, 384), (N, 7, 7, 768)
            maps = norm(f"stage{stage}_norm")(maps)
            maps = layers.Conv2D(channels, 2, strides=2, name=f"stage{stage}_conv")(maps)
        for number in range(1, blocks + 1):
            maps = block(maps, f"stage{stage}_block{number}")
    features = layers.GlobalAveragePooling2D(name="pool")(maps)  # (N, 768)
    features = norm("norm")(features)
    logits = layers.Dense(1000, name="logits")(features)  # (N, 1000)
    return keras.Model(image, logits, name="convnext_tiny")


def block(maps: keras.KerasTensor, name: str) -> keras.KerasTensor:
    """Filtered channel by channel, then mixed at every place, and added to the input: maps (N, H, W, C) keep shape."""
    channels = maps.shape[-1]
    change = layers.DepthwiseConv2D(7, padding="same", name=f"{name}_conv")(maps)
    change = norm(f"{name}_norm")(change)
    change = layers.Dense(4 * channels, name=f"{name}_dense1")(change)  # (N, H, W, 4 C)
    change = layers.Activation("gelu", name=f"{name}_gelu")(change)
    change = layers.Dense(channels, name=f"{name}_dense2")(change)  # (N, H, W, C)
    change = Scale(name=f"{name}_scale")(change)
    return layers.Add(name=f"{name}_add")([maps, change])


def norm(name: str) -> layers.Layer:
    """Over the channels of each place, which are the last axis."""
    return layers.LayerNormalization(epsilon=1e-6, name=name)
