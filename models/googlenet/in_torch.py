"""GoogLeNet (Szegedy et al. 2014), in PyTorch: nine modules of 1×1, 3×3 and 5×5 filters, one dense layer."""

from collections import OrderedDict

import torch
from torch import nn


class Branches(nn.ModuleDict):
    """The same maps through each branch; what they make is stacked."""

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        return torch.cat([branch(maps) for branch in self.values()], dim=1)


def build() -> nn.Module:
    """An untrained network that turns images (N, 3, 224, 224) into logits (N, 1000)."""
    return nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(3, 64, 7, stride=2, padding=3),  # (N, 64, 112, 112)
            conv1_relu=nn.ReLU(),
            # Pooling by 3×3 with stride 2 rounds sizes up: one row and one column after the last, which never win a
            # maximum.
            pool1=nn.MaxPool2d(3, stride=2, ceil_mode=True),  # (N, 64, 56, 56)
            norm1=nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75, k=1.0),
            conv2_reduce=nn.Conv2d(64, 64, 1),  # (N, 64, 56, 56)
            conv2_reduce_relu=nn.ReLU(),
            conv2=nn.Conv2d(64, 192, 3, padding="same"),  # (N, 192, 56, 56)
            conv2_relu=nn.ReLU(),
            norm2=nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75, k=1.0),
            pool2=nn.MaxPool2d(3, stride=2, ceil_mode=True),  # (N, 192, 28, 28)
            inception_3a=inception(192, 64, (96, 128), (16, 32), 32),  # (N, 256, 28, 28)
            inception_3b=inception(256, 128, (128, 192), (32, 96), 64),  # (N, 480, 28, 28)
            pool3=nn.MaxPool2d(3, stride=2, ceil_mode=True),  # (N, 480, 14, 14)
            inception_4a=inception(480, 192, (96, 208), (16, 48), 64),  # (N, 512, 14, 14)
            inception_4b=inception(512, 160, (112, 224), (24, 64), 64),  # (N, 512, 14, 14)
            inception_4c=inception(512, 128, (128, 256), (24, 64), 64),  # (N, 512, 14, 14)
            inception_4d=inception(512, 112, (144, 288), (32, 64), 64),  # (N, 528, 14, 14)
            inception_4e=inception(528, 256, (160, 320), (32, 128), 128),  # (N, 832, 14, 14)
            pool4=nn.MaxPool2d(3, stride=2, ceil_mode=True),  # (N, 832, 7, 7)
            inception_5a=inception(832, 256, (160, 320), (32, 128), 128),  # (N, 832, 7, 7)
            inception_5b=inception(832, 384, (192, 384), (48, 128), 128),  # (N, 1024, 7, 7)
            pool5=nn.AdaptiveAvgPool2d(1),  # (N, 1024, 1, 1)
            flatten=nn.Flatten(),  # (N, 1024)
            dropout=nn.Dropout(0.4),
            logits=nn.Linear(1024, 1000),  # (N, 1000)
        )
    )


def inception(channels: int, ones: int, threes: tuple[int, int], fives: tuple[int, int], pooled: int) -> Branches:
    """Four branches that read the same maps, ``channels`` of them.

    The numbers are filters: of 1×1; of 3×3 and 5×5, each behind the 1×1 that reduce the maps for
    them; and of the 1×1 behind the pooling.
    """
    return Branches(
        {
            "1x1": nn.Sequential(OrderedDict(conv=nn.Conv2d(channels, ones, 1), relu=nn.ReLU())),
            "3x3": reduced(channels, *threes, 3),
            "5x5": reduced(channels, *fives, 5),
            "pool": nn.Sequential(
                OrderedDict(
                    max=nn.MaxPool2d(3, stride=1, padding=1), conv=nn.Conv2d(channels, pooled, 1), relu=nn.ReLU()
                )
            ),
        }
    )


def reduced(channels: int, reduce: int, filters: int, kernel: int) -> nn.Sequential:
    """A convolution behind a 1×1 that reduces the maps for it."""
    return nn.Sequential(
        OrderedDict(
            reduce=nn.Conv2d(channels, reduce, 1),
            reduce_relu=nn.ReLU(),
            conv=nn.Conv2d(reduce, filters, kernel, padding="same"),
            relu=nn.ReLU(),
        )
    )
