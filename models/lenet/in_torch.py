"""The LeNet of Ted Scully's lecture, in PyTorch: two same-padded convolutions, a pooling or two, two dense layers."""

from collections import OrderedDict

from torch import nn


def build(second_pooling: bool) -> nn.Module:
    """An untrained network that turns images (N, 1, 28, 28) into logits (N, 10)."""
    # What the lecture calls "without Pooling" keeps the first one.
    pool2 = {"pool2": nn.MaxPool2d(2)} if second_pooling else {}
    features = 2450 if second_pooling else 9800
    return nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(1, 20, 5, padding="same"),  # (N, 20, 28, 28)
            relu1=nn.ReLU(),
            pool1=nn.MaxPool2d(2),  # (N, 20, 14, 14)
            conv2=nn.Conv2d(20, 50, 5, padding="same"),  # (N, 50, 14, 14)
            relu2=nn.ReLU(),
            **pool2,  # (N, 50, 7, 7)
            flatten=nn.Flatten(),  # (N, 2450); without the second pooling (N, 9800)
            dense1=nn.Linear(features, 500),  # (N, 500)
            relu3=nn.ReLU(),
            logits=nn.Linear(500, 10),  # (N, 10)
        )
    )
