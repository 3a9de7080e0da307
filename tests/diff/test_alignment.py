"""Two graphs are aligned by their structure: names and order say nothing, and each fault is named."""

import itertools
import random

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from harness.diff import sequences
from harness.diff.alignment import align_graphs
from harness.diff.graph import read_graph
from harness.diff.nodes import GraphDifference, compare_graphs
from harness.errors import HarnessError
from tests.diff import random_graphs

SEEDS, SIZES = st.integers(0, 10_000), st.integers(1, 25)


def compare(a: onnx.ModelProto, b: onnx.ModelProto) -> GraphDifference:
    one, other = read_graph(a), read_graph(b)
    return compare_graphs(one, other, align_graphs(one, other))


def copy(of: onnx.ModelProto) -> onnx.ModelProto:
    found = onnx.ModelProto()
    found.CopyFrom(of)
    return found


def names(found: GraphDifference) -> set[str]:
    return {one.name_a for one in found.changed} | {one.name for one in (*found.only_a, *found.only_b)}


@given(SEEDS, SIZES)
def test_graph_written_in_another_way_is_the_same(seed, size):
    model = random_graphs.draw(seed, size)
    assert compare(model, random_graphs.rewrite(model, seed)).is_none


@given(SEEDS, SIZES)
def test_weight_that_differs_is_the_only_difference(seed, size):
    model = random_graphs.draw(seed, size)
    if not model.graph.initializer:
        return
    changed = copy(model)
    tensor = random.Random(seed).choice(changed.graph.initializer)
    array = numpy_helper.to_array(tensor).copy()
    array.flat[-1] += 1
    tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))
    found = compare(model, random_graphs.rewrite(changed, seed))
    (one,) = found.tensors
    assert (one.name_a, one.distance.differing, one.distance.largest) == (tensor.name, 1, pytest.approx(1, rel=1e-5))
    assert not names(found)


@given(SEEDS, SIZES, st.sampled_from(["attribute", "operator", "dropped", "added", "inputs"]))
def test_node_that_differs_is_named_and_no_other(seed, size, fault):
    model = random_graphs.draw(seed, size)
    operators = ("Sub",) if fault == "inputs" else ("LeakyRelu", "Elu")
    places = [
        place
        for place, node in enumerate(model.graph.node)
        if node.op_type in operators and len(set(node.input)) == len(node.input)
    ]
    if not places:
        return
    changed = copy(model)
    node = changed.graph.node[random.Random(seed).choice(places)]
    if fault == "attribute":
        node.attribute[0].f = 0.99
    elif fault == "operator":
        node.op_type = "Celu" if node.op_type == "Elu" else "ThresholdedRelu"
    elif fault == "inputs":
        node.input[:] = [*reversed(node.input)]
    else:
        changed = random_graphs.without(model, node.name)
    changed = random_graphs.rewrite(changed, seed)
    found = compare(changed, model) if fault == "added" else compare(model, changed)
    told = {one.name_b for one in found.changed} if fault == "added" else {one.name_a for one in found.changed}
    assert told | {one.name for one in (*found.only_a, *found.only_b)} == {node.name}
    assert not found.tensors
    expected = {"attribute": ["alpha"], "operator": ["operator"], "inputs": ["input 0", "input 1"]}
    assert [one.what for one in found.changed] == expected.get(fault, [])


@given(SEEDS, st.integers(2, 15))
def test_swapped_neighbours_are_named_and_no_other(seed, size):
    nodes = [
        helper.make_node("LeakyRelu", [f"v{n - 1}" if n else "x"], [f"v{n}"], f"n{n}", alpha=0.1 + n)
        for n in range(size)
    ]
    nodes.append(helper.make_node("Tanh", [f"v{size - 1}"], ["y"], "end"))
    model = random_graphs.model(nodes, [])
    changed = copy(model)
    place = random.Random(seed).randrange(size - 1)
    one, other = changed.graph.node[place], changed.graph.node[place + 1]
    one.attribute[0].f, other.attribute[0].f = other.attribute[0].f, one.attribute[0].f
    found = compare(model, random_graphs.rewrite(changed, seed))
    lone = [each.name for each in found.only_a]
    assert {*lone, *(each.name_a for each in found.changed)} <= {one.name, other.name}
    assert not found.is_none


