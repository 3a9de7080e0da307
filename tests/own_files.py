"""Small .onnx files as users have them: of every age, type and shape, made without this project."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

Sizes = Sequence[int | str | None]


def save(
    path: Path,
    nodes: Sequence[Any],
    inputs: Sequence[Any],
    outputs: Sequence[Any],
    weights: Mapping[str, Any],
    *,
    opset: int = 18,
    ir_version: int = 9,
    domains: Sequence[str] = (),
    **options: Any,
) -> Path:
    """Write a model of these nodes; ``options`` are those of :func:`onnx.save`."""
    tensors = [numpy_helper.from_array(array, name) for name, array in weights.items()]
    imports = [helper.make_opsetid("", opset), *(helper.make_opsetid(domain, 1) for domain in domains)]
    graph = helper.make_graph(nodes, "graph", inputs, outputs, tensors)
    onnx.save(helper.make_model(graph, opset_imports=imports, ir_version=ir_version), path, **options)
    return path


def value(name: str, shape: Sizes | None, kind: int = TensorProto.FLOAT) -> Any:
    return helper.make_tensor_value_info(name, kind, shape)


def weights(*shape: int, seed: int = 0) -> Any:
    return (np.random.default_rng(seed).standard_normal(shape) / 4).astype(np.float32)


def convolution(
    path: Path, shape: Sizes, *, kind: int = TensorProto.FLOAT, listed: bool = False, **options: Any
) -> Path:
    """A convolution of 3 to 4 channels with stride 2, pooled to 4 numbers, of that input; 7 MACs a pixel of output."""
    numpy_type = helper.tensor_dtype_to_np_dtype(kind)
    given = {"kernel": weights(4, 3, 3, 3).astype(numpy_type), "bias": weights(4).astype(numpy_type)}
    nodes = [
        helper.make_node("Conv", ["x", "kernel", "bias"], ["features"], strides=[2, 2]),
        helper.make_node("GlobalAveragePool", ["features"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["y"]),
    ]
    initializers = [value(name, array.shape, kind) for name, array in given.items()] if listed else []
    outputs = [value("y", [shape[0], 4], kind)]
    return save(path, nodes, [value("x", shape, kind), *initializers], outputs, given, **options)


def convolution_macs(height: int, width: int) -> int:
    """The multiply-accumulates of :func:`convolution`: 3 × 3 × 3 × 4 a place, of which there are as many as fit."""
    return 108 * ((height - 3) // 2 + 1) * ((width - 3) // 2 + 1)


def two_inputs(path: Path) -> Path:
    """An embedding of five words of a sentence, summed, beside eight numbers, to three classes."""
    nodes = [
        helper.make_node("Gather", ["table", "words"], ["embedded"]),
        helper.make_node("ReduceSum", ["embedded", "axis"], ["sentence"], keepdims=0),
        helper.make_node("Add", ["sentence", "numbers"], ["both"]),
        helper.make_node("MatMul", ["both", "matrix"], ["scores"]),
        helper.make_node("ReduceMax", ["scores", "axis"], ["best"], keepdims=0),
    ]
    given = {"table": weights(50, 8), "matrix": weights(8, 3, seed=1), "axis": np.array([1])}
    inputs = [value("words", ["batch", "length"], TensorProto.INT64), value("numbers", ["batch", 8])]
    return save(path, nodes, inputs, [value("best", ["batch"]), value("scores", ["batch", 3])], given)


def quantised(path: Path, float_file: Path) -> Path:
    """The file in int8 with QuantizeLinear and DequantizeLinear, as onnxruntime writes it."""
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self.left = [{"x": weights(1, 3, 32, 32, seed=seed)} for seed in range(3)]

        def get_next(self) -> Any:
            return self.left.pop() if self.left else None

    quantize_static(
        float_file, path, Reader(), quant_format=QuantFormat.QDQ, weight_type=QuantType.QInt8,
        activation_type=QuantType.QInt8,
    )  # fmt: skip
    return path


def of_another_domain(path: Path) -> Path:
    """A matrix inverted by an operator of onnxruntime's own, which the ledger has no rule for."""
    nodes = [helper.make_node("Inverse", ["x"], ["y"], domain="com.microsoft")]
    return save(path, nodes, [value("x", [3, 3])], [value("y", [3, 3])], {}, domains=["com.microsoft"])


def of_no_domain(path: Path) -> Path:
    nodes = [helper.make_node("Nothing", ["x"], ["y"], domain="nobody")]
    return save(path, nodes, [value("x", [1, 3])], [value("y", [1, 3])], {}, domains=["nobody"])


def of_strings(path: Path) -> Path:
    nodes = [helper.make_node("Identity", ["text"], ["same"])]
    of = (["n", 2], TensorProto.STRING)
    return save(path, nodes, [value("text", *of)], [value("same", *of)], {})


def of_bfloat16_to_a_sequence(path: Path) -> Path:
    nodes = [
        helper.make_node("Cast", ["x"], ["same"], to=TensorProto.FLOAT),
        helper.make_node("SequenceConstruct", ["same", "same"], ["pair"]),
    ]
    outputs = [helper.make_tensor_sequence_value_info("pair", TensorProto.FLOAT, None)]
    return save(path, nodes, [value("x", [2, 3], TensorProto.BFLOAT16)], outputs, {})


def centroids(
    path: Path, images: Any, labels: Any, shape: Sizes, *, scale: float, kind: int = TensorProto.FLOAT
) -> Path:
    """A network that takes an image for the class whose mean training image is nearest.

    ``images`` are bytes (N, 28, 28); of an input (N, 28, 28, 1), (N, 28, 28) or (N, 3, 28, 28), which
    arrives as bytes times ``scale``, the first channel is read.
    """
    means = np.stack([images[labels == label].mean(0).reshape(-1) for label in range(10)]).astype(np.float32) * scale
    channels_first = len(shape) == 4 and shape[1] == 3
    ends = {"first": [0, 0], "last": [2**31, 1], "axes": [0, 1]} if channels_first else {}
    nodes = [
        helper.make_node("Cast", ["image"], ["floats"], to=TensorProto.FLOAT),
        *([helper.make_node("Slice", ["floats", "first", "last", "axes"], ["grey"])] if channels_first else []),
        helper.make_node("Reshape", ["grey" if channels_first else "floats", "flat"], ["pixels"]),
        helper.make_node("MatMul", ["pixels", "means"], ["products"]),
        helper.make_node("Sub", ["products", "half squares"], ["scores"]),
        helper.make_node("ReduceMax", ["scores"], ["best"], keepdims=0),
    ]
    given = {name: np.array(numbers) for name, numbers in ends.items()}
    given |= {"flat": np.array([-1, 784]), "means": means.T.copy(), "half squares": (means**2).sum(1) / 2}
    outputs = [value("best", []), value("scores", [shape[0], 10])]
    return save(path, nodes, [value("image", shape, kind)], outputs, given)
