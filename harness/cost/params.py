"""The parameters of a bare file: stored float weights that reach operators.

A file does not say what was learned, so this is a convention. Counted, each stored tensor once:

- kernels, scales, shifts and biases of convolutions, matrix products, recurrent cells, PRelu and
  the normalisations, through any chain of reshaping, casting or dequantising operators;
- float tensors of more than one value that are added, multiplied, gathered from (an embedding), resized (a table of
  positions) or concatenated (a class token); a single value only if it is the bias after a matrix product;
- tables of integers of at most eight bits that are gathered from: quantised embeddings;
- float tensors of more than one value that reach an operator the ledger does not know;
- what a classical model of ai.onnx.ml has learned: coefficients, thresholds, votes.

Not counted: kernels of pooling that is written as a convolution, running mean and variance of batch norm (also where
it is written out), scales and zero points of quantised values,
other single values (bounds, epsilons), and operands of Sub and Div, which is how a fixed
normalisation of the image is written. An attention mask or anchor grid that is stored and added
cannot be told from a bias, and counts.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from harness.cost.macs import CLASSICAL, RULES, is_free
from harness.cost.nodes import operator
from harness.cost.onnx_file import OnnxFile, StoredTensor, describe, subgraphs
from harness.cost.shapes import Shapes

CONTRIB_WEIGHT_INPUTS: Mapping[str, tuple[int, ...]] = {
    "Attention": (1, 2),
    "QAttention": (1, 2),
    "MultiHeadAttention": (3,),
    "FusedConv": (1, 2),
    "FusedGemm": (0, 1, 2),
    "QGemm": (0, 3, 6),
    "QLinearConv": (3, 8),
    "FusedMatMul": (0, 1),
    "TransposeMatMul": (0, 1),
    "DynamicQuantizeMatMul": (1, 4),
    "MatMulIntegerToFloat": (0, 1, 6),
    "MatMulNBits": (1, 5),
    "MatMulBnb4": (1,),
    "GatherBlockQuantized": (0,),
    "MoE": (2, 3, 4, 5, 6, 7),
    "QMoE": (2, 4, 5, 7, 8, 10),
    "CausalConvWithState": (1, 2),
    "GroupQueryAttention": (11, 14, 15),
    "DynamicQuantizeLSTM": (1, 2, 3, 7),
    "EmbedLayerNormalization": (2, 3, 4, 5, 6),
    "SkipLayerNormalization": (2, 3, 4),
    "SkipSimplifiedLayerNormalization": (2, 3),
    "GroupNorm": (1, 2),
    "SkipGroupNorm": (1, 2, 4),
    "BiasAdd": (1,),
    "BiasSplitGelu": (1,),
    "QLinearAdd": (0, 3),
    "QLinearMul": (0, 3),
}
# Which inputs hold weights, whatever their type (quantised weights are integers).
WEIGHT_INPUTS: Mapping[str, tuple[int, ...]] = {
    "Conv": (1, 2),
    "ConvTranspose": (1, 2),
    "ConvInteger": (1,),
    "DeformConv": (1, 3),
    "QLinearConv": (3, 8),
    "Gemm": (0, 1, 2),
    "MatMul": (0, 1),
    "MatMulInteger": (0, 1),
    "QLinearMatMul": (0, 3),
    "LSTM": (1, 2, 3, 7),
    "GRU": (1, 2, 3),
    "RNN": (1, 2, 3),
    "BatchNormalization": (1, 2),
    "InstanceNormalization": (1, 2),
    "LayerNormalization": (1, 2),
    "SimplifiedLayerNormalization": (1,),
    "GroupNormalization": (1, 2),
    "RMSNormalization": (1,),
    "PRelu": (1,),
    "CausalConvWithState": (1, 2),
    **{f"com.microsoft.{name}": indices for name, indices in CONTRIB_WEIGHT_INPUTS.items()},
}
TABLES = frozenset({"Gather", "GatherElements", "GatherND", "Resize", "Upsample"})  # read input 0 as a table
ELEMENTWISE = frozenset({"Add", "Mul", "Concat", "com.microsoft.BiasGelu", "com.microsoft.FastGelu"})
# What operators of ai.onnx.ml hold as attributes. Leaves of trees have a threshold too, of 0.
_CLASSICAL_ATTRIBUTES = """
    coefficients intercepts rho support_vectors nodes_values nodes_splits class_weights target_weights leaf_weights
