"""An .onnx file as it is read for counting: structure and shapes, without the weights' values."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from harness.errors import HarnessError

SMALL_TENSOR = 1024  # values; no tensor that shape inference reads (shapes, pads, axes) is larger
INDEX_LIMIT = 1 << 20  # values; larger index tables are dropped like weights
SUB_BYTE_BITS = {"UINT4": 4, "INT4": 4, "FLOAT4E2M1": 4, "UINT2": 2, "INT2": 2}


@dataclass(frozen=True, kw_only=True)
class StoredTensor:
    """A tensor that the file stores, by initializer or Constant node; ``values`` is how many numbers."""

    dims: tuple[int, ...]
    values: int
    floating: bool
    bytes: int


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
    """Read the structure of an .onnx file; external data is never needed and at most peeked at.

    Raises HarnessError where the file is missing, is no ONNX model, or names external data outside
    its own folder. A missing external file is no error: sizes are written in the model itself.
    """
    model = _parse(path)
    values = size = 0
    for tensor in tensors(model):
        stored = describe(tensor)
        values += stored.values
        size += stored.bytes
        _empty(tensor, path)
    initializers = {tensor.name: describe(tensor) for tensor in model.graph.initializer}
    for sparse in model.graph.sparse_initializer:
        initializers[sparse.values.name] = describe(sparse.values, tuple(sparse.dims))
    model = _inline(model, path)
    names = (*_names(model.graph), *(entry.domain for entry in model.opset_import))
    if not all(isinstance(name, str) for name in names):  # protobuf hands bad UTF-8 out as bytes
        raise HarnessError(f"{path}: a name in it is no text: the file is damaged; export or download it again")
    return OnnxFile(
        path=path,
        model=model,
        initializers=initializers,
        stored_values=values,
        stored_bytes=size,
    )


def _parse(path: Path) -> Any:
    import onnx

    try:
        model = onnx.load(path, format="protobuf", load_external_data=False)
    except OSError as error:
        raise HarnessError(f"{path}: cannot be read: {error.strerror or error}") from error
    except Exception as error:  # protobuf's DecodeError, or whatever the bytes provoke
        raise HarnessError(f"{path}: not an ONNX model, or cut off; export or download it again") from error
    # An empty or cut file can parse as a model without content.
    if not (model.HasField("graph") and model.graph.output and model.opset_import):
        raise HarnessError(f"{path}: holds no ONNX graph with outputs; export or download it again")
    return model


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
            for graph in subgraphs(attribute):
                yield from _graph_tensors(graph)


def _names(graph: Any) -> Iterator[Any]:
    for part in (graph.input, graph.output, graph.initializer):
        yield from (value.name for value in part)
    for node in graph.node:
        yield from (node.name, node.op_type, node.domain, *node.input, *node.output)
        for attribute in node.attribute:
            yield attribute.name
            for inner in subgraphs(attribute):
                yield from _names(inner)


def subgraphs(attribute: Any) -> list[Any]:
    """The graphs that an attribute holds: branches of If, bodies of Loop, Scan and SequenceMap."""
    return [*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs]


def describe(tensor: Any, dims: tuple[int, ...] | None = None) -> StoredTensor:
    """What a TensorProto stores, from its dims and type alone; ``dims`` where it is a sparse tensor's."""
    import onnx

    values = math.prod(tensor.dims)
    try:
        name = onnx.TensorProto.DataType.Name(tensor.data_type)
    except ValueError as error:
        raise HarnessError(f"tensor {tensor.name!r} has the unknown data type {tensor.data_type}") from error
    if any(size < 0 for size in tensor.dims):
        raise HarnessError(f"tensor {tensor.name!r} has a negative size: {list(tensor.dims)}")
    if name == "STRING":
        size = sum(map(len, tensor.string_data))
    elif name == "UNDEFINED":
        size = 0
    else:
        whole = onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type).itemsize * 8
        size = (values * SUB_BYTE_BITS.get(name, whole) + 7) // 8
    floating = name.startswith(("FLOAT", "BFLOAT", "DOUBLE"))
    return StoredTensor(dims=dims or tuple(tensor.dims), values=values, floating=floating, bytes=size)


def _empty(tensor: Any, path: Path) -> None:
    """Drop the values of a tensor, except of those that shape inference may read."""
    import onnx

    index = tensor.data_type in (onnx.TensorProto.INT32, onnx.TensorProto.INT64)
    external = tensor.data_location == onnx.TensorProto.EXTERNAL
    values = math.prod(tensor.dims)
    if external:
        _check_location(tensor, path)
        if index and values <= SMALL_TENSOR and _load(tensor, path):
            return
    elif values <= SMALL_TENSOR or (index and values <= INDEX_LIMIT):
        return
    kept = {"name", "dims", "data_type"}
    for field, _ in tensor.ListFields():
        if field.name not in kept:
            tensor.ClearField(field.name)


def _check_location(tensor: Any, path: Path) -> None:
    location = next((entry.value for entry in tensor.external_data if entry.key == "location"), "")
    parts = PurePosixPath(location.replace("\\", "/")).parts
    absolute = PurePosixPath(location).is_absolute() or PureWindowsPath(location).anchor
    if not location or absolute or ".." in parts:
        raise HarnessError(
            f"{path}: tensor {tensor.name!r} names external data at {location!r}; "
            "expected a file inside the model's own folder"
        )


def _load(tensor: Any, path: Path) -> bool:
    """Read one small external tensor into the model; False where its file cannot give it."""
    from onnx import external_data_helper

    try:
        external_data_helper.load_external_data_for_tensor(tensor, str(path.parent))
    except Exception:  # missing, short, a link out of the folder: the shape stays open, with a reason
        return False
    tensor.data_location = 0
    tensor.ClearField("external_data")
    return True


def _inline(model: Any, path: Path) -> Any:
    if not model.functions:
        return model
    from onnx import inliner

    try:
        return inliner.inline_local_functions(model)
    except Exception as error:  # the C++ inliner raises bare RuntimeError and worse
        raise HarnessError(f"{path}: its local functions cannot be inlined; is the file damaged?") from error
