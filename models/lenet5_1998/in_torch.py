"""LeNet 5 of 1998, in PyTorch: learned pooling, a table of connections, distances to drawn digits."""

from collections.abc import Sequence

import torch
from torch import nn


class ScaleAndShift(nn.Module):
    """A learned factor and bias per map."""

    def __init__(self, maps: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(maps))
        self.bias = nn.Parameter(torch.zeros(maps))

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        return maps * self.weight[:, None, None] + self.bias[:, None, None]


class Nearness(nn.Module):
    """Minus the squared Euclidean distance to each prototype: the nearest has the greatest logit.

    A prototype is +1 where its bitmap is black and -1 elsewhere: a constant, nothing learns it. The
    bitmaps are this project's drawings: the paper shows its own only as a picture.
    """

    def __init__(self, digits: Sequence[Sequence[str]]) -> None:
        super().__init__()
        black = torch.tensor([[pixel == "#" for row in digit for pixel in row] for digit in digits])
        self.register_buffer("prototypes", torch.where(black, 1.0, -1.0), persistent=False)  # (10, 84)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        differences = features.unsqueeze(1) - self.prototypes  # (N, 10, 84)
        return -differences.square().sum(-1)


class LeNet5(nn.Module):
    """Images (N, 1, 32, 32) to logits (N, 10)."""

    def __init__(self, connections: Sequence[Sequence[int]], digits: Sequence[Sequence[str]]) -> None:
        super().__init__()
        self.connections = connections
        # The lecture's layer figure is lost: the sizes are the paper's.
        # The paper scales tanh (1.7159 tanh(2x / 3)), so that ±1 lies inside its range; here it is plain.
        self.c1 = nn.Conv2d(1, 6, 5)
        self.tanh1 = nn.Tanh()
        # The paper adds the four pixels where this takes their mean: the learned factor covers both.
        self.pool2 = nn.AvgPool2d(2)
        self.s2 = ScaleAndShift(6)
        self.tanh2 = nn.Tanh()
        self.c3 = nn.ModuleList(nn.Conv2d(len(maps), 1, 5) for maps in connections)
        self.tanh3 = nn.Tanh()
        self.pool4 = nn.AvgPool2d(2)
        self.s4 = ScaleAndShift(16)
        self.tanh4 = nn.Tanh()
        self.c5 = nn.Conv2d(16, 120, 5)
        self.tanh5 = nn.Tanh()
        self.flatten = nn.Flatten()
        self.f6 = nn.Linear(120, 84)  # 7×12 pixels
        self.tanh6 = nn.Tanh()
        self.logits = Nearness(digits)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        c1 = self.tanh1(self.c1(image))  # (N, 6, 28, 28)
        s2 = self.pool2(c1)  # (N, 6, 14, 14)
        s2 = self.tanh2(self.s2(s2)).split(1, dim=1)  # 6 of (N, 1, 14, 14)
        c3 = [
            convolution(torch.cat([s2[each] for each in maps], dim=1))  # (N, 1, 10, 10)
            for convolution, maps in zip(self.c3, self.connections, strict=True)
        ]
        c3 = torch.cat(c3, dim=1)  # (N, 16, 10, 10)
        c3 = self.tanh3(c3)
        s4 = self.pool4(c3)  # (N, 16, 5, 5)
        s4 = self.tanh4(self.s4(s4))
        c5 = self.tanh5(self.c5(s4))  # (N, 120, 1, 1)
        c5 = self.flatten(c5)  # (N, 120)
        f6 = self.tanh6(self.f6(c5))  # (N, 84)
        return self.logits(f6)  # (N, 10)


def build(connections: Sequence[Sequence[int]], digits: Sequence[Sequence[str]]) -> nn.Module:
    """An untrained network that turns images (N, 1, 32, 32) into logits (N, 10).

    ``connections`` are the maps of S2 that each map of C3 reads, ``digits`` the prototypes, drawn.
    """
    return LeNet5(connections, digits)
