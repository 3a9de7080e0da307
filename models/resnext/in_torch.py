"""ResNeXt-50 (Xie et al. 2017), in PyTorch: a ResNet whose 3×3 convolutions are 32 narrow ones beside each other."""

from collections import OrderedDict

import torch
from torch import nn

GROUPS = 32
STAGES = (
    (128, 3),  # channels inside, and blocks: (N, 256, 56, 56)
    (256, 4),  # (N, 512, 28, 28)
    (512, 6),  # (N, 1024, 14, 14)
    (1024, 3),  # (N, 2048, 7, 7)
)


def build() -> nn.Module:
    """An untrained network that turns images (N, 3, 224, 224) into logits (N, 1000)."""
    network = OrderedDict(
        stem_conv=convolution(3, 64, 7, 2),  # (N, 64, 112, 112)
        stem_bn=norm(64),
        stem_relu=nn.ReLU(),
        stem_pool=nn.MaxPool2d(3, stride=2, padding=1),  # (N, 64, 56, 56)
    )
    channels = 64
    for stage, (inside, blocks) in enumerate(STAGES, start=1):
        network[f"stage{stage}"] = nn.Sequential()
        for number in range(1, blocks + 1):
            stride = 2 if stage > 1 and number == 1 else 1
            network[f"stage{stage}"].add_module(f"block{number}", Bottleneck(channels, inside, stride))
            channels = 2 * inside
    network |= {
        "pool": nn.AdaptiveAvgPool2d(1),  # (N, 2048, 1, 1)
        "flatten": nn.Flatten(),  # (N, 2048)
        "logits": nn.Linear(channels, 1000),  # (N, 1000)
    }
    return nn.Sequential(network)


class Bottleneck(nn.Module):
    """A 3×3 convolution in groups between two of 1×1: maps (N, C, H, W) to (N, 2 × inside, H / stride, W / stride)."""

    def __init__(self, channels: int, inside: int, stride: int) -> None:
        super().__init__()
        self.conv1 = convolution(channels, inside, 1, 1)
        self.bn1 = norm(inside)
        self.relu1 = nn.ReLU()
        self.conv2 = convolution(inside, inside, 3, stride, groups=GROUPS)
        self.bn2 = norm(inside)
        self.relu2 = nn.ReLU()
        self.conv3 = convolution(inside, 2 * inside, 1, 1)
        self.bn3 = norm(2 * inside)
        self.shortcut = shortcut(channels, 2 * inside, stride)
        self.relu3 = nn.ReLU()

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        change = self.relu1(self.bn1(self.conv1(maps)))
        change = self.relu2(self.bn2(self.conv2(change)))
        change = self.bn3(self.conv3(change))
        return self.relu3(change + self.shortcut(maps))


def shortcut(channels: int, filters: int, stride: int) -> nn.Module:
    """The input itself, or where its shape is not the output's, a linear map of it."""
    if stride == 1 and channels == filters:
        return nn.Identity()
    return nn.Sequential(OrderedDict(conv=convolution(channels, filters, 1, stride), bn=norm(filters)))


def convolution(channels: int, filters: int, size: int, stride: int, groups: int = 1) -> nn.Conv2d:
    """A convolution without biases, which the batch norm behind it has."""
    return nn.Conv2d(channels, filters, size, stride, padding=size // 2, groups=groups, bias=False)


def norm(channels: int) -> nn.BatchNorm2d:
    """What follows every convolution."""
    # Keras' momentum 0.9 weighs the old statistics, PyTorch's 0.1 the new ones: the same average.
    return nn.BatchNorm2d(channels, momentum=0.1, eps=1e-5)
