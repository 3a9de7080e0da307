"""Multiply-accumulates of one node, by the operator's rule.

Counted: convolutions (per group, every tap of the kernel, also over padding), transposed
convolutions, matrix products in any form (Gemm, MatMul, attention, the gates of LSTM, GRU and RNN).
Nothing is counted for bias, batch norm, activations, pooling (also where it is written as a convolution),
softmax, elementwise operators and data movement: :data:`FREE` lists them. Any other operator is
uncountable, never 0. Of an If whose condition is not known both branches must cost alike; how often a
Loop or Scan runs its body is not known.
"""

from collections.abc import Mapping
from typing import Any

from harness.cost import branches, contrib_macs, memories, spectra
from harness.cost.branches import BRANCHES
from harness.cost.nodes import CONTRIB, STANDARD, Node, UncountableError, operator
from harness.cost.onnx_file import subgraphs
from harness.cost.products import (
    Rule,
    attention,
    convolution,
    einstein_sum,
    fitted,
    general_product,
    matrix_product,
    recurrence,
    transposed_convolution,
)
from harness.cost.shapes import Shapes

# Standard operators without a product of matrices or a convolution. AffineGrid and Det, which hold one, have no rule.
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
# Of ai.onnx.ml: tables, scalings and trees, which compare.
_FREE_CLASSICAL = """
    ArrayFeatureExtractor Binarizer CastMap CategoryMapper DictVectorizer FeatureVectorizer Imputer LabelEncoder
    Normalizer OneHotEncoder Scaler TreeEnsemble TreeEnsembleClassifier TreeEnsembleRegressor ZipMap
"""
CLASSICAL = "ai.onnx.ml"
BODIES = ("If", "Loop", "Scan", "SequenceMap")

FREE_OF: Mapping[str, frozenset[str]] = {
    **dict.fromkeys(STANDARD, FREE),
    CONTRIB: contrib_macs.FREE,
    CLASSICAL: frozenset(_FREE_CLASSICAL.split()),
}

RULES: Mapping[str, Rule] = {
    "Conv": convolution(1),
    "ConvInteger": convolution(1),
    "DeformConv": convolution(1),  # bilinear sampling, like Resize, is not counted
    "QLinearConv": convolution(3),
    "ConvTranspose": transposed_convolution,
    "Gemm": general_product(1),
    "MatMul": matrix_product(1),
    "MatMulInteger": matrix_product(1),
    "QLinearMatMul": matrix_product(3),
    "Einsum": einstein_sum,
    "Attention": attention,
    "LSTM": recurrence,
    "GRU": recurrence,
    "RNN": recurrence,
    "DFT": spectra.transform,
    "STFT": spectra.short_time_transform,
    "LinearAttention": memories.linear_attention,
    "CausalConvWithState": memories.causal_convolution,
    **{f"{CLASSICAL}.{kind}{use}": fitted for kind in ("Linear", "SVM") for use in ("Classifier", "Regressor")},
    **{f"{CONTRIB}.{name}": rule for name, rule in contrib_macs.RULES.items()},
}


def is_free(node: Any) -> bool:
    """Whether a node (onnx.NodeProto) is known to cost nothing by the convention, its branches included."""
    if node.domain in STANDARD and node.op_type in BODIES:
        return all(is_free(inner) for graph in _bodies(node) for inner in graph.node)
    return node.op_type in FREE_OF.get(node.domain, ())


def count(proto: Any, shapes: Shapes) -> int:
    """Multiply-accumulates of one image in a node. Raises UncountableError where they cannot be told."""
    if is_free(proto) or shapes.pooled.intersection(proto.output[:1]):
        return 0
    if operator(proto) == "If":
        return _branch(proto, shapes)
    rule = RULES.get(operator(proto))
    if rule is None:
        raise UncountableError(_why_unknown(proto))
    macs, rest = divmod(rule(Node(proto, shapes)), shapes.batch)
    if rest:
        raise UncountableError(f"its count is no multiple of the batch of {shapes.batch} that the file fixes")
    return macs


def _bodies(node: Any) -> list[Any]:
    return [graph for attribute in node.attribute for graph in subgraphs(attribute)]


def _branch(proto: Any, shapes: Shapes) -> int:
    """What the branch of an If that runs costs, or what both cost alike."""
    scopes = shapes.inner.get(proto.output[0] if proto.output else "", ())
    bodies = {attribute.name: attribute.g for attribute in proto.attribute if attribute.name in BRANCHES}
    if len(scopes) != 2 or len(bodies) != 2:
        raise UncountableError("the shapes in its branches are not known")
    of_branch = dict(zip(bodies, scopes, strict=True))
    condition = Node(proto, shapes).condition()
    if condition is not None:
        name = BRANCHES[condition]
        return _whole(bodies[name], of_branch[name])
    try:
        one, other = (_whole(bodies[name], of_branch[name]) for name in BRANCHES)
    except UncountableError as error:
        raise UncountableError(f"{_undecided(proto, shapes)}, and one of them cannot be counted: {error}") from error
    if one != other:
        raise UncountableError(f"{_undecided(proto, shapes)}, and they cost {other:,} and {one:,}")
    return one


def _whole(graph: Any, shapes: Shapes) -> int:
    return sum(count(node, shapes) for node in graph.node)


def _undecided(proto: Any, shapes: Shapes) -> str:
    names = branches.deciding_inputs(proto.input[0], shapes.made_by, [each.name for each in shapes.inputs])
    if not names:
        return "which of its branches runs is not known"
    return f"which of its branches runs depends on the value of input {', '.join(names)}"


def _why_unknown(proto: Any) -> str:
    inside = sorted({operator(inner) for graph in _bodies(proto) for inner in graph.node if not is_free(inner)})
    if inside:
        return f"how often its body runs is not known, and the body holds {', '.join(inside)}"
    last = any(attribute.name == "channels_last" and attribute.i for attribute in proto.attribute)
    if proto.domain.startswith(("com.microsoft.nchwc", "com.ms.internal")) or last:
        return 'it is laid out for one kind of processor; optimise no further than level "extended"'
    return "the ledger has no rule for this operator"
