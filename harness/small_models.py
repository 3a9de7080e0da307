"""Small .onnx files that the harness makes itself, to measure the machine and not a network."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

OPSET, IR_VERSION = 18, 10

Shapes = Mapping[str, Sequence[int | str]]  # by name; a text is an axis of any length


def save(path: Path, nodes: Sequence[Any], inputs: Shapes, outputs: Shapes, weights: Sequence[Any] = ()) -> None:
    """Write a graph of these nodes, with inputs and outputs of float32, named as its file is."""
    import onnx
    from onnx import TensorProto, helper

    def values(shapes: Shapes) -> list[Any]:
        return [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes.items()]

    graph = helper.make_graph(nodes, path.stem, values(inputs), values(outputs), weights)
    imports = [helper.make_opsetid("", OPSET)]
    onnx.save(helper.make_model(graph, opset_imports=imports, ir_version=IR_VERSION), path)
