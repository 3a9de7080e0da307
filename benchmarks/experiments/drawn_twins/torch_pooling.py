"""Pooling and normalisation in PyTorch, behind a convolution: from maps (N, 6, H, W) on."""

import math

from torch import nn

from .torch_convolutions import Body
from .torch_layers import ChannelNorm, GlobalMax, Mean, PartialBatchNorm, Rescaled, SamePadding, UnitLength


def _normalised(*normalisation: Body) -> Body:
    """A normalisation between a convolution and a ReLU."""

    def layers() -> dict[str, nn.Module]:
        between = {name: module for make in normalisation for name, module in make().items()}
        return {"conv": nn.Conv2d(6, 8, 3, padding=1), **between, "relu": nn.ReLU()}

    return layers


POOLINGS: dict[str, Body] = {
    "max_2": lambda: {"pool": nn.MaxPool2d(2)},
    "max_3_stride_2": lambda: {"pool": nn.MaxPool2d(3, stride=2)},
    "max_same_odd": lambda: {"pad": SamePadding(2, 2, value=-math.inf), "pool": nn.MaxPool2d(2)},
    "max_same_3": lambda: {"pool": nn.MaxPool2d(3, stride=1, padding=1)},
    "average_2": lambda: {"pool": nn.AvgPool2d(2)},
    "average_same_3": lambda: {"pool": nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False)},
    "average_same_odd": lambda: {"pool": nn.AvgPool2d(3, stride=2, padding=1, count_include_pad=False)},
    "average_padded": lambda: {"pool": nn.AvgPool2d(3, stride=2, padding=1)},
    "global_max": lambda: {"conv": nn.Conv2d(6, 8, 1), "pool": GlobalMax()},
    "global_mean": lambda: {"conv": nn.Conv2d(6, 8, 1), "relu": nn.ReLU(), "pool": Mean(2, 3)},
    "global_mean_kept": lambda: {
        "pool": nn.AdaptiveAvgPool2d(1),
        "conv": nn.Conv2d(6, 8, 1),
        "vector": nn.Flatten(),
    },
}

NORMALISATIONS: dict[str, Body] = {
    "batch_norm": _normalised(lambda: {"norm": nn.BatchNorm2d(8, eps=1e-3)}),
    "batch_norm_1e-5": _normalised(lambda: {"norm": nn.BatchNorm2d(8, eps=1e-5, momentum=0.3)}),
    "batch_norm_no_scale": _normalised(lambda: {"norm": PartialBatchNorm(8, eps=1e-3, without="weight")}),
    "batch_norm_no_shift": _normalised(lambda: {"norm": PartialBatchNorm(8, eps=1e-3, without="bias")}),
    "batch_norm_plain": _normalised(lambda: {"norm": nn.BatchNorm2d(8, eps=1e-3, affine=False)}),
    "batch_norm_first": lambda: {
        "norm": nn.BatchNorm2d(6, eps=1e-3),
        "relu": nn.ReLU(),
        "conv": nn.Conv2d(6, 8, 3),
    },
    "batch_norm_after_relu": lambda: {
        "conv": nn.Conv2d(6, 8, 3, bias=False),
        "relu": nn.ReLU(),
        "norm": nn.BatchNorm2d(8, eps=1e-3),
    },
    "layer_norm": _normalised(lambda: {"norm": ChannelNorm(8, eps=1e-6)}),
    "group_norm": _normalised(lambda: {"norm": nn.GroupNorm(2, 8, eps=1e-5)}),
    "instance_norm": _normalised(lambda: {"norm": nn.InstanceNorm2d(8, eps=1e-5, affine=True)}),
    "unit_norm": _normalised(lambda: {"norm": UnitLength()}),
    "rescaled": _normalised(lambda: {"norm": Rescaled(0.485, 0.229)}),
}
