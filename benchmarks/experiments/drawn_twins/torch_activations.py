"""Activations in PyTorch, behind a convolution: from maps (N, 6, H, W) on."""

from collections.abc import Callable

from torch import nn

from .torch_convolutions import Body
from .torch_layers import Exponential


def _activated(make: Callable[[], nn.Module]) -> Body:
    """A function between two convolutions."""
    return lambda: {"conv": nn.Conv2d(6, 8, 3, padding=1), "activation": make(), "after": nn.Conv2d(8, 6, 1)}


ACTIVATIONS: dict[str, Body] = {
    "relu": _activated(nn.ReLU),
    "relu6": _activated(nn.ReLU6),
    "leaky_relu": _activated(lambda: nn.LeakyReLU(0.1)),
    "prelu": _activated(lambda: nn.PReLU(8)),
    "elu": _activated(nn.ELU),
    "elu_half": _activated(lambda: nn.ELU(0.5)),
    "gelu": _activated(nn.GELU),
    "gelu_tanh": _activated(lambda: nn.GELU("tanh")),
    "softmax": _activated(lambda: nn.Softmax(1)),
    "selu": _activated(nn.SELU),
    "silu": _activated(nn.SiLU),
    "mish": _activated(nn.Mish),
    "softplus": _activated(nn.Softplus),
    "softsign": _activated(nn.Softsign),
    "tanh": _activated(nn.Tanh),
    "sigmoid": _activated(nn.Sigmoid),
    "hard_sigmoid": _activated(nn.Hardsigmoid),
    "hard_swish": _activated(nn.Hardswish),
    "exponential": _activated(Exponential),
    "log_softmax": _activated(lambda: nn.LogSoftmax(1)),
}
