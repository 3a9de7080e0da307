"""Weights, framework-neutral: how they are named, stored, and carried from one framework to the other.

A weight is called ``<layer>.<kind>``: the layer's name (a dot inside a PyTorch name becomes an
underscore, as in Keras) and PyTorch's word for the kind (weight, bias, running_mean, running_var).
Arrays lie as PyTorch lays them out: convolution kernels (out, in, kH, kW), dense kernels (out, in)
with features in C, H, W order. Stored with safetensors: nothing in the file is ever executed.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness import files
from harness.errors import HarnessError

if TYPE_CHECKING:
    import keras
    import numpy
    import torch
    from numpy.typing import NDArray

Weights = dict[str, "NDArray[numpy.float32]"]

KERAS_KINDS = {
    "kernel": "weight",
    "bias": "bias",
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}


def save(path: Path, weights: "Weights", metadata: Mapping[str, str]) -> None:
    """Write the weights to a file, whole or not at all."""
    import numpy as np
    from safetensors.numpy import save as to_bytes

    with files.replacing(path) as partial:
        # Written by ourselves: save_file tells of a full disk in words alone, which no caller can know it by.
        arrays = {name: np.ascontiguousarray(array) for name, array in weights.items()}
        partial.write_bytes(to_bytes(arrays, dict(metadata)))


def load(path: Path) -> "Weights":
    """The weights of a file. Raises :class:`HarnessError` where it is none, or a damaged one."""
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        loaded: Weights = load_file(path)
    except (OSError, SafetensorError) as error:
        raise HarnessError(f"{path} is no whole .safetensors file ({error}): train or export again.") from error
    return loaded


def from_torch(model: "torch.nn.Module") -> "Weights":
    """The weights of a PyTorch model."""
    return {
        _neutral(name): tensor.detach().cpu().numpy().copy()
        for name, tensor in model.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }


def to_torch(model: "torch.nn.Module", weights: "Weights") -> None:
    """Put the weights into a PyTorch model. Raises :class:`HarnessError` where they do not fit it."""
    import torch

    state = model.state_dict()
    names = {name: _neutral(name) for name in state if not name.endswith("num_batches_tracked")}
    _check(weights, {neutral: tuple(state[name].shape) for name, neutral in names.items()})
    with torch.no_grad():
        for name, neutral in names.items():
            state[name].copy_(torch.from_numpy(weights[neutral]))


def from_keras(model: "keras.Model") -> "Weights":
    """The weights of a Keras model."""
    return {
        name: _from_keras_layout(variable.numpy(), flattened) for name, variable, flattened in _keras_variables(model)
    }


def to_keras(model: "keras.Model", weights: "Weights") -> None:
    """Put the weights into a Keras model. Raises :class:`HarnessError` where they do not fit it."""
    variables = list(_keras_variables(model))
    _check(
        weights,
        {name: _neutral_shape(tuple(variable.shape)) for name, variable, _ in variables},
    )
    for name, variable, flattened in variables:
        variable.assign(_to_keras_layout(weights[name], flattened))


def shapes(weights: "Weights") -> dict[str, tuple[int, ...]]:
    """The shape of each weight, by its name."""
    return {name: array.shape for name, array in weights.items()}


def _neutral(torch_name: str) -> str:
    layer, _, kind = torch_name.rpartition(".")
    return f"{layer.replace('.', '_')}.{kind}"


def _keras_variables(model: "keras.Model") -> list[tuple[str, Any, tuple[int, int, int] | None]]:
    """Name, variable and, for a dense kernel behind a Flatten, the (H, W, C) that was flattened."""
    import keras

    found: list[tuple[str, Any, tuple[int, int, int] | None]] = []
    flattened: tuple[int, int, int] | None = None
    for layer in model.layers:
        if isinstance(layer, keras.layers.Flatten):
            flattened = tuple(layer.input.shape[1:]) if len(layer.input.shape) == 4 else None
        for variable in layer.weights:
            if variable.name not in KERAS_KINDS:  # a random-number seed of a dropout is none of ours
                continue
            dense_kernel = isinstance(layer, keras.layers.Dense) and variable.name == "kernel"
            name = f"{layer.name}.{KERAS_KINDS[variable.name]}"
            found.append((name, variable, flattened if dense_kernel else None))
        if isinstance(layer, keras.layers.Dense):
            flattened = None  # only the first dense layer reads the flattened features
    return found


def _neutral_shape(keras_shape: tuple[int, ...]) -> tuple[int, ...]:
    if len(keras_shape) < 2:
        return keras_shape
    *window, inputs, outputs = keras_shape
    return (outputs, inputs, *window)


def _from_keras_layout(
    array: "NDArray[numpy.float32]", flattened: tuple[int, int, int] | None
) -> "NDArray[numpy.float32]":
    import numpy as np

    if array.ndim < 2:
        return array
    if flattened is not None:  # Keras flattens H, W, C; PyTorch C, H, W
        array = array.reshape(*flattened, -1).transpose(2, 0, 1, 3).reshape(array.shape)
    return np.ascontiguousarray(np.moveaxis(array, (-1, -2), (0, 1)))


def _to_keras_layout(
    array: "NDArray[numpy.float32]", flattened: tuple[int, int, int] | None
) -> "NDArray[numpy.float32]":
    import numpy as np

    if array.ndim < 2:
        return array
    array = np.moveaxis(array, (0, 1), (-1, -2))
    if flattened is not None:
        height, width, channels = flattened
        array = array.reshape(channels, height, width, -1).transpose(1, 2, 0, 3).reshape(array.shape)
    return np.ascontiguousarray(array)


def _check(weights: "Weights", expected: dict[str, tuple[int, ...]]) -> None:
    """Every expected weight is there, has its shape, and there is no other."""
    for name, shape in expected.items():
        if name not in weights:
            raise HarnessError(f"the weights lack {name!r}, which the network has with shape {shape}.")
        if weights[name].shape != shape:
            raise HarnessError(f"{name!r} has shape {weights[name].shape}, the network expects {shape}.")
    extra = sorted(set(weights) - set(expected))
    if extra:
        raise HarnessError(f"the weights hold {extra[0]!r}, which the network does not have.")
