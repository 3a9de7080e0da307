"""Activations in Keras, behind a convolution: from maps (N, H, W, 6) on."""

from typing import Any

import keras
from keras import layers

from .keras_convolutions import Body, follow


def _activated(make: Any) -> Body:
    """A function between two convolutions."""
    return lambda maps: follow(
        maps, layers.Conv2D(8, 3, padding="same", name="conv"), make(), layers.Conv2D(6, 1, name="after")
    )


def _named(name: str) -> Body:
    return _activated(lambda: layers.Activation(name, name="activation"))


ACTIVATIONS: dict[str, Body] = {
    "relu": _activated(lambda: layers.ReLU(name="activation")),
    "relu6": _activated(lambda: layers.ReLU(6.0, name="activation")),
    "leaky_relu": _activated(lambda: layers.LeakyReLU(negative_slope=0.1, name="activation")),
    "prelu": _activated(lambda: layers.PReLU(shared_axes=[1, 2], name="activation")),
    "elu": _activated(lambda: layers.ELU(name="activation")),
    "elu_half": _activated(lambda: layers.ELU(alpha=0.5, name="activation")),
    "gelu": _activated(lambda: layers.Activation(lambda x: keras.activations.gelu(x, approximate=False))),
    "gelu_tanh": _activated(lambda: layers.Activation(lambda x: keras.activations.gelu(x, approximate=True))),
    "softmax": _activated(lambda: layers.Softmax(axis=-1, name="activation")),
    "selu": _named("selu"),
    "silu": _named("silu"),
    "mish": _named("mish"),
    "softplus": _named("softplus"),
    "softsign": _named("softsign"),
    "tanh": _named("tanh"),
    "sigmoid": _named("sigmoid"),
    "hard_sigmoid": _named("hard_sigmoid"),
    "hard_swish": _named("hard_silu"),
    "exponential": _named("exponential"),
    "log_softmax": _named("log_softmax"),
}
