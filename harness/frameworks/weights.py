"""Weights, framework-neutral: how they are named, stored, and carried from one framework to the other.

A weight is called ``<layer>.<kind>``: the layer's name (a dot inside a PyTorch name becomes an
underscore, as in Keras) and PyTorch's word for the kind (weight, bias, running_mean, running_var);
a variable of a layer of one's own keeps its name. Arrays lie as PyTorch lays them out
(:mod:`harness.frameworks.vocabulary` has the table), with features in the canonical order
(:mod:`harness.frameworks.feature_order`): C, H, W behind a flatten. Constants of a definition are no weights.
Stored with safetensors: nothing in the file is ever executed.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as to_bytes

from harness.errors import HarnessError
from harness.frameworks import carried
from harness.frameworks.carried import Weights
from harness.machine import files

if TYPE_CHECKING:
    import keras
    import torch

__all__ = ["Weights", "digest", "from_keras", "from_torch", "load", "save", "shapes", "to_keras", "to_torch"]

_ORDER = "order"  # in a file's metadata: the names in the network's order, which safetensors does not keep


def save(path: Path, weights: Weights, metadata: Mapping[str, str]) -> None:
    """Write the weights to a file, whole or not at all."""
    with files.replacing(path) as partial:
        # Written by ourselves: save_file tells of a full disk in words alone, which no caller can know it by.
        arrays = {name: np.asarray(array, order="C") for name, array in weights.items()}
        partial.write_bytes(to_bytes(arrays, {**metadata, _ORDER: json.dumps([*arrays])}))


def load(path: Path) -> Weights:
    """The weights of a file. Raises :class:`HarnessError` where it is none, or a damaged one."""
    try:
        with safe_open(path, framework="numpy") as opened:
            names = json.loads((opened.metadata() or {}).get(_ORDER, "[]"))
            found = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
    except (OSError, SafetensorError, ValueError) as error:
        raise HarnessError(f"{path} is no whole .safetensors file ({error}): train or export again.") from error
    return {name: found[name] for name in dict.fromkeys((*names, *found)) if name in found}


def metadata(path: Path) -> Mapping[str, str]:
    """What a file of weights says of itself. Raises :class:`HarnessError` if it is none, or a damaged one."""
    try:
        with safe_open(path, framework="numpy") as opened:
            found: Mapping[str, str] = opened.metadata() or {}
    except (OSError, SafetensorError) as error:
        raise HarnessError(f"{path} is no whole .safetensors file ({error})") from error
    return found


def from_torch(model: "torch.nn.Module") -> Weights:
    """The weights of a PyTorch model. Raises :class:`HarnessError` if they cannot be told."""
    from harness.frameworks import torch_variables

    return {each.name: each.read() for each in torch_variables.variables(model)}


def to_torch(model: "torch.nn.Module", weights: Weights) -> None:
    """Put the weights into a PyTorch model. Raises :class:`HarnessError` if they do not fit it."""
    from harness.frameworks import torch_variables

    _put(torch_variables.variables(model), weights)


def from_keras(model: "keras.Model") -> Weights:
    """The weights of a Keras model. Raises :class:`HarnessError` if they cannot be told."""
    from harness.frameworks import keras_variables

    return {each.name: each.read() for each in keras_variables.variables(model)}


def to_keras(model: "keras.Model", weights: Weights) -> None:
    """Put the weights into a Keras model. Raises :class:`HarnessError` if they do not fit it."""
    from harness.frameworks import keras_variables

    _put(keras_variables.variables(model), weights)


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


def _put(variables: list[carried.Carried], weights: Weights) -> None:
    """Write each weight; nothing is written unless all fit."""
    matched = carried.match(weights, variables)
    for each in variables:
        each.write(matched[each.name])
