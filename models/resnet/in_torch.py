"""ResNet, in PyTorch: each block learns what to add to its input, which goes around it by a shortcut."""

from collections import OrderedDict
from collections.abc import Sequence

import torch
from torch import nn

FILTERS = (64, 128, 256, 512)  # of the 3×3 convolutions of each stage


def build(stages: Sequence[int], block: str) -> nn.Module:
    """An untrained network that turns images (N, 3, 224, 224) into logits (N, 1000).

    ``stages`` gives the blocks of each stage, ``block`` their kind: "basic" or "bottleneck". A
    bottleneck's output has four times the channels below.
    """
    network = OrderedDict(
        stem_conv=convolution(3, 64, 7, 2),  # (N, 64, 112, 112)
        stem_bn=norm(64),
        stem_relu=nn.ReLU(),
        stem_pool=nn.MaxPool2d(3, stride=2, padding=1),  # (N, 64, 56, 56)
    )
    channels = 64
    for stage, (filters, blocks) in enumerate(zip(FILTERS, stages, strict=True), start=1):
        # (N, 64, 56, 56), (N, 128, 28, 28), (N, 256, 14, 14), (N, 512, 7, 7)
        network[f"stage{stage}"] = nn.Sequential()
        for number in range(1, blocks + 1):
            stride = 2 if stage > 1 and number == 1 else 1
            network[f"stage{stage}"].add_module(f"block{number}", BLOCKS[block](channels, filters, stride))
            channels = filters * BLOCKS[block].expansion
    network |= {
        "pool": nn.AdaptiveAvgPool2d(1),  # (N, 512, 1, 1)
        "flatten": nn.Flatten(),  # (N, 512)
        "logits": nn.Linear(channels, 1000),  # (N, 1000)
    }
    return nn.Sequential(network)


class Basic(nn.Module):
    """Two 3×3 convolutions, around which the input is added: maps (N, C, H, W) to (N, F, H / stride, W / stride)."""

    expansion = 1

    def __init__(self, channels: int, filters: int, stride: int) -> None:
        super().__init__()
        self.conv1 = convolution(channels, filters, 3, stride)
        self.bn1 = norm(filters)
        self.relu1 = nn.ReLU()
        self.conv2 = convolution(filters, filters, 3, 1)
        self.bn2 = norm(filters)
        self.shortcut = shortcut(channels, filters, stride)
        self.relu2 = nn.ReLU()

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        change = self.relu1(self.bn1(self.conv1(maps)))
        change = self.bn2(self.conv2(change))
        return self.relu2(change + self.shortcut(maps))


class Bottleneck(nn.Module):
    """A 3×3 convolution of few channels between two of 1×1: maps (N, C, H, W) to (N, 4 F, H / stride, W / stride)."""

    expansion = 4

    def __init__(self, channels: int, filters: int, stride: int) -> None:
        super().__init__()
        self.conv1 = convolution(channels, filters, 1, 1)
        self.bn1 = norm(filters)
        self.relu1 = nn.ReLU()
        # The paper has the stride in the convolution before.
        self.conv2 = convolution(filters, filters, 3, stride)
        self.bn2 = norm(filters)
        self.relu2 = nn.ReLU()
        self.conv3 = convolution(filters, 4 * filters, 1, 1)
        self.bn3 = norm(4 * filters)
        self.shortcut = shortcut(channels, 4 * filters, stride)
        self.relu3 = nn.ReLU()

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        change = self.relu1(self.bn1(self.conv1(maps)))
        change = self.relu2(self.bn2(self.conv2(change)))
        change = self.bn3(self.conv3(change))
        return self.relu3(change + self.shortcut(maps))


BLOCKS = {"basic": Basic, "bottleneck": Bottleneck}


def shortcut(channels: int, filters: int, stride: int) -> nn.Module:
    """The input itself, or where its shape is not the output's, a linear map of it."""
    if stride == 1 and channels == filters:
        return nn.Identity()
    return nn.Sequential(OrderedDict(conv=convolution(channels, filters, 1, stride), bn=norm(filters)))


def convolution(channels: int, filters: int, size: int, stride: int) -> nn.Conv2d:
    """A convolution without biases, which the batch norm behind it has."""
    return nn.Conv2d(channels, filters, size, stride, padding=size // 2, bias=False)


def norm(channels: int) -> nn.BatchNorm2d:
    """What follows every convolution."""
    # Keras' momentum 0.9 weighs the old statistics, PyTorch's 0.1 the new ones: the same average.
    return nn.BatchNorm2d(channels, momentum=0.1, eps=1e-5)
