"""Quang-Vinh Dinh's first CNN, in PyTorch: four valid 7×7 convolutions and a dense layer."""

from collections import OrderedDict

from torch import nn


def build() -> nn.Module:
    """An untrained network that turns images (N, 1, 28, 28) into logits (N, 10)."""
    return nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(1, 32, 7),  # (N, 32, 22, 22)
            relu1=nn.ReLU(),
            conv2=nn.Conv2d(32, 64, 7),  # (N, 64, 16, 16)
            relu2=nn.ReLU(),
            conv3=nn.Conv2d(64, 128, 7),  # (N, 128, 10, 10)
            relu3=nn.ReLU(),
            conv4=nn.Conv2d(128, 256, 7),  # (N, 256, 4, 4)
            relu4=nn.ReLU(),
            flatten=nn.Flatten(),  # (N, 4096)
            logits=nn.Linear(4096, 10),  # (N, 10)
        )
    )
