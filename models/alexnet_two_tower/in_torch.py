"""AlexNet in two towers, in PyTorch: grouped convolutions, local response normalisation, dropout."""

from collections import OrderedDict

from torch import nn


def build() -> nn.Module:
    """An untrained network that turns images (N, 3, 227, 227) into logits (N, 1000)."""
    return nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(3, 96, 11, stride=4),  # (N, 96, 55, 55)
            relu1=nn.ReLU(),
            # Caffe's constants; the paper has k = 2, and multiplies the sum of the five squares by alpha.
            norm1=nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75, k=1.0),
            pool1=nn.MaxPool2d(3, stride=2),  # (N, 96, 27, 27)
            # Two towers: half of the filters read the first half of the channels, the others the second.
            conv2=nn.Conv2d(96, 256, 5, padding="same", groups=2),  # (N, 256, 27, 27)
            relu2=nn.ReLU(),
            norm2=nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75, k=1.0),
            pool2=nn.MaxPool2d(3, stride=2),  # (N, 256, 13, 13)
            # Here the towers read each other.
            conv3=nn.Conv2d(256, 384, 3, padding="same"),  # (N, 384, 13, 13)
            relu3=nn.ReLU(),
            conv4=nn.Conv2d(384, 384, 3, padding="same", groups=2),  # (N, 384, 13, 13)
            relu4=nn.ReLU(),
            conv5=nn.Conv2d(384, 256, 3, padding="same", groups=2),  # (N, 256, 13, 13)
            relu5=nn.ReLU(),
            pool3=nn.MaxPool2d(3, stride=2),  # (N, 256, 6, 6)
            flatten=nn.Flatten(),  # (N, 9216)
            dense1=nn.Linear(9216, 4096),  # (N, 4096)
            relu6=nn.ReLU(),
            dropout1=nn.Dropout(0.5),
            dense2=nn.Linear(4096, 4096),  # (N, 4096)
            relu7=nn.ReLU(),
            dropout2=nn.Dropout(0.5),
            logits=nn.Linear(4096, 1000),  # (N, 1000)
        )
    )
