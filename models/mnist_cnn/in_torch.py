"""Salha Alzahrani's MNIST network, in PyTorch: two valid convolutions, a max pooling, two dense layers."""

from collections import OrderedDict

from torch import nn


def build() -> nn.Module:
    """An untrained network that turns images (N, 1, 28, 28) into logits (N, 10)."""
    return nn.Sequential(
        OrderedDict(  # the lecture feeds 0 to 255, against its own advice
            conv1=nn.Conv2d(1, 32, 3),  # (N, 32, 26, 26)
            relu1=nn.ReLU(),
            conv2=nn.Conv2d(32, 32, 3),  # (N, 32, 24, 24)
            relu2=nn.ReLU(),
            pool1=nn.MaxPool2d(2),  # (N, 32, 12, 12)
            flatten=nn.Flatten(),  # (N, 4608)
            dense1=nn.Linear(4608, 64),  # (N, 64)
            relu3=nn.ReLU(),
            logits=nn.Linear(64, 10),  # (N, 10)
        )
    )
