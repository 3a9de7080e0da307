"""The networks in PyTorch, with a fault planted if one is named."""

import torch
from torch import nn

from . import CLASSES, SIZES
from .faults import FAULTS
from .torch_activations import ACTIVATIONS
from .torch_convolutions import CONVOLUTIONS
from .torch_layers import Mean
from .torch_pooling import NORMALISATIONS, POOLINGS
from .torch_structures import STRUCTURES

CONSTRUCTS = CONVOLUTIONS | POOLINGS | NORMALISATIONS | ACTIVATIONS | STRUCTURES


def build(construct: str, size: str, fault: str = "") -> nn.Sequential:
    """Turns images (N, 3, H, W) into logits (N, 5)."""
    height, width, channels = SIZES[size]
    network = nn.Sequential()
    for name, module in {"stem": nn.Conv2d(channels, 6, 3), **CONSTRUCTS[construct]()}.items():
        network.add_module(name, module)
    with torch.no_grad():
        shape = network.eval()(torch.zeros(1, channels, height, width)).shape
    if len(shape) == 4:
        network.add_module("flat", nn.Flatten() if size == "small" else Mean(2, 3))
    network.add_module("logits", nn.Linear(shape.numel() if size == "small" else shape[1], CLASSES))
    if fault:
        FAULTS[fault](network)
    return network
