"""ENet, in PyTorch: bottlenecks whose input goes around them, pooled and filled up with zeros; learned slopes."""

from collections import OrderedDict
from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional as F


def build(stages: Sequence[Sequence[int]]) -> nn.Module:
    """An untrained network that turns images (N, 3, 224, 224) into logits (N, 1000).

    ``stages`` gives the channels that each bottleneck puts out; the first of a stage halves height
    and width.
    """
    network = OrderedDict(stem=Stem())  # (N, 16, 112, 112)
    inputs = 16
    for stage, channels in enumerate(stages, start=1):
        # (N, 64, 56, 56) then (N, 128, 56, 56); (N, 256, 28, 28); (N, 512, 14, 14); (N, 1024, 7, 7)
        dropout = 0.01 if stage == 1 else 0.1
        for number, outputs in enumerate(channels, start=1):
            # A quarter of 64 would be few channels for the first of all: it keeps its 64.
            inside = outputs if stage == number == 1 else outputs // 4
            bottleneck = Bottleneck(inputs, inside, outputs, number == 1, dropout)
            network[f"stage{stage}_bottleneck{number}"] = bottleneck
            inputs = outputs
    network |= {
        "pool": nn.AvgPool2d(7),  # (N, 1024, 1, 1)
        "flatten": nn.Flatten(),  # (N, 1024)
        "logits": nn.Linear(inputs, 1000),  # (N, 1000)
    }
    return nn.Sequential(network)


class Stem(nn.Module):
    """A convolution and a max pooling side by side: images (N, 3, H, W) to maps (N, 16, H / 2, W / 2)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 13, 3, stride=2, padding=1)
        self.pool = nn.MaxPool2d(2)
        self.prelu = prelu(16)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.prelu(torch.cat([self.conv(image), self.pool(image)], dim=1))


class Bottleneck(nn.Module):
    """A 3×3 convolution of few channels between two of 1×1, added to the input: maps (N, C, H, W) to (N, F, H, W).

    ``inside`` are the few channels, ``outputs`` is F. With ``down``, height and width are halved: on
    the main path by a convolution of 2×2, on the skip path by max pooling. C grows to F by zeros.
    """

    def __init__(self, inputs: int, inside: int, outputs: int, down: bool, dropout: float) -> None:
        super().__init__()
        size = 2 if down else 1
        self.conv1 = nn.Conv2d(inputs, inside, size, stride=size, bias=False)
        self.bn1 = norm(inside)
        self.prelu1 = prelu(inside)
        self.conv2 = nn.Conv2d(inside, inside, 3, padding="same")
        self.bn2 = norm(inside)
        self.prelu2 = prelu(inside)
        self.conv3 = nn.Conv2d(inside, outputs, 1, bias=False)
        self.bn3 = norm(outputs)
        self.dropout = nn.Dropout2d(dropout)
        self.pool = nn.MaxPool2d(2) if down else nn.Identity()
        self.zeros = outputs - inputs
        self.prelu3 = prelu(outputs)

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        main = self.prelu1(self.bn1(self.conv1(maps)))
        main = self.prelu2(self.bn2(self.conv2(main)))
        main = self.dropout(self.bn3(self.conv3(main)))
        skip = F.pad(self.pool(maps), (0, 0, 0, 0, 0, self.zeros))  # of width, height and channels
        return self.prelu3(main + skip)


def norm(channels: int) -> nn.BatchNorm2d:
    """What follows every convolution of a bottleneck."""
    # Keras' momentum 0.9 weighs the old statistics, PyTorch's 0.1 the new ones: the same average.
    return nn.BatchNorm2d(channels, momentum=0.1, eps=1e-3)


def prelu(channels: int) -> nn.PReLU:
    """A ReLU that leaves of what is below zero a learned part: one slope a channel, at first a quarter."""
    return nn.PReLU(channels, init=0.25)
