"""Ted Scully's small VGGs, in Keras: blocks of two same-padded convolutions and a max pooling; dropout, or none."""

import keras
from keras import layers


def build(filters: tuple[int, ...], dropout: bool) -> keras.Model:
    """An untrained network that turns images (N, 32, 32, 3) into logits (N, 10), a block for each of ``filters``."""
    network = [keras.Input((32, 32, 3), name="image")]
    for block, maps in enumerate(filters, start=1):  # side S: 32 in the first block, 16 in the second, 8 in the third
        network += [
            layers.Conv2D(maps, 3, padding="same", activation="relu", name=f"block{block}_conv1"),  # (N, S, S, maps)
            layers.Conv2D(maps, 3, padding="same", activation="relu", name=f"block{block}_conv2"),  # (N, S, S, maps)
            layers.MaxPooling2D(2, name=f"block{block}_pool"),  # (N, S / 2, S / 2, maps)
        ]
        if dropout:
            # Whole feature maps at a time: neighbouring pixels are too alike for one to be missed.
            network.append(layers.SpatialDropout2D(0.25, name=f"block{block}_dropout"))
    network.append(layers.Flatten(name="flatten"))  # (N, 4096) after two blocks, (N, 2048) after three
    network.append(layers.Dense(512, activation="relu", name="dense1"))  # (N, 512)
    if dropout:
        network.append(layers.Dropout(0.5, name="dropout1"))
    network.append(layers.Dense(10, name="logits"))  # (N, 10)
    return keras.Sequential(network, name="shallow_vgg")
