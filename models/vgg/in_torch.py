"""VGG, in PyTorch: blocks of 3×3 convolutions, each block ended by a pooling; a classifier or a head for transfer."""

from collections import OrderedDict
from collections.abc import Sequence

from torch import nn


def build(blocks: Sequence[tuple[int, int]], head: str, input_shape: tuple[int, int, int]) -> nn.Module:
    """An untrained network that turns images (N, 3, H, W) into logits (N, 1000), or (N, 1) with head "features".

    ``blocks`` gives each block's filters and convolutions. The shapes below are VGG 16's and VGG 19's
    at 224×224, and VGG 16's at 180×180 where they differ.
    """
    height, width, channels = input_shape
    network = OrderedDict()
    # Scully's lecture says that filters double after each block; the paper's, given here, do not in the last.
    for block, (filters, convolutions) in enumerate(blocks, start=1):
        # (N, 64, 224, 224) to (N, 512, 14, 14); at 180×180 (N, 64, 180, 180) to (N, 512, 11, 11)
        for number in range(1, convolutions + 1):
            network[f"block{block}_conv{number}"] = nn.Conv2d(channels, filters, 3, padding="same")
            network[f"block{block}_relu{number}"] = nn.ReLU()
            channels = filters
        # Scully's lecture prints 3×3 here, which leaves 18,432 features and too few parameters.
        # Of an odd size, the last row and column are dropped: at 180×180, 45 becomes 22 and 11 becomes 5.
        # (N, 64, 112, 112) to (N, 512, 7, 7); at 180×180 (N, 64, 90, 90) to (N, 512, 5, 5)
        network[f"block{block}_pool"] = nn.MaxPool2d(2)
        height, width = height // 2, width // 2
    network["flatten"] = nn.Flatten()  # (N, 25088); at 180×180 (N, 12800)
    network |= HEADS[head](channels * height * width)
    return nn.Sequential(network)


def classifier(inputs: int) -> OrderedDict[str, nn.Module]:
    """The head of the paper, for ImageNet's classes: that of Scully's lecture is in a figure that is lost."""
    return OrderedDict(
        fc1=nn.Linear(inputs, 4096),  # (N, 4096)
        fc1_relu=nn.ReLU(),
        fc2=nn.Linear(4096, 4096),  # (N, 4096)
        fc2_relu=nn.ReLU(),
        logits=nn.Linear(4096, 1000),  # (N, 1000)
    )


def features(inputs: int) -> OrderedDict[str, nn.Module]:
    """The head that is trained on top of the convolutions, for two classes."""
    return OrderedDict(
        dense1=nn.Linear(inputs, 256),  # (N, 256); linear, as the lecture prints it
        dropout1=nn.Dropout(0.5),
        logits=nn.Linear(256, 1),  # (N, 1)
    )


HEADS = {"classifier": classifier, "features": features}
