"""The order of the axes of what a network is fed and gives: by its framework and the number of axes.

Keras has channels last. PyTorch has them first where there are maps; features and sequences lie as
``torch.nn.Linear`` and ``torch.nn.LSTM(batch_first=True)`` take them.
"""

from collections.abc import Sequence

from harness.networks.architecture import Architecture

# By the number of axes, with the batch: features, a sequence of them, an image, a volume.
CHANNELS_LAST = {2: "NC", 3: "NTC", 4: "NHWC", 5: "NDHWC"}
IMAGE = 3  # axes of one image, H, W, C


def layout(framework: str, axes: int) -> str:
    """The axes in a framework's order, a letter each; ``axes`` counts the batch."""
    last = CHANNELS_LAST[axes]
    return f"NC{last[1:-1]}" if framework == "torch" and axes > IMAGE else last


def input_layout(architecture: Architecture, framework: str) -> str:
    """The axes of what a network takes, in a framework's order."""
    return layout(framework, len(architecture.input_shape) + 1) if architecture.vocabulary is None else "NT"


def arrange(shape: Sequence[int], framework: str) -> tuple[int, ...]:
    """The shape of one input, channels last and without the batch, in a framework's order."""
    *places, channels = shape
    return (channels, *places) if layout(framework, len(shape) + 1)[1] == "C" else (*places, channels)
