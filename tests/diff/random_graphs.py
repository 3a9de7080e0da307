"""Random small graphs, the same written in another way, and the same with one fault."""

import random

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from harness.diff.graph import COMMUTATIVE

UNARY = {"LeakyRelu": "alpha", "Elu": "alpha"}  # operators with a number of their own, by which each is told apart


def draw(seed: int, size: int) -> onnx.ModelProto:
    """A graph that reads x [2, 4] and gives y [2, 4]: every node reads the one before it, some an earlier one too."""
    chance = random.Random(seed)
    nodes, tensors, values = [], [], ["x"]
    for number in range(size):
        name, kind = f"v{number}", chance.choice(["unary", "binary", "weight", "bias", "split", "Tanh"])
        last = values[-1]
        if kind == "unary":
            operator = chance.choice([*UNARY])
            nodes.append(helper.make_node(operator, [last], [name], f"n{number}", alpha=0.05 + number / 100))
        elif kind == "binary":
            operator = chance.choice(["Add", "Sub", "Mul"])
            nodes.append(helper.make_node(operator, [last, chance.choice(values)], [name], f"n{number}"))
        elif kind in ("weight", "bias"):
            shape = (4, 4) if kind == "weight" else (4,)
            array = np.random.default_rng(seed * 1000 + number).standard_normal(shape).astype(np.float32)
            tensors.append(numpy_helper.from_array(array, f"t{number}"))
            nodes.append(
                helper.make_node("MatMul" if kind == "weight" else "Add", [last, f"t{number}"], [name], f"n{number}")
            )
        elif kind == "split":
            nodes.append(
                helper.make_node("Split", [last], [f"{name}a", f"{name}b"], f"s{number}", axis=1, num_outputs=2)
            )
            nodes.append(helper.make_node("Concat", [f"{name}b", f"{name}a"], [name], f"n{number}", axis=1))
        else:
            nodes.append(helper.make_node("Tanh", [last], [name], f"n{number}"))
        values.append(name)
    nodes.append(helper.make_node("Softmax", [values[-1]], ["y"], "end", axis=-1))
    return model(nodes, tensors)


def model(nodes, tensors, shape=("batch", 4)) -> onnx.ModelProto:
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)]
    outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)]
    graph = helper.make_graph(nodes, "graph", inputs, outputs, tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


def rewrite(of: onnx.ModelProto, seed: int) -> onnx.ModelProto:
    """The same function: every name is another, nodes and tensors stand in another order, some are Constants."""
    chance = random.Random(seed)
    found = onnx.ModelProto()
    found.CopyFrom(of)
    graph = found.graph
    names = {name for node in graph.node for name in (*node.input, *node.output)} - {""}
    new = dict(
        zip(sorted(names), chance.sample([f"r{number}" for number in range(len(names))], len(names)), strict=True)
    )
    for node in graph.node:
        inputs, outputs = [new.get(name, "") for name in node.input], [new[name] for name in node.output]
        if node.op_type in COMMUTATIVE and len(inputs) == 2 and chance.random() < 0.5:
            inputs.reverse()
        del node.input[:], node.output[:]
        node.input.extend(inputs)
        node.output.extend(outputs)
        node.name = ""
    for value in (*graph.input, *graph.output, *graph.initializer):
        value.name = new.get(value.name, value.name)
    constants = [tensor for tensor in graph.initializer if chance.random() < 0.3]
    kept = [tensor for tensor in graph.initializer if tensor not in constants]
    nodes = [*graph.node, *(helper.make_node("Constant", [], [tensor.name], value=tensor) for tensor in constants)]
    ordered = _shuffled(nodes, {value.name for value in (*graph.input, *kept)}, chance)
    del graph.node[:], graph.initializer[:]
    graph.node.extend(ordered)
    graph.initializer.extend(chance.sample(kept, len(kept)))
    return found


def _shuffled(nodes, known, chance):
    """Another order in which every node stands after those that it reads."""
    known, left, ordered = set(known), list(nodes), []
    while left:
        ready = [node for node in left if all(name in known or not name for name in node.input)]
        chosen = chance.choice(ready)
        left.remove(chosen)
        ordered.append(chosen)
        known |= set(chosen.output)
    return ordered


def without(of: onnx.ModelProto, name: str) -> onnx.ModelProto:
    """The model without one node, whose readers read what it read first."""
    found = onnx.ModelProto()
    found.CopyFrom(of)
    (dropped,) = [node for node in found.graph.node if node.name == name]
    for node in found.graph.node:
        for place, source in enumerate(node.input):
            if source == dropped.output[0]:
                node.input[place] = dropped.input[0]
    found.graph.node.remove(dropped)
    return found
