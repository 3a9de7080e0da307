"""An operator costs what the products cost that it stands for, written out: both are run, and give the same numbers."""

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from tests.onnx_models import contributed, count, integers, make, node, weight

RANDOM = np.random.default_rng(0)


def stored(name, values):
    return numpy_helper.from_array(np.asarray(values), name)


def drawn(*shape):
    return RANDOM.normal(size=shape).astype(np.float32)


def run(nodes, inputs, weights, opset=20, domains=(), reference=False):
    """What a network gives on random inputs of its shapes, always the same."""
    model = make(nodes, inputs, weights, opset=opset, domains=domains)
    model.ir_version = 10
    random = np.random.default_rng(1)
    fed = {name: random.normal(size=shape).astype(np.float32) for name, shape in inputs.items()}
    if reference:
        return ReferenceEvaluator(model).run(None, fed)[0]
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, fed)[0]


def check_alike(one, other, inputs, one_stored=(), other_stored=(), **options):
    """Both networks give the same numbers and cost the same."""
    shapes = [run(nodes, inputs, weights, **options) for nodes, weights in ((one, one_stored), (other, other_stored))]
    np.testing.assert_allclose(shapes[0].ravel(), shapes[1].ravel(), rtol=1e-3, atol=1e-3)
    options.pop("reference", None)
    found = count(one, inputs, one_stored, **{"opset": 20, **options})
    written = count(other, inputs, other_stored, **{"opset": 20, **options})
    assert found.macs, found.unknown_operators
    assert found.macs == written.macs
    return found


def waves(taken, bins, length):
    """Real and imaginary parts of the waves (bins, 2, taken)."""
    angles = -2 * np.pi * np.outer(np.arange(bins), np.arange(taken)) / length
    return np.stack([np.cos(angles), np.sin(angles)], 1).astype(np.float32)


@pytest.mark.parametrize("length", [8, 12])
@pytest.mark.parametrize("onesided", [0, 1])
def test_a_real_transform_is_a_product_with_its_waves(length, onesided):
    """Of 8 values; the zeros that fill them up to 12 multiply nothing."""
    bins = length // 2 + 1 if onesided else length
    transform = node("DFT", "x length axis", onesided=onesided)
    matrix = stored("w", waves(8, bins, length).reshape(-1, 8).T.copy())
    written = [node("Squeeze", "x last", "s"), node("MatMul", "s w")]
    lengths = [integers("length", length), integers("axis", -2)]
    check_alike([transform], written, {"x": [1, 8, 1]}, lengths, [integers("last", [2]), matrix])


def test_a_complex_transform_is_four_real_products():
    real, imaginary = np.moveaxis(waves(8, 8, 8), 1, 0)
    matrix = np.block([[real, -imaginary], [imaginary, real]]).T.astype(np.float32)
    written = [
        node("Transpose", "x", "t", perm=[0, 2, 1]),
        node("Reshape", "t flat", "f"),
        node("MatMul", "f w", "m"),
        node("Reshape", "m parts", "p"),
        node("Transpose", "p", perm=[0, 2, 1]),
    ]
    shapes = [integers("flat", [1, 16]), integers("parts", [1, 2, 8]), stored("w", matrix)]
    check_alike(
        [node("DFT", "x none axis")],
        written,
        {"x": [1, 8, 2]},
        [integers("axis", 1), integers("none", 8)],
        shapes,
    )


def test_a_short_time_transform_is_a_convolution_with_windowed_waves():
    window = np.hanning(8).astype(np.float32)
    kernel = (waves(8, 5, 8).reshape(10, 1, 8) * window).astype(np.float32)
    transform = node("STFT", "x step window", onesided=1)
    written = [
        node("Transpose", "x", "t", perm=[0, 2, 1]),
        node("Conv", "t k", "c", strides=[4]),
        node("Transpose", "c", perm=[0, 2, 1]),
    ]
    given = [integers("step", 4), stored("window", window)]
    check_alike([transform], written, {"x": [1, 32, 1]}, given, [stored("k", kernel)])


@pytest.mark.parametrize("inverse", [0, 1])
def test_the_axis_of_a_transform_must_be_known(inverse):
    """Before opset 20 it is an attribute, and then an input, whose value may be an input's."""
    inputs = {"x": ["N", 6, 4, 2]}
    assert count([node("DFT", "x", axis=2, inverse=inverse)], inputs, opset=17).macs == 6 * 4 * 2 * 4 * 2
    computed = [node("Cast", "a", "axis", to=TensorProto.INT64), node("DFT", "x length axis", inverse=inverse)]
    found = count(computed, {**inputs, "a": []}, [integers("length", 4)], opset=20)
    assert found.macs is None
    assert "DFT" in found.unknown_operators


