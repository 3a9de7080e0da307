"""Small .onnx files that the harness makes itself, to measure the machine and not a network."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET, IR_VERSION = 18, 10

# Of some 100 µs: what disturbs a machine takes a core for longer, so that most of its calls are not disturbed.
CONTROL_LAYERS, CONTROL_CHANNELS, CONTROL_SIDE = 4, 16, 24
CONTROL_MACS = CONTROL_LAYERS * (3 * CONTROL_CHANNELS * CONTROL_SIDE) ** 2
# 4 MiB, some 200 µs: more than a core's own caches hold, so that it waits for what others share.
MEMORY_CONTROL_VALUES, MEMORY_CONTROL_S = 1 << 20, 2e-4

Shapes = Mapping[str, Sequence[int | str]]  # by name; a text is an axis of any length


def save(path: Path, nodes: Sequence[Any], inputs: Shapes, outputs: Shapes, weights: Sequence[Any] = ()) -> None:
    """Write a graph of these nodes, with inputs and outputs of float32, named as its file is."""

    def values(shapes: Shapes) -> list[Any]:
        return [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes.items()]

    graph = helper.make_graph(nodes, path.stem, values(inputs), values(outputs), weights)
    imports = [helper.make_opsetid("", OPSET)]
    onnx.save(helper.make_model(graph, opset_imports=imports, ir_version=IR_VERSION), path)


def save_control(path: Path) -> dict[str, tuple[int, ...]]:
    """Write the model that is the same in every run; the shape of its input for one image, by its name.

    Whoever compares two runs compares ratios to it: another content is another control.
    """
    return save_convolutions(path, CONTROL_LAYERS, CONTROL_CHANNELS, CONTROL_SIDE)


def save_memory_control(path: Path) -> dict[str, tuple[int, ...]]:
    """Write another, which reads far more than it computes: the sum of its input. Returns the shape of that."""
    shapes: dict[str, tuple[int, ...]] = {"x": (1, MEMORY_CONTROL_VALUES)}
    save(path, [helper.make_node("ReduceSum", ["x"], ["sum"], keepdims=0)], shapes, {"sum": ()})
    return shapes


def save_convolutions(path: Path, layers: int, channels: int, side: int) -> dict[str, tuple[int, ...]]:
    """Write a chain of convolutions of 3×3, each with a ReLU, on images (N, channels, side, side).

    Returns the shape of its input for one image, by its name.
    """
    random, shape = np.random.default_rng(0), (channels, channels, 3, 3)
    deviation = math.sqrt(2 / math.prod(shape[1:]))
    nodes, kernels, last = [], [], "x"
    for number in range(layers):
        kernel = (deviation * random.standard_normal(shape)).astype(np.float32)
        kernels.append(numpy_helper.from_array(kernel, f"kernel_{number}"))
        nodes.append(helper.make_node("Conv", [last, f"kernel_{number}"], [f"conv_{number}"], pads=[1, 1, 1, 1]))
        last = f"relu_{number}"
        nodes.append(helper.make_node("Relu", [f"conv_{number}"], [last]))
    size = (channels, side, side)
    save(path, nodes, {"x": ("N", *size)}, {last: ("N", *size)}, kernels)
    return {"x": (1, *size)}
