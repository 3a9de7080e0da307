"""An .onnx file as it is read for counting: structure and shapes, without the weights' values."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import onnx
from onnx import inliner

from harness.cost import external_data, file_kinds, skimming
from harness.cost.external_data import TensorPlace
from harness.errors import HarnessError

SMALL_TENSOR = 1024  # values; no tensor that shape inference reads (shapes, pads, axes) is larger
INDEX_LIMIT = 1 << 20  # values; larger index tables are dropped like weights
INDICES = (onnx.TensorProto.INT32, onnx.TensorProto.INT64)
SUB_BYTE_BITS = {"UINT4": 4, "INT4": 4, "FLOAT4E2M1": 4, "UINT2": 2, "INT2": 2}


@dataclass(frozen=True, kw_only=True)
class StoredTensor:
    """A tensor that the file stores, by initializer or Constant node; ``values`` is how many numbers."""

    dims: tuple[int, ...]
    values: int
    floating: bool
    bytes: int
    quantised: bool = False  # an integer of at most eight bits


@dataclass(frozen=True, kw_only=True)
class OnnxFile:
    """A parsed model whose large tensors have been emptied, and what it stored.

    ``initializers`` are the main graph's, by name. ``model`` keeps every node, and the values of
    tensors small enough to be shapes; local functions are inlined.
    """

    path: Path
    model: Any  # onnx.ModelProto
    initializers: dict[str, StoredTensor]
    stored_values: int
    stored_bytes: int

    @property
    def metadata(self) -> dict[str, str]:
        return {entry.key: entry.value for entry in self.model.metadata_props}

    @property
    def inputs(self) -> list[Any]:
        """The graph's inputs proper: before IR version 4 initializers are listed as inputs too."""
        return [given for given in self.model.graph.input if given.name not in self.initializers]


def read(path: Path) -> OnnxFile:
    """Read the structure of an .onnx file; of external data at most the smallest tensors.

    Raises HarnessError where the file is missing, is no ONNX model, or its external data are
    missing, too short, or outside its own folder.
    """
    model, skimmed = _parse(path)
    values = size = 0
    sizes: dict[Path, int] = {}
    for tensor in tensors(model):
        stored = describe(tensor)
        place = skimmed.place(path, tensor.raw_data)
        held = place.length if place else len(tensor.raw_data)
        if held and held != stored.bytes:
            raise HarnessError(
                f"{path}: tensor {tensor.name!r} holds {held:,} bytes and should hold "
                f"{stored.bytes:,}: the file is damaged; export or download it again"
            )
        values += stored.values
        size += stored.bytes
        if tensor.data_location == onnx.TensorProto.EXTERNAL:
            place = external_data.locate(tensor, stored.bytes, path, sizes)
        _empty(tensor, stored, place)
    initializers = {tensor.name: describe(tensor) for tensor in model.graph.initializer}
    for sparse in model.graph.sparse_initializer:
        initializers[sparse.values.name] = describe(sparse.values, tuple(sparse.dims))
    return OnnxFile(
        path=path,
        model=inline(model, path),
        initializers=initializers,
        stored_values=values,
        stored_bytes=size,
    )


def open_whole(path: Path) -> Any:
    """The model of a file with every tensor that inference may read, and marks in the place of larger ones.

    Raises HarnessError where the file is missing, or is no ONNX model.
    """
    model, skimmed = _parse(path)
    for tensor in tensors(model):
        place = skimmed.place(path, tensor.raw_data)
        if place and tensor.data_type in INDICES and place.length <= 8 * INDEX_LIMIT:
            tensor.raw_data = place.read()
    return model


def _parse(path: Path) -> tuple[Any, skimming.Skimmed]:
    try:
        file_kinds.check_kind(path)
        skimmed = skimming.skim(path)
        model = onnx.load_model_from_string(skimmed.content)
    except OSError as error:
        raise HarnessError(f"{path}: cannot be read: {error.strerror or error}") from error
    except HarnessError:
        raise
    except Exception as error:  # protobuf's DecodeError, or whatever the bytes provoke
        raise HarnessError(f"{path}: not an ONNX model, or cut off; export or download it again") from error
    # A cut file, or one of another kind, can parse as a model without content.
    if not (model.HasField("graph") and model.graph.output and model.opset_import):
        raise HarnessError(f"{path}: holds no ONNX graph with outputs; export or download it again")
    if not all(isinstance(text, str) for text in _texts(model)):  # protobuf hands bad UTF-8 out as bytes
        raise HarnessError(f"{path}: a name in it is no text: the file is damaged; export or download it again")
    return model, skimmed


def tensors(model: Any) -> Iterator[Any]:
    """Every TensorProto of a model: initializers (sparse ones too) and Constants, in branches and functions too."""
    yield from _graph_tensors(model.graph)
    for function in model.functions:
        yield from _node_tensors(function.node)


def _graph_tensors(graph: Any) -> Iterator[Any]:
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield sparse.values
        yield sparse.indices
    yield from _node_tensors(graph.node)


def _node_tensors(nodes: Any) -> Iterator[Any]:
    for node in nodes:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t
            if attribute.HasField("sparse_tensor"):
                yield attribute.sparse_tensor.values
                yield attribute.sparse_tensor.indices
            for graph in subgraphs(attribute):
                yield from _graph_tensors(graph)


def _texts(model: Any) -> Iterator[Any]:
    """Every name that is read from a model later."""
    yield from (entry.domain for entry in model.opset_import)
    for entry in model.metadata_props:
        yield from (entry.key, entry.value)
    yield from _graph_texts(model.graph)
    for function in model.functions:
        yield from (function.name, function.domain, function.overload, *function.input, *function.output)
        yield from _node_texts(function.node)


