"""Multiply-accumulates of one node, by the operator's rule.

Counted: convolutions (per group, every tap of the kernel, also over padding), transposed
convolutions, matrix products in any form (Gemm, MatMul, attention, the gates of LSTM, GRU and RNN).
Nothing is counted for bias, batch norm, activations, pooling, softmax, elementwise operators and
data movement: :data:`FREE` lists them. Any other operator is uncountable, never 0.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from harness.onnx_file import subgraphs
from harness.shapes import Shapes, text

# Standard operators without a product of matrices or a convolution. Not here, because they do hold
# one or may: AffineGrid, DFT, STFT, Det, Einsum, LinearAttention, CausalConvWithState.
_FREE = """
    Abs Acos Acosh Add And Asin Asinh Atan Atanh BitShift BitwiseAnd BitwiseNot BitwiseOr BitwiseXor Ceil Clip
    Cos Cosh Div Equal Erf Exp Floor Greater GreaterOrEqual IsInf IsNaN Less LessOrEqual Log Max Mean Min Mod
    Mul Neg Not Or Pow Reciprocal Round Sign Sin Sinh Sqrt Sub Sum Tan Tanh Where Xor
    Celu Elu Gelu HardSigmoid HardSwish Hardmax LeakyRelu LogSoftmax Mish PRelu Relu Selu Shrink Sigmoid Softmax
    Softplus Softsign Swish SwiGLU ThresholdedRelu RotaryEmbedding
    ArgMax ArgMin CumProd CumSum ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin
    ReduceProd ReduceSum ReduceSumSquare NegativeLogLikelihoodLoss SoftmaxCrossEntropyLoss TopK
    AveragePool GlobalAveragePool GlobalLpPool GlobalMaxPool LpPool MaxPool MaxRoiPool MaxUnpool RoiAlign
    BatchNormalization GroupNormalization InstanceNormalization LRN LayerNormalization LpNormalization
    MeanVarianceNormalization RMSNormalization SimplifiedLayerNormalization
    DequantizeLinear DynamicQuantizeLinear QuantizeLinear
    BitCast Cast CastLike CenterCropPad Col2Im Compress Concat DepthToSpace Dropout Expand Flatten Gather
    GatherElements GatherND GridSample Identity NonMaxSuppression NonZero OneHot Pad Reshape Resize
    ReverseSequence Scatter ScatterElements ScatterND Shape Size Slice SpaceToDepth Split Squeeze TensorScatter
    Tile Transpose Trilu Unique Unsqueeze Upsample
    Bernoulli BlackmanWindow Constant ConstantOfShape EyeLike HammingWindow HannWindow MelWeightMatrix
    Multinomial RandomNormal RandomNormalLike RandomUniform RandomUniformLike Range
    ConcatFromSequence Optional OptionalGetElement OptionalHasElement SequenceAt SequenceConstruct SequenceEmpty
    SequenceErase SequenceInsert SequenceLength SplitToSequence
    RegexFullMatch StringConcat StringNormalizer StringSplit
"""
FREE = frozenset(_FREE.split())
FREE_CONTRIB = frozenset({"BiasGelu", "FastGelu", "Gelu", "QuickGelu", "QuantizeLinear", "DequantizeLinear"})


class UncountableError(Exception):
    """A node whose multiply-accumulates cannot be told; its message says why and what to give."""


@dataclass(frozen=True)
class Node:
    """A node of a graph with the shapes around it."""

    proto: Any  # onnx.NodeProto
    shapes: Shapes

    def has(self, index: int) -> bool:
        return len(self.proto.input) > index and bool(self.proto.input[index])

    def input(self, index: int) -> tuple[int, ...]:
        """The whole shape of an input. Raises UncountableError where a size is open."""
        if not self.has(index):
            raise UncountableError(f"it has no input {index}, which the operator needs")
        return self._whole(f"input {index}", self.proto.input[index])

    def output(self) -> tuple[int, ...]:
        """The whole shape of the first output. Raises UncountableError where a size is open."""
        if not (self.proto.output and self.proto.output[0]):
            raise UncountableError("it has no output")
        return self._whole("its output", self.proto.output[0])

    def attribute(self, name: str, default: int = 0) -> int:
        """An integer attribute."""
        return next((int(found.i) for found in self.proto.attribute if found.name == name), default)

    def _whole(self, what: str, name: str) -> tuple[int, ...]:
        shape = self.shapes.of.get(name)
        sizes = tuple(size for size in shape or () if isinstance(size, int))
        if shape is None or len(sizes) < len(shape):
            known = "of unknown shape" if shape is None else text(shape)
            raise UncountableError(f"{what} ({name}) is {known}: {self.shapes.hint}")
        return sizes


def operator(node: Any) -> str:
    """The operator's name, qualified where it is none of the standard: "com.microsoft.FusedConv"."""
    return f"{node.domain}.{node.op_type}" if node.domain not in ("", "ai.onnx") else str(node.op_type)


def is_free(node: Any) -> bool:
    """Whether a node (onnx.NodeProto) is known to cost nothing by the convention, its branches included."""
    bodies = [graph for attribute in node.attribute for graph in subgraphs(attribute)]
    if node.domain == "com.microsoft":
        return node.op_type in FREE_CONTRIB
    if node.domain not in ("", "ai.onnx"):
        return False
    if node.op_type in ("If", "Loop", "Scan", "SequenceMap"):
        return all(is_free(inner) for graph in bodies for inner in graph.node)
    return node.op_type in FREE


