"""The values of small tensors that a graph computes from shapes, to be reshaped or resized by.

Shape inference follows such values through a few operators only (not through Reshape, Div, Min or
Where, which exporters use), so the rest are computed here, on tensors of a handful of numbers.
"""

import math
from collections import ChainMap
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from harness.cost.onnx_file import SMALL_TENSOR

Shape = tuple[int | str, ...]  # a str names a size that is open

_COMPUTED = """
    Abs Add And Cast Ceil Concat ConstantOfShape Div Equal Expand Flatten Floor Gather Greater GreaterOrEqual
    Identity Less LessOrEqual Max Min Mod Mul Neg Not Or Pow Range ReduceMax ReduceMin ReduceProd ReduceSum Reshape
    Round ScatterElements ScatterND Slice Split Sqrt Squeeze Sub Tile Transpose Unsqueeze Where
"""
COMPUTED = frozenset(_COMPUTED.split())
GROWING = frozenset({"ConstantOfShape", "Expand", "Range", "Tile"})  # may give more values than they read


def fold(model: Any, inferred: Any, shapes: Mapping[str, Shape]) -> bool:
    """Turn the nodes of an onnx.ModelProto that compute small known tensors into initializers, in branches too.

    ``inferred`` is its graph with what inference found, ``shapes`` are those known by now. Returns whether any node
    was turned.
    """
    return _fold(model, model.graph, inferred, shapes, {})


def _fold(model: Any, graph: Any, inferred: Any, shapes: Mapping[str, Shape], outer: Mapping[str, Any]) -> bool:
    stored = {**outer, **{tensor.name: tensor for tensor in graph.initializer if _holds_values(tensor)}}
    kept = {value.name for value in graph.output}
    known = set(stored)
    chosen = []
    for node in graph.node:
        if _is_known(node, known, shapes) and not kept & set(node.output):
            chosen.append(_as_constant(node, shapes))
            known.update(node.output)
    values = _evaluate(model, chosen, stored)
    rest = [node for node in graph.node if node.op_type == "Constant" or not values.keys() & set(node.output)]
    turned = len(rest) < len(graph.node)
    if turned:
        constants = {name for node in graph.node if node.op_type == "Constant" for name in node.output}
        graph.initializer.extend(tensor for name, tensor in values.items() if name not in constants)
        del graph.node[:]
        graph.node.extend(rest)
    for body, seen in _branches(graph, inferred):
        inside = ChainMap(collect(seen)[0], dict(shapes))
        turned |= _fold(model, body, seen, inside, {**stored, **values})
    return turned


def _branches(graph: Any, inferred: Any) -> Iterator[tuple[Any, Any]]:
    """The branches of the Ifs of a graph, each with itself as inference gave it back."""
    found = {node.output[0]: node for node in inferred.node if node.op_type == "If" and node.output}
    for node in graph.node:
        if node.op_type == "If" and node.output and node.output[0] in found:
            seen = {attribute.name: attribute.g for attribute in found[node.output[0]].attribute}
            yield from ((each.g, seen[each.name]) for each in node.attribute if each.name in seen)


def collect(graph: Any) -> tuple[dict[str, Shape], dict[str, int]]:
    """The shapes and the types of a graph's values."""
    found: dict[str, Shape] = {tensor.name: tuple(tensor.dims) for tensor in graph.initializer}
    found |= {sparse.values.name: tuple(sparse.dims) for sparse in graph.sparse_initializer}
    types = {tensor.name: tensor.data_type for tensor in graph.initializer}
    for value in [*graph.value_info, *graph.output, *graph.input]:
        kind = value.type.tensor_type
        types.setdefault(value.name, kind.elem_type)
        if value.type.HasField("tensor_type") and kind.HasField("shape") and value.name not in found:
            found[value.name] = tuple(
                dim.dim_value if dim.HasField("dim_value") else dim.dim_param or "?" for dim in kind.shape.dim
            )
    return found, types


def _holds_values(tensor: Any) -> bool:
    """Whether its values are there, and few; one of no values needs none stored."""
    values = math.prod(tensor.dims)
    stored = any(field.name.endswith("_data") for field, _ in tensor.ListFields())
    return not values or (stored and values <= SMALL_TENSOR)


def _is_known(node: Any, known: Collection[str], shapes: Mapping[str, Sequence[int | str]]) -> bool:
    """Whether a node's outputs are small and can be computed from what is known."""
    if node.domain not in ("", "ai.onnx") or not node.output:
        return False
    if node.op_type != "Constant" and not node.input:
        return False
    if not all(_is_small(shapes.get(name)) for name in node.output) and not _stays_small(node, known, shapes):
        return False
    if node.op_type == "Constant":
        return all(_holds_values(attribute.t) for attribute in node.attribute if attribute.HasField("t"))
    if node.op_type in ("Shape", "Size"):
        return all(isinstance(size, int) for name in node.input for size in shapes.get(name, ("?",)))
    return node.op_type in COMPUTED and all(name in known for name in node.input if name)


def _stays_small(node: Any, known: Collection[str], shapes: Mapping[str, Sequence[int | str]]) -> bool:
    """Whether what a node gives is small, though its shape is not known.

    Inference does not look into stored tensors outside the branch that a node stands in.
    """
    read = [shapes.get(name) for name in node.input if name]
    rows = all(shape is not None and len(shape) < 2 for shape in read)
    return node.op_type in COMPUTED - GROWING and rows and all(name in known for name in node.input if name)


def _is_small(shape: Sequence[int | str] | None) -> bool:
    sizes = [size for size in shape or () if isinstance(size, int)]
    return shape is not None and len(sizes) == len(shape) and math.prod(sizes) <= SMALL_TENSOR


def _as_constant(node: Any, shapes: Mapping[str, Sequence[int | str]]) -> Any:
    """A Shape or Size node as the Constant that it is; any other node as it stands."""
    if node.op_type not in ("Shape", "Size"):
        return node
    sizes = [int(size) for size in shapes[node.input[0]]]
    if node.op_type == "Size":
        return helper.make_node("Constant", [], node.output, value_int=math.prod(sizes))
    bounds = {attribute.name: attribute.i for attribute in node.attribute}
    chosen = sizes[bounds.get("start") : bounds.get("end")]  # none, of a scalar
    stored = helper.make_tensor("", TensorProto.INT64, [len(chosen)], chosen)
    return helper.make_node("Constant", [], node.output, value=stored)


def _evaluate(model: Any, chosen: Sequence[Any], stored: Mapping[str, Any]) -> dict[str, Any]:
    """The outputs of the chosen nodes as tensors, by name; none where they cannot be computed."""
    names = [name for node in chosen for name in node.output]
    used = dict.fromkeys(name for node in chosen for name in node.input if name in stored)
    outputs = [helper.make_empty_tensor_value_info(name) for name in names]
    graph = helper.make_graph(chosen, "values", [], outputs, [stored[name] for name in used])
    try:
        part = helper.make_model(graph, opset_imports=model.opset_import)
        results = ReferenceEvaluator(part).run(None, {})
    except Exception:  # a broken node: the shapes behind it stay open, with a reason
        return {}
    return {
        name: numpy_helper.from_array(np.asarray(result), name) for name, result in zip(names, results, strict=True)
    }
