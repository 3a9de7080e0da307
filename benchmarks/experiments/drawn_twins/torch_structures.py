"""Branches, gates, sizes and sequences in PyTorch: from maps (N, 6, H, W) on."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from .torch_convolutions import Body
from .torch_layers import Crop, Turned


class Residual(nn.Module):
    """A sum of what comes in and of what a branch makes of it."""

    def __init__(self) -> None:
        super().__init__()
        self.branch_conv = nn.Conv2d(6, 6, 3, padding=1, bias=False)
        self.branch_norm = nn.BatchNorm2d(6)

    def forward(self, maps: Tensor) -> Tensor:
        return functional.relu(self.join(maps, self.branch_norm(self.branch_conv(maps))))

    def join(self, maps: Tensor, branch: Tensor) -> Tensor:
        return maps + branch


class Projected(nn.Module):
    """The same with a convolution in the shortcut."""

    def __init__(self) -> None:
        super().__init__()
        self.branch_conv = nn.Conv2d(6, 8, 3, padding=1)
        self.shortcut = nn.Conv2d(6, 8, 1)

    def forward(self, maps: Tensor) -> Tensor:
        return functional.relu(self.join(self.shortcut(maps), self.branch_conv(maps)))

    def join(self, maps: Tensor, branch: Tensor) -> Tensor:
        return maps + branch


class Inception(nn.Module):
    """Three branches, joined along the channels."""

    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Conv2d(6, 4, 1)
        self.three = nn.Conv2d(6, 4, 3, padding=1)
        self.pool = nn.MaxPool2d(3, stride=1, padding=1)
        self.pooled = nn.Conv2d(6, 4, 1)

    def forward(self, maps: Tensor) -> Tensor:
        return functional.relu(self.join(self.one(maps), self.three(maps), self.pooled(self.pool(maps))))

    def join(self, *branches: Tensor) -> Tensor:
        return torch.cat(branches, dim=1)


class DenseBlock(nn.Module):
    """Two convolutions that add maps to what they read."""

    def __init__(self) -> None:
        super().__init__()
        self.grow1 = nn.Conv2d(6, 4, 3, padding=1)
        self.grow2 = nn.Conv2d(10, 4, 3, padding=1)

    def forward(self, maps: Tensor) -> Tensor:
        maps = self.join(maps, functional.relu(self.grow1(maps)))
        return self.join(maps, functional.relu(self.grow2(maps)))

    def join(self, *branches: Tensor) -> Tensor:
        return torch.cat(branches, dim=1)


class SqueezeAndExcite(nn.Module):
    """Channels, each scaled by a number that is made of the means of all."""

    def __init__(self) -> None:
        super().__init__()
        self.squeeze = nn.AdaptiveAvgPool2d(1)
        self.reduce = nn.Conv2d(6, 3, 1)
        self.expand = nn.Conv2d(3, 6, 1)
        self.gate = nn.Sigmoid()

    def forward(self, maps: Tensor) -> Tensor:
        found: Tensor = maps * self.gate(self.expand(functional.relu(self.reduce(self.squeeze(maps)))))
        return found


class Gated(nn.Module):
    """A gated linear unit along the channels."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(6, 16, 1)

    def forward(self, maps: Tensor) -> Tensor:
        return self.multiply(*self.conv(maps).chunk(2, dim=1))

    def multiply(self, first: Tensor, second: Tensor) -> Tensor:
        return first * second.sigmoid()


class LargerOfTwo(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.left = nn.Conv2d(6, 8, 1)
        self.right = nn.Conv2d(6, 8, 1)

    def forward(self, maps: Tensor) -> Tensor:
        return torch.maximum(self.left(maps), self.right(maps))


class AverageOfTwo(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.left = nn.Conv2d(6, 8, 1)
        self.right = nn.Conv2d(6, 8, 1)

    def forward(self, maps: Tensor) -> Tensor:
        return self.join(torch.tanh(self.left(maps)), torch.tanh(self.right(maps)))

    def join(self, left: Tensor, right: Tensor) -> Tensor:
        return (left + right) / 2


class Attention(nn.Module):
    """One head of attention over pooled places, as tokens (N, T, 6), and the mean of what it finds."""

    def __init__(self) -> None:
        super().__init__()
        self.pool = nn.AvgPool2d(3)
        self.query = nn.Linear(6, 8)
        self.key = nn.Linear(6, 8)
        self.value = nn.Linear(6, 8)
        self.scale = 8**-0.5
        self.axis = -1

    def forward(self, maps: Tensor) -> Tensor:
        tokens = self.pool(maps).flatten(2).transpose(1, 2)
        scores = self.scale * self.query(tokens) @ self.key(tokens).transpose(1, 2)
        found: Tensor = scores.softmax(self.axis) @ self.value(tokens)
        return found.mean(1)


class ChannelShuffle(nn.Module):
    """Two grouped convolutions; between them each group gets channels of both."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(6, 6, 1, groups=2)
        self.shuffle = nn.ChannelShuffle(2)
        self.second = nn.Conv2d(6, 8, 3, groups=2, padding=1)

    def forward(self, maps: Tensor) -> Tensor:
        found: Tensor = self.second(self.shuffle(self.first(maps)))
        return found


STRUCTURES: dict[str, Body] = {
    "residual": lambda: {"block": Residual()},
    "residual_projected": lambda: {"block": Projected()},
    "inception": lambda: {"block": Inception()},
    "dense_block": lambda: {"block": DenseBlock()},
    "squeeze_and_excite": lambda: {"block": SqueezeAndExcite()},
    "gated": lambda: {"block": Gated()},
    "larger_of_two": lambda: {"block": LargerOfTwo()},
    "average_of_two": lambda: {"block": AverageOfTwo()},
    "attention": lambda: {"block": Attention()},
    "channel_shuffle": lambda: {"block": ChannelShuffle()},
    "up_nearest": lambda: {"up": nn.Upsample(scale_factor=2), "conv": nn.Conv2d(6, 6, 3, stride=2)},
    "up_bilinear": lambda: {
        "up": nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False),
        "conv": nn.Conv2d(6, 6, 3, stride=2),
    },
    "cropped": lambda: {"crop": Crop(1, 2, 0, 3), "conv": nn.Conv2d(6, 8, 3)},
    "padded_unevenly": lambda: {"pad": nn.ZeroPad2d((0, 3, 1, 2)), "conv": nn.Conv2d(6, 8, 3)},
    "dropped_out": lambda: {
        "channels": nn.Dropout2d(0.3),
        "conv": nn.Conv2d(6, 8, 3),
        "relu": nn.ReLU(),
        "drop": nn.Dropout(0.5),
    },
    "noisy_in_training": lambda: {"conv": nn.Conv2d(6, 8, 3)},
    "permuted": lambda: {"turn": Turned(), "conv": nn.Conv2d(6, 8, (3, 5))},
}
