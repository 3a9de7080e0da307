"""Changes planted in .onnx files: each writes a changed copy of a file, for a gate to find.

Some change what is computed and leave the graph alone, some change the graph and not what is computed,
one takes longer. What each leaves alone is tested (tests/test_honesty.py).
"""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from harness.pieces import quantization
from harness.timing import small_models

TIGHT, LOOSE = 1e-5, 1e-3  # batch norm's epsilon in PyTorch, and in Keras
NOISE = 0.01
SHORT, LONG = (8, 8), (32, 16)  # channels and side of the chains: tens of microseconds, and about a millisecond
LAYERS = {5: 20, 3: 33}  # by percent: one more is so much more work

Images = NDArray[np.float32]


def transposed_input(source: Path, to: Path) -> None:
    """Rows and columns of the image change places before the first node: the same shape where it is square."""
    model = onnx.load(source)
    name, rank = model.graph.input[0].name, len(model.graph.input[0].type.tensor_type.shape.dim)
    rows = 2 if rank == 4 and _channels_first(model) else 1
    order = list(range(rank))
    order[rows], order[rows + 1] = order[rows + 1], order[rows]
    for node in model.graph.node:
        node.input[:] = ["transposed" if one == name else one for one in node.input]
    model.graph.node.insert(0, helper.make_node("Transpose", [name], ["transposed"], name="transpose", perm=order))
    onnx.save(model, to)


def transposed_kernels(source: Path, to: Path) -> None:
    """Rows and columns of every convolution's kernel change places: a transposed image that the graph does not show."""
    kernels = {node.input[1] for node in onnx.load(source).graph.node if node.op_type == "Conv"}
    _with_weights(source, to, lambda name, array: array.swapaxes(2, 3) if name in kernels else array)


def with_epsilon(source: Path, to: Path, epsilon: float) -> None:
    """Batch norm adds this to the variance. Raises :class:`ValueError` where the file has no such node left."""
    model = onnx.load(source)
    normalizations = [node for node in model.graph.node if node.op_type == "BatchNormalization"]
    if not normalizations:
        raise ValueError(f"{source} has no batch norm left whose epsilon could be changed.")
    for node in normalizations:
        kept = [attribute for attribute in node.attribute if attribute.name != "epsilon"]
        del node.attribute[:]
        node.attribute.extend([*kept, helper.make_attribute("epsilon", epsilon)])
    onnx.save(model, to)


def folded(source: Path, to: Path) -> None:
    """The same function with batch norm folded into the convolutions, as onnxruntime's basic optimisations do it."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(to)
    onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
    model = onnx.load(to)
    used = {node.domain for node in model.graph.node}
    kept = [entry for entry in model.opset_import if entry.domain in used]
    del model.opset_import[:]
    model.opset_import.extend(kept)
    onnx.save(model, to)


def noisy_weights(source: Path, to: Path) -> None:
    """Each weight times a number drawn around 1, with a standard deviation of 1 %."""
    random = np.random.default_rng(0)
    _with_weights(source, to, lambda _, array: array * (1 + NOISE * random.standard_normal(array.shape)))


def rounded_weights(source: Path, to: Path) -> None:
    """Each weight rounded to one of 255 steps between plus and minus its tensor's largest, and stored as a float."""

    def rounded(_: str, array: NDArray[Any]) -> NDArray[Any]:
        step = np.abs(array).max() / 127
        return np.asarray(np.round(array / step) * step)

    _with_weights(source, to, rounded)


def eight_bits(source: Path, to: Path, batches: Iterable[Images]) -> None:
    """Weights and activations of eight bits (QuantizeLinear and DequantizeLinear), calibrated on the batches."""
    onnx.save(quantization.to_int8(source, batches), to)


def unfused(source: Path, to: Path) -> None:
    """Each ReLU is a ThresholdedRelu of 0: the same function, which onnxruntime fuses into no convolution."""
    model = onnx.load(source)
    for node in model.graph.node:
        if node.op_type == "Relu":
            node.op_type = "ThresholdedRelu"
            node.attribute.append(helper.make_attribute("alpha", 0.0))
    onnx.save(model, to)


def save_chains(base: Path, slower: Path, size: tuple[int, int], percent: int = 5) -> dict[str, tuple[int, ...]]:
    """Write a chain of convolutions, and one that is a layer longer; the shape of their input by its name."""
    small_models.save_convolutions(slower, LAYERS[percent] + 1, *size)
    return small_models.save_convolutions(base, LAYERS[percent], *size)


def _channels_first(model: Any) -> bool:
    """Whether an image's channels stand before its rows; a file that does not say so is taken for PyTorch's."""
    return {entry.key: entry.value for entry in model.metadata_props}.get("layout", "NCHW") == "NCHW"


def _with_weights(source: Path, to: Path, change: Callable[[str, NDArray[Any]], NDArray[Any]]) -> None:
    """Write the file with its kernels and matrices changed; biases and all else stay."""
    model = onnx.load(source)
    for tensor in model.graph.initializer:
        array = numpy_helper.to_array(tensor)
        if array.ndim >= 2 and array.dtype == np.float32:
            changed = np.ascontiguousarray(change(tensor.name, array), np.float32)
            tensor.CopyFrom(numpy_helper.from_array(changed, tensor.name))
    onnx.save(model, to)
