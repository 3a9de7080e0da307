"""Pooling that an exporter wrote as a convolution: each channel by itself, by a kernel whose values are all alike.

Keras on JAX writes average pooling of padding `same` so: a convolution with ones adds the values under the window, and
another, of ones with ones, counts them. Nothing of that was learned, and pooling counts nothing.
"""

import math
from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np
from onnx import numpy_helper

from harness.cost import branches
from harness.cost.onnx_file import is_pooling_kernel

# What gives values that are all alike of values that are: it moves them, or computes each of them by itself.
_KEEPING = """
    Abs Add Cast CastLike DequantizeLinear Div Expand Flatten Identity Mul Neg Reciprocal Reshape Slice Sqrt Squeeze
    Sub Tile Transpose Unsqueeze
"""
KEEPING = frozenset(_KEEPING.split())
MOVING = frozenset({"CastLike", "Expand", "Reshape", "Slice", "Squeeze", "Tile", "Unsqueeze"})  # input 0 alone matters


class Alike:
    """Which values of a graph are all alike, as far as its stored tensors tell; ``outer`` are those around it."""

    def __init__(self, graph: Any, outer: "Alike | None" = None) -> None:
        self._graph, self._outer = graph, outer
        self._known: dict[str, bool] = {}

    @cached_property
    def _stored(self) -> dict[str, Any]:
        return {tensor.name: tensor for tensor in self._graph.initializer}

    @cached_property
    def _makers(self) -> dict[str, Any]:
        return branches.makers(self._graph)

    def holds(self, name: str) -> bool:
        """Whether a value is all alike; asked of kernels, a few steps from what is stored."""
        if name not in self._known:
            self._known[name] = False  # of a circle, which only a damaged file has
            self._known[name] = self._follows(name)
        return self._known[name]

    def _follows(self, name: str) -> bool:
        if name in self._stored:
            return _is_alike(self._stored[name])
        node = self._makers.get(name)
        if node is None:
            return self._outer is not None and self._outer.holds(name)
        if node.op_type == "Constant":
            return any(_is_alike(attribute.t) for attribute in node.attribute if attribute.name == "value")
        if node.op_type == "ConstantOfShape":
            return True
        read = node.input[:1] if node.op_type in MOVING else node.input
        return node.op_type in KEEPING and bool(read) and all(self.holds(each) for each in read if each)


def find(graph: Any, of: Mapping[str, Any], alike: Alike) -> frozenset[str]:
    """The outputs of the convolutions of a graph that are pooling, by what is known of its shapes."""
    return frozenset(
        node.output[0]
        for node in graph.node
        if node.op_type == "Conv" and len(node.input) == 2 and node.output and _pools(node, of, alike)  # without a bias
    )


def _pools(node: Any, of: Mapping[str, Any], alike: Alike) -> bool:
    kernel = of.get(node.input[1], ())
    groups = next((attribute.i for attribute in node.attribute if attribute.name == "group"), 1)
    return is_pooling_kernel(kernel) and kernel[0] == groups and alike.holds(node.input[1])


def _is_alike(tensor: Any) -> bool:
    """Whether a stored tensor has its values, and they are all alike."""
    stored = any(field.name.endswith("_data") for field, _ in tensor.ListFields())
    if not stored or tensor.data_type == tensor.STRING or not math.prod(tensor.dims):
        return False
    try:
        values = numpy_helper.to_array(tensor)
    except (TypeError, ValueError):  # a damaged tensor is no pooling
        return False
    return bool(np.all(values == values.ravel()[0]))
