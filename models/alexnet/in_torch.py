"""AlexNet of Ted Scully's lecture, in PyTorch: five convolutions in one tower, max pooling, three dense layers."""

from collections import OrderedDict

from torch import nn


def build() -> nn.Module:
    """An untrained network that turns images (N, 3, 227, 227) into logits (N, 1000)."""
    return nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(3, 96, 11, stride=4),  # (N, 96, 55, 55)
            # The lecture's table names no activation: ReLU throughout, as in the paper.
            relu1=nn.ReLU(),
            pool1=nn.MaxPool2d(3, stride=2),  # (N, 96, 27, 27)
            conv2=nn.Conv2d(96, 256, 5, padding="same"),  # (N, 256, 27, 27)
            relu2=nn.ReLU(),
            pool2=nn.MaxPool2d(3, stride=2),  # (N, 256, 13, 13)
            conv3=nn.Conv2d(256, 384, 3, padding="same"),  # (N, 384, 13, 13)
            relu3=nn.ReLU(),
            conv4=nn.Conv2d(384, 384, 3, padding="same"),  # (N, 384, 13, 13)
            relu4=nn.ReLU(),
            conv5=nn.Conv2d(384, 256, 3, padding="same"),  # (N, 256, 13, 13)
            relu5=nn.ReLU(),
            # The table prints 6×6×384: pooling keeps the depth, and 6·6·256 is the 9,216 of its next row.
            pool3=nn.MaxPool2d(3, stride=2),  # (N, 256, 6, 6)
            # The table's "Fully Connected 9216" is this flattening; as a dense layer it would add 84,943,872.
            flatten=nn.Flatten(),  # (N, 9216)
            dense1=nn.Linear(9216, 4096),  # (N, 4096)
            relu6=nn.ReLU(),
            dense2=nn.Linear(4096, 4096),  # (N, 4096)
            relu7=nn.ReLU(),
            logits=nn.Linear(4096, 1000),  # (N, 1000); the table leaves it empty
        )
    )
