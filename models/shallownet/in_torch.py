"""ShallowNet of Ted Scully's lecture, in PyTorch: one convolution and a dense layer."""

from collections import OrderedDict

from torch import nn


def build() -> nn.Module:
    """An untrained network that turns images (N, 3, 32, 32) into logits (N, 10)."""
    return nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(3, 64, 3, padding="same"),  # (N, 64, 32, 32)
            relu1=nn.ReLU(),
            flatten=nn.Flatten(),  # (N, 65536)
            logits=nn.Linear(65536, 10),  # (N, 10)
        )
    )
