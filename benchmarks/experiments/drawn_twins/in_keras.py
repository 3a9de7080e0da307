"""The networks in Keras. A fault is planted in PyTorch, so that ``fault`` is not read here."""

import functools
from typing import Any

import keras
from keras import layers

from . import CLASSES, SIZES
from .keras_activations import ACTIVATIONS
from .keras_convolutions import CONVOLUTIONS
from .keras_pooling import NORMALISATIONS, POOLINGS
from .keras_structures import STRUCTURES

CONSTRUCTS = CONVOLUTIONS | POOLINGS | NORMALISATIONS | ACTIVATIONS | STRUCTURES


def build(construct: str, size: str, fault: str = "") -> keras.Model:  # noqa: ARG001
    """Turns images (N, H, W, 3) into logits (N, 5). One network serves all draws, since TensorFlow compiles it."""
    return _build(construct, size, keras.config.dtype_policy().name, keras.config.floatx())


@functools.lru_cache(maxsize=8)
def _build(construct: str, size: str, _policy: str, _floatx: str) -> keras.Model:
    image = keras.Input(SIZES[size], name="image")
    maps = layers.Conv2D(6, 3, name="stem")(image)  # (N, 9, 11, 6) or (N, 47, 49, 6)
    found: Any = CONSTRUCTS[construct](maps)
    if len(found.shape) == 4:
        closing = layers.Flatten(name="flat") if size == "small" else layers.GlobalAveragePooling2D(name="mean")
        found = closing(found)
    return keras.Model(image, layers.Dense(CLASSES, name="logits")(found), name=construct)
