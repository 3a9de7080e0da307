"""Weights, framework-neutral: how they are named, stored, and carried from one framework to the other.

A weight is called ``<layer>.<kind>``: the layer's name (a dot inside a PyTorch name becomes an
underscore, as in Keras) and PyTorch's word for the kind (weight, bias, running_mean, running_var);
a variable of a layer of one's own keeps its name. Arrays lie as PyTorch lays them out: convolution
kernels (out, in / groups, kH, kW), depthwise ones (C × M, 1, kH, kW), dense kernels (out, in) with
features in C, H, W order, PReLU's slopes (C,). Stored with safetensors: nothing in the file is ever
executed.
"""

import hashlib
import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file
from safetensors.numpy import save as to_bytes

from harness.errors import HarnessError
from harness.machine import files

if TYPE_CHECKING:
    import keras
    import torch

Weights = dict[str, NDArray[np.float32]]

KERAS_KINDS = {
    "kernel": "weight",
    "bias": "bias",
    "gamma": "weight",
    "alpha": "weight",  # of PReLU
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}


def save(path: Path, weights: Weights, metadata: Mapping[str, str]) -> None:
    """Write the weights to a file, whole or not at all."""
    with files.replacing(path) as partial:
        # Written by ourselves: save_file tells of a full disk in words alone, which no caller can know it by.
        arrays = {name: np.ascontiguousarray(array) for name, array in weights.items()}
        partial.write_bytes(to_bytes(arrays, dict(metadata)))


def load(path: Path) -> Weights:
    """The weights of a file. Raises :class:`HarnessError` where it is none, or a damaged one."""
    try:
        loaded: Weights = load_file(path)
    except (OSError, SafetensorError) as error:
        raise HarnessError(f"{path} is no whole .safetensors file ({error}): train or export again.") from error
    return loaded


def from_torch(model: "torch.nn.Module") -> Weights:
    """The weights of a PyTorch model."""
    return {
        neutral_name(name): tensor.detach().cpu().numpy().copy()
        for name, tensor in model.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }


def to_torch(model: "torch.nn.Module", weights: Weights) -> None:
    """Put the weights into a PyTorch model. Raises :class:`HarnessError` where they do not fit it."""
    import torch

    state = model.state_dict()
    names = {name: neutral_name(name) for name in state if not name.endswith("num_batches_tracked")}
    _check(weights, {neutral: tuple(state[name].shape) for name, neutral in names.items()})
    with torch.no_grad():
        for name, neutral in names.items():
            state[name].copy_(torch.from_numpy(weights[neutral]))


def from_keras(model: "keras.Model") -> Weights:
    """The weights of a Keras model. Raises :class:`HarnessError` where they cannot be told from its graph."""
    return {found.name: found.read() for found in _keras_variables(model)}


def to_keras(model: "keras.Model", weights: Weights) -> None:
    """Put the weights into a Keras model. Raises :class:`HarnessError` where they do not fit it."""
    variables = _keras_variables(model)
    _check(weights, {found.name: found.shape for found in variables})
    for found in variables:
        found.write(weights[found.name])


def digest(weights: Weights) -> str:
    """What identifies the weights: the first 16 digits of a SHA-256 over names, shapes and values."""
    found = hashlib.sha256()
    for name in sorted(weights):
        found.update(f"{name} {weights[name].shape} ".encode())
        found.update(weights[name].tobytes())
    return found.hexdigest()[:16]


def shapes(weights: Weights) -> dict[str, tuple[int, ...]]:
    """The shape of each weight, by its name."""
    return {name: array.shape for name, array in weights.items()}


def neutral_name(torch_name: str) -> str:
    """The neutral name of a PyTorch parameter: dots only before its kind."""
    layer, _, kind = torch_name.rpartition(".")
    return f"{layer.replace('.', '_')}.{kind}"


@dataclass(frozen=True, kw_only=True)
class _KerasVariable:
    """A variable of a Keras layer, and how PyTorch lays it out.

    It is reshaped to ``split``, its axes are taken in the order ``axes``, and then merged to ``shape``.
    """

    name: str
    variable: Any
    split: tuple[int, ...]
    axes: tuple[int, ...]
    shape: tuple[int, ...]

    def read(self) -> NDArray[np.float32]:
        turned = self.variable.numpy().reshape(self.split).transpose(self.axes).reshape(self.shape)
        return np.array(turned, order="C")

    def write(self, array: NDArray[np.float32]) -> None:
        split = array.reshape([self.split[axis] for axis in self.axes])
        self.variable.assign(split.transpose(np.argsort(self.axes)).reshape(self.variable.shape))


