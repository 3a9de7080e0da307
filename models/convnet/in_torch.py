"""Subir Varma's CNN, in PyTorch: five valid convolutions, then their maps flattened or their global maxima."""

from collections import OrderedDict

from torch import nn


def build(global_pooling: bool) -> nn.Module:
    """An untrained network that turns images (N, 3, 32, 32) into logits (N, 10)."""
    global_pool = {"global_pool": nn.AdaptiveMaxPool2d(1)} if global_pooling else {}
    features = 64 if global_pooling else 576
    return nn.Sequential(
        OrderedDict(
            # The lecture prints a summary alone: the size is inferred from its shapes, ReLU is assumed.
            conv1=nn.Conv2d(3, 32, 3),  # (N, 32, 30, 30)
            relu1=nn.ReLU(),
            conv2=nn.Conv2d(32, 32, 3),  # (N, 32, 28, 28)
            relu2=nn.ReLU(),
            pool1=nn.MaxPool2d(2),  # (N, 32, 14, 14)
            conv3=nn.Conv2d(32, 64, 3),  # (N, 64, 12, 12)
            relu3=nn.ReLU(),
            conv4=nn.Conv2d(64, 64, 3),  # (N, 64, 10, 10)
            relu4=nn.ReLU(),
            pool2=nn.MaxPool2d(2),  # (N, 64, 5, 5)
            conv5=nn.Conv2d(64, 64, 3),  # (N, 64, 3, 3)
            relu5=nn.ReLU(),
            **global_pool,  # (N, 64, 1, 1)
            flatten=nn.Flatten(),  # flattened (N, 576); pooled (N, 64)
            dense1=nn.Linear(features, 1024),  # (N, 1024)
            relu6=nn.ReLU(),
            logits=nn.Linear(1024, 10),  # (N, 10)
        )
    )
