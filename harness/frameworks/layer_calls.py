"""What goes into each layer of a network and what comes out of it, by the name that both definitions share."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from harness.frameworks import layers

if TYPE_CHECKING:
    import keras
    import torch

Array = NDArray[Any]


@dataclass(frozen=True, kw_only=True, eq=False)
class LayerCall:
    """One call of one layer: the first array that it reads, and the first that it makes, in the framework's layout.

    Of a Keras layer with an activation of its own, ``output`` is what the activation reads, since PyTorch's activation
    is a step of its own. ``kind`` is the framework's name of the layer's class.
    """

    name: str
    kind: str
    read: Array | None
    output: Array | None


def record_torch(model: "torch.nn.Module", images: Array) -> list[LayerCall]:
    """The calls of a PyTorch network on images (N, H, W, C), in order; dots in names are underscores."""
    import torch

    from harness.frameworks import torch_training

    found: list[LayerCall] = []

    def note(name: str, module: "torch.nn.Module", _: Any, output: Any) -> None:
        found.append(LayerCall(name=name, kind=type(module).__name__, read=read.pop(id(module)), output=_array(output)))

    read: dict[int, Array | None] = {}

    def note_read(module: "torch.nn.Module", inputs: Any) -> None:
        read[id(module)] = _array(inputs)  # before a layer that works in place overwrites it

    hooks = []
    for name, module in model.named_modules():
        if [*module.parameters(recurse=False)] or not [*module.children()]:
            hooks.append(module.register_forward_pre_hook(note_read))
            hooks.append(module.register_forward_hook(functools.partial(note, name.replace(".", "_"))))
    model.eval()
    try:
        with torch.inference_mode():
            model(torch_training.own_layout(torch.from_numpy(images)).contiguous())
    finally:
        for hook in hooks:
            hook.remove()
    return found


def record_keras(model: "keras.Model", images: Array) -> list[LayerCall]:
    """The calls of a Keras network on images (N, H, W, C), in order. The model is of no use afterwards."""
    found: list[LayerCall] = []
    for layer in dict.fromkeys(layers.leaf_layers(model)):
        before: list[Array | None] = []
        if "activation" in vars(layer) and hasattr(layer, "kernel") and callable(layer.activation):
            layer.activation = functools.partial(_note_activation, layer.activation, before)
        layer.call = functools.partial(_note_call, layer, layer.call, before, found)
    model(images, training=False)
    return found


def _note_activation(activation: Callable[[Any], Any], before: list[Array | None], values: Any) -> Any:
    before.append(_array(values))
    return activation(values)


def _note_call(
    layer: Any, call: Callable[..., Any], before: list[Array | None], found: list[LayerCall], *inputs: Any, **named: Any
) -> Any:
    before.clear()
    output = call(*inputs, **named)
    made = before[-1] if before else _array(output)
    found.append(LayerCall(name=layer.name, kind=type(layer).__name__, read=_array(inputs), output=made))
    return output


def _array(values: Any) -> Array | None:
    """The first of the values as an array of its own; None if there is no such."""
    while isinstance(values, list | tuple) and values:
        values = values[0]
    if not hasattr(values, "shape"):
        return None
    return np.array(values.detach().cpu().numpy() if hasattr(values, "detach") else values)
