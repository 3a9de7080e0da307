"""VGG, in Keras: blocks of 3×3 convolutions, each block ended by a pooling; a classifier or a head for transfer."""

from collections.abc import Sequence

import keras
from keras import layers


def build(blocks: Sequence[tuple[int, int]], head: str, input_shape: tuple[int, int, int]) -> keras.Model:
    """An untrained network that turns images (N, H, W, 3) into logits (N, 1000), or (N, 1) with head "features".

    ``blocks`` gives each block's filters and convolutions. The shapes below are VGG 16's and VGG 19's
    at 224×224, and VGG 16's at 180×180 where they differ.
    """
    network = [keras.Input(input_shape, name="image")]
    # Scully's lecture says that filters double after each block; the paper's, given here, do not in the last.
    for block, (filters, convolutions) in enumerate(blocks, start=1):
        # (N, 224, 224, 64) to (N, 14, 14, 512); at 180×180 (N, 180, 180, 64) to (N, 11, 11, 512)
        for number in range(1, convolutions + 1):
            name = f"block{block}_conv{number}"
            network.append(layers.Conv2D(filters, 3, padding="same", activation="relu", name=name))
        # Scully's lecture prints 3×3 here, which leaves 18,432 features and too few parameters.
        # Of an odd size, the last row and column are dropped: at 180×180, 45 becomes 22 and 11 becomes 5.
        # (N, 112, 112, 64) to (N, 7, 7, 512); at 180×180 (N, 90, 90, 64) to (N, 5, 5, 512)
        network.append(layers.MaxPooling2D(2, name=f"block{block}_pool"))
    network.append(layers.Flatten(name="flatten"))  # (N, 25088); at 180×180 (N, 12800)
    return keras.Sequential(network + HEADS[head](), name="vgg")


def classifier() -> list[layers.Layer]:
    """The head of the paper, for ImageNet's classes: that of Scully's lecture is in a figure that is lost."""
    return [
        layers.Dense(4096, activation="relu", name="fc1"),  # (N, 4096)
        layers.Dense(4096, activation="relu", name="fc2"),  # (N, 4096)
        layers.Dense(1000, name="logits"),  # (N, 1000)
    ]


def features() -> list[layers.Layer]:
    """The head that is trained on top of the convolutions, for two classes."""
    return [
        layers.Dense(256, name="dense1"),  # (N, 256); linear, as the lecture prints it
        layers.Dropout(0.5, name="dropout1"),
        layers.Dense(1, name="logits"),  # (N, 1)
    ]


HEADS = {"classifier": classifier, "features": features}
