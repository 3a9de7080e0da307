"""EfficientNet-Lite0 (Liu 2020), in PyTorch: the stages of EfficientNet-B0 without weights for channels."""

from collections import OrderedDict

import torch
from torch import nn

# Channels inside a block for each channel it reads, size of the depthwise filters, channels it puts out, blocks of the
# stage, stride of the first.
STAGES = (
    (1, 3, 16, 1, 1),  # (N, 16, 112, 112)
    (6, 3, 24, 2, 2),  # (N, 24, 56, 56)
    (6, 5, 40, 2, 2),  # (N, 40, 28, 28)
    (6, 3, 80, 3, 2),  # (N, 80, 14, 14)
    (6, 5, 112, 3, 1),  # (N, 112, 14, 14)
    (6, 5, 192, 4, 2),  # (N, 192, 7, 7)
    (6, 3, 320, 1, 1),  # (N, 320, 7, 7)
)


def build() -> nn.Module:
    """An untrained network that turns images (N, 3, 224, 224) into logits (N, 1000)."""
    network = OrderedDict(stem=convolution(3, 32, 3, 2))  # (N, 32, 112, 112)
    channels = 32
    for stage, (expansion, size, filters, blocks, first) in enumerate(STAGES, start=1):
        network[f"stage{stage}"] = nn.Sequential()
        for number in range(1, blocks + 1):
            stride = first if number == 1 else 1
            block = InvertedResidual(channels, expansion, size, filters, stride)
            network[f"stage{stage}"].add_module(f"block{number}", block)
            channels = filters
    network |= {
        "head": convolution(channels, 1280, 1, 1),  # (N, 1280, 7, 7)
        "pool": nn.AdaptiveAvgPool2d(1),  # (N, 1280, 1, 1)
        "flatten": nn.Flatten(),  # (N, 1280)
        "dropout": nn.Dropout(0.2),
        "logits": nn.Linear(1280, 1000),  # (N, 1000)
    }
    return nn.Sequential(network)


class InvertedResidual(nn.Module):
    """Widened, filtered channel by channel, narrowed: maps (N, C, H, W) to (N, F, H / stride, W / stride)."""

    def __init__(self, channels: int, expansion: int, size: int, filters: int, stride: int) -> None:
        super().__init__()
        inside = expansion * channels
        self.expand = convolution(channels, inside, 1, 1) if expansion > 1 else nn.Identity()
        self.depthwise = convolution(inside, inside, size, stride, groups=inside)  # one filter for each channel
        self.project = nn.Sequential(OrderedDict(conv=nn.Conv2d(inside, filters, 1, bias=False), bn=norm(filters)))
        self.adds = stride == 1 and channels == filters

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        change = self.project(self.depthwise(self.expand(maps)))
        return maps + change if self.adds else change


def convolution(channels: int, filters: int, size: int, stride: int, groups: int = 1) -> nn.Sequential:
    """A convolution without biases, which the batch norm behind it has, and a ReLU that ends at 6."""
    if stride == 1:
        pad: nn.Module = nn.Identity()
        conv = nn.Conv2d(channels, filters, size, padding=size // 2, groups=groups, bias=False)
    else:  # on an even size, Keras' `same` with stride 2 pads one pixel less before than after
        before, after = (size - 2) // 2, (size - 1) // 2
        pad = nn.ZeroPad2d((before, after, before, after))
        conv = nn.Conv2d(channels, filters, size, stride, groups=groups, bias=False)
    return nn.Sequential(OrderedDict(pad=pad, conv=conv, bn=norm(filters), relu=nn.ReLU6()))


def norm(channels: int) -> nn.BatchNorm2d:
    """What follows every convolution."""
    # Keras' momentum 0.99 weighs the old statistics, PyTorch's 0.01 the new ones: the same average.
    return nn.BatchNorm2d(channels, momentum=0.01, eps=1e-3)
