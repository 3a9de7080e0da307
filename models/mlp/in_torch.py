"""Multi-layer perceptron, in PyTorch: flatten, linear layers of 128 units, ten classes."""

from collections import OrderedDict

from torch import nn

ACTIVATIONS = {"relu": nn.ReLU, "sigmoid": nn.Sigmoid}


def build(hidden: int, activation: str, input_shape: tuple[int, int, int]) -> nn.Module:
    """An untrained network that turns images (N, C, H, W) into logits (N, 10)."""
    height, width, channels = input_shape
    features = height * width * channels
    layers = OrderedDict(flatten=nn.Flatten())  # (N, C * H * W)
    for number in range(1, hidden + 1):
        layers[f"dense{number}"] = nn.Linear(features, 128)  # (N, 128)
        layers[f"{activation}{number}"] = ACTIVATIONS[activation]()
        features = 128
    layers["logits"] = nn.Linear(features, 10)  # (N, 10)
    return nn.Sequential(layers)