@given(SEEDS, SIZES)
def test_retrained_network_without_a_node_differs_by_that_node_alone(seed, size):
    model = random_graphs.draw(seed, size)
    chosen = [node.name for node in model.graph.node if node.op_type in random_graphs.UNARY]
    if not chosen:
        return
    changed = random_graphs.without(model, random.Random(seed).choice(chosen))
    for tensor in changed.graph.initializer:
        tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor) + 1, tensor.name))
    found = compare(model, random_graphs.rewrite(changed, seed))
    assert names(found) == {node.name for node in model.graph.node} - {node.name for node in changed.graph.node}
    assert {one.name_a for one in found.tensors} == {tensor.name for tensor in model.graph.initializer}


@given(st.lists(st.integers(0, 4), max_size=20), st.lists(st.integers(0, 4), max_size=20))
def test_common_subsequence_is_one_and_the_longest(a, b):
    found = sequences.align(a, b)
    assert all(a[one] == b[other] for one, other in found)
    assert all(one < after[0] and other < after[1] for (one, other), after in itertools.pairwise(found))
    lengths = np.zeros((len(a) + 1, len(b) + 1), int)
    for i, one in enumerate(a):
        for j, other in enumerate(b):
            lengths[i + 1, j + 1] = lengths[i, j] + 1 if one == other else max(lengths[i, j + 1], lengths[i + 1, j])
    assert len(found) == lengths[-1, -1]


def test_defaults_written_out_are_the_same():
    weight = numpy_helper.from_array(np.ones((1, 1, 3, 3), np.float32), "w")
    short = helper.make_node("Conv", ["x", "w"], ["y"], "conv")
    long = helper.make_node(
        "Conv",
        ["x", "w", ""],
        ["y"],
        "conv",
        pads=[0] * 4,
        strides=[1, 1],
        dilations=[1, 1],
        group=1,
        auto_pad="NOTSET",
    )
    a, b = (random_graphs.model([node], [weight], [1, 1, 5, 5]) for node in (short, long))
    assert compare(a, b).is_none


def conditional(slope: float, name: str) -> onnx.ModelProto:
    """A model whose branches read a value from outside; the first has a LeakyRelu of that slope."""
    body = [helper.make_tensor_value_info(f"{name}_out", TensorProto.FLOAT, None)]
    branches = [
        helper.make_graph([node], "branch", [], body)
        for node in (
            helper.make_node("LeakyRelu", ["h"], [f"{name}_out"], f"{name}_leaky", alpha=slope),
            helper.make_node("Tanh", ["h"], [f"{name}_out"], f"{name}_tanh"),
        )
    ]
    yes = numpy_helper.from_array(np.array(True), "yes")
    nodes = [
        helper.make_node("Neg", ["x"], ["h"], "neg"),
        helper.make_node("If", ["yes"], ["y"], "if", then_branch=branches[0], else_branch=branches[1]),
    ]
    return random_graphs.model(nodes, [yes])


def test_node_in_a_branch_is_named_with_its_place():
    assert compare(conditional(0.1, "a"), conditional(0.1, "b")).is_none
    (change,) = compare(conditional(0.1, "a"), conditional(0.2, "b")).changed
    assert (change.name_a, change.name_b, change.what) == (
        "if/then_branch: a_leaky",
        "if/then_branch: b_leaky",
        "alpha",
    )


def test_nodes_in_a_circle_are_refused():
    nodes = [
        helper.make_node("Neg", ["b"], ["a"]),
        helper.make_node("Neg", ["a"], ["b"]),
        helper.make_node("Neg", ["b"], ["y"]),
    ]
    with pytest.raises(HarnessError, match="circle"):
        read_graph(random_graphs.model(nodes, []))


def test_long_chain_is_aligned_without_recursion():
    nodes = [helper.make_node("LeakyRelu", [f"v{n}"], [f"v{n + 1}"], f"n{n}", alpha=1.0 + n % 7) for n in range(3000)]
    nodes = [helper.make_node("Neg", ["x"], ["v0"], "first"), *nodes, helper.make_node("Neg", ["v3000"], ["y"], "last")]
    model = random_graphs.model(nodes, [])
    changed = copy(model)
    changed.graph.node[1000].attribute[0].f = 99
    changed = random_graphs.without(changed, "n2000")
    found = compare(model, changed)
    assert names(found) == {"n999", "n2000"}
