"""Quang-Vinh Dinh's max-pooling example, in PyTorch: five valid convolutions, two max poolings."""

from collections import OrderedDict

from torch import nn


def build() -> nn.Module:
    """An untrained network that turns images (N, 1, 28, 28) into logits (N, 10)."""
    return nn.Sequential(
        OrderedDict(
            # The lecture's figure of these layers is missing; its listing for open sizes has them.
            conv1=nn.Conv2d(1, 32, 3),  # (N, 32, 26, 26)
            relu1=nn.ReLU(),
            conv2=nn.Conv2d(32, 64, 3),  # (N, 64, 24, 24)
            relu2=nn.ReLU(),
            pool1=nn.MaxPool2d(2),  # (N, 64, 12, 12)
            conv3=nn.Conv2d(64, 128, 3),  # (N, 128, 10, 10)
            relu3=nn.ReLU(),
            conv4=nn.Conv2d(128, 256, 3),  # (N, 256, 8, 8)
            relu4=nn.ReLU(),
            pool2=nn.MaxPool2d(2),  # (N, 256, 4, 4)
            conv5=nn.Conv2d(256, 512, 3),  # (N, 512, 2, 2)
            relu5=nn.ReLU(),
            flatten=nn.Flatten(),  # (N, 2048)
            logits=nn.Linear(2048, 10),  # (N, 10)
        )
    )
