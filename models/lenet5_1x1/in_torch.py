"""The LeNet of G. Marques' lecture, in PyTorch: LeNet 5 whose third convolution is 1×1."""

from collections import OrderedDict

from torch import nn


def build() -> nn.Module:
    """An untrained network that turns images (N, 1, 28, 28) into logits (N, 10)."""
    return nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(1, 6, 5, padding="same"),  # (N, 6, 28, 28)
            # The lecture's text has tanh throughout; its code ReLU, as here.
            relu1=nn.ReLU(),
            # The text has pooling with a learned scale and bias; the code plain means, here and below.
            pool1=nn.AvgPool2d(2),  # (N, 6, 14, 14)
            conv2=nn.Conv2d(6, 16, 5),  # (N, 16, 10, 10)
            relu2=nn.ReLU(),
            pool2=nn.AvgPool2d(2),  # (N, 16, 5, 5)
            # LeNet 5 has 5×5 here, which gives (N, 120, 1, 1); the lecture's code prints 1×1.
            conv3=nn.Conv2d(16, 120, 1),  # (N, 120, 5, 5)
            relu3=nn.ReLU(),
            flatten=nn.Flatten(),  # (N, 3000)
            dense1=nn.Linear(3000, 84),  # (N, 84)
            relu4=nn.ReLU(),
            # The text has radial basis functions; the code a dense layer and softmax.
            logits=nn.Linear(84, 10),  # (N, 10)
        )
    )
