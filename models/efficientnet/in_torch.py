"""EfficientNet-B0 (Tan, Le 2019), in PyTorch: seven stages of inverted residuals whose channels are weighed."""

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
    """Widened, filtered channel by channel, weighed, narrowed: maps (N, C, H, W) to (N, F, H / stride, W / stride)."""

    def __init__(self, channels: int, expansion: int, size: int, filters: int, stride: int) -> None:
        super().__init__()
        inside = expansion * channels
        self.expand = convolution(channels, inside, 1, 1) if expansion > 1 else nn.Identity()
        self.depthwise = convolution(inside, inside, size, stride, groups=inside)  # one filter for each channel
        self.squeeze = weigh(inside, channels // 4)
        self.project = nn.Sequential(OrderedDict(conv=nn.Conv2d(inside, filters, 1, bias=False), bn=norm(filters)))
        self.adds = stride == 1 and channels == filters

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        change = self.depthwise(self.expand(maps))
        change = self.project(change * self.squeeze(change))
        return maps + change if self.adds else change


def weigh(channels: int, squeezed: int) -> nn.Sequential:
    """A weight of 0 to 1 for each channel, from the means of all of them: maps (N, C, H, W) to (N, C, 1, 1)."""
    return nn.Sequential(
        OrderedDict(
            pool=nn.AdaptiveAvgPool2d(1),
            conv1=nn.Conv2d(channels, squeezed, 1),  # (N, squeezed, 1, 1)
            silu=nn.SiLU(),
            conv2=nn.Conv2d(squeezed, channels, 1),
            sigmoid=nn.Sigmoid(),
        )
    )


def convolution(channels: int, filters: int, size: int, stride: int, groups: int = 1) -> nn.Sequential:
    """A convolution without biases, which the batch norm behind it has, and a SiLU (x × sigmoid(x))."""
    conv = nn.Conv2d(channels, filters, size, stride, padding=size // 2, groups=groups, bias=False)
    return nn.Sequential(OrderedDict(conv=conv, bn=norm(filters), silu=nn.SiLU()))


def norm(channels: int) -> nn.BatchNorm2d:
    """What follows every convolution."""
    # Keras' momentum 0.9 weighs the old statistics, PyTorch's 0.1 the new ones: the same average.
    return nn.BatchNorm2d(channels, momentum=0.1, eps=1e-5)
