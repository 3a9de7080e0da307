"""What of a graph onnxruntime's quantization would get wrong: it is mended first, or named and left in float32.

It drops beta of a Gemm, and fails on a bias of one element: both are folded into constants. It takes out a Clip, as it
takes out a ReLU, because the range of what follows clips, too; but that range always holds zero. So a Clip whose bounds
do not hold zero stays.
"""

from collections.abc import Mapping

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

FACTORS = ("alpha", "beta")
OLD_BOUNDS = ("min", "max")  # of a Clip before opset 11: attributes


def make_quantizable(model: onnx.ModelProto) -> list[str]:
    """Mend what can be mended; the names of the nodes that are to stay in float32, which get one if they have none."""
    return list(unfit(model))


def unfit(model: onnx.ModelProto) -> dict[str, str]:
    """The same with why each of the nodes stays in float32, by its name."""
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    left = {}
    for number, node in enumerate(model.graph.node):
        reason = ""
        if node.op_type == "Gemm" and not _fold(node, constants, model.graph):
            reason = "alpha, beta or the bias of the Gemm cannot be folded into constants"
        elif node.op_type == "Clip" and not _holds_zero(node, constants):
            reason = "the bounds of the Clip do not hold zero"
        if reason:
            node.name = node.name or f"{node.op_type}_{number}"
            left[node.name] = reason
    return left


def _holds_zero(clip: onnx.NodeProto, constants: Mapping[str, onnx.TensorProto]) -> bool:
    """Whether the bounds of a Clip are known and hold zero."""
    bounds: dict[str, float] = {
        attribute.name: attribute.f for attribute in clip.attribute if attribute.name in OLD_BOUNDS
    }
    for name, bound in zip(OLD_BOUNDS, clip.input[1:], strict=False):
        if bound and bound not in constants:
            return False
        if bound:
            bounds[name] = float(numpy_helper.to_array(constants[bound]))
    low, high = bounds.get("min", 0.0), bounds.get("max", 0.0)
    return low <= 0 <= high


def _fold(node: onnx.NodeProto, constants: Mapping[str, onnx.TensorProto], graph: onnx.GraphProto) -> bool:
    """Whether the node is a plain one now."""
    factors = {attribute.name: attribute.f for attribute in node.attribute if attribute.name in FACTORS}
    alpha, beta = factors.get("alpha", 1.0), factors.get("beta", 1.0)
    if (alpha != 1 and node.input[1] not in constants) or (len(node.input) > 2 and not _foldable(node, constants)):
        return alpha == beta == 1 and node.input[1] in constants and len(node.input) < 3
    outputs = _outputs(node, constants) if node.input[1] in constants else 0
    if alpha != 1:
        _replace(node, 1, numpy_helper.to_array(constants[node.input[1]]) * np.float32(alpha), graph)
    if len(node.input) > 2 and node.input[2]:
        bias = numpy_helper.to_array(constants[node.input[2]])
        if beta != 1 or bias.ndim != 1 or bias.size == 1:
            whole = np.broadcast_to(bias.reshape(-1) * np.float32(beta), (outputs,))
            _replace(node, 2, whole, graph)
    kept = [attribute for attribute in node.attribute if attribute.name not in FACTORS]
    del node.attribute[:]
    node.attribute.extend(kept)
    return True


def _foldable(node: onnx.NodeProto, constants: Mapping[str, onnx.TensorProto]) -> bool:
    """Whether the bias is a constant of one value, or of one per output."""
    if not node.input[2]:
        return True
    bias = constants.get(node.input[2])
    if bias is None or node.input[1] not in constants:
        return False
    return int(np.prod(bias.dims)) in (1, _outputs(node, constants)) and all(size == 1 for size in bias.dims[:-1])


def _outputs(node: onnx.NodeProto, constants: Mapping[str, onnx.TensorProto]) -> int:
    transposed = any(attribute.name == "transB" and attribute.i for attribute in node.attribute)
    return int(constants[node.input[1]].dims[0 if transposed else 1])


def _replace(node: onnx.NodeProto, place: int, array: NDArray[np.float32], graph: onnx.GraphProto) -> None:
    """Give a node a constant of its own: another may read the one that it had."""
    name = f"{node.input[place]}_of_{node.output[0]}"
    graph.initializer.append(numpy_helper.from_array(np.ascontiguousarray(array, np.float32), name))
    node.input[place] = name
