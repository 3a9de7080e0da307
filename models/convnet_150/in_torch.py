"""Subir Varma's CNN for 150×150 images, in PyTorch: four valid convolutions, each pooled, and two dense layers."""

from collections import OrderedDict

from torch import nn


def build() -> nn.Module:
    """An untrained network that turns images (N, 3, 150, 150) into logits (N, 1)."""
    return nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(3, 32, 3),  # (N, 32, 148, 148)
            relu1=nn.ReLU(),
            pool1=nn.MaxPool2d(2),  # (N, 32, 74, 74)
            conv2=nn.Conv2d(32, 64, 3),  # (N, 64, 72, 72)
            relu2=nn.ReLU(),
            pool2=nn.MaxPool2d(2),  # (N, 64, 36, 36)
            conv3=nn.Conv2d(64, 128, 3),  # (N, 128, 34, 34)
            relu3=nn.ReLU(),
            pool3=nn.MaxPool2d(2),  # (N, 128, 17, 17)
            conv4=nn.Conv2d(128, 128, 3),  # (N, 128, 15, 15)
            relu4=nn.ReLU(),
            # Of an odd size, the last row and column are dropped.
            pool4=nn.MaxPool2d(2),  # (N, 128, 7, 7)
            flatten=nn.Flatten(),  # (N, 6272)
            dense1=nn.Linear(6272, 512),  # (N, 512)
            relu5=nn.ReLU(),
            logits=nn.Linear(512, 1),  # (N, 1)
        )
    )
