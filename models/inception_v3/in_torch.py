"""Inception-v3 (Szegedy et al. 2015), in PyTorch: a stem, eleven modules of parallel branches, one dense layer."""

from collections import OrderedDict

import torch
from torch import nn


class Branches(nn.ModuleDict):
    """The same maps through each branch; what they make is stacked."""

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        return torch.cat([branch(maps) for branch in self.values()], dim=1)


def build() -> nn.Module:
    """An untrained network that turns images (N, 3, 299, 299) into logits (N, 1000)."""
    return nn.Sequential(
        OrderedDict(
            conv_1a=convolution(3, 32, 3, stride=2, padding="valid"),  # (N, 32, 149, 149)
            conv_2a=convolution(32, 32, 3, padding="valid"),  # (N, 32, 147, 147)
            conv_2b=convolution(32, 64, 3),  # (N, 64, 147, 147)
            pool_3a=nn.MaxPool2d(3, stride=2),  # (N, 64, 73, 73)
            conv_3b=convolution(64, 80, 1),  # (N, 80, 73, 73)
            conv_4a=convolution(80, 192, 3, padding="valid"),  # (N, 192, 71, 71)
            pool_5a=nn.MaxPool2d(3, stride=2),  # (N, 192, 35, 35)
            mixed_5b=inception_a(192, 32),  # (N, 256, 35, 35)
            mixed_5c=inception_a(256, 64),  # (N, 288, 35, 35)
            mixed_5d=inception_a(288, 64),  # (N, 288, 35, 35)
            mixed_6a=reduction_a(288),  # (N, 768, 17, 17)
            mixed_6b=inception_b(768, 128),  # (N, 768, 17, 17)
            mixed_6c=inception_b(768, 160),  # (N, 768, 17, 17)
            mixed_6d=inception_b(768, 160),  # (N, 768, 17, 17)
            mixed_6e=inception_b(768, 192),  # (N, 768, 17, 17)
            mixed_7a=reduction_b(768),  # (N, 1280, 8, 8)
            mixed_7b=inception_c(1280),  # (N, 2048, 8, 8)
            mixed_7c=inception_c(2048),  # (N, 2048, 8, 8)
            pool=nn.AdaptiveAvgPool2d(1),  # (N, 2048, 1, 1)
            flatten=nn.Flatten(),  # (N, 2048)
            dropout=nn.Dropout(0.5),
            logits=nn.Linear(2048, 1000),  # (N, 1000)
        )
    )


def inception_a(channels: int, pooled: int) -> Branches:
    """Maps (N, C, 35, 35) to (N, 224 + ``pooled``, 35, 35); one branch sees 5×5 by two convolutions of 3×3."""
    return Branches(
        {
            "1x1": convolution(channels, 64, 1),
            "5x5": nn.Sequential(convolution(channels, 48, 1), convolution(48, 64, 5)),
            "double_3x3": nn.Sequential(convolution(channels, 64, 1), convolution(64, 96, 3), convolution(96, 96, 3)),
            "pool": nn.Sequential(average(), convolution(channels, pooled, 1)),
        }
    )


def reduction_a(channels: int) -> Branches:
    """Maps (N, 288, 35, 35) to (N, 768, 17, 17)."""
    return Branches(
        {
            "3x3": convolution(channels, 384, 3, stride=2, padding="valid"),
            "double_3x3": nn.Sequential(
                convolution(channels, 64, 1),
                convolution(64, 96, 3),
                convolution(96, 96, 3, stride=2, padding="valid"),
            ),
            "pool": nn.MaxPool2d(3, stride=2),
        }
    )


def inception_b(channels: int, narrow: int) -> Branches:
    """Maps (N, 768, 17, 17) to the same shape; 7×7 as 1×7 and 7×1, ``narrow`` maps between them."""
    return Branches(
        {
            "1x1": convolution(channels, 192, 1),
            "7x7": nn.Sequential(
                convolution(channels, narrow, 1),
                convolution(narrow, narrow, (1, 7)),
                convolution(narrow, 192, (7, 1)),
            ),
            "double_7x7": nn.Sequential(
                convolution(channels, narrow, 1),
                convolution(narrow, narrow, (7, 1)),
                convolution(narrow, narrow, (1, 7)),
                convolution(narrow, narrow, (7, 1)),
                convolution(narrow, 192, (1, 7)),
            ),
            "pool": nn.Sequential(average(), convolution(channels, 192, 1)),
        }
    )


def reduction_b(channels: int) -> Branches:
    """Maps (N, 768, 17, 17) to (N, 1280, 8, 8)."""
    return Branches(
        {
            "3x3": nn.Sequential(convolution(channels, 192, 1), convolution(192, 320, 3, stride=2, padding="valid")),
            "7x7": nn.Sequential(
                convolution(channels, 192, 1),
                convolution(192, 192, (1, 7)),
                convolution(192, 192, (7, 1)),
                convolution(192, 192, 3, stride=2, padding="valid"),
            ),
            "pool": nn.MaxPool2d(3, stride=2),
        }
    )


def inception_c(channels: int) -> Branches:
    """Maps (N, C, 8, 8) to (N, 2048, 8, 8); 3×3 as 1×3 and 3×1 beside each other."""
    return Branches(
        {
            "1x1": convolution(channels, 320, 1),
            "3x3": nn.Sequential(convolution(channels, 384, 1), flat(384)),
            "double_3x3": nn.Sequential(convolution(channels, 448, 1), convolution(448, 384, 3), flat(384)),
            "pool": nn.Sequential(average(), convolution(channels, 192, 1)),
        }
    )


def flat(channels: int) -> Branches:
    """Maps (N, C, 8, 8) to (N, 768, 8, 8)."""
    return Branches({"1x3": convolution(channels, 384, (1, 3)), "3x1": convolution(channels, 384, (3, 1))})


def average() -> nn.AvgPool2d:
    """The mean of each 3×3 pixels; zeros beyond the edges count."""
    return nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=True)


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
