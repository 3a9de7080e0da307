"""The order of features in a Keras network: its layers are called once on symbolic tensors, which compute nothing.

Each layer and operation of Keras tells what becomes of the layouts (:mod:`harness.frameworks.keras_rules`), or moves
the numbers of its input, or is told by shapes. A model, or a layer of one's own, is what its ``call`` does.
"""

import contextlib
import math
from collections.abc import Iterator, Sequence
from typing import Any
from unittest import mock

import keras
import numpy as np

from harness.errors import HarnessError
from harness.frameworks import feature_flow
from harness.frameworks.feature_layouts import Call, Layouts
from harness.frameworks.feature_order import Layout, size
from harness.frameworks.keras_rules import RULES, is_of_keras, kind_of

# Layers and operations that move elements and compute nothing: what they do to numbers tells what they do to layouts.
MOVING = {
    *("Flatten", "Reshape", "Permute", "RepeatVector", "Cropping1D", "Cropping2D", "Cropping3D"),
    *("Transpose", "SwapAxes", "Swapaxes", "Moveaxis", "ExpandDims", "Squeeze", "Ravel", "GetItem"),
    *("Split", "Unstack", "BroadcastTo"),
}


class Flow:
    """Follows layouts through what is called while it watches; ``read`` are the layers with weights, by first call."""

    def __init__(self) -> None:
        self.at = Layouts()
        self.read: dict[int, Any] = {}

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """Follow what is called inside."""
        layer_call, operation_call = keras.layers.Layer.symbolic_call, keras.Operation.symbolic_call

        def of_layer(layer: Any, *args: Any, **named: Any) -> Any:
            if is_composite(layer) and (done := _call(layer, args, named)) is not None:
                return done
            if layer.weights:
                self.read.setdefault(id(layer), layer)
            return self._record(layer, layer_call(layer, *args, **named), args, named)

        def of_operation(operation: Any, *args: Any, **named: Any) -> Any:
            return self._record(operation, operation_call(operation, *args, **named), args, named)

        with (
            mock.patch.object(keras.layers.Layer, "symbolic_call", of_layer),
            mock.patch.object(keras.Operation, "symbolic_call", of_operation),
        ):
            yield

    def _record(self, operation: Any, result: Any, args: Any, named: Any) -> Any:
        made, read = _tensors(result), _tensors((args, named))
        call = Call(operation=operation, where=operation.name, made=made, read=read, args=args, named=named)
        rule = RULES.get(kind_of(operation))
        if rule is None or not rule(self.at, call):
            for number, output in enumerate(made):
                self.at.put(output, self._follow_unnamed(call, number))
        return result

    def _follow_unnamed(self, call: Call, number: int) -> Layout:
        inputs, shape = [self.at.of(each) for each in call.read], tuple(call.made[number].shape)
        if type(call.operation).__name__ in MOVING and len(inputs) == 1:
            return _move(call, inputs[0], shape, number)
        return feature_flow.by_shape(inputs, shape, lambda sizes: _made_of(call, sizes), call.where)


def follow(model: keras.Model, shape: Sequence[int]) -> Flow:
    """Call the model once on a symbolic input of that shape, the batch of two included, and follow its features."""
    flowing = Flow()
    kind = getattr(model, "fed_type", "float32")
    image = keras.KerasTensor(tuple(shape), dtype=model.inputs[0].dtype if getattr(model, "inputs", None) else kind)
    flowing.at.put(image, feature_flow.enter(shape, channels_first=False, tokens=kind == "int32"))
    with flowing.watching():
        model(image)
    return flowing


def is_composite(layer: Any) -> bool:
    """Whether the layer is a model, or a layer of one's own: what it does is written in its ``call``."""
    return isinstance(layer, keras.Model) or (kind_of(layer) == "" and not is_of_keras(type(layer)))


def _call(layer: Any, args: Sequence[Any], named: dict[str, Any]) -> Any:
    """What the layer's ``call`` gives; None if it takes no symbolic tensors, as one written with TensorFlow itself."""
    try:
        return layer.call(*args, **{name: value for name, value in named.items() if value is not None})
    except HarnessError:
        raise
    except Exception:
        return None


def _tensors(value: Any) -> list[Any]:
    found = keras.tree.flatten(value)
    return [each for each in found if isinstance(each, keras.KerasTensor | keras.Variable)]


def _made_of(call: Call, sizes: Sequence[int]) -> Sequence[int] | None:
    """The shape that the operation makes of its one tensor, had that these sizes; None if it refuses them."""
    if len(call.read) != 1:
        return None
    try:
        found = type(call.operation).compute_output_spec(call.operation, keras.KerasTensor(sizes))
        return tuple(_tensors(found)[0].shape)
    except Exception:  # whatever a layer raises on a shape that is not its own
        return None


def _move(call: Call, of: Layout, shape: Sequence[int], number: int) -> Layout:
    """What an operation that moves elements does to their numbers: the strides of what comes out."""
    numbers = np.arange(math.prod(map(size, of))).reshape([size(each) for each in of])
    try:
        results = keras.tree.flatten(type(call.operation).call(call.operation, numbers, *call.args[1:]))
        found = np.asarray(keras.ops.convert_to_numpy(results[number]))
    except Exception:  # it takes tensors of another kind alone
        return feature_flow.unknown(shape, call.where)
    first = found.reshape(-1)[0]
    steps = [
        found[tuple(np.eye(found.ndim, dtype=int)[place])] if length > 1 else first
        for place, length in enumerate(found.shape)
    ]
    strides = [int(step - first) for step in steps]
    lines = [np.arange(length) * stride for length, stride in zip(found.shape, strides, strict=True)]
    if min(strides, default=0) < 0 or not np.array_equal(found - first, sum(np.meshgrid(*lines, indexing="ij"))):
        return feature_flow.by_shape([of], shape, lambda _: None, call.where)
    return feature_flow.view(of, shape, strides, call.where)
