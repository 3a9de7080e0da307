"""The LeNet of Quang-Vinh Dinh's lecture, in PyTorch: two convolutions, max pooling, three dense layers."""

from collections import OrderedDict

from torch import nn


def build(input_shape: tuple[int, int, int]) -> nn.Module:
    """An untrained network that turns images (N, C, H, W) into logits (N, 10)."""
    height, width, channels = input_shape
    features = 16 * ((height // 2 - 4) // 2) * ((width // 2 - 4) // 2)
    return nn.Sequential(
        OrderedDict(  # the shapes below are those of 28×28; 32×32 ends in (N, 16, 6, 6)
            conv1=nn.Conv2d(channels, 6, 5, padding="same"),  # (N, 6, 28, 28)
            relu1=nn.ReLU(),
            # LeNet 5 averages and has tanh; the lecture's code prints max pooling and ReLU.
            pool1=nn.MaxPool2d(2),  # (N, 6, 14, 14)
            conv2=nn.Conv2d(6, 16, 5),  # (N, 16, 10, 10)
            relu2=nn.ReLU(),
            pool2=nn.MaxPool2d(2),  # (N, 16, 5, 5)
            flatten=nn.Flatten(),  # (N, 400)
            dense1=nn.Linear(features, 120),  # (N, 120)
            relu3=nn.ReLU(),
            dense2=nn.Linear(120, 84),  # (N, 84)
            relu4=nn.ReLU(),
            logits=nn.Linear(84, 10),  # (N, 10)
        )
    )
