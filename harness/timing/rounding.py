"""What rounding costs a file: its stored numbers rounded once more, in the precision that it computes in.

No bound of float32 fits a file that computes in 8 or 16 bits, or that makes much of little. So every stored number is
moved by one rounding up or down, at random, and so is every input. What this makes of the outputs is what rounding
costs the file.
"""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, numpy_helper

# By type of element: its unit roundoff.
ROUNDOFF = {
    TensorProto.DOUBLE: 2.0**-53,
    TensorProto.FLOAT: 2.0**-24,
    TensorProto.FLOAT16: 2.0**-11,
    TensorProto.BFLOAT16: 2.0**-8,
}
EIGHT_BITS = 2.0**-9  # half a step of 255
QUANTIZING = ("QuantizeLinear", "DynamicQuantizeLinear")


class Rounded:
    """A file whose stored numbers are rounded once more, in ``unit`` of their size."""

    def __init__(self, path: Path) -> None:
        self.model = onnx.load(path)
        self.unit = _unit(self.model)

    def drawn(self, seed: int) -> bytes:
        """The file with every stored number moved up or down by one rounding. Raises ValueError beyond 2 GB."""
        chance = np.random.default_rng(seed)
        moved = onnx.ModelProto()
        moved.CopyFrom(self.model)
        for tensor in _stored(moved):
            if tensor.data_type in ROUNDOFF:
                array = numpy_helper.to_array(tensor)
                tensor.CopyFrom(numpy_helper.from_array(nudge(array, self.unit, chance), tensor.name))
        serialized: bytes = moved.SerializeToString()
        return serialized


def nudge(array: NDArray[Any], unit: float, chance: np.random.Generator) -> NDArray[Any]:
    """The array with each number moved up or down by so much of its size."""
    signs = chance.choice(np.array([-1.0, 1.0], np.float32), array.shape)
    return (array.astype(np.float64) * (1 + unit * signs)).astype(array.dtype)


def _unit(model: onnx.ModelProto) -> float:
    """What the arithmetic of a file rounds by, of a number's size: the coarsest of what it holds."""
    if any(node.op_type in QUANTIZING for node in model.graph.node):
        return EIGHT_BITS
    kinds = {tensor.data_type for tensor in _stored(model)} | {
        value.type.tensor_type.elem_type for value in model.graph.input
    }
    return max((ROUNDOFF[kind] for kind in kinds if kind in ROUNDOFF), default=ROUNDOFF[TensorProto.FLOAT])


def _stored(model: onnx.ModelProto) -> list[onnx.TensorProto]:
    """The tensors of the graph and of its Constant nodes."""
    constants = [
        attribute.t
        for node in model.graph.node
        if node.op_type == "Constant"
        for attribute in node.attribute
        if attribute.name == "value"
    ]
    return [*model.graph.initializer, *constants]