"""
CLASSICAL_ATTRIBUTES = frozenset(_CLASSICAL_ATTRIBUTES.split())
_PASSING = """
    Reshape Transpose Identity Cast CastLike DequantizeLinear QuantizeLinear Squeeze Unsqueeze Flatten
    Expand Tile Slice Split Pad
"""
PASSING = frozenset(_PASSING.split())
PRODUCTS = frozenset({"Conv", "ConvTranspose", "Gemm", "MatMul", "Einsum"})
# Several values may share a byte: what the attribute of that name says a value has of bits, by operator and input.
PACKED: Mapping[str, tuple[str, int, tuple[int, ...]]] = {  # with its default
    "com.microsoft.GatherBlockQuantized": ("bits", 4, (0,)),
    "com.microsoft.QMoE": ("expert_weight_bits", 4, (2, 5, 8)),
}
MATRICES = ("com.microsoft.MatMulNBits", "com.microsoft.MatMulBnb4")  # input 1 is K × N, whatever its shape is


@dataclass(frozen=True)
class Weight:
    """A stored tensor on its way through a graph."""

    origin: str  # unique in the file
    values: int
    rank: int
    floating: bool
    quantised: bool = False
    bits: int = 0  # of a stored value
    generated: bool = False  # by ConstantOfShape: not stored


def count(file: OnnxFile, shapes: Shapes) -> int:
    """How many parameters a file holds, by the convention above."""
    stored = {name: _stored(name, tensor) for name, tensor in file.initializers.items()}
    reached = set(_reaching(file.model.graph, stored, shapes, prefix=""))
    learned = sum(map(_classical, file.model.graph.node))
    return learned + sum({weight.origin: weight.values for weight in reached}.values())


def _classical(node: Any) -> int:
    """How many numbers a model of ai.onnx.ml holds as attributes."""
    named = (found for found in node.attribute if node.domain == CLASSICAL and found.name in CLASSICAL_ATTRIBUTES)
    return sum(len(found.floats) or math.prod(found.t.dims) * found.HasField("t") for found in named)


def _reaching(graph: Any, outer: Mapping[str, Weight], shapes: Shapes, prefix: str) -> Iterator[Weight]:
    """The weights that reach an operator of a graph or of its branches."""
    known = dict(outer)
    statistics, shifts = _batch_norm_written_out(graph)
    products: set[str] = set()  # values that are a matrix product, reshaped or not
    scales: set[str] = set()  # of values that are quantised while the network runs
    unlearned = statistics | shapes.pooled
    for number, node in enumerate(graph.node):
        here, kind, read = f"{prefix}{number}/", operator(node), tuple(node.input)
        weight = _made_by(node, kind, known, shapes, here)
        if weight:
            known |= dict.fromkeys(node.output, weight)
        elif kind in PRODUCTS or (kind in PASSING and read[:1] and read[0] in products):
            products.update(node.output)
        if kind == "DynamicQuantizeLinear":
            scales.update(node.output[1:])
        made = next(iter(node.output), "")
        if made in shifts and read[0] in known:
            yield known[read[0]]
        elif made not in unlearned and not (kind == "Mul" and scales.intersection(read)):
            yield from _read_by(node, kind, known, products)
        held = [graph for attribute in node.attribute for graph in subgraphs(attribute)]
        scopes = shapes.inner.get(node.output[0], ()) if node.output else ()
        for branch, inner in enumerate(held):  # two branches may call their tensors alike
            there = f"{here}{branch}/"
            local = {tensor.name: _stored(there + tensor.name, describe(tensor)) for tensor in inner.initializer}
            scope = scopes[branch] if branch < len(scopes) else shapes
            yield from _reaching(inner, {**known, **local}, scope, there)


def _batch_norm_written_out(graph: Any) -> tuple[set[str], set[str]]:
    """What nodes make of batch norm's statistics, and of its shift, where an exporter writes it out.

    TensorFlow's form: m = gamma / sqrt(variance + epsilon), y = x m + (shift - mean m).
    """
    rooted = {name for node in graph.node if node.op_type == "Sqrt" for name in node.input}
    if not rooted:
        return set(), set()
    subtracted = {name for node in graph.node if operator(node) == "Sub" for name in node.input[1:]}
    deviations: set[str] = set()
    statistics: set[str] = set()
    shifts: set[str] = set()
    for node in graph.node:
        kind, made = operator(node), set(node.output)
        if kind == "Add" and made & rooted:
            statistics |= made
        elif kind == "Sub" and statistics.intersection(node.input[1:]):
            shifts |= made
        elif kind == "Sqrt" or (kind in ("Div", "Mul", "Reciprocal") and deviations.intersection(node.input)):
            deviations |= made
            statistics |= made & subtracted
    return statistics, shifts


def _stored(origin: str, tensor: StoredTensor) -> Weight:
    bits = tensor.bytes * 8 // max(1, tensor.values)
    return Weight(origin, tensor.values, len(tensor.dims), tensor.floating, tensor.quantised, bits)


def _made_by(node: Any, kind: str, known: Mapping[str, Weight], shapes: Shapes, here: str) -> Weight | None:
    """The weight that a node's output is: a constant, or a weight it passes on."""
    if kind == "Constant":
        return _constant(node, here)
    if kind == "ConstantOfShape" and all(name in known for name in node.input):
        return _generated(node, shapes, here)
    weight = known.get(node.input[0]) if kind in PASSING and node.input else None
    if weight and kind == "DequantizeLinear":
        return replace(weight, floating=True)
    return weight


