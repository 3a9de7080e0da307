"""Quang-Vinh Dinh's CNN for CIFAR-10, in PyTorch: six same-padded convolutions, three of them with stride 2."""

from collections import OrderedDict

from torch import nn


def build() -> nn.Module:
    """An untrained network that turns images (N, 3, 32, 32) into logits (N, 10)."""
    return nn.Sequential(
        OrderedDict(  # the lecture's height and width are undefined: CIFAR-10's
            conv1=nn.Conv2d(3, 32, 3, padding="same"),  # (N, 32, 32, 32)
            relu1=nn.ReLU(),
            # On an even size, Keras' `same` with stride 2 pads nothing before and one pixel after;
            # padding=1 would have equal shapes and shift the grid by a pixel.
            pad2=nn.ZeroPad2d((0, 1, 0, 1)),  # (N, 32, 33, 33)
            conv2=nn.Conv2d(32, 64, 3, stride=2),  # (N, 64, 16, 16)
            relu2=nn.ReLU(),
            conv3=nn.Conv2d(64, 128, 3, padding="same"),  # (N, 128, 16, 16)
            relu3=nn.ReLU(),
            pad4=nn.ZeroPad2d((0, 1, 0, 1)),  # (N, 128, 17, 17)
            conv4=nn.Conv2d(128, 256, 3, stride=2),  # (N, 256, 8, 8)
            relu4=nn.ReLU(),
            conv5=nn.Conv2d(256, 512, 3, padding="same"),  # (N, 512, 8, 8)
            relu5=nn.ReLU(),
            pad6=nn.ZeroPad2d((0, 1, 0, 1)),  # (N, 512, 9, 9)
            conv6=nn.Conv2d(512, 1024, 3, stride=2),  # (N, 1024, 4, 4)
            relu6=nn.ReLU(),
            flatten=nn.Flatten(),  # (N, 16384)
            dense1=nn.Linear(16384, 512),  # (N, 512)
            relu7=nn.ReLU(),
            logits=nn.Linear(512, 10),  # (N, 10)
        )
    )