def test_grouped_queries_cost_what_the_standard_attention_does():
    batch, length, heads, key_heads, width = 1, 5, 4, 2, 8
    fused = contributed("GroupQueryAttention", "q k v - - lengths total", num_heads=heads, kv_num_heads=key_heads)
    standard = node("Attention", "q k v", q_num_heads=heads, kv_num_heads=key_heads, is_causal=1)
    inputs = {"q": [batch, length, heads * width], **{name: [batch, length, key_heads * width] for name in "kv"}}
    sizes = [stored("lengths", np.int32([length - 1])), stored("total", np.int32(length))]
    check_alike([fused], [standard], inputs, sizes, opset=23, domains=["com.microsoft"])


def test_grouped_queries_reach_past_keys_and_may_be_packed():
    inputs = {"q": ["N", 3, (4 + 2 * 2) * 8], "p": ["N", 2, 7, 8], "o": ["N", 2, 7, 8], "lengths": ["N"], "total": []}
    packed = contributed("GroupQueryAttention", "q - - p o lengths total", num_heads=4, kv_num_heads=2)
    found = count(
        [packed, node("MatMul", "y w", "z")], inputs, [weight("w", 32, 2)], output="z", domains=["com.microsoft"]
    )
    assert found.macs_by_operator == {"com.microsoft.GroupQueryAttention": 4 * 3 * 10 * 2 * 8, "MatMul": 3 * 32 * 2}


@pytest.mark.parametrize("rule", ["linear", "delta"])
def test_a_linear_attention_of_one_token_is_its_products_written_out(rule):
    """The state is read, with the delta rule to correct the value too, and written."""
    shapes = {"q": [1, 1, 4], "k": [1, 1, 4], "v": [1, 1, 6], "p": [1, 1, 4, 6], "b": [1, 1, 1]}
    fused = helper.make_node(
        "LinearAttention", ["q", "k", "v", "p", *(["", "b"] if rule == "delta" else [])], ["y"],
        q_num_heads=1, kv_num_heads=1, update_rule=rule, scale=1.0,
    )  # fmt: skip
    corrected = [node("MatMul", "k state", "r"), node("Sub", "v r", "d"), node("Mul", "b d", "value")]
    written = [
        node("Squeeze", "p first", "state"),
        *(corrected if rule == "delta" else [node("Identity", "v", "value")]),
        node("Transpose", "k", "t", perm=[0, 2, 1]),
        node("MatMul", "t value", "outer"),
        node("Add", "state outer", "written"),
        node("MatMul", "q written"),
    ]
    found = check_alike([fused], written, shapes, [], [integers("first", [0])], opset=27, reference=True)
    assert found.macs == 24 * (3 if rule == "delta" else 2)


def test_a_linear_attention_of_groups_and_its_shape():
    inputs = {"q": ["N", 5, 4 * 3], "k": ["N", 5, 2 * 3], "v": ["N", 5, 2 * 6]}
    for made, opset in (
        (node("LinearAttention", "q k v", "y state", q_num_heads=4, kv_num_heads=2, update_rule="linear"), 27),
        (contributed("LinearAttention", "q k v", q_num_heads=4, kv_num_heads=2, update_rule="linear"), 18),
    ):
        nodes = [made, node("MatMul", "y w", "z")]
        found = count(nodes, inputs, [weight("w", 24, 2)], output="z", opset=opset, domains=["com.microsoft"])
        assert found.macs == 5 * 3 * 6 * (4 + 2) + 5 * 24 * 2, found.unknown_operators


def test_a_causal_convolution_with_a_state_is_a_padded_one():
    kernel = weight("k", 4, 1, 3)
    inputs = {"x": [1, 4, 7]}
    written = [node("Conv", "x k", group=4, pads=[2, 0])]
    found = check_alike(
        [node("CausalConvWithState", "x k", "y state")], written, inputs, [kernel], [kernel], opset=27, reference=True
    )
    assert found.params == 12
    fused = contributed("CausalConvWithState", "x k", "y state")
    same = check_alike([fused], written, inputs, [kernel], [kernel], domains=["com.microsoft"])
    assert (same.macs, same.params) == (found.macs, 12)


