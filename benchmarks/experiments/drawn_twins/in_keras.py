"""The networks in Keras. A fault is planted in PyTorch, so that ``fault`` is not read here."""

import contextlib
import functools
from collections.abc import Iterator
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
    """Turns images (N, H, W, 3) into logits (N, 5)."""
    if not _shares:
        return _build(construct, size)
    return _shared(construct, size, keras.config.dtype_policy().name, keras.config.floatx())


_shares: list[bool] = []  # not empty: one network serves all draws


@contextlib.contextmanager
def sharing() -> Iterator[None]:
    """Within it one network serves all draws of a construct, since TensorFlow compiles each."""
    _shares.append(True)
    try:
        yield
    finally:
        _shares.pop()


@functools.lru_cache(maxsize=8)
def _shared(construct: str, size: str, _policy: str, _floatx: str) -> keras.Model:
    return _build(construct, size)


def _build(construct: str, size: str) -> keras.Model:
    image = keras.Input(SIZES[size], name="image")
    maps = layers.Conv2D(6, 3, name="stem")(image)  # (N, 9, 11, 6) or (N, 47, 49, 6)
    found: Any = CONSTRUCTS[construct](maps)
    if len(found.shape) == 4:
        closing = layers.Flatten(name="flat") if size == "small" else layers.GlobalAveragePooling2D(name="mean")
        found = closing(found)
    return keras.Model(image, layers.Dense(CLASSES, name="logits")(found), name=construct)
