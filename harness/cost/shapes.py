"""The shape of every value in a graph, for a batch of one."""

from collections import ChainMap
from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import onnx
from onnx import shape_inference

from harness.cost import branches, contrib_shapes, input_sizes, pooling, shape_values
from harness.cost.onnx_file import INDEX_LIMIT, OnnxFile, subgraphs
from harness.cost.shape_values import Shape, collect
from harness.errors import HarnessError
from harness.measurements.types import CountedInput

T = TypeVar("T")
Known = MutableMapping[str, T]

ROUNDS = 200  # more than the blocks that a network computes shapes in, one after the other


@dataclass(frozen=True, kw_only=True)
class Shapes:
    """The inferred shapes of a graph's values, those outside a branch included; of unknown rank are absent.

    ``types`` are onnx.TensorProto.DataType, by value; ``inner`` the shapes in the branches or the
    body of a node, by its first output. ``batch`` is the images that one call takes: 1, or what the
    file fixes. ``hint`` says which sizes are open and what to give.
    """

    of: Mapping[str, Shape]
    types: Mapping[str, int]
    inner: Mapping[str, tuple["Shapes", ...]]
    batch: int
    hint: str
    opset: int = 0
    stored: Mapping[str, Any] = field(default_factory=dict)  # onnx.TensorProto
    made_by: Mapping[str, Any] = field(default_factory=dict)  # onnx.NodeProto
    pooled: frozenset[str] = frozenset()
    inputs: tuple[CountedInput, ...] = ()


def infer(file: OnnxFile, input_shapes: Mapping[str, Sequence[int]] | None = None, batch: int | None = None) -> Shapes:
    """Infer every shape, after setting the inputs' sizes (:func:`harness.cost.input_sizes.set_inputs`).

    ``input_shapes`` maps an input's name to its shape with the batch axis. ``batch`` is how many images one call
    takes; None: one where it is open, and else what the file fixes. Sizes that are guessed, and do not fit, are left
    open. Raises HarnessError where a given shape names no input, has another rank, or does not fit the network.
    """
    given = dict(input_shapes or {})
    found, failure = _inferred(file, given, batch, guess=True)
    wrong = input_sizes.guessed(found.inputs) if failure else []
    if wrong:
        found, without = _inferred(file, given, batch, guess=False)
        if not without:  # the failure comes from the guesses alone
            return replace(found, hint=f"{', '.join(wrong)} was guessed and does not fit; {found.hint}")
        failure = without
    if failure and given and not _inferred(file, {}, None, guess=False)[1]:  # else it is the file's own fault
        raise HarnessError(f"{file.path}: the given input shape does not fit the network: {failure}")
    return found


def _inferred(
    file: OnnxFile, given: Mapping[str, Sequence[int]], batch: int | None, *, guess: bool
) -> tuple[Shapes, str]:
    """The shapes at given and, if that is asked for, guessed sizes; and why they fit the network not, if so."""
    model = onnx.ModelProto()
    model.CopyFrom(file.model)
    # Before version 4 an initializer had to be an input too, which quantisers forget: inference would not see it.
    model.ir_version = max(model.ir_version, 4)
    counted = input_sizes.set_inputs(file, model, given, batch, guess=guess)
    _forget_shapes(model.graph)
    _import_domains(model)
    contrib_shapes.replace(model)
    graph, failure = _infer(model)
    of, types = collect(graph)
    has_branches = branches.has_any(model.graph)
    for _ in range(ROUNDS):  # each shape that becomes known may let others be computed
        declared = contrib_shapes.declare(model, of, types)
        computed = (has_branches or _is_open(model.graph, of)) and shape_values.fold(model, graph, of)
        decided = has_branches and branches.decide(model.graph)
        if not declared and not computed and not decided:
            break
        graph, failure = _infer(model)
        of, types = collect(graph)
    failure = failure or _too_small(graph, of)
    shapes = {value.name: of.get(value.name) for value in file.inputs}
    whole = Shapes(
        of={},
        types={},
        inner={},
        batch=batch or _batch(shapes, model.graph, of),
        hint=_hint(shapes, failure, _first_unknown(graph, of)),
        opset=_opset(model),
        inputs=counted,
    )
    return _scope(graph, of, types, whole), failure


