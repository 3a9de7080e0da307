"""Ifs: which branch runs is decided by shapes, and else the input is named whose value decides."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from harness.cost.ledger import ledger
from harness.errors import HarnessError
from tests.onnx_models import FLOAT, count, integers, make, node, weight


def branch(name, *nodes, initializers=()):
    output = onnx.ValueInfoProto(name=name, type=helper.make_tensor_type_proto(FLOAT, None))
    return helper.make_graph(nodes, name, [], [output], list(initializers))


def choice(condition, then, other, output="r"):
    return helper.make_node("If", [condition], [output], then_branch=then, else_branch=other)


LONG = branch("l", node("MatMul", "x long", "l"))
SHORT = branch("s", node("MatMul", "x short", "s"))
MATRICES = [
    weight("long", 8, 5),
    weight("short", 8, 3),
    weight("after", 5, 2),
    integers("four", [4]),
    integers("one", [1]),
]
LENGTH = [
    node("Shape", "x", "all"),
    node("Slice", "all one two", "size"),
    node("Greater", "size four", "many"),
    node("Squeeze", "many", "is_long"),
]


@pytest.mark.parametrize(("length", "macs"), [(6, 6 * 8 * 5), (3, 3 * 8 * 3)])
def test_a_branch_that_the_shapes_decide_is_decided(length, macs):
    nodes = [*LENGTH, choice("is_long", LONG, SHORT, "y")]
    found = count(nodes, {"x": ["N", "length", 8]}, [*MATRICES, integers("two", [2])], {"x": (1, length, 8)})
    assert found.macs == macs, found.unknown_operators
    assert found.params == 8 * 5 + 8 * 3


def test_what_follows_a_decided_branch_is_known():
    """Its branches give 5 and 3 numbers; the product behind it needs 5."""
    nodes = [*LENGTH, choice("is_long", LONG, SHORT), node("MatMul", "r after")]
    stored = [*MATRICES, integers("two", [2])]
    found = count(nodes, {"x": ["N", 6, 8]}, stored)
    assert found.macs == 6 * 8 * 5 + 6 * 5 * 2, found.unknown_operators


def test_a_branch_in_a_branch_is_decided_by_the_shapes_in_it():
    inner = [
        node("Shape", "x", "sizes"),
        node("Slice", "sizes one two", "width"),
        node("Greater", "width four", "wide"),
        node("Squeeze", "wide", "is_wide"),
        choice("is_wide", branch("a", node("MatMul", "x long", "a")), branch("b", node("MatMul", "x short", "b")), "o"),
    ]
    outer = choice("c", branch("o", *inner), branch("e", node("MatMul", "x long", "e")), "y")
    asked = [node("ReduceSum", "flag", "sum", keepdims=0), node("Cast", "sum", "c", to=TensorProto.BOOL)]
    stored = [*MATRICES, integers("two", [2])]
    found = count([*asked, outer], {"x": ["N", 6, 8], "flag": [3]}, stored)
    assert found.macs == 6 * 8 * 5, found.unknown_operators


def test_the_input_whose_value_decides_is_named():
    asked = [node("ReduceSum", "rate", "sum", keepdims=0), node("Cast", "sum", "c", to=TensorProto.BOOL)]
    nodes = [*asked, choice("c", LONG, SHORT, "y")]
    found = count(nodes, {"x": ["N", 6, 8], "rate": [1]}, MATRICES)
    assert found.macs is None
    reason = found.unknown_operators["If"]
    assert "depends on the value of input rate, and they cost 240 and 144" in reason
    drawn = [node("RandomUniform", "", "u", shape=[1]), node("Cast", "u", "c", to=TensorProto.BOOL)]
    reason = count([*drawn, choice("c", LONG, SHORT, "y")], {"x": ["N", 6, 8]}, MATRICES).unknown_operators["If"]
    assert reason.startswith("which of its branches runs is not known")


def test_a_branch_that_never_runs_need_not_fit_the_given_shape(tmp_path):
    """The branch for long sequences cannot take a short one, as the inference of its shapes says."""
    reshaped = branch("l", node("Flatten", "x", "g"), node("Gemm", "g dense", "l"))
    stored = [*MATRICES, integers("two", [2]), weight("dense", 48, 5)]
    nodes = [*LENGTH, choice("is_long", reshaped, SHORT, "y")]
    assert count(nodes, {"x": ["N", "length", 8]}, stored, {"x": (1, 3, 8)}).macs == 3 * 8 * 3
    with pytest.raises(HarnessError, match="does not fit"):
        count(nodes, {"x": ["N", "length", 8]}, stored, {"x": (1, 7, 8)})


def test_a_fault_of_the_file_is_no_fault_of_the_given_shape(tmp_path):
    """Its inference fails at any shape; so what could be counted is counted, and the reason is told."""
    nodes = [node("Reshape", "w target", "bad"), node("MatMul", "x v")]
    stored = [weight("w", 7), integers("target", [2, 2]), weight("v", 8, 5)]
    found = count(nodes, {"x": ["N", 6, 8]}, stored, {"x": (1, 6, 8)})
    assert found.macs == 6 * 8 * 5


def test_a_stored_condition_is_known(tmp_path):
    yes = numpy_helper.from_array(np.array(True), "yes")
    found = count([choice("yes", LONG, SHORT, "y")], {"x": ["N", 6, 8]}, [*MATRICES, yes])
    assert found.macs == 6 * 8 * 5
    onnx.save(make([choice("yes", LONG, SHORT, "y")], {"x": ["N", 6, 8]}, [*MATRICES, yes]), tmp_path / "if.onnx")
    assert ledger(tmp_path / "if.onnx").macs == found.macs
