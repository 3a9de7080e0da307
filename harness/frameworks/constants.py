"""Constants of a definition: buffers of PyTorch, and variables of Keras that are neither learned nor statistics.

They are neither drawn, nor trained, nor carried: each definition makes its own. So those of one name are compared.
"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import keras
    import torch

Constants = Mapping[str, NDArray[Any]]
SAME = 1e-6  # of the largest value: what a constant loses if it is computed in another order


def compare(in_keras: "keras.Model", in_torch: "torch.nn.Module") -> str:
    """The constants that both definitions have and that differ, in words; empty if there are none."""
    from harness.frameworks import keras_variables, torch_variables

    return describe(keras_variables.constants(in_keras), torch_variables.constants(in_torch))


def describe(of_keras: Constants, of_torch: Constants) -> str:
    """The constants of one name that differ, in words. Axes of size one and the place of the channels do not count."""
    found = [f"the constant {name!r} {how}" for name, how in _differences(of_keras, of_torch)]
    return "; ".join(found)


def _differences(of_keras: Constants, of_torch: Constants) -> Iterator[tuple[str, str]]:
    for name in sorted(set(of_keras) & set(of_torch)):
        one, other = (np.squeeze(np.asarray(each[name], np.float64)) for each in (of_keras, of_torch))
        forms = [
            form for form in (other, np.moveaxis(other, 0, -1) if other.ndim else other) if form.shape == one.shape
        ]
        if not forms:
            yield name, f"has shape {of_keras[name].shape} in Keras and {of_torch[name].shape} in PyTorch"
            continue
        apart = min(float(np.abs(one - form).max(initial=0.0)) for form in forms)
        if not apart <= SAME * float(np.abs(one).max(initial=0.0)):
            yield name, f"differs by {apart:.2g} between Keras and PyTorch"
