"""An evaluator of small ONNX graphs that shares no code with onnxruntime or onnx: numpy in float64, by definition.

It knows the operators that :mod:`benchmarks.experiments.random_graphs` draws, on images (N, C, H, W).
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from onnx import helper, numpy_helper

Array = NDArray[Any]


def evaluate(model: onnx.ModelProto, feeds: Mapping[str, Array]) -> dict[str, Array]:
    """Every output of a graph. Raises :class:`KeyError` for an operator that is not known here."""
    values: dict[str, Array] = {"": np.array(np.nan), **{name: _exact(array) for name, array in feeds.items()}}
    values |= {tensor.name: _exact(numpy_helper.to_array(tensor)) for tensor in model.graph.initializer}
    for node in model.graph.node:
        told = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
        values[node.output[0]] = OPERATORS[node.op_type]([values[name] for name in node.input], told)
    return {output.name: values[output.name] for output in model.graph.output}


def _exact(array: Array) -> Array:
    return array.astype(np.float64) if array.dtype.kind == "f" else array


def _windows(image: Array, kernel: tuple[int, ...], told: Mapping[str, Any], filled: float) -> Array:
    """The windows (N, C, H, W, h, w) of an image that is padded with a value."""
    top, left, bottom, right = told.get("pads", [0, 0, 0, 0])
    padded = np.pad(image, ((0, 0), (0, 0), (top, bottom), (left, right)), constant_values=filled)
    down, across = told.get("strides", [1, 1])
    return sliding_window_view(padded, kernel, axis=(2, 3))[:, :, ::down, ::across]


def _conv(inputs: list[Array], told: Mapping[str, Any]) -> Array:
    image, kernel = inputs[:2]
    groups = told.get("group", 1)
    parts = []
    for part, weights in zip(np.split(image, groups, axis=1), np.split(kernel, groups, axis=0), strict=True):
        windows = _windows(part, kernel.shape[2:], told, 0.0)
        parts.append(np.einsum("nchwij,ocij->nohw", windows, weights))
    bias = inputs[2][:, None, None] if len(inputs) > 2 else 0.0
    return np.concatenate(parts, axis=1) + bias


def _maximum(inputs: list[Array], told: Mapping[str, Any]) -> Array:
    found: Array = _windows(inputs[0], tuple(told["kernel_shape"]), told, -np.inf).max((-2, -1))
    return found


def _average(inputs: list[Array], told: Mapping[str, Any]) -> Array:
    kernel = tuple(told["kernel_shape"])
    total = _windows(inputs[0], kernel, told, 0.0).sum((-2, -1))
    counted = _windows(np.ones_like(inputs[0]), kernel, told, float(told.get("count_include_pad", 0))).sum((-2, -1))
    return np.asarray(total / counted)


def _pad(inputs: list[Array], told: Mapping[str, Any]) -> Array:
    before, after = np.split(inputs[1], 2)
    mode = told.get("mode", b"constant").decode()
    more = {"constant_values": float(inputs[2]) if len(inputs) > 2 else 0.0} if mode == "constant" else {}
    return np.pad(inputs[0], list(zip(before, after, strict=True)), mode=mode, **more)


def _normalise(inputs: list[Array], told: Mapping[str, Any]) -> Array:
    image, scale, bias, mean, variance = inputs
    shaped = [array[:, None, None] for array in (scale, bias, mean, variance)]
    return np.asarray((image - shaped[2]) / np.sqrt(shaped[3] + told.get("epsilon", 1e-5)) * shaped[0] + shaped[1])


def _quantize(inputs: list[Array], _: Mapping[str, Any]) -> Array:
    image, step, zero = inputs
    limits = np.iinfo(zero.dtype)
    return np.clip(np.rint(image / step) + zero, limits.min, limits.max).astype(zero.dtype)


def _dequantize(inputs: list[Array], told: Mapping[str, Any]) -> Array:
    shape = [1] * inputs[0].ndim
    if inputs[1].ndim:
        shape[told.get("axis", 1)] = -1
    zero = inputs[2].reshape(shape).astype(np.float64) if len(inputs) > 2 else 0.0
    return np.asarray((inputs[0].astype(np.float64) - zero) * inputs[1].reshape(shape))


def _gemm(inputs: list[Array], told: Mapping[str, Any]) -> Array:
    right = inputs[1].T if told.get("transB") else inputs[1]
    bias = inputs[2] * told.get("beta", 1.0) if len(inputs) > 2 else 0.0
    return np.asarray(inputs[0] @ right * told.get("alpha", 1.0) + bias)


def _softmax(inputs: list[Array], told: Mapping[str, Any]) -> Array:
    powers = np.exp(inputs[0] - inputs[0].max(told.get("axis", -1), keepdims=True))
    return np.asarray(powers / powers.sum(told.get("axis", -1), keepdims=True))


def _clip(inputs: list[Array], _: Mapping[str, Any]) -> Array:
    low = -np.inf if np.isnan(inputs[1]) else inputs[1]
    return np.clip(inputs[0], low, inputs[2] if len(inputs) > 2 else np.inf)


OPERATORS = {
    "Conv": _conv,
    "MaxPool": _maximum,
    "AveragePool": _average,
    "Pad": _pad,
    "BatchNormalization": _normalise,
    "QuantizeLinear": _quantize,
    "DequantizeLinear": _dequantize,
    "Gemm": _gemm,
    "Softmax": _softmax,
    "Clip": _clip,
    "MatMul": lambda inputs, _: inputs[0] @ inputs[1],
    "Add": lambda inputs, _: inputs[0] + inputs[1],
    "Mul": lambda inputs, _: inputs[0] * inputs[1],
    "Relu": lambda inputs, _: np.maximum(inputs[0], 0),
    "LeakyRelu": lambda inputs, told: np.where(inputs[0] < 0, told.get("alpha", 0.01) * inputs[0], inputs[0]),
    "Sigmoid": lambda inputs, _: 1 / (1 + np.exp(-inputs[0])),
    "Tanh": lambda inputs, _: np.tanh(inputs[0]),
    "Identity": lambda inputs, _: inputs[0],
    "GlobalAveragePool": lambda inputs, _: inputs[0].mean((2, 3), keepdims=True),
    "Flatten": lambda inputs, _: inputs[0].reshape(len(inputs[0]), -1),
}
