"""MobileNetV3-Small (Howard et al. 2019), in PyTorch: inverted residuals whose channels are weighed by one another."""

from collections import OrderedDict

import torch
from torch import nn

# Size of the depthwise filters, channels inside, channels put out, of the squeeze (0: none), activation, stride.
BLOCKS = (
    (3, 16, 16, 8, nn.ReLU, 2),  # (N, 16, 56, 56)
    (3, 72, 24, 0, nn.ReLU, 2),  # (N, 24, 28, 28)
    (3, 88, 24, 0, nn.ReLU, 1),
    (5, 96, 40, 24, nn.Hardswish, 2),  # (N, 40, 14, 14)
    (5, 240, 40, 64, nn.Hardswish, 1),
    (5, 240, 40, 64, nn.Hardswish, 1),
    (5, 120, 48, 32, nn.Hardswish, 1),  # (N, 48, 14, 14)
    (5, 144, 48, 40, nn.Hardswish, 1),
    (5, 288, 96, 72, nn.Hardswish, 2),  # (N, 96, 7, 7)
    (5, 576, 96, 144, nn.Hardswish, 1),
    (5, 576, 96, 144, nn.Hardswish, 1),
)


def build() -> nn.Module:
    """An untrained network that turns images (N, 3, 224, 224) into logits (N, 1000)."""
    network = OrderedDict(stem=convolution(3, 16, 3, 2, nn.Hardswish))  # (N, 16, 112, 112)
    channels = 16
    for number, (size, inside, filters, squeezed, activation, stride) in enumerate(BLOCKS, start=1):
        block = InvertedResidual(channels, size, inside, filters, squeezed, activation, stride)
        network[f"block{number}"] = block
        channels = filters
    network |= {
        "head": convolution(channels, 576, 1, 1, nn.Hardswish),  # (N, 576, 7, 7)
        "pool": nn.AdaptiveAvgPool2d(1),  # (N, 576, 1, 1)
        "flatten": nn.Flatten(),  # (N, 576)
        "dense": nn.Linear(576, 1024),  # (N, 1024)
        "dense_activation": nn.Hardswish(),
        "dropout": nn.Dropout(0.2),
        "logits": nn.Linear(1024, 1000),  # (N, 1000)
    }
    return nn.Sequential(network)


class InvertedResidual(nn.Module):
    """Widened, filtered channel by channel, weighed, narrowed: maps (N, C, H, W) to (N, F, H / stride, W / stride)."""

    def __init__(
        self,
        channels: int,
        size: int,
        inside: int,
        filters: int,
        squeezed: int,
        activation: type[nn.Module],
        stride: int,
    ) -> None:
        super().__init__()
        self.expand = nn.Identity() if inside == channels else convolution(channels, inside, 1, 1, activation)
        self.depthwise = convolution(inside, inside, size, stride, activation, groups=inside)
        self.squeeze = weigh(inside, squeezed) if squeezed else None
        self.project = nn.Sequential(OrderedDict(conv=nn.Conv2d(inside, filters, 1, bias=False), bn=norm(filters)))
        self.adds = stride == 1 and channels == filters

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        change = self.depthwise(self.expand(maps))
        if self.squeeze:
            change = change * self.squeeze(change)
        change = self.project(change)
        return maps + change if self.adds else change


def weigh(channels: int, squeezed: int) -> nn.Sequential:
    """A weight of 0 to 1 for each channel, from the means of all of them: maps (N, C, H, W) to (N, C, 1, 1)."""
    return nn.Sequential(
        OrderedDict(
            pool=nn.AdaptiveAvgPool2d(1),
            conv1=nn.Conv2d(channels, squeezed, 1),  # (N, squeezed, 1, 1)
            relu=nn.ReLU(),
            conv2=nn.Conv2d(squeezed, channels, 1),
            hard_sigmoid=nn.Hardsigmoid(),
        )
    )


def convolution(
    channels: int, filters: int, size: int, stride: int, activation: type[nn.Module], groups: int = 1
) -> nn.Sequential:
    """A convolution without biases, which the batch norm behind it has, and an activation."""
    conv = nn.Conv2d(channels, filters, size, stride, padding=size // 2, groups=groups, bias=False)
    return nn.Sequential(OrderedDict(conv=conv, bn=norm(filters), activation=activation()))


def norm(channels: int) -> nn.BatchNorm2d:
    """What follows every convolution."""
    # Keras' momentum 0.99 weighs the old statistics, PyTorch's 0.01 the new ones: the same average.
    return nn.BatchNorm2d(channels, momentum=0.01, eps=1e-3)