def count(proto: Any, shapes: Shapes) -> int:
    """Multiply-accumulates of one image in a node. Raises UncountableError where they cannot be told."""
    if is_free(proto):
        return 0
    rule = RULES.get(operator(proto))
    if rule is None:
        raise UncountableError(_why_unknown(proto))
    macs, rest = divmod(rule(Node(proto, shapes)), shapes.batch)
    if rest:
        raise UncountableError(f"its count is no multiple of the batch of {shapes.batch} that the file fixes")
    return macs


def _why_unknown(proto: Any) -> str:
    inside = sorted(
        {
            operator(inner)
            for attribute in proto.attribute
            for graph in subgraphs(attribute)
            for inner in graph.node
            if not is_free(inner)
        }
    )
    if inside:
        return f"how often its body runs is not known, and the body holds {', '.join(inside)}"
    return "the ledger has no rule for this operator"


def _equal(what: str, left: int, right: int) -> None:
    if left != right:
        raise UncountableError(f"{what} disagree, {left} and {right}: does the input shape fit the network?")


def _check_ranks(data: tuple[int, ...], kernel: tuple[int, ...]) -> None:
    if len(data) != len(kernel) or len(data) < 3:
        raise UncountableError(f"data {text(data)} and kernel {text(kernel)} are no convolution's")


def _convolution(weight: int) -> Callable[[Node], int]:
    """The rule of a convolution whose kernel (M, C/group, k...) is input number ``weight``."""

    def macs(node: Node) -> int:
        data, kernel = node.input(0), node.input(weight)
        _check_ranks(data, kernel)
        _equal("channels of data and kernel", data[1], kernel[1] * node.attribute("group", 1))
        return math.prod(node.output()) * math.prod(kernel[1:])

    return macs


def _transposed_convolution(node: Node) -> int:
    data, kernel = node.input(0), node.input(1)  # (N, C, d...), (C, M/group, k...)
    _check_ranks(data, kernel)
    _equal("channels of data and kernel", data[1], kernel[0])
    return math.prod(data) * math.prod(kernel[1:])  # each value is spread over a whole kernel


def _gemm(node: Node) -> int:
    left, right = node.input(0), node.input(1)
    if len(left) != 2 or len(right) != 2:
        raise UncountableError(f"expected two matrices, got {text(left)} and {text(right)}")
    rows, inner = left[::-1] if node.attribute("transA") else left
    depth, columns = right[::-1] if node.attribute("transB") else right
    _equal("inner sizes", inner, depth)
    return rows * inner * columns


def _matrix_product(second: int) -> Callable[[Node], int]:
    """The rule of numpy's matmul between input 0 and input number ``second``."""

    def macs(node: Node) -> int:
        left, right = node.input(0), node.input(second)
        if not left or not right:
            raise UncountableError("expected matrices, got a scalar")
        _equal("inner sizes", left[-1], right[-2 if len(right) > 1 else 0])
        return math.prod(node.output()) * left[-1]

    return macs


def _fused_matrix_product(node: Node) -> int:
    if any(node.attribute(name) for name in ("transA", "transB", "transBatchA", "transBatchB")):
        raise UncountableError("the ledger has no rule for its transposed form")
    return _matrix_product(1)(node)


def _attention(node: Node) -> int:
    """Scores and weighted values; masked (causal) positions are counted as computed."""
    query, key, value = node.input(0), node.input(1), node.input(2)
    if {len(query), len(key), len(value)} == {4}:  # batch, heads, length, width
        batch, heads, length, width = query
        reached, value_width = key[2], value[3]
    elif {len(query), len(key), len(value)} == {3}:  # batch, length, heads × width
        batch, length, _ = query
        heads, key_heads = node.attribute("q_num_heads"), node.attribute("kv_num_heads")
        if not heads or not key_heads:
            raise UncountableError("q_num_heads or kv_num_heads is missing")
        width, reached, value_width = query[2] // heads, key[1], value[2] // key_heads
    else:
        raise UncountableError("expected query, key and value of rank 3 or 4")
    if node.has(4):  # past keys: batch, heads, length, width
        reached += sum(node.input(4)[2:3])
    return int(batch * heads * length * reached * (width + value_width))


def _recurrent(node: Node) -> int:
    """Each step multiplies the input by W (directions, gates, in) and the state by R."""
    if node.has(4):
        raise UncountableError("its number of steps comes from the input sequence_lens")
    data, kernel, recurrence = node.input(0), node.input(1), node.input(2)
    if len(data) != 3:
        raise UncountableError(f"expected steps, batch and features, got {text(data)}")
    return data[0] * data[1] * (math.prod(kernel) + math.prod(recurrence))


RULES: Mapping[str, Callable[[Node], int]] = {
    "Conv": _convolution(1),
    "ConvInteger": _convolution(1),
    "DeformConv": _convolution(1),  # bilinear sampling, like Resize, is not counted
    "QLinearConv": _convolution(3),
    "ConvTranspose": _transposed_convolution,
    "Gemm": _gemm,
    "MatMul": _matrix_product(1),
    "MatMulInteger": _matrix_product(1),
    "QLinearMatMul": _matrix_product(3),
    "Attention": _attention,
    "LSTM": _recurrent,
    "GRU": _recurrent,
    "RNN": _recurrent,
    "com.microsoft.FusedConv": _convolution(1),
    "com.microsoft.FusedGemm": _gemm,
    "com.microsoft.FusedMatMul": _fused_matrix_product,
}