def _constant(node: Any, here: str) -> Weight | None:
    for attribute in node.attribute:
        if attribute.name == "value":
            return _stored(here, describe(attribute.t))
        if attribute.name == "sparse_value":
            sparse = attribute.sparse_tensor
            tensor = describe(sparse.values)
            return Weight(here, tensor.values, len(sparse.dims), tensor.floating)
        if attribute.name.startswith("value_"):
            values = len(attribute.floats) + len(attribute.ints) or 1
            return Weight(here, values, int(attribute.name.endswith("s")), "float" in attribute.name)
    return None


def _generated(node: Any, shapes: Shapes, here: str) -> Weight | None:
    shape = shapes.of.get(node.output[0]) if node.output else None
    if shape is None:
        return None
    values = 1
    for size in shape:
        if isinstance(size, str):
            return None
        values *= size
    floating = all(describe(attribute.t).floating for attribute in node.attribute)
    return Weight(here, values, len(shape), floating, generated=True)


def _read_by(node: Any, kind: str, known: Mapping[str, Weight], products: set[str]) -> Iterator[Weight]:
    """The weights that a node uses as parameters."""
    given = [(index, known[name]) for index, name in enumerate(node.input) if name in known]
    if kind in WEIGHT_INPUTS:
        # A scalar is a fill value: PyTorch writes a missing bias as a zero expanded.
        for index, weight in given:
            if index in WEIGHT_INPUTS[kind] and weight.rank > 0:
                yield _unpacked(weight, node, index)
    elif kind in TABLES:
        yield from (weight for index, weight in given if index == 0 and _is_table(weight))
    elif kind in ELEMENTWISE:
        bias = kind == "Add" and any(name in products for name in node.input)
        for _, weight in given:
            several = weight.values > 1 and not (kind == "Concat" and weight.generated)
            if weight.floating and (several or (bias and weight.rank > 0)):
                yield weight
    elif kind not in RULES and not is_free(node):
        yield from (weight for _, weight in given if weight.floating and weight.values > 1)


def _is_table(weight: Weight) -> bool:
    return weight.values > 1 and (weight.floating or (weight.quantised and weight.rank > 1))


def _unpacked(weight: Weight, node: Any, index: int) -> Weight:
    """A weight with as many values as it stands for."""
    told = {attribute.name: attribute.i for attribute in node.attribute}
    if operator(node) in MATRICES and index == 1:
        return replace(weight, values=told.get("K", 0) * told.get("N", 0))
    name, default, inputs = PACKED.get(operator(node), ("", 0, ()))
    if index not in inputs:
        return weight
    return replace(weight, values=weight.values * max(1, weight.bits // max(1, told.get(name) or default)))
