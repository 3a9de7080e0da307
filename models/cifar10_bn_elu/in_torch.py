"""Salha Alzahrani's CIFAR-10 network, in PyTorch: convolution, batch norm, ELU, three times two; dropout between."""

from collections import OrderedDict

from torch import nn


def build() -> nn.Module:
    """An untrained network that turns images (N, 3, 32, 32) into logits (N, 10)."""
    # Keras' momentum 0.99 weighs the old statistics, PyTorch's 0.01 the new ones: the same average.
    return nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(3, 32, 3, padding="same"),  # (N, 32, 32, 32)
            norm1=nn.BatchNorm2d(32, momentum=0.01, eps=1e-3),
            elu1=nn.ELU(),
            conv2=nn.Conv2d(32, 32, 3, padding="same"),  # (N, 32, 32, 32)
            norm2=nn.BatchNorm2d(32, momentum=0.01, eps=1e-3),
            elu2=nn.ELU(),
            pool1=nn.MaxPool2d(2),  # (N, 32, 16, 16)
            dropout1=nn.Dropout(0.2),
            conv3=nn.Conv2d(32, 64, 3, padding="same"),  # (N, 64, 16, 16)
            norm3=nn.BatchNorm2d(64, momentum=0.01, eps=1e-3),
            elu3=nn.ELU(),
            conv4=nn.Conv2d(64, 64, 3, padding="same"),  # (N, 64, 16, 16)
            norm4=nn.BatchNorm2d(64, momentum=0.01, eps=1e-3),
            elu4=nn.ELU(),
            pool2=nn.MaxPool2d(2),  # (N, 64, 8, 8)
            dropout2=nn.Dropout(0.2),
            conv5=nn.Conv2d(64, 128, 3),  # (N, 128, 6, 6)
            norm5=nn.BatchNorm2d(128, momentum=0.01, eps=1e-3),
            elu5=nn.ELU(),
            conv6=nn.Conv2d(128, 128, 3),  # (N, 128, 4, 4)
            norm6=nn.BatchNorm2d(128, momentum=0.01, eps=1e-3),
            elu6=nn.ELU(),
            pool3=nn.MaxPool2d(2),  # (N, 128, 2, 2)
            dropout3=nn.Dropout(0.5),
            flatten=nn.Flatten(),  # (N, 512)
            logits=nn.Linear(512, 10),  # (N, 10)
        )
    )
