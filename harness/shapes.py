"""The shape of every value in a graph, for a batch of one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness import shape_values
from harness.errors import HarnessError
from harness.onnx_file import OnnxFile

Shape = tuple[int | str, ...]  # a str names a size that is open

ROUNDS = 100  # more than the blocks that a network computes shapes in, one after the other

# Operators of onnxruntime's optimiser that shape inference does not know, each with a standard one
# of the same output shape and how many inputs that one takes.
STAND_INS = {
    "FusedConv": ("Conv", 3),
    "FusedGemm": ("Gemm", 3),
    "FusedMatMul": ("MatMul", 2),
    "BiasGelu": ("Add", 2),
    "Gelu": ("Identity", 1),
    "FastGelu": ("Identity", 1),
    "QuickGelu": ("Identity", 1),
    "QuantizeLinear": ("QuantizeLinear", 3),
    "DequantizeLinear": ("DequantizeLinear", 3),
}


@dataclass(frozen=True, kw_only=True)
class Shapes:
    """The inferred shapes of a graph's values; a value of unknown rank is absent.

    ``batch`` is the images that one call takes: 1, or what the file fixes. ``hint`` says which
    sizes are open and what to give.
    """

    of: Mapping[str, Shape]
    batch: int
    hint: str


def infer(file: OnnxFile, input_shapes: Mapping[str, Sequence[int]] | None = None) -> Shapes:
    """Infer every shape, after setting the batch and, where given, the inputs' whole shapes.

    ``input_shapes`` maps an input's name to its shape with the batch axis. A size that is still
    open is taken from the metadata property ``input_shape`` ("1x28x28": without the batch axis, in
    the file's own layout) where the file has a single input. Raises HarnessError where a given
    shape names no input, has another rank, or does not fit the network.
    """
    import onnx

    model = onnx.ModelProto()
    model.CopyFrom(file.model)
    given = dict(input_shapes or {})
    _check_given(file, given)
    _set_inputs(file, model, given)
    _forget_shapes(model)
    _stand_in(model)
    of, failure = _infer(model)
    for _ in range(ROUNDS):  # each shape that becomes known may let others be computed
        if not _is_open(model.graph, of) or not shape_values.fold(model, of):
            break
        of, failure = _infer(model)
    if failure and given:
        raise HarnessError(f"{file.path}: the given input shape does not fit the network: {failure}")
    inputs = {value.name: of[value.name] for value in file.inputs if value.name in of}
    return Shapes(of=of, batch=_batch(inputs, model.graph, of), hint=_hint(inputs, failure))


def text(shape: Sequence[int | str]) -> str:
    """A shape as people write it: "1x3xheightxwidth", "scalar" for rank 0."""
    return "x".join(map(str, shape)) or "scalar"


def _check_given(file: OnnxFile, given: Mapping[str, Sequence[int]]) -> None:
    known = {value.name: value.type.tensor_type for value in file.inputs}
    for name, shape in given.items():
        if name not in known:
            raise HarnessError(f"{file.path}: no input {name!r}; its inputs are {', '.join(known) or 'none'}")
        if any(size < 1 for size in shape):
            raise HarnessError(f"input {name}: expected sizes of at least 1, got {text(shape)}")
        declared = known[name]
        if declared.HasField("shape") and len(declared.shape.dim) != len(shape):
            raise HarnessError(
                f"{file.path}: input {name} has {len(declared.shape.dim)} axes (the batch included), got {text(shape)}"
            )


def _set_inputs(file: OnnxFile, model: Any, given: Mapping[str, Sequence[int]]) -> None:
    recorded = _recorded_shape(file) if len(file.inputs) == 1 else None
    for value in model.graph.input:
        shape = value.type.tensor_type.shape
        if value.name in given:
            _replace(shape, given[value.name])
        elif value.name in file.initializers:  # its own dims say more than the declaration
            _replace(shape, file.initializers[value.name].dims)
        elif value.type.tensor_type.HasField("shape"):
            _close(shape.dim, recorded)


def _replace(shape: Any, sizes: Sequence[int]) -> None:
    del shape.dim[:]
    shape.SetInParent()  # so that rank 0 is a shape too
    for size in sizes:
        shape.dim.add().dim_value = size


def _recorded_shape(file: OnnxFile) -> list[int] | None:
    sizes = file.metadata.get("input_shape", "").split("x")
    return [int(size) for size in sizes] if all(size.isdecimal() for size in sizes) else None


def _close(dims: Any, recorded: Sequence[int] | None) -> None:
    """Set an open first axis to a batch of one, and the other open ones from ``recorded``."""
    sizes: list[int | None] = [1, *(recorded or [])] if dims else []
    if len(sizes) != len(dims):
        sizes = [1, *[None] * (len(dims) - 1)] if dims else []
    for dim, size in zip(dims, sizes, strict=True):
        if dim.HasField("dim_value") and dim.dim_value > 0:
            continue
        if size is not None:
            dim.dim_value = size
        elif not dim.dim_param:  # some exporters write 0 or -1 for an open size
            dim.dim_param = "?"


def _forget_shapes(model: Any) -> None:
    """Drop the shapes that were written for the former input sizes."""
    del model.graph.value_info[:]
    for value in model.graph.output:
        if value.type.HasField("tensor_type"):
            value.type.tensor_type.ClearField("shape")


def _stand_in(model: Any) -> None:
    for node in model.graph.node:
        if node.domain == "com.microsoft" and node.op_type in STAND_INS:
            node.op_type, count = STAND_INS[node.op_type]
            node.domain = ""
            del node.input[count:]
    imported = {"" if entry.domain == "ai.onnx" else entry.domain for entry in model.opset_import}
    for domain in sorted({node.domain for node in model.graph.node} - imported - {"ai.onnx"}):
        entry = model.opset_import.add()  # a missing import would stop inference at once
        entry.domain, entry.version = domain, 1


def _infer(model: Any) -> tuple[dict[str, Shape], str]:
    """Every shape that inference gives; where it fails strictly, what it gives otherwise and why."""
    from onnx import shape_inference

    failure = ""
    for strict in (True, False):
        try:
            found = shape_inference.infer_shapes(model, strict_mode=strict, data_prop=True)
        except Exception as error:  # the C++ code raises many types for a broken graph
            failure = failure or " ".join(str(error).split())[:300]
        else:
            return _collect(found.graph), failure
    return _collect(model.graph), failure


def _is_open(graph: Any, of: Mapping[str, Shape]) -> bool:
    names = [name for node in graph.node for name in node.output if name]
    return any(name not in of or any(isinstance(size, str) for size in of[name]) for name in names)


def _collect(graph: Any) -> dict[str, Shape]:
    found: dict[str, Shape] = {tensor.name: tuple(tensor.dims) for tensor in graph.initializer}
    found |= {sparse.values.name: tuple(sparse.dims) for sparse in graph.sparse_initializer}
    for value in [*graph.value_info, *graph.output, *graph.input]:
        kind = value.type.tensor_type
        if value.type.HasField("tensor_type") and kind.HasField("shape") and value.name not in found:
            found[value.name] = tuple(
                dim.dim_value if dim.HasField("dim_value") else dim.dim_param or "?" for dim in kind.shape.dim
            )
    return found


def _batch(inputs: Mapping[str, Shape], graph: Any, of: Mapping[str, Shape]) -> int:
    """The batch that a file fixes: a first axis that an input shares with every output.

    Of rank 3 only where a convolution reads the input: else the axis is as often time or height.
    """
    convolved = {node.input[0] for node in graph.node if node.op_type == "Conv" and node.input}
    batched = [shape for name, shape in inputs.items() if len(shape) in (2, 4, 5) or name in convolved]
    leading = {of.get(value.name, ())[:1] for value in graph.output}
    shared = leading & {shape[:1] for shape in batched}
    size = shared.pop()[:1] if len(leading) == 1 and shared else ()
    return next((first for first in size if isinstance(first, int) and first > 0), 1)


def _hint(inputs: Mapping[str, Shape], failure: str) -> str:
    for name, shape in inputs.items():
        names = [size for size in shape if isinstance(size, str)]
        if names:
            whole = text([1, *shape[1:]])
            return (
                f"input {name} is {whole}: {', '.join(names)} open; "
                f"give its whole shape, --input {name}={whole} with numbers"
            )
    if failure:
        return f"shape inference failed: {failure}"
    return "shape inference cannot tell it from the file alone"
