"""Network in Network with batch norm, in PyTorch: behind each large convolution two of 1×1, a small network a pixel."""

from collections import OrderedDict

from torch import nn


def build() -> nn.Module:
    """An untrained network that turns images (N, 3, 224, 224) into logits (N, 1000)."""
    return nn.Sequential(
        OrderedDict(
            block1_conv1=nn.Conv2d(3, 96, 11, stride=4, padding=5),  # (N, 96, 56, 56)
            **network_in_network(96, "block1"),
            block1_pool=nn.MaxPool2d(3, stride=2, padding=1),  # (N, 96, 28, 28)
            block2_conv1=nn.Conv2d(96, 256, 5, padding="same"),  # (N, 256, 28, 28)
            **network_in_network(256, "block2"),
            block2_pool=nn.MaxPool2d(3, stride=2, padding=1),  # (N, 256, 14, 14)
            block3_conv1=nn.Conv2d(256, 384, 3, padding="same"),  # (N, 384, 14, 14)
            **network_in_network(384, "block3"),
            block3_pool=nn.MaxPool2d(3, stride=2, padding=1),  # (N, 384, 7, 7)
            block4_conv1=nn.Conv2d(384, 1024, 3, padding="same"),  # (N, 1024, 7, 7)
            **network_in_network(1024, "block4"),
            pool=nn.AvgPool2d(7),  # (N, 1024, 1, 1)
            flatten=nn.Flatten(),  # (N, 1024)
            logits=nn.Linear(1024, 1000),  # (N, 1000)
        )
    )


def network_in_network(filters: int, block: str) -> dict[str, nn.Module]:
    """What follows a block's first convolution: two of 1×1, with a batch norm and a ReLU behind each of the three."""
    return {
        **norm_and_relu(filters, f"{block}_conv1"),
        f"{block}_conv2": nn.Conv2d(filters, filters, 1),
        **norm_and_relu(filters, f"{block}_conv2"),
        f"{block}_conv3": nn.Conv2d(filters, filters, 1),
        **norm_and_relu(filters, f"{block}_conv3"),
    }


def norm_and_relu(filters: int, name: str) -> dict[str, nn.Module]:
    """What follows every convolution."""
    # Keras' momentum 0.9 weighs the old statistics, PyTorch's 0.1 the new ones: the same average.
    return {f"{name}_bn": nn.BatchNorm2d(filters, momentum=0.1, eps=1e-3), f"{name}_relu": nn.ReLU()}
