"""ViT-Tiny (Touvron et al. 2021), in Keras: patches of 16×16 pixels, each of which attends to all."""

import keras
from keras import layers, ops

BLOCKS = 12
TOKENS = 197  # 14 × 14 patches, and one for the class


class ClassToken(layers.Layer):
    """One learned token before all others: tokens (N, T, C) to (N, 1 + T, C)."""

    def build(self, shape: tuple[int, ...]) -> None:
        self.token = self.add_weight(shape=(shape[-1],), initializer="zeros", name="token")

    def call(self, tokens: keras.KerasTensor) -> keras.KerasTensor:
        first = ops.broadcast_to(self.token, (ops.shape(tokens)[0], 1, tokens.shape[2]))
        return ops.concatenate([first, tokens], axis=1)


class Places(layers.Layer):
    """The place of each token: tokens (N, T, C) to numbers (T,)."""

    def call(self, tokens: keras.KerasTensor) -> keras.KerasTensor:
        return ops.arange(tokens.shape[1])


def build() -> keras.Model:
    """An untrained network that turns images (N, 224, 224, 3) into logits (N, 1000)."""
    image = keras.Input((224, 224, 3), name="image")
    maps = layers.Conv2D(192, 16, strides=16, name="patches")(image)  # (N, 14, 14, 192)
    tokens = ops.reshape(maps, (-1, 14 * 14, 192))  # (N, 196, 192)
    tokens = ClassToken(name="class_token")(tokens)  # (N, 197, 192)
    places = Places(name="places")(tokens)  # (197,)
    tokens = tokens + layers.Embedding(TOKENS, 192, name="positions")(places)
    for number in range(1, BLOCKS + 1):
        tokens = block(tokens, f"block{number}")
    tokens = norm("norm")(tokens)
    logits = layers.Dense(1000, name="logits")(tokens[:, 0])  # (N, 1000)
    return keras.Model(image, logits, name="vit_tiny")


def block(tokens: keras.KerasTensor, name: str) -> keras.KerasTensor:
    """Each token takes from others what it attends to, then is mixed by itself: tokens (N, T, 192) keep their shape."""
    change = norm(f"{name}_norm1")(tokens)
    change = layers.MultiHeadAttention(3, 64, name=f"{name}_attention")(change, change)
    tokens = layers.Add(name=f"{name}_add1")([tokens, change])
    change = norm(f"{name}_norm2")(tokens)
    change = layers.Dense(768, name=f"{name}_dense1")(change)  # (N, T, 768)
    change = layers.Activation("gelu", name=f"{name}_gelu")(change)
    change = layers.Dense(192, name=f"{name}_dense2")(change)  # (N, T, 192)
    return layers.Add(name=f"{name}_add2")([tokens, change])


def norm(name: str) -> layers.Layer:
    """Over the features of each token."""
    return layers.LayerNormalization(epsilon=1e-6, name=name)
