"""Quang-Vinh Dinh's fully convolutional network, in PyTorch: 1×1 convolutions in place of dense layers."""

from collections import OrderedDict

import torch
from torch import nn
from torch.nn import functional as F


class PadForStride2(nn.Module):
    """Zeros around a 3×3 convolution with stride 2, so that its output is ceil(size / 2).

    An even size gets one row after it, an odd size one before and one after, as Keras' `same` does.
    """

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        height, width = image.shape[-2:]
        return F.pad(image, (width % 2, 1, height % 2, 1))


def build() -> nn.Module:
    """An untrained network that turns images (N, 1, H, W) of any size into logits; 28×28 gives (N, 10, 1, 1)."""
    return nn.Sequential(
        OrderedDict(  # the shapes below are those of 28×28
            conv1=nn.Conv2d(1, 32, 3, padding="same"),  # (N, 32, 28, 28)
            relu1=nn.ReLU(),
            pad2=PadForStride2(),  # (N, 32, 29, 29)
            conv2=nn.Conv2d(32, 64, 3, stride=2),  # (N, 64, 14, 14)
            relu2=nn.ReLU(),
            conv3=nn.Conv2d(64, 128, 3, padding="same"),  # (N, 128, 14, 14)
            relu3=nn.ReLU(),
            pad4=PadForStride2(),  # (N, 128, 15, 15)
            conv4=nn.Conv2d(128, 256, 3, stride=2),  # (N, 256, 7, 7)
            relu4=nn.ReLU(),
            # The lecture's other padding example has 3×3 same here, so this replaces more than its dense layer.
            conv5=nn.Conv2d(256, 512, 7),  # (N, 512, 1, 1)
            relu5=nn.ReLU(),
            logits=nn.Conv2d(512, 10, 1),  # (N, 10, 1, 1)
        )
    )