def test_a_vector_machine_is_two_products():
    """The features meet every support vector, and the coefficients weigh what comes out."""
    vectors, coefficients = drawn(5, 3), drawn(5)
    machine = helper.make_node(
        "SVMRegressor", ["x"], ["y"], domain="ai.onnx.ml", kernel_type="LINEAR", n_supports=5, rho=[0.0],
        support_vectors=vectors.ravel(), coefficients=coefficients, kernel_params=[0.0, 0.0, 3.0],
    )  # fmt: skip
    written = [node("MatMul", "x v", "m"), node("MatMul", "m c")]
    matrices = [stored("v", vectors.T.copy()), stored("c", coefficients[:, None])]
    found = check_alike([machine], written, {"x": [1, 3]}, [], matrices, domains=["ai.onnx.ml"])
    assert (found.macs, found.params) == (20, 21)  # rho too


@pytest.mark.parametrize(("classes", "probabilities"), [(2, False), (3, False), (4, False), (2, True), (3, True)])
def test_the_scores_of_a_vector_machine_have_the_shape_that_onnxruntime_gives(classes, probabilities):
    pairs = classes * (classes - 1) // 2
    fitted = {"prob_a": [1.0] * pairs, "prob_b": [0.0] * pairs} if probabilities else {}
    machine = helper.make_node(
        "SVMClassifier", ["x"], ["label", "scores"], domain="ai.onnx.ml", kernel_type="RBF", rho=[0.0] * pairs,
        support_vectors=drawn(2 * classes * 3).ravel(), vectors_per_class=[2] * classes, kernel_params=[0.5, 0.0, 3.0],
        coefficients=drawn(2 * classes * (classes - 1)), classlabels_ints=list(range(classes)), **fitted,
    )  # fmt: skip
    given = run([machine, node("Identity", "scores")], {"x": [1, 3]}, [], opset=17, domains=["ai.onnx.ml"])
    width = given.shape[1]
    nodes = [machine, node("MatMul", "scores w")]
    found = count(nodes, {"x": [1, 3]}, [weight("w", width, 2)], opset=17, domains=["ai.onnx.ml"])
    assert found.macs == 2 * classes * 3 + 2 * classes * (classes - 1) + 2 * width, found.unknown_operators


def test_a_matrix_in_four_bits_counts_as_the_matrix():
    packed = [stored("w", np.zeros(32 * 48 // 2, np.uint8)), weight("s", 32 * 48 // 16)]
    fused = contributed("MatMulBnb4", "x w s", K=32, N=48, block_size=16, quant_type=1)
    given = run([fused], {"x": [1, 5, 32]}, packed, domains=["com.microsoft"])
    nodes = [fused, node("MatMul", "y v", "z")]
    found = count(
        nodes, {"x": ["N", 5, 32]}, [*packed, weight("v", given.shape[-1], 2)], output="z", domains=["com.microsoft"]
    )
    assert (found.macs, found.params) == (5 * 32 * 48 + 5 * 48 * 2, 32 * 48 + 96)


def test_a_table_in_four_bits_counts_as_the_table():
    table = [stored("t", np.zeros((10, 16), np.uint8)), weight("s", 10, 2), integers("rows", [3, 1, 4])]
    lookup = contributed("GatherBlockQuantized", "t rows s", "e", bits=4, block_size=16, quantize_axis=1)
    given = run([lookup, node("Add", "e x")], {"x": [1, 32]}, table, domains=["com.microsoft"])
    assert given.shape == (3, 32)
    found = count([lookup, node("MatMul", "e v")], {}, [*table, weight("v", 32, 2)], domains=["com.microsoft"])
    assert (found.macs, found.params) == (3 * 32 * 2, 10 * 32 + 64)


@pytest.mark.parametrize("chosen", [1, 2])
def test_only_the_experts_that_are_chosen_multiply(chosen):
    experts = [weight("first", 4, 12, 8), weight("second", 4, 8, 12)]
    fused = contributed("MoE", "x r first - second", k=chosen, activation_type="relu")
    inputs = {"x": [1, 8], "r": [1, 4]}
    assert run([fused], inputs, experts, domains=["com.microsoft"]).shape == (1, 8)
    found = count(
        [fused, node("MatMul", "y v", "z")],
        inputs,
        [*experts, weight("v", 8, 2)],
        output="z",
        domains=["com.microsoft"],
    )
    assert found.macs == chosen * 2 * 8 * 12 + 16, found.unknown_operators
    assert found.params == 4 * 2 * 8 * 12 + 16
    packed = [stored("first", np.zeros((4, 12, 4), np.uint8)), stored("second", np.zeros((4, 8, 6), np.uint8))]
    scales = [weight("a", 4, 12), weight("b", 4, 8)]
    four_bits = contributed("QMoE", "x r first a - second b", k=chosen, expert_weight_bits=4)
    found = count([four_bits], inputs, [*packed, *scales], domains=["com.microsoft"])
    assert (found.macs, found.params) == (chosen * 2 * 8 * 12, 4 * 2 * 8 * 12), found.unknown_operators
