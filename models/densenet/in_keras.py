"""DenseNet-121 (Huang et al. 2017), in Keras: each layer reads all maps made so far, and adds 32 to them."""

import keras
from keras import layers

GROWTH = 32  # the maps that each layer adds
LAYERS = (6, 12, 24, 16)  # of each stage


def build() -> keras.Model:
    """An untrained network that turns images (N, 224, 224, 3) into logits (N, 1000)."""
    image = keras.Input((224, 224, 3), name="image")
    # On an even size, `same` with stride 2 would pad two pixels before and three after: here it is three on both sides.
    maps = layers.ZeroPadding2D(3, name="stem_pad")(image)  # (N, 230, 230, 3)
    maps = layers.Conv2D(64, 7, strides=2, use_bias=False, name="stem_conv")(maps)  # (N, 112, 112, 64)
    maps = norm_and_relu(maps, "stem_bn", "stem_relu")
    # Behind a ReLU, a padded zero is never more than the maximum.
    maps = layers.ZeroPadding2D(1, name="stem_pool_pad")(maps)  # (N, 114, 114, 64)
    maps = layers.MaxPooling2D(3, strides=2, name="stem_pool")(maps)  # (N, 56, 56, 64)
    for stage, count in enumerate(LAYERS, start=1):
        if stage > 1:
            maps = transition(maps, f"stage{stage}_transition")  # (N, 28, 28, 128), (N, 14, 14, 256), (N, 7, 7, 512)
        for number in range(1, count + 1):
            maps = dense_layer(maps, f"stage{stage}_layer{number}")
        # (N, 56, 56, 256), (N, 28, 28, 512), (N, 14, 14, 1024), (N, 7, 7, 1024)
    maps = norm_and_relu(maps, "bn", "relu")
    features = layers.GlobalAveragePooling2D(name="pool")(maps)  # (N, 1024)
    logits = layers.Dense(1000, name="logits")(features)  # (N, 1000)
    return keras.Model(image, logits, name="densenet121")


def dense_layer(maps: keras.KerasTensor, name: str) -> keras.KerasTensor:
    """Maps (N, H, W, C) to (N, H, W, C + 32): what a 1×1 and a 3×3 convolution make of them stands behind them."""
    new = norm_and_relu(maps, f"{name}_bn1", f"{name}_relu1")
    new = layers.Conv2D(4 * GROWTH, 1, use_bias=False, name=f"{name}_conv1")(new)  # (N, H, W, 128)
    new = norm_and_relu(new, f"{name}_bn2", f"{name}_relu2")
    new = layers.Conv2D(GROWTH, 3, padding="same", use_bias=False, name=f"{name}_conv2")(new)  # (N, H, W, 32)
    return layers.Concatenate(name=f"{name}_concat")([maps, new])


def transition(maps: keras.KerasTensor, name: str) -> keras.KerasTensor:
    """Half of everything: maps (N, H, W, C) to (N, H / 2, W / 2, C / 2)."""
    maps = norm_and_relu(maps, f"{name}_bn", f"{name}_relu")
    maps = layers.Conv2D(maps.shape[-1] // 2, 1, use_bias=False, name=f"{name}_conv")(maps)
    return layers.AveragePooling2D(2, name=f"{name}_pool")(maps)


def norm_and_relu(maps: keras.KerasTensor, norm: str, relu: str) -> keras.KerasTensor:
    """What stands before every convolution but the first."""
    return layers.ReLU(name=relu)(layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name=norm)(maps))
