"""ConvNeXt-Tiny (Liu et al. 2022), in PyTorch: depthwise 7×7 convolutions, and a small perceptron at every place."""

from collections import OrderedDict

import torch
from torch import nn

STAGES = (
    (96, 3),  # channels and blocks: (N, 96, 56, 56)
    (192, 3),  # (N, 192, 28, 28)
    (384, 9),  # (N, 384, 14, 14)
    (768, 3),  # (N, 768, 7, 7)
)


class Scale(nn.Module):
    """Each channel, the last axis, times a factor that is learned and small at first."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.full((channels,), 1e-6))

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        return maps * self.gamma


def build() -> nn.Module:
    """An untrained network that turns images (N, 3, 224, 224) into logits (N, 1000)."""
    network = OrderedDict(
        stem_conv=nn.Conv2d(3, 96, 4, stride=4),  # (N, 96, 56, 56)
        stem_norm=MapsNorm(96),
    )
    inputs = 96
    for stage, (channels, blocks) in enumerate(STAGES, start=1):
        network[f"stage{stage}"] = nn.Sequential()
        if stage > 1:  # (N, 192, 28, 28), (N, 384, 14, 14), (N, 768, 7, 7)
            network[f"stage{stage}"].add_module("norm", MapsNorm(inputs))
            network[f"stage{stage}"].add_module("conv", nn.Conv2d(inputs, channels, 2, stride=2))
        for number in range(1, blocks + 1):
            network[f"stage{stage}"].add_module(f"block{number}", Block(channels))
        inputs = channels
    network |= {
        "pool": nn.AdaptiveAvgPool2d(1),  # (N, 768, 1, 1)
        "flatten": nn.Flatten(),  # (N, 768)
        "norm": norm(inputs),
        "logits": nn.Linear(inputs, 1000),  # (N, 1000)
    }
    return nn.Sequential(network)


class Block(nn.Module):
    """Filtered channel by channel, then mixed at every place, and added to the input: maps (N, C, H, W) keep shape."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 7, padding=3, groups=channels)
        self.norm = norm(channels)
        self.dense1 = nn.Linear(channels, 4 * channels)
        self.gelu = nn.GELU()
        self.dense2 = nn.Linear(4 * channels, channels)
        self.scale = Scale(channels)

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        change = self.conv(maps).permute(0, 2, 3, 1)  # (N, H, W, C)
        change = self.gelu(self.dense1(self.norm(change)))  # (N, H, W, 4 C)
        change = self.scale(self.dense2(change)).permute(0, 3, 1, 2)  # (N, C, H, W)
        return maps + change


class MapsNorm(nn.LayerNorm):
    """Over the channels of each place of maps (N, C, H, W)."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, eps=1e-6)

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        return super().forward(maps.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


def norm(channels: int) -> nn.LayerNorm:
    """Over the channels of each place, which are the last axis."""
    return nn.LayerNorm(channels, eps=1e-6)