def _opset(model: Any) -> int:
    return max((entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")), default=0)


def text(shape: Sequence[int | str]) -> str:
    """A shape as people write it: "1x3xheightxwidth", "scalar" for rank 0."""
    return "x".join(map(str, shape)) or "scalar"


def _forget_shapes(graph: Any) -> None:
    """Drop the shapes that were written for the former input sizes."""
    del graph.value_info[:]
    for value in graph.output:
        if value.type.HasField("tensor_type"):
            value.type.tensor_type.ClearField("shape")
    for node in graph.node:
        for inner in (inner for attribute in node.attribute for inner in subgraphs(attribute)):
            _forget_shapes(inner)


def _import_domains(model: Any) -> None:
    """Import every domain that a node names: a missing one would stop inference at once."""
    imported = {"" if entry.domain == "ai.onnx" else entry.domain for entry in model.opset_import}
    for domain in sorted({node.domain for node in model.graph.node} - imported - {"ai.onnx"}):
        model.opset_import.add(domain=domain, version=1)


def _infer(model: Any) -> tuple[Any, str]:
    """The graph with what inference gives; where it fails strictly, with what it gives otherwise, and why."""
    failure = ""
    values_too = not _counts_far(model)
    for strict in (True, False):
        try:
            found = shape_inference.infer_shapes(model, strict_mode=strict, data_prop=values_too)
        except Exception as error:  # the C++ code raises many types for a broken graph
            failure = failure or " ".join(str(error).split())[:300]
        else:
            return found.graph, failure
    return model.graph, failure


def _counts_far(model: Any) -> bool:
    """Whether a Range gives more numbers than an index table has: inference would write each of them down."""
    ranges = {node.output[0] for node in model.graph.node if node.op_type == "Range" and node.output}
    if not ranges:
        return False
    try:
        graph = shape_inference.infer_shapes(model).graph  # of shapes alone
    except Exception:  # the C++ code raises many types for a broken graph; what is broken is told by _infer
        return False
    values = [value for value in (*graph.value_info, *graph.output) if value.name in ranges]
    return any(size.dim_value > INDEX_LIMIT for value in values for size in value.type.tensor_type.shape.dim)


def _is_open(graph: Any, of: Mapping[str, Shape]) -> bool:
    names = [name for node in graph.node for name in node.output if name]
    return any(name not in of or any(isinstance(size, str) for size in of[name]) for name in names)


def _scope(
    graph: Any, of: Known[Shape], types: Known[int], outer: Shapes, alike: pooling.Alike | None = None
) -> Shapes:
    """The shapes of a graph inside another and, in ``inner``, of those that its nodes hold."""
    alike = pooling.Alike(graph, alike)
    stored = ChainMap(branches.stored_tensors(graph), dict(outer.stored))
    made_by = ChainMap(branches.makers(graph) if outer.made_by or branches.has_any(graph) else {}, dict(outer.made_by))
    here = replace(outer, of=of, types=types, stored=stored, made_by=made_by, pooled=pooling.find(graph, of, alike))
    inner = {}
    for node in graph.node:
        scopes = []
        for body in (body for attribute in node.attribute for body in subgraphs(attribute)):
            shapes, kinds = collect(body)
            scopes.append(_scope(body, ChainMap(shapes, of), ChainMap(kinds, types), here, alike))
        if scopes and node.output:
            inner[node.output[0]] = tuple(scopes)
    return replace(here, inner=inner)


def _batch(inputs: Mapping[str, Shape | None], graph: Any, of: Mapping[str, Shape]) -> int:
    """The batch that a file fixes: a first axis that every input which has one shares, and every output.

    Of rank 3 only if a convolution reads the input: else the axis is as often time or height.
    """
    if len({shape[0] for shape in inputs.values() if shape}) > 1:  # nodes and edges of a graph, say
        return 1
    convolved = {node.input[0] for node in graph.node if node.op_type == "Conv" and node.input}
    batched = [shape for name, shape in inputs.items() if shape and (len(shape) in (2, 4, 5) or name in convolved)]
    leading = {of.get(value.name, ())[:1] for value in graph.output}
    shared = leading & {shape[:1] for shape in batched}
    size = shared.pop()[:1] if len(leading) == 1 and shared else ()
    return next((first for first in size if isinstance(first, int) and first > 0), 1)


def _too_small(graph: Any, of: Mapping[str, Shape]) -> str:
    """The first value that would have fewer than no elements along an axis: a kernel is larger than its data."""
    for name in (name for node in graph.node for name in node.output):
        if any(isinstance(size, int) and size < 0 for size in of.get(name, ())):
            return f"{name} would be {text(of[name])}"
    return ""


def _first_unknown(graph: Any, of: Mapping[str, Shape]) -> str:
    """The first operator whose output shape is not known."""
    first = next((node for node in graph.node if any(name and name not in of for name in node.output)), None)
    return "" if first is None else f"{first.domain}.{first.op_type}".removeprefix(".")


def _hint(inputs: Mapping[str, Shape | None], failure: str, unknown: str) -> str:
    """What to give so that more becomes known."""
    found = []
    for name, shape in inputs.items():
        if shape is None:
            found.append(f"input {name} has no shape, give it: --input {name}=1x3x224x224, say")
            continue
        names = [size for size in shape if isinstance(size, str)]
        if names:
            whole = text([1, *shape[1:]])
            found.append(
                f"input {name} leaves {', '.join(dict.fromkeys(names))} open; "
                f"give its whole shape, --input {name}={whole} with numbers"
            )
    if not found and failure:
        return f"shape inference failed: {failure}"
    if not found and unknown:
        return f"which shape {unknown} gives cannot be told from the file alone"
    return "; ".join(found) or "shape inference cannot tell it from the file alone"
