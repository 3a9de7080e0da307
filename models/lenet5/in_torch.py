"""LeNet 5 of Ted Scully's lecture, in PyTorch: two valid convolutions, average pooling, three dense layers."""

from collections import OrderedDict

from torch import nn


def build() -> nn.Module:
    """An untrained network that turns images (N, 1, 32, 32) into logits (N, 10)."""
    return nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(1, 6, 5),  # (N, 6, 28, 28)
            # The lecture's table names no activation: ReLU is what its text calls modern, tanh the original.
            relu1=nn.ReLU(),
            # Nor which pooling: average is what its text calls the original, maximum modern.
            pool1=nn.AvgPool2d(2),  # (N, 6, 14, 14)
            conv2=nn.Conv2d(6, 16, 5),  # (N, 16, 10, 10)
            relu2=nn.ReLU(),
            pool2=nn.AvgPool2d(2),  # (N, 16, 5, 5)
            flatten=nn.Flatten(),  # (N, 400)
            dense1=nn.Linear(400, 120),  # (N, 120)
            relu3=nn.ReLU(),
            dense2=nn.Linear(120, 84),  # (N, 84)
            relu4=nn.ReLU(),
            logits=nn.Linear(84, 10),  # (N, 10); the table leaves it empty
        )
    )
