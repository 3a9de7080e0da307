"""AlexNet with batch norm, in PyTorch: five convolutions in one tower, max pooling, three dense layers."""

from collections import OrderedDict

from torch import nn


def build() -> nn.Module:
    """An untrained network that turns images (N, 3, 224, 224) into logits (N, 1000)."""
    return nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(3, 64, 11, stride=4, padding=2),  # (N, 64, 55, 55)
            **norm_and_relu("conv1", nn.BatchNorm2d, 64),
            pool1=nn.MaxPool2d(3, stride=2),  # (N, 64, 27, 27)
            conv2=nn.Conv2d(64, 192, 5, padding="same"),  # (N, 192, 27, 27)
            **norm_and_relu("conv2", nn.BatchNorm2d, 192),
            pool2=nn.MaxPool2d(3, stride=2),  # (N, 192, 13, 13)
            conv3=nn.Conv2d(192, 384, 3, padding="same"),  # (N, 384, 13, 13)
            **norm_and_relu("conv3", nn.BatchNorm2d, 384),
            conv4=nn.Conv2d(384, 256, 3, padding="same"),  # (N, 256, 13, 13)
            **norm_and_relu("conv4", nn.BatchNorm2d, 256),
            conv5=nn.Conv2d(256, 256, 3, padding="same"),  # (N, 256, 13, 13)
            **norm_and_relu("conv5", nn.BatchNorm2d, 256),
            pool3=nn.MaxPool2d(3, stride=2),  # (N, 256, 6, 6)
            flatten=nn.Flatten(),  # (N, 9216)
            dropout1=nn.Dropout(0.5),
            dense1=nn.Linear(9216, 4096),  # (N, 4096)
            **norm_and_relu("dense1", nn.BatchNorm1d, 4096),
            dropout2=nn.Dropout(0.5),
            dense2=nn.Linear(4096, 4096),  # (N, 4096)
            **norm_and_relu("dense2", nn.BatchNorm1d, 4096),
            logits=nn.Linear(4096, 1000),  # (N, 1000)
        )
    )


def norm_and_relu(name: str, norm: type[nn.Module], features: int) -> dict[str, nn.Module]:
    """What follows every layer with weights but the last; ``norm`` is the batch norm of maps or of vectors."""
    # Keras' momentum 0.9 weighs the old statistics, PyTorch's 0.1 the new ones: the same average.
    return {f"{name}_bn": norm(features, momentum=0.1, eps=1e-3), f"{name}_relu": nn.ReLU()}
