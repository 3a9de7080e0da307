"""What a network ends in: the order of its outputs that both frameworks agree on, and the function of the last one.

Classes (of regression and embeddings: features) are the last axis in Keras. In PyTorch they are the second axis of
vectors (N, C) and of maps (N, C, H, W) or (N, C, D, H, W), and the last one of sequences (N, T, C), as
``torch.nn.Linear`` gives them. The agreed order is (N, places, classes): one place for a vector, a place per step of
a sequence, and a place per pixel of a map, row by row.
"""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.errors import HarnessError
from harness.networks import data_layouts
from harness.networks.architecture import Output

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

MOST_AXES = 5


def class_axis(framework: str, axes: int) -> int:
    """Which of so many axes holds the classes; -1 for the last of any other number."""
    return data_layouts.layout(framework, axes).index("C") if axes in data_layouts.CHANNELS_LAST else -1


def arrange(output: Any, framework: str, images: int, form: str = "") -> "NDArray[Any]":
    """The output of a form for so many images, in the agreed order (N, places, classes).

    Raises :class:`HarnessError` if it is not one array with a row per image.
    """
    form = form or framework
    check_single(output, form)
    shape = tuple(output.shape)
    if not 1 <= len(shape) <= MOST_AXES or shape[0] != images:
        raise HarnessError(
            f"{form} gives an output of shape {shape} for a batch of {images}: expected (N, C), a sequence (N, T, C) "
            "or maps, with N the size of the batch, whatever it is."
        )
    array = np.asarray(output)
    if array.ndim == 1:
        array = array[:, None]
    array = np.moveaxis(array, class_axis(framework, array.ndim), -1)
    return array.reshape(images, math.prod(array.shape[1:-1]), array.shape[-1])


def arrange_shape(shape: tuple[int, ...], framework: str) -> tuple[int, int]:
    """The places and the classes of an output, whose shape in a framework is given without the batch axis."""
    if not shape:
        return 1, 1
    classes = (0, *shape)[class_axis(framework, len(shape) + 1)]
    return math.prod(shape) // max(1, classes), classes


def check_orders(outputs: Mapping[str, tuple[int, int]]) -> None:
    """Raise :class:`HarnessError` if the outputs of forms, by their names, have other places or classes."""
    first = next(iter(outputs), "")
    for form, found in outputs.items():
        if found != outputs[first]:
            raise HarnessError(
                f"the outputs of {first} are {_counted(outputs[first])} and those of {form} are {_counted(found)}: "
                "expected one order. Classes are the last axis in Keras; in PyTorch the last of (N, T, C) and the "
                "second of (N, C, H, W)."
            )


def _counted(output: tuple[int, int]) -> str:
    return f"{output[1]} classes at {output[0]} places"


def check_single(output: Any, form: str) -> None:
    """Raise :class:`HarnessError` if a form of a network gives several outputs."""
    if isinstance(output, list | tuple | dict):
        raise HarnessError(
            f"{form} gives {len(output)} outputs: expected one. Define a network for each, or join them to one."
        )


def torch_activation(output: Output) -> "torch.nn.Module":
    """The function that an exported file ends in, behind a PyTorch definition."""
    import torch

    class ClassSoftmax(torch.nn.Module):  # type: ignore[misc]
        """Softmax over the classes, whichever axis holds them."""

        def forward(self, logits: torch.Tensor) -> torch.Tensor:
            return torch.softmax(logits, class_axis("torch", logits.ndim))

    return {"softmax": ClassSoftmax, "sigmoid": torch.nn.Sigmoid, "none": torch.nn.Identity}[output]()


def keras_activation(output: Output) -> Any:
    """The function that an exported file ends in, behind a Keras definition: of and to a tensor of TensorFlow."""
    import tensorflow

    return {"softmax": tensorflow.nn.softmax, "sigmoid": tensorflow.nn.sigmoid, "none": tensorflow.identity}[output]
