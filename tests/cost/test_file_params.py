"""Which numbers of a bare file are parameters."""

import numpy as np
import pytest
from onnx import helper, numpy_helper

from tests.onnx_models import KERNEL, count, integers, node, weight


def test_quantized_weights():
    kernel = numpy_helper.from_array(np.ones((4, 3, 3, 3), np.int8), "w8")
    scale = numpy_helper.from_array(np.float32(0.5), "s")
    nodes = [node("DequantizeLinear", "w8 s", "w"), node("Conv", "x w")]
    found = count(nodes, {"x": ["N", 3, 6, 6]}, [kernel, scale])
    assert (found.macs, found.params, found.stored_bytes) == (4 * 16 * 27, 108, 108 + 4)


def test_params_leave_out_statistics_and_count_a_shared_tensor_once():
    nodes = [
        node("Conv", "x w b", "c"),
        node("BatchNormalization", "c scale shift mean var", "n"),
        node("Clip", "n low high", "r"),
        node("Transpose", "r", "t", perm=[0, 2, 3, 1]),
        node("MatMul", "t m", "one"),
        node("MatMul", "one m", "two"),
        node("Mul", "two half", "h"),
        node("Add", "h gain", "g"),
        node("MatMul", "g v", "last"),
        node("Add", "last single"),
    ]
    statistics = [weight(name, 4) for name in ("scale", "shift", "mean", "var")]
    scalars = [weight(name) for name in ("low", "high", "half")]
    others = [weight("b", 4), weight("m", 4, 4), weight("gain", 4), weight("v", 4, 1), weight("single", 1)]
    found = count(nodes, {"x": ["N", 3, 8, 8]}, [KERNEL, *statistics, *scalars, *others])
    assert found.params == 108 + 4 + (4 + 4) + 16 + 4 + 4 + 1
    assert found.stored_values == found.params + 8 + 3
    assert found.folded_batch_norm is None, "another exporter's file does not tell"
    folded = count([node("Conv", "x w")], {"x": ["N", 3, 8, 8]}, [KERNEL], metadata={"batch_norm": "folded"})
    assert folded.folded_batch_norm


@pytest.mark.parametrize(("scale", "shift"), [(True, True), (True, False), (False, True), (False, False)])
def test_statistics_of_a_written_out_batch_norm_are_left_out(scale, shift):
    """TensorFlow's form, of a network whose weights the exporter has not folded."""
    nodes = [
        node("Add", "variance epsilon", "a"),
        node("Sqrt", "a", "s"),
        node("Reciprocal", "s", "inverse"),
        *([node("Mul", "inverse gamma", "m")] if scale else [node("Identity", "inverse", "m")]),
        node("Mul", "x m", "scaled"),
        *([node("Mul", "mean m", "p"), node("Sub", "beta p", "q")] if shift else []),
        *([] if shift else [node("Neg", "mean", "n"), node("Mul", "n m", "q")]),
        node("Add", "scaled q"),
    ]
    weights = [*(weight(name, 4) for name in ("variance", "mean", "gamma", "beta")), weight("epsilon")]
    assert count(nodes, {"x": ["N", 4]}, weights).params == 4 * scale + 4 * shift


def test_gathered_weights_count_whole_and_once():
    """As a table of relative positions is read: by position, and by coordinates."""
    nodes = [
        node("Gather", "table where", "a"),
        node("GatherND", "table pairs", "b"),
        node("Add", "a b", "c"),
        node("Add", "c x"),
    ]
    stored = [weight("table", 20, 5), integers("where", [1, 2, 3]), integers("pairs", [[1], [2], [3]])]
    assert count(nodes, {"x": [3, 5]}, stored).params == 100


def test_classical_models_count_what_they_learned():
    linear = {"coefficients": [0.5] * 12, "intercepts": [0.1] * 3, "classlabels_ints": [0, 1, 2]}
    classifier = helper.make_node("LinearClassifier", ["x"], ["label", "y"], domain="ai.onnx.ml", **linear)
    found = count([classifier], {"x": ["N", 4]}, domains=["ai.onnx.ml"])
    assert (found.macs, found.params) == (12, 15)
    nodes = ("nodes_treeids", "nodes_nodeids", "nodes_featureids", "nodes_truenodeids", "nodes_falsenodeids")
    tree = helper.make_node(
        "TreeEnsembleRegressor", ["x"], ["y"], domain="ai.onnx.ml", n_targets=1,
        **dict(zip(nodes, ([0] * 3, [0, 1, 2], [2, 0, 0], [1, 0, 0], [2, 0, 0]), strict=True)),
        nodes_values=[0.5, 0.0, 0.0], nodes_modes=["BRANCH_LEQ", "LEAF", "LEAF"],
        target_treeids=[0, 0], target_nodeids=[1, 2], target_ids=[0, 0], target_weights=[1.0, 2.0],
    )  # fmt: skip
    found = count([tree], {"x": ["N", 4]}, domains=["ai.onnx.ml"])
    assert (found.macs, found.params) == (0, 5)
    vectors = helper.make_node(
        "SVMRegressor", ["x"], ["y"], domain="ai.onnx.ml", support_vectors=[1.0] * 8, coefficients=[0.5] * 2
    )
    found = count([vectors], {"x": ["N", 4]}, domains=["ai.onnx.ml"])
    assert (found.macs, found.params) == (10, 10)


@pytest.mark.parametrize("kept_as", ["constant", "initializer"])
def test_the_branches_of_an_if_have_tensors_of_their_own_whatever_they_are_called(kept_as):
    def branch(outputs, name):
        tensor = weight("w", 4, outputs)
        constants = [helper.make_node("Constant", [], ["w"], value=tensor)] if kept_as == "constant" else []
        nodes = [*constants, node("MatMul", "x w", "m"), node("ReduceSum", "m", name)]
        initializers = [] if constants else [tensor]
        return helper.make_graph(nodes, name, [], [helper.make_tensor_value_info(name, 1, None)], initializers)

    chosen = helper.make_node("If", ["c"], ["y"], then_branch=branch(100, "t"), else_branch=branch(7, "e"))
    nodes = [node("ReduceSum", "x", "s", keepdims=0), node("Cast", "s", "c", to=9), chosen]
    assert count(nodes, {"x": [1, 4]}).params == 4 * (100 + 7)


@pytest.mark.parametrize("kind", [np.int8, np.uint8])
def test_a_quantised_embedding_is_learned_and_a_table_of_indices_is_not(kind):
    table = numpy_helper.from_array(np.ones((50, 8), kind), "table")
    indices = integers("indices", [[1, 2], [3, 4]])
    first = integers("first", [0, 1])
    read = [node("Gather", "table first", "e"), node("Cast", "e", "f", to=1), node("Gather", "indices first", "unused")]
    nodes = [*read, node("MatMul", "f w")]
    assert count(nodes, {}, [table, indices, first, weight("w", 8, 3)]).params == 50 * 8 + 8 * 3


def test_a_table_of_positions_that_is_resized_is_learned():
    sizes = integers("sizes", [1, 8, 6, 6])
    nodes = [helper.make_node("Resize", ["positions", "", "", "sizes"], ["p"]), node("Add", "x p")]
    assert count(nodes, {"x": ["N", 8, 6, 6]}, [weight("positions", 1, 8, 4, 4), sizes]).params == 8 * 16
