"""Multiply-accumulates of onnxruntime's own operators (domain com.microsoft), as its optimiser writes them.

Their definitions: onnxruntime's docs/ContribOperators.md. What is in neither table is uncountable.
"""

import math
from collections.abc import Mapping

from harness.cost import memories
from harness.cost.contrib_shapes import fused_operands
from harness.cost.nodes import Node, UncountableError
from harness.cost.products import Rule, convolution, general_product, matrix_product, recurrence
from harness.cost.shapes import text

_FREE = """
    BiasAdd BiasDropout BiasGelu BiasSoftmax BiasSplitGelu FastGelu Gelu QuickGelu
    EmbedLayerNormalization GroupNorm SkipGroupNorm SkipLayerNormalization SkipSimplifiedLayerNormalization
    DequantizeLinear QuantizeLinear QLinearAdd QLinearAveragePool QLinearConcat QLinearGlobalAveragePool
    QLinearLeakyRelu QLinearMul QLinearReduceMean QLinearSigmoid QLinearSoftmax QLinearWhere
    CropAndResize ExpandDims GatherBlockQuantized GatherND GridSample NhwcMaxPool Pad Range RemovePadding RestorePadding
    RotaryEmbedding Tokenizer Trilu Unique
"""
FREE = frozenset(_FREE.split())


def _fused_matrix_product(node: Node) -> int:
    left, right = fused_operands(node.proto, node.input(0), node.input(1))
    if not left or not right:
        raise UncountableError("expected matrices, got a scalar")
    if left[-1] != right[-2 if len(right) > 1 else 0]:
        raise UncountableError(f"inner sizes of {text(left)} and {text(right)} disagree")
    return math.prod(node.output()) * left[-1]


def _packed_matrix_product(node: Node) -> int:
    """MatMulNBits and MatMulBnb4: the matrix is stored in blocks of a few bits; its attributes say how large it is."""
    rows = node.input(0)
    if not rows or rows[-1] != node.attribute("K"):
        raise UncountableError(f"its input is {text(rows)}, its attribute K {node.attribute('K')}")
    return math.prod(rows) * node.attribute("N")


def _attention_with_projection(past: int) -> Rule:
    """Query, key and value made of one input (batch, length, in) by one weight; past keys in input ``past``."""

    def macs(node: Node) -> int:
        data, weight = node.input(0), node.input(1)
        if len(data) != 3 or len(weight) != 2 or data[2] != weight[0]:
            raise UncountableError(f"data {text(data)} and weight {text(weight)} are no attention's")
        batch, length, _ = data
        widths = node.attributes("qkv_hidden_sizes") or [weight[1] // 3] * 3
        if len(widths) != 3 or sum(widths) != weight[1]:
            raise UncountableError(f"its qkv_hidden_sizes {widths} do not make up its weight {text(weight)}")
        query, _, value = widths
        reached = length + (sum(node.input(past)[3:4]) if node.has(past) else 0)  # 2, batch, heads, length, width
        return int(batch * length * (math.prod(weight) + reached * (query + value)))

    return macs


def _multi_head_attention(node: Node) -> int:
    """Query, key and value are given, each or packed together; projections are nodes of their own."""
    query = node.input(0)
    if len(query) == 5:  # batch, length, heads, 3, width
        batch, length, heads, _, width = query
        reached, widths = length, 2 * heads * width
    elif len(query) == 3 and node.has(1):
        batch, length, width = query
        reached, value_width = _keys_and_values(node)
        widths = width + value_width
    else:
        raise UncountableError(f"its query is {text(query)}, without a key")
    if node.has(6):  # past keys: batch, heads, length, width
        reached += sum(node.input(6)[2:3])
    return batch * length * reached * widths


def _keys_and_values(node: Node) -> tuple[int, int]:
    """How many keys there are, and the width of all heads' values together."""
    key = node.input(1)
    if len(key) == 5:  # batch, length, heads, 2, width
        return key[1], key[2] * key[4]
    value = node.input(2)
    if {len(key), len(value)} == {4}:  # batch, heads, length, width
        return key[2], value[1] * value[3]
    if {len(key), len(value)} == {3}:  # batch, length, heads × width
        return key[1], value[2]
    raise UncountableError(f"expected key and value of rank 3 or 4, got {text(key)} and {text(value)}")


def _experts(weights: tuple[int, int, int]) -> Rule:
    """Each token goes through the ``k`` experts that the router chose; several of their weights may share a byte."""

    def macs(node: Node) -> int:
        tokens = node.input(0)
        first, second = node.input(weights[0]), node.input(weights[1])
        third = node.input(weights[2])[1] if node.has(weights[2]) else 0
        if len(first) != 3 or len(second) != 3 or second[1] != tokens[-1]:
            raise UncountableError(f"tokens {text(tokens)} do not fit experts {text(first)} and {text(second)}")
        packed = tokens[-1] // max(1, first[2])  # values a byte
        inner = second[2] * packed
        return math.prod(tokens) * node.attribute("k", 1) * (first[1] + third + inner)

    return macs


RULES: Mapping[str, Rule] = {
    "Attention": _attention_with_projection(4),
    "QAttention": _attention_with_projection(8),
    "MultiHeadAttention": _multi_head_attention,
    "FusedConv": convolution(1),
    "FusedGemm": general_product(1),
    "QGemm": general_product(3),
    "FusedMatMul": _fused_matrix_product,
    "TransposeMatMul": _fused_matrix_product,  # its former name
    "DynamicQuantizeMatMul": matrix_product(1),
    "MatMulIntegerToFloat": matrix_product(1),
    "MatMulNBits": _packed_matrix_product,
    "MatMulBnb4": _packed_matrix_product,
    "MoE": _experts((2, 4, 6)),
    "QMoE": _experts((2, 5, 8)),
    "GroupQueryAttention": memories.group_query_attention,
    "LinearAttention": memories.linear_attention,
    "CausalConvWithState": memories.causal_convolution,
    "DynamicQuantizeLSTM": recurrence,
}
