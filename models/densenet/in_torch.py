"""DenseNet-121 (Huang et al. 2017), in PyTorch: each layer reads all maps made so far, and adds 32 to them."""

from collections import OrderedDict

import torch
from torch import nn

GROWTH = 32  # the maps that each layer adds
LAYERS = (6, 12, 24, 16)  # of each stage


def build() -> nn.Module:
    """An untrained network that turns images (N, 3, 224, 224) into logits (N, 1000)."""
    network = OrderedDict(
        stem_conv=nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False),  # (N, 64, 112, 112)
        stem_bn=norm(64),
        stem_relu=nn.ReLU(),
        stem_pool=nn.MaxPool2d(3, stride=2, padding=1),  # (N, 64, 56, 56)
    )
    channels = 64
    for stage, count in enumerate(LAYERS, start=1):
        network[f"stage{stage}"] = nn.Sequential()
        if stage > 1:  # (N, 128, 28, 28), (N, 256, 14, 14), (N, 512, 7, 7)
            network[f"stage{stage}"].add_module("transition", transition(channels))
            channels //= 2
        for number in range(1, count + 1):
            network[f"stage{stage}"].add_module(f"layer{number}", DenseLayer(channels))
            channels += GROWTH
        # (N, 256, 56, 56), (N, 512, 28, 28), (N, 1024, 14, 14), (N, 1024, 7, 7)
    network |= {
        "bn": norm(channels),
        "relu": nn.ReLU(),
        "pool": nn.AdaptiveAvgPool2d(1),  # (N, 1024, 1, 1)
        "flatten": nn.Flatten(),  # (N, 1024)
        "logits": nn.Linear(channels, 1000),  # (N, 1000)
    }
    return nn.Sequential(network)


class DenseLayer(nn.Module):
    """Maps (N, C, H, W) to (N, C + 32, H, W): what a 1×1 and a 3×3 convolution make of them stands behind them."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.bn1 = norm(channels)
        self.relu1 = nn.ReLU()
        self.conv1 = nn.Conv2d(channels, 4 * GROWTH, 1, bias=False)  # (N, 128, H, W)
        self.bn2 = norm(4 * GROWTH)
        self.relu2 = nn.ReLU()
        self.conv2 = nn.Conv2d(4 * GROWTH, GROWTH, 3, padding=1, bias=False)  # (N, 32, H, W)

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        new = self.conv1(self.relu1(self.bn1(maps)))
        new = self.conv2(self.relu2(self.bn2(new)))
        return torch.cat([maps, new], dim=1)


def transition(channels: int) -> nn.Sequential:
    """Half of everything: maps (N, C, H, W) to (N, C / 2, H / 2, W / 2)."""
    return nn.Sequential(
        OrderedDict(
            bn=norm(channels),
            relu=nn.ReLU(),
            conv=nn.Conv2d(channels, channels // 2, 1, bias=False),
            pool=nn.AvgPool2d(2),
        )
    )


def norm(channels: int) -> nn.BatchNorm2d:
    """What stands before every convolution but the first."""
    # Keras' momentum 0.9 weighs the old statistics, PyTorch's 0.1 the new ones: the same average.
    return nn.BatchNorm2d(channels, momentum=0.1, eps=1e-5)