def _keras_variables(model: "keras.Model") -> list[_KerasVariable]:
    """Every weight of the model; random-number seeds of dropouts are none."""
    flattened = _flattened(model)
    found = [
        _laid_out(layer, variable, flattened.get(layer.name)) for layer in model.layers for variable in layer.weights
    ]
    for name, count in Counter(variable.name for variable in found).items():
        if count > 1:
            raise HarnessError(f"{count} variables are called {name!r}: expected layers that hold no other layers.")
    return found


def _laid_out(layer: Any, variable: Any, flattened: tuple[int, ...] | None) -> _KerasVariable:
    """How one variable lies; ``flattened`` is the (H, W, C) behind a dense layer's input, if any."""
    import keras

    name = f"{layer.name}.{KERAS_KINDS.get(variable.name, variable.name)}"
    split = shape = tuple(variable.shape)
    axes = tuple(range(len(shape)))
    if isinstance(layer, keras.layers.PReLU):  # shared along height and width: (1, 1, C)
        split, axes, shape = (math.prod(shape),), (0,), (math.prod(shape),)
    elif variable.name == "kernel" and isinstance(layer, keras.layers.DepthwiseConv2D):
        height, width, channels, multiplier = shape
        axes, shape = (2, 3, 0, 1), (channels * multiplier, 1, height, width)
    elif variable.name == "kernel" and flattened is not None:
        split, axes, shape = (*flattened, shape[-1]), (3, 2, 0, 1), shape[::-1]
    elif variable.name == "kernel":
        axes = (axes[-1], axes[-2], *axes[:-2])
        shape = tuple(split[axis] for axis in axes)
    return _KerasVariable(name=name, variable=variable, split=split, axes=axes, shape=shape)


def _flattened(model: "keras.Model") -> dict[str, tuple[int, ...]]:
    """The (H, W, C) behind the input of each dense layer that reads what a Flatten made of maps, by its name.

    Keras flattens H, W, C and PyTorch C, H, W: anything else that has weights by feature is refused.
    """
    import keras

    found: dict[str, tuple[int, ...]] = {}
    behind: dict[int, tuple[int, ...]] = {}  # by tensor
    for layer, inputs, output in _graph(model):
        maps = next((behind[tensor] for tensor in inputs if tensor in behind), None)
        if isinstance(layer, keras.layers.Flatten) and len(layer.input.shape) == 4:
            behind[output] = tuple(layer.input.shape[1:])
        elif maps is not None and isinstance(layer, keras.layers.Dense):
            found[layer.name] = maps
        elif maps is not None:
            if getattr(layer, "weights", ()) or getattr(layer.input, "shape", None) != layer.output.shape:
                raise HarnessError(
                    f"{layer.name!r} reads flattened maps, whose order differs between the frameworks: expected a "
                    "dense layer, or one without weights that keeps the shape."
                )
            behind[output] = maps
    return found


def _graph(model: "keras.Model") -> list[tuple[Any, list[int], int]]:
    """Each layer or other operation in order, with what names the tensors that it reads and the one that it makes."""
    import keras

    if isinstance(model, keras.Sequential):  # adding a layer calls the others anew: their tensors do not tell
        return [(layer, [number - 1], number) for number, layer in enumerate(model.layers)]
    if hasattr(model, "operations"):
        return [
            (layer, [id(tensor) for tensor in keras.tree.flatten(layer.input)], id(layer.output))
            for layer in model.operations
        ]
    if any(isinstance(layer, keras.layers.Flatten) for layer in model.layers):
        raise HarnessError(
            f"what reads a Flatten of {model.name!r} cannot be told: expected a Sequential or a functional model."
        )
    return []


def _check(weights: Weights, expected: dict[str, tuple[int, ...]]) -> None:
    """Every expected weight is there, has its shape, and there is no other."""
    for name, shape in expected.items():
        if name not in weights:
            raise HarnessError(f"the weights lack {name!r}, which the network has with shape {shape}.")
        if weights[name].shape != shape:
            raise HarnessError(f"{name!r} has shape {weights[name].shape}, the network expects {shape}.")
    extra = sorted(set(weights) - set(expected))
    if extra:
        raise HarnessError(f"the weights hold {extra[0]!r}, which the network does not have.")