def _graph_texts(graph: Any) -> Iterator[Any]:
    for value in (*graph.input, *graph.output):
        yield from (value.name, *(dim.dim_param for dim in value.type.tensor_type.shape.dim))
    for tensor in (*graph.initializer, *(sparse.values for sparse in graph.sparse_initializer)):
        yield tensor.name
        for entry in tensor.external_data:
            yield from (entry.key, entry.value)
    yield from _node_texts(graph.node)


def _node_texts(nodes: Any) -> Iterator[Any]:
    for node in nodes:
        yield from (node.name, node.op_type, node.domain, *node.input, *node.output)
        for attribute in node.attribute:
            yield attribute.name
            for entry in attribute.t.external_data:
                yield from (entry.key, entry.value)
            for inner in subgraphs(attribute):
                yield from _graph_texts(inner)


def subgraphs(attribute: Any) -> list[Any]:
    """The graphs that an attribute holds: branches of If, bodies of Loop, Scan and SequenceMap."""
    return [*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs]


@cache
def element_bits(data_type: int) -> int | None:
    """How many bits one value of a TensorProto.DataType takes; None for strings and where it is undefined."""
    name = onnx.TensorProto.DataType.Name(data_type)
    if name in ("STRING", "UNDEFINED"):
        return None
    return SUB_BYTE_BITS.get(name) or int(onnx.helper.tensor_dtype_to_np_dtype(data_type).itemsize) * 8


@cache
def _is_floating(data_type: int) -> bool:
    return bool(onnx.TensorProto.DataType.Name(data_type).startswith(("FLOAT", "BFLOAT", "DOUBLE")))


def describe(tensor: Any, dims: tuple[int, ...] | None = None) -> StoredTensor:
    """What a TensorProto stores, from its dims and type alone; ``dims`` where it is a sparse tensor's."""
    sizes = tuple(tensor.dims)
    values = math.prod(sizes)
    try:
        bits = element_bits(tensor.data_type)
    except ValueError as error:
        raise HarnessError(f"tensor {tensor.name!r} has the unknown data type {tensor.data_type}") from error
    if min(sizes, default=0) < 0:
        raise HarnessError(f"tensor {tensor.name!r} has a negative size: {list(sizes)}")
    size = sum(map(len, tensor.string_data)) if bits is None else (values * bits + 7) // 8
    floating = _is_floating(tensor.data_type)
    return StoredTensor(
        dims=dims or sizes,
        values=values,
        floating=floating,
        bytes=size,
        quantised=bits is not None and bits <= 8 and not floating and tensor.data_type != onnx.TensorProto.BOOL,
    )


def _empty(tensor: Any, stored: StoredTensor, place: TensorPlace | None) -> None:
    """Drop the values of a tensor, except of those that shape inference may read, and of kernels that pool.

    ``place`` is where its bytes are, if they are not in the tensor itself.
    """
    external = tensor.data_location == onnx.TensorProto.EXTERNAL
    limit = SMALL_TENSOR if external or tensor.data_type not in INDICES else INDEX_LIMIT
    kernel = is_pooling_kernel(stored.dims) and stored.values <= INDEX_LIMIT
    if place is None:
        if stored.values <= limit or (kernel and _repeats(tensor.raw_data, stored)):
            return
    elif (tensor.data_type in INDICES and stored.values <= limit) or kernel:
        content = place.read()
        if not kernel or _repeats(content, stored):
            tensor.raw_data = content
            tensor.data_location = onnx.TensorProto.DEFAULT
            tensor.ClearField("external_data")
            return
    kept = {"name", "dims", "data_type"}
    for field, _ in tensor.ListFields():
        if field.name not in kept:
            tensor.ClearField(field.name)


def is_pooling_kernel(dims: Sequence[int | str]) -> bool:
    """Whether a kernel (M, C/group, k...) of these sizes takes one channel, and more than one value of it."""
    taps = dims[2:]
    return len(dims) > 2 and dims[1] == 1 and all(isinstance(size, int) for size in taps) and any(n != 1 for n in taps)


def _repeats(content: bytes, stored: StoredTensor) -> bool:
    """Whether all values of a tensor are the same bytes."""
    return bool(stored.values) and content == content[: stored.bytes // stored.values] * stored.values


def inline(model: Any, path: Path) -> Any:
    """A model with its local functions put where they are called. Raises HarnessError if that cannot be done."""
    if not model.functions:
        return model

    if _calls_itself(model.functions):  # the inliner would never end
        raise HarnessError(f"{path}: one of its local functions calls itself, which ONNX forbids; export it again")
    try:
        return inliner.inline_local_functions(model)
    except Exception as error:  # the C++ inliner raises bare RuntimeError and worse
        raise HarnessError(f"{path}: its local functions cannot be inlined; is the file damaged?") from error


def _calls_itself(functions: Any) -> bool:
    from graphlib import CycleError, TopologicalSorter

    calls = {
        (function.domain, function.name, function.overload): {
            (node.domain, node.op_type, node.overload) for node in _all_nodes(function.node)
        }
        for function in functions
    }
    try:
        TopologicalSorter(calls).prepare()
    except CycleError:
        return True
    return False


def _all_nodes(nodes: Any) -> Iterator[Any]:
    for node in nodes:
        yield node
        for attribute in node.attribute:
            for graph in subgraphs(attribute):
                yield from _all_nodes(graph.node)
