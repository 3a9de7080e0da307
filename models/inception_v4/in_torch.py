"""Inception-v4 (Szegedy et al. 2016), in PyTorch: a stem of branches, modules of parallel branches, one dense layer."""

from collections import OrderedDict

import torch
from torch import nn


class Branches(nn.ModuleDict):
    """The same maps through each branch; what they make is stacked."""

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        return torch.cat([branch(maps) for branch in self.values()], dim=1)


def build() -> nn.Module:
    """An untrained network that turns images (N, 3, 299, 299) into logits (N, 1000)."""
    network = OrderedDict(
        conv_1a=convolution(3, 32, 3, stride=2, padding="valid"),  # (N, 32, 149, 149)
        conv_2a=convolution(32, 32, 3, padding="valid"),  # (N, 32, 147, 147)
        conv_2b=convolution(32, 64, 3),  # (N, 64, 147, 147)
        mixed_3a=stem_3a(64),  # (N, 160, 73, 73)
        mixed_4a=stem_4a(160),  # (N, 192, 71, 71)
        mixed_5a=stem_5a(192),  # (N, 384, 35, 35)
    )
    network |= {f"mixed_5{letter}": inception_a(384) for letter in "bcde"}  # (N, 384, 35, 35)
    network["mixed_6a"] = reduction_a(384)  # (N, 1024, 17, 17)
    network |= {f"mixed_6{letter}": inception_b(1024) for letter in "bcdefgh"}  # (N, 1024, 17, 17)
    network["mixed_7a"] = reduction_b(1024)  # (N, 1536, 8, 8)
    network |= {f"mixed_7{letter}": inception_c(1536) for letter in "bcd"}  # (N, 1536, 8, 8)
    network |= {
        "pool": nn.AdaptiveAvgPool2d(1),  # (N, 1536, 1, 1)
        "flatten": nn.Flatten(),  # (N, 1536)
        "dropout": nn.Dropout(0.2),
        "logits": nn.Linear(1536, 1000),  # (N, 1000)
    }
    return nn.Sequential(network)


def stem_3a(channels: int) -> Branches:
    """Maps (N, 64, 147, 147) to (N, 160, 73, 73)."""
    return Branches(
        {
            "pool": nn.MaxPool2d(3, stride=2),
            "3x3": convolution(channels, 96, 3, stride=2, padding="valid"),
        }
    )


def stem_4a(channels: int) -> Branches:
    """Maps (N, 160, 73, 73) to (N, 192, 71, 71)."""
    return Branches(
        {
            "3x3": nn.Sequential(convolution(channels, 64, 1), convolution(64, 96, 3, padding="valid")),
            "7x7": nn.Sequential(
                convolution(channels, 64, 1),
                convolution(64, 64, (1, 7)),
                convolution(64, 64, (7, 1)),
                convolution(64, 96, 3, padding="valid"),
            ),
        }
    )


def stem_5a(channels: int) -> Branches:
    """Maps (N, 192, 71, 71) to (N, 384, 35, 35)."""
    return Branches(
        {
            "3x3": convolution(channels, 192, 3, stride=2, padding="valid"),
            "pool": nn.MaxPool2d(3, stride=2),
        }
    )


def inception_a(channels: int) -> Branches:
    """Maps (N, 384, 35, 35) to the same shape."""
    return Branches(
        {
            "1x1": convolution(channels, 96, 1),
            "3x3": nn.Sequential(convolution(channels, 64, 1), convolution(64, 96, 3)),
            "double_3x3": nn.Sequential(convolution(channels, 64, 1), convolution(64, 96, 3), convolution(96, 96, 3)),
            "pool": nn.Sequential(average(), convolution(channels, 96, 1)),
        }
    )


def reduction_a(channels: int) -> Branches:
    """Maps (N, 384, 35, 35) to (N, 1024, 17, 17)."""
    return Branches(
        {
            "3x3": convolution(channels, 384, 3, stride=2, padding="valid"),
            "double_3x3": nn.Sequential(
                convolution(channels, 192, 1),
                convolution(192, 224, 3),
                convolution(224, 256, 3, stride=2, padding="valid"),
            ),
            "pool": nn.MaxPool2d(3, stride=2),
        }
    )


def inception_b(channels: int) -> Branches:
    """Maps (N, 1024, 17, 17) to the same shape; 7×7 as 1×7 and 7×1."""
    return Branches(
        {
            "1x1": convolution(channels, 384, 1),
            "7x7": nn.Sequential(
                convolution(channels, 192, 1),
                convolution(192, 224, (1, 7)),
                convolution(224, 256, (7, 1)),
            ),
            "double_7x7": nn.Sequential(
                convolution(channels, 192, 1),
                convolution(192, 192, (7, 1)),
                convolution(192, 224, (1, 7)),
                convolution(224, 224, (7, 1)),
                convolution(224, 256, (1, 7)),
            ),
            "pool": nn.Sequential(average(), convolution(channels, 128, 1)),
        }
    )


def reduction_b(channels: int) -> Branches:
    """Maps (N, 1024, 17, 17) to (N, 1536, 8, 8)."""
    return Branches(
        {
            "3x3": nn.Sequential(convolution(channels, 192, 1), convolution(192, 192, 3, stride=2, padding="valid")),
            "7x7": nn.Sequential(
                convolution(channels, 256, 1),
                convolution(256, 256, (1, 7)),
                convolution(256, 320, (7, 1)),
                convolution(320, 320, 3, stride=2, padding="valid"),
            ),
            "pool": nn.MaxPool2d(3, stride=2),
        }
    )


def inception_c(channels: int) -> Branches:
    """Maps (N, 1536, 8, 8) to the same shape; 3×3 as 1×3 and 3×1, at last beside each other."""
    return Branches(
        {
            "1x1": convolution(channels, 256, 1),
            "3x3": nn.Sequential(convolution(channels, 384, 1), flat(384)),
            "double_3x3": nn.Sequential(
                convolution(channels, 384, 1),
                convolution(384, 448, (3, 1)),
                convolution(448, 512, (1, 3)),
                flat(512),
            ),
            "pool": nn.Sequential(average(), convolution(channels, 256, 1)),
        }
    )


def flat(channels: int) -> Branches:
    """Maps (N, C, 8, 8) to (N, 512, 8, 8)."""
    return Branches({"1x3": convolution(channels, 256, (1, 3)), "3x1": convolution(channels, 256, (3, 1))})


def average() -> nn.AvgPool2d:
    """The mean of each 3×3 pixels; at the edges, of those inside alone."""
    return nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False)


def convolution(
    channels: int, filters: int, size: int | tuple[int, int], stride: int = 1, padding: str = "same"
) -> nn.Sequential:
    """A convolution without biases, which the batch norm behind it has, and a ReLU."""
    return nn.Sequential(
        OrderedDict(
            conv=nn.Conv2d(channels, filters, size, stride=stride, padding=padding, bias=False),
            # Keras' momentum 0.9 weighs the old statistics, PyTorch's 0.1 the new ones: the same average.
            bn=nn.BatchNorm2d(filters, momentum=0.1, eps=1e-3),
            relu=nn.ReLU(),
        )
    )
