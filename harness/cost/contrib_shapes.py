"""Output shapes that shape inference does not know: of onnxruntime's own operators and of classical models."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from onnx import helper

DOMAIN = "com.microsoft"
CLASSICAL = "ai.onnx.ml"
CLASS_LABELS = ("classlabels_int64s", "classlabels_ints", "classlabels_strings")


@dataclass(frozen=True)
class StandIn:
    """A standard operator with the same output shape, and which inputs of the other it takes.

    ``outputs`` are groups of outputs of the other: a stand-in of its own makes each group.
    """

    operator: str
    inputs: tuple[int, ...] = (0,)
    outputs: tuple[tuple[int, ...], ...] = ((0,),)
    real: bool = False  # the output is float32, whatever the inputs are


_LIKE_ITS_INPUT = """
    BiasAdd BiasSoftmax CausalConvWithState FastGelu Gelu GroupNorm MoE QLinearLeakyRelu QLinearSigmoid QLinearSoftmax
    QMoE QuickGelu RotaryEmbedding Trilu
"""
_NORMALISED_SUM = StandIn("Add", (0, 1), ((0,), (3,)))
STAND_INS: Mapping[str, StandIn] = {
    **dict.fromkeys(_LIKE_ITS_INPUT.split(), StandIn("Identity")),
    **dict.fromkeys(("SkipLayerNormalization", "SkipSimplifiedLayerNormalization"), _NORMALISED_SUM),
    "SkipGroupNorm": StandIn("Identity", (0,), ((0,), (1,))),
    "EmbedLayerNormalization": StandIn("Gather", (2, 0), ((0,), (2,))),
    "BiasGelu": StandIn("Add", (0, 1)),
    "QuantizeLinear": StandIn("QuantizeLinear", (0, 1, 2)),
    "DequantizeLinear": StandIn("DequantizeLinear", (0, 1, 2)),
    "QLinearAdd": StandIn("Add", (0, 3)),
    "QLinearMul": StandIn("Mul", (0, 3)),
    "QLinearWhere": StandIn("Where", (0, 1, 4)),
    "QLinearConcat": StandIn("Concat", tuple(range(2, 300, 3))),
    "QLinearAveragePool": StandIn("AveragePool"),
    "QLinearGlobalAveragePool": StandIn("GlobalAveragePool"),
    "FusedConv": StandIn("Conv", (0, 1, 2)),
    "FusedGemm": StandIn("Gemm", (0, 1, 2)),
    "FusedMatMul": StandIn("MatMul", (0, 1)),
    "TransposeMatMul": StandIn("MatMul", (0, 1)),
    "QGemm": StandIn("Gemm", (0, 3)),
    "DynamicQuantizeMatMul": StandIn("MatMul", (0, 1)),
    "MatMulIntegerToFloat": StandIn("MatMul", (0, 1), real=True),
    "DynamicQuantizeLSTM": StandIn("LSTM", (0, 1, 2), ((0, 1, 2),)),
}

CLASSICAL_STAND_INS: Mapping[str, StandIn] = {
    "Normalizer": StandIn("Identity", real=True),
    "Scaler": StandIn("Identity", real=True),
    "Imputer": StandIn("Identity"),
}
OF_DOMAIN = {DOMAIN: STAND_INS, CLASSICAL: CLASSICAL_STAND_INS}


def replace(model: Any) -> None:
    """Put standard operators of the same output shape in the place of those that have one, in an onnx.ModelProto."""
    if not any(node.domain in OF_DOMAIN for node in model.graph.node):
        return
    matrices = {tensor.name: tuple(tensor.dims) for tensor in model.graph.initializer if len(tensor.dims) == 2}
    nodes = []
    for node in model.graph.node:
        found = None if _needs_ranks(node) else OF_DOMAIN.get(node.domain, {}).get(node.op_type)
        projected = _projection(node, matrices) if node.domain == DOMAIN else None
        if projected:
            weight = model.graph.initializer.add(name=f"{node.output[0]} projection", data_type=1, dims=projected)
            found = StandIn("MatMul", real=node.op_type == "QAttention")
            nodes += _made(node, found, [node.input[0], weight.name])
        elif found:
            nodes += _made(node, found, [node.input[index] for index in found.inputs if index < len(node.input)])
        else:
            nodes.append(node)
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def declare(model: Any, of: Mapping[str, Sequence[int | str]], types: Mapping[str, int]) -> bool:
    """Write down output shapes that follow from input shapes known by now; whether there were any."""
    found = []
    for node in model.graph.node:
        if node.domain == DOMAIN and node.output and node.output[0] not in of:
            shape = _followed(node, of)
            if shape is not None:
                typed = node.input[2 if node.op_type == "GatherBlockQuantized" else 0]  # a table has its scales' type
                kind = types.get(typed, 1)
                found.append(helper.make_tensor_value_info(node.output[0], kind, shape))
        elif node.domain == CLASSICAL and any(name and name not in of for name in node.output):
            found += _of_classical(node, of)
    model.graph.value_info.extend(found)
    return bool(found)


def _of_classical(node: Any, of: Mapping[str, Sequence[int | str]]) -> list[Any]:
    """The outputs of a vectorizer or of an ensemble of trees, if the number of examples is known."""
    sizes = _sizes(of.get(node.input[0]))
    attributes = {attribute.name: attribute for attribute in node.attribute}
    if not sizes:
        return []
    if node.op_type == "FeatureVectorizer" and "inputdimensions" in attributes:
        return [helper.make_tensor_value_info(node.output[0], 1, [sizes[0], sum(attributes["inputdimensions"].ints)])]
    if node.op_type in ("TreeEnsembleRegressor", "LinearRegressor", "SVMRegressor"):
        targets = attributes["n_targets"].i if "n_targets" in attributes else 1
        return [helper.make_tensor_value_info(node.output[0], 1, [sizes[0], targets])]
    if node.op_type in ("TreeEnsembleClassifier", "SVMClassifier"):
        labels = [*(attributes[name] for name in CLASS_LABELS if name in attributes)]
        classes = sum(len(label.ints) + len(label.strings) for label in labels)
        if node.op_type == "SVMClassifier" and classes > 2 and "vectors_per_class" in attributes:
            classes = classes if "prob_a" in attributes else classes * (classes - 1) // 2  # a score for each pair
        kind = 8 if any(label.strings for label in labels) else 7
        shapes = [(kind, [sizes[0]]), (1, [sizes[0], classes])]
        return [
            helper.make_tensor_value_info(name, kind, shape)
            for name, (kind, shape) in zip(node.output, shapes, strict=False)
            if name and name not in of
        ]
    return []


def fused_operands(node: Any, left: Sequence[int], right: Sequence[int]) -> tuple[list[int], list[int]]:
    """The shapes that a FusedMatMul multiplies, after the transpositions that it holds."""
    flags = {attribute.name: attribute.i for attribute in node.attribute}
    found = []
    for side, shape in (("A", list(left)), ("B", list(right))):
        if flags.get(f"transBatch{side}") and len(shape) > 2:
            shape = [*shape[1:-1], shape[0], shape[-1]]
        if flags.get(f"trans{side}") and len(shape) > 1:
            shape = [*shape[:-2], shape[-1], shape[-2]]
        found.append(shape)
    return found[0], found[1]


def _needs_ranks(node: Any) -> bool:
    """Whether its form depends on ranks or a layout that no standard operator has."""
    flags = ("transA", "transB", "transBatchA", "transBatchB") if node.op_type.endswith("MatMul") else ()
    return any(attribute.i for attribute in node.attribute if attribute.name in (*flags, "channels_last"))


def _projection(node: Any, matrices: Mapping[str, tuple[int, ...]]) -> tuple[int, int] | None:
    """The matrix that takes a node's input to its output's shape, where its weight is stored."""
    attributes = {attribute.name: attribute for attribute in node.attribute}
    if node.op_type in ("MatMulNBits", "MatMulBnb4") and {"K", "N"} <= attributes.keys():
        return attributes["K"].i, attributes["N"].i
    weight = matrices.get(node.input[1]) if len(node.input) > 1 else None
    if node.op_type not in ("Attention", "QAttention") or weight is None:
        return None
    stated = attributes["qkv_hidden_sizes"].ints if "qkv_hidden_sizes" in attributes else ()
    return weight[0], (stated or [weight[1] // 3])[-1]


def _made(node: Any, found: StandIn, names: Sequence[str]) -> list[Any]:

    real = found.real or (node.op_type == "QGemm" and len(node.input) < 8)  # without the output's scale
    made = []
    for group in found.outputs:
        outputs = [node.output[index] for index in group if index < len(node.output)]
        if any(outputs):
            inner = [f"{name} before Cast" for name in outputs] if real else outputs
            made.append(helper.make_node(found.operator, names, inner))
            made[-1].attribute.extend(node.attribute)
            if real:
                made.append(helper.make_node("Cast", inner, outputs, to=1))
    return made


def _followed(node: Any, of: Mapping[str, Sequence[int | str]]) -> list[int] | None:
    """The output shape of a node that has no stand-in; None where it is not known, or not yet."""
    known = [_sizes(of.get(name)) for name in node.input]
    if node.op_type in ("FusedMatMul", "TransposeMatMul") and len(known) == 2:
        if known[0] is None or known[1] is None:
            return None
        return _product(*fused_operands(node, known[0], known[1]))
    if node.op_type == "MultiHeadAttention" and known and known[0]:
        return _attended(known)
    if known and known[0]:
        return _of_heads(node, known)
    return None


def _of_heads(node: Any, known: Sequence[Sequence[int] | None]) -> list[int] | None:
    """The output of what is told its heads by attributes, and of an embedding whose table is packed."""
    told = {attribute.name: attribute.i for attribute in node.attribute}
    data, second, third = (*known, None, None)[:3]
    if data is None:
        return None
    if node.op_type == "GroupQueryAttention" and len(data) == 3 and told.get("num_heads") and second is None:
        heads = told["num_heads"] + 2 * told.get("kv_num_heads", 0)
        return None if node.input[1] else [*data[:2], data[2] // heads * told["num_heads"]]
    if node.op_type == "GroupQueryAttention":
        return list(data)
    if node.op_type == "LinearAttention" and third and told.get("kv_num_heads"):
        return [*data[:2], third[-1] // told["kv_num_heads"] * max(told.get("q_num_heads", 0), told["kv_num_heads"])]
    if node.op_type == "GatherBlockQuantized" and second is not None:
        return _looked_up(data, second, third, told)
    return None


def _looked_up(
    table: Sequence[int], indices: Sequence[int], scales: Sequence[int] | None, told: Mapping[str, int]
) -> list[int] | None:
    """The rows of a table whose values may share a byte: as many blocks as scales, each of ``block_size`` values."""
    gathered, quantised = told.get("gather_axis", 0) % len(table), told.get("quantize_axis", 1) % len(table)
    if scales is None:
        return None
    packed = max(1, scales[quantised] * told.get("block_size", 128) // table[quantised])
    whole = [size * packed if axis == len(table) - 1 else size for axis, size in enumerate(table)]
    return [*whole[:gathered], *indices, *whole[gathered + 1 :]]


def _sizes(shape: Sequence[int | str] | None) -> list[int] | None:
    sizes = [size for size in shape or () if isinstance(size, int)]
    return sizes if shape is not None and len(sizes) == len(shape) else None


def _product(left: Sequence[int], right: Sequence[int]) -> list[int] | None:

    if len(left) < 2 or len(right) < 2:
        return None
    try:
        return [*map(int, np.broadcast_shapes(tuple(left[:-2]), tuple(right[:-2]))), left[-2], right[-1]]
    except ValueError:
        return None


def _attended(known: Sequence[Sequence[int] | None]) -> list[int] | None:
    """Batch, length of the query, and the width of all heads' values together."""
    query, key, value = (*known, None, None)[:3]
    if query and len(query) == 5:
        return [query[0], query[1], query[2] * query[4]]
    if not query or len(query) != 3 or not key:
        return None
    if len(key) == 5:
        return [query[0], query[1], key[2] * key[4]]
    if value and len(value) in (3, 4):
        return [query[0], query[1], value[2] if len(value) == 3 else value[1] * value[3]]
    return None
