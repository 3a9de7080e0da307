"""Quang-Vinh Dinh's padding example, in PyTorch: same-padded convolutions, two of them with stride 2."""

from collections import OrderedDict

from torch import nn


def build() -> nn.Module:
    """An untrained network that turns images (N, 1, 28, 28) into logits (N, 10)."""
    return nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(1, 32, 3, padding="same"),  # (N, 32, 28, 28)
            relu1=nn.ReLU(),
            # On an even size, Keras' `same` with stride 2 pads nothing before and one pixel after;
            # padding=1 would have equal shapes and shift the grid by a pixel.
            pad2=nn.ZeroPad2d((0, 1, 0, 1)),  # (N, 32, 29, 29)
            conv2=nn.Conv2d(32, 64, 3, stride=2),  # (N, 64, 14, 14)
            relu2=nn.ReLU(),
            conv3=nn.Conv2d(64, 128, 3, padding="same"),  # (N, 128, 14, 14)
            relu3=nn.ReLU(),
            pad4=nn.ZeroPad2d((0, 1, 0, 1)),  # (N, 128, 15, 15)
            conv4=nn.Conv2d(128, 256, 3, stride=2),  # (N, 256, 7, 7)
            relu4=nn.ReLU(),
            conv5=nn.Conv2d(256, 512, 3, padding="same"),  # (N, 512, 7, 7)
            relu5=nn.ReLU(),
            flatten=nn.Flatten(),  # (N, 25088)
            logits=nn.Linear(25088, 10),  # (N, 10)
        )
    )
