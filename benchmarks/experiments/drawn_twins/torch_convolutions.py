"""Convolutions in PyTorch: from maps (N, 6, H, W) on, layer by layer, by name."""

from collections.abc import Callable

from torch import nn

from .torch_layers import (
    Crop,
    Flattened,
    GlobalMax,
    Mean,
    OnChannels,
    SamePadding,
    Volume,
)

Body = Callable[[], dict[str, nn.Module]]

CONVOLUTIONS: dict[str, Body] = {
    "conv_valid": lambda: {"conv": nn.Conv2d(6, 8, 3)},
    "conv_same": lambda: {"conv": nn.Conv2d(6, 8, 3, padding=1)},
    "conv_same_stride": lambda: {"pad": SamePadding(3, 2), "conv": nn.Conv2d(6, 8, 3, stride=2)},
    "conv_same_stride_even": lambda: {
        "even": nn.Conv2d(6, 6, 2),
        "pad": SamePadding(3, 2),
        "conv": nn.Conv2d(6, 8, 3, stride=2),
    },
    "conv_padded_stride": lambda: {"conv": nn.Conv2d(6, 8, 3, stride=2, padding=1)},
    "conv_even_kernel": lambda: {"pad": SamePadding(4, 1), "conv": nn.Conv2d(6, 8, 4)},
    "conv_dilated": lambda: {"conv": nn.Conv2d(6, 8, 3, dilation=2, padding=2)},
    "conv_grouped": lambda: {"conv": nn.Conv2d(6, 8, 3, groups=2, padding=1)},
    "conv_1x1": lambda: {"conv": nn.Conv2d(6, 12, 1)},
    "conv_5x5_unbiased": lambda: {"conv": nn.Conv2d(6, 8, 5, bias=False)},
    "conv_flat": lambda: {
        "across": nn.Conv2d(6, 6, (1, 7), padding=(0, 3)),
        "down": nn.Conv2d(6, 6, (7, 1), padding=(3, 0)),
    },
    "conv_two": lambda: {
        "first": nn.Conv2d(6, 6, 3, padding=1),
        "relu1": nn.ReLU(),
        "second": nn.Conv2d(6, 6, 3, padding=1),
        "relu2": nn.ReLU(),
    },
    "depthwise": lambda: {"depthwise": nn.Conv2d(6, 6, 3, groups=6, padding=1)},
    "depthwise_stride": lambda: {"depthwise": nn.Conv2d(6, 6, 3, groups=6, stride=2)},
    "depthwise_multiplied": lambda: {"depthwise": nn.Conv2d(6, 12, 3, groups=6)},
    "depthwise_separable": lambda: {
        "depthwise": nn.Conv2d(6, 6, 3, groups=6, padding=1, bias=False),
        "pointwise": nn.Conv2d(6, 8, 1),
        "relu": nn.ReLU(),
    },
    "transposed": lambda: {"conv": nn.ConvTranspose2d(6, 8, 2, stride=2)},
    "transposed_same": lambda: {"conv": nn.ConvTranspose2d(6, 8, 4, stride=2, padding=1)},
    "transposed_same_odd": lambda: {"conv": nn.ConvTranspose2d(6, 8, 3, stride=2), "crop": Crop(0, 1, 0, 1)},
    "stride_then_1x1": lambda: {
        "reduce": nn.Conv2d(6, 4, 1),
        "relu1": nn.ReLU(),
        "spatial": nn.Conv2d(4, 4, 3, stride=2, padding=1),
        "relu2": nn.ReLU(),
        "expand": nn.Conv2d(4, 8, 1),
    },
    "conv_1d": lambda: {
        "sequence": Flattened(),
        "conv": nn.Conv1d(6, 8, 3, stride=2),
        "relu": nn.ReLU(),
        "mean": Mean(2),
    },
    "conv_1d_causal": lambda: {
        "sequence": Flattened(),
        "pad": nn.ConstantPad1d((2, 0), 0.0),
        "conv": nn.Conv1d(6, 8, 3),
        "max": GlobalMax(),
    },
    "conv_3d": lambda: {
        "volume": Volume(),
        "conv": nn.Conv3d(1, 4, 3, padding=1),
        "relu": nn.ReLU(),
        "mean": Mean(2, 3, 4),
    },
    "dense_hidden": lambda: {
        "max": GlobalMax(),
        "hidden": nn.Linear(6, 12),
        "relu": nn.ReLU(),
        "square": nn.Linear(12, 12),
        "tanh": nn.Tanh(),
    },
    "dense_on_channels": lambda: {
        "dense": OnChannels(6, 8),
        "relu": nn.ReLU(),
    },
}
