"""Random weights for a network that is not trained, lively enough for the twin proof to see its faults.

With ordinary first weights a deep network gives nearly the same output for every image, and a wrong
epsilon or padding moves it by less than rounding does. So each kernel is scaled until what it gives
differs by one, as standard deviation, between real images (after Mishkin and Matas, All you need is a
good init, ICLR 2016); biases and batch-norm scales are drawn at random, since exporters merge equal
ones; and running statistics are those of the same images. In a network with batch norm the standard
deviation is a tenth: beside a variance of one, an epsilon of 1e-3 instead of 1e-5 would hardly show.
"""

import functools
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from harness.frameworks import weights
from harness.networks.architecture import Architecture

if TYPE_CHECKING:
    import torch

IMAGES = 8  # enough to see that outputs differ; a forward pass of VGG-16 takes about a second an image


def draw(
    architecture: Architecture, images: NDArray[np.float32], seed: int, framework: str = "torch"
) -> weights.Weights:
    """Weights by the names and layouts of :mod:`harness.frameworks.weights`; ``images`` are (N, H, W, C)."""
    return {"torch": _draw_in_torch, "keras": _draw_in_keras}[framework](architecture, images, seed)


def _draw_in_torch(architecture: Architecture, images: NDArray[np.float32], seed: int) -> weights.Weights:
    import torch

    from harness.frameworks import torch_training

    network = torch_training.build(architecture)
    weights.to_torch(network, _drawn(weights.from_torch(network), seed))
    network.eval()
    norms = [module for module in network.modules() if isinstance(module, torch.nn.modules.batchnorm._BatchNorm)]
    enliven = functools.partial(_enliven, to=0.1 if norms else 1.0)
    for module in network.modules():
        if module in norms:
            module.train()
            module.momentum = 1.0  # the statistics of these images alone
        elif isinstance(module, torch.nn.Linear | torch.nn.modules.conv._ConvNd):
            module.register_forward_hook(enliven)
    with torch.no_grad():
        network(torch_training.own_layout(torch.from_numpy(images)).contiguous())
    return weights.from_torch(network)


def _draw_in_keras(architecture: Architecture, images: NDArray[np.float32], seed: int) -> weights.Weights:
    """For a network without a PyTorch twin: kernels are scaled by what they read (He et al., 2015), not by images."""
    import keras

    from harness.frameworks import keras_layers, keras_training

    keras.utils.set_random_seed(seed)  # dropout
    model = keras_training.build(architecture)
    weights.to_keras(model, _drawn(weights.from_keras(model), seed, gain=2**0.5))
    for named in keras_layers.list_named(model, {}):
        if isinstance(named.layer, keras.layers.BatchNormalization):
            named.layer.momentum = 0.0  # the statistics of these images alone
    model(images, training=True)
    return weights.from_keras(model)


def _drawn(like: weights.Weights, seed: int, gain: float = 1.0) -> weights.Weights:
    """Kernels normal, by what they read; scales around one, biases around zero, statistics as they are."""
    drawn = {}
    for name, array in like.items():
        random = np.random.default_rng([seed, zlib.crc32(name.encode())])
        kind = name.rpartition(".")[2]
        if kind.startswith("running_"):
            drawn[name] = array
        elif array.ndim >= 2 and not (array == 1).all():  # the scales of a normalisation of maps are ones
            drawn[name] = random.standard_normal(array.shape, np.float32) * np.float32(gain * array[0].size ** -0.5)
        else:
            low, high = (-0.3, 0.3) if kind.startswith("bias") else (0.5, 1.5)
            drawn[name] = random.uniform(low, high, array.shape).astype(np.float32)
    return drawn


def _enliven(module: Any, inputs: "tuple[torch.Tensor, ...]", output: "torch.Tensor", to: float) -> "torch.Tensor":
    """Scale the module's weights so that its output differs by ``to`` between images; give that output."""
    deviation = output.var(dim=0).mean().sqrt()
    if deviation == 0:  # what it reads is the same for every image, as the places of a sequence are
        return output
    for parameter in module.parameters(recurse=False):
        parameter *= to / deviation if parameter.ndim >= 2 else to
    found: torch.Tensor = module.forward(*inputs)
    return found
