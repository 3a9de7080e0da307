"""Ted Scully's small VGGs, in PyTorch: blocks of two same-padded convolutions and a max pooling; dropout, or none."""

from collections import OrderedDict

from torch import nn


def build(filters: tuple[int, ...], dropout: bool) -> nn.Module:
    """An untrained network that turns images (N, 3, 32, 32) into logits (N, 10), a block for each of ``filters``."""
    network = OrderedDict()
    channels, side = 3, 32
    for block, maps in enumerate(filters, start=1):  # side S: 32 in the first block, 16 in the second, 8 in the third
        network[f"block{block}_conv1"] = nn.Conv2d(channels, maps, 3, padding="same")  # (N, maps, S, S)
        network[f"block{block}_relu1"] = nn.ReLU()
        network[f"block{block}_conv2"] = nn.Conv2d(maps, maps, 3, padding="same")  # (N, maps, S, S)
        network[f"block{block}_relu2"] = nn.ReLU()
        network[f"block{block}_pool"] = nn.MaxPool2d(2)  # (N, maps, S / 2, S / 2)
        if dropout:
            # Whole feature maps at a time: neighbouring pixels are too alike for one to be missed.
            network[f"block{block}_dropout"] = nn.Dropout2d(0.25)
        channels, side = maps, side // 2
    network["flatten"] = nn.Flatten()  # (N, 4096) after two blocks, (N, 2048) after three
    network["dense1"] = nn.Linear(channels * side * side, 512)  # (N, 512)
    network["relu1"] = nn.ReLU()
    if dropout:
        network["dropout1"] = nn.Dropout(0.5)
    network["logits"] = nn.Linear(512, 10)  # (N, 10)
    return nn.Sequential(network)
