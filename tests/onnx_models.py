"""Small ONNX models written by hand, and what the ledger finds in them."""

import tempfile
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from harness.cost.ledger import ledger
from harness.measurements.types import Cost
from harness.timing.latency import Subject

FLOAT = TensorProto.FLOAT


def weight(name, *shape):
    # Each its own values, so that nothing that merges equal tensors can hide a mistake; none all alike, as pooling's.
    values = sum(map(ord, name)) / 97 + np.arange(np.prod(shape, dtype=int), dtype=np.float32) / 4096
    return numpy_helper.from_array(values.reshape(shape).astype(np.float32), name)


def ones(name, *shape):
    return numpy_helper.from_array(np.ones(shape, np.float32), name)


def integers(name, values):
    return numpy_helper.from_array(np.array(values, np.int64), name)


def make(nodes, inputs, weights=(), *, output="y", opset=18, domains=(), metadata=None, functions=()):
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info(name, FLOAT, shape) for name, shape in inputs.items()],
        [onnx.ValueInfoProto(name=output, type=helper.make_tensor_type_proto(FLOAT, None))],
        list(weights),
    )
    opsets = [helper.make_opsetid("", opset), *(helper.make_opsetid(domain, 1) for domain in domains)]
    model = helper.make_model(graph, opset_imports=opsets, functions=functions)
    helper.set_model_props(model, metadata or {})
    return model


def node(operator, inputs, outputs="y", **attributes):
    return helper.make_node(operator, inputs.split(), outputs.split(), **attributes)


def contributed(operator, inputs, outputs="y", **attributes):
    """A node of onnxruntime's own; "-" stands for an input that is left out."""
    names = ["" if name == "-" else name for name in inputs.split()]
    return helper.make_node(operator, names, outputs.split(), domain="com.microsoft", **attributes)


def count(nodes, inputs, weights=(), input_shapes=None, batch=None, **options) -> Cost:
    """The ledger of a model of these nodes, written to a file and read again."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        onnx.save(make(nodes, inputs, weights, **options), path)
        return ledger(path, input_shapes, batch=batch)


def saved(path: Path, nodes, inputs, weights=()) -> Path:
    """A model of these nodes in a file, of a version that onnxruntime reads: onnx itself writes newer ones."""
    model = make(nodes, inputs, weights)
    model.ir_version = 10
    onnx.save(model, path)
    return path


def product(folder: Path) -> Subject:
    """A matrix product, then its largest value in every row."""
    nodes = [node("MatMul", "image w", "scores"), node("ReduceMax", "scores", "y")]
    path = saved(folder / "product.onnx", nodes, {"image": ["batch", 4]}, [weight("w", 4, 4)])
    return Subject(key="product", model=path, shapes={"image": (2, 4)}, threads=1)


KERNEL = weight("w", 4, 3, 3, 3)
