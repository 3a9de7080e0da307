"""onnxruntime's own operators: what its optimiser and its quantiser write costs what it was made from."""

import logging
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper, numpy_helper
from onnxruntime import quantization

from harness.cost import contrib_macs, contrib_shapes
from harness.cost.ledger import ledger
from tests.onnx_models import contributed, count, integers, make, node, weight

BATCH, LENGTH, REACHED, HEADS, WIDTH = 1, 5, 7, 2, 4
INNER = HEADS * WIDTH
SCORES_AND_VALUES = BATCH * LENGTH * REACHED * 2 * INNER


@pytest.mark.parametrize(
    ("made", "inputs", "stored", "expected"),
    [
        pytest.param(
            contributed("MultiHeadAttention", "q k v b", num_heads=HEADS),
            {"q": ["N", LENGTH, INNER], "k": ["N", REACHED, INNER], "v": ["N", REACHED, INNER]},
            [weight("b", 3 * INNER)],
            SCORES_AND_VALUES,
            id="query, key and value",
        ),
        pytest.param(
            contributed("MultiHeadAttention", "q k v", num_heads=HEADS),
            {"q": ["N", LENGTH, INNER], "k": ["N", HEADS, REACHED, WIDTH], "v": ["N", HEADS, REACHED, WIDTH]},
            [],
            SCORES_AND_VALUES,
            id="keys by head",
        ),
        pytest.param(
            contributed("MultiHeadAttention", "q k", num_heads=HEADS),
            {"q": ["N", LENGTH, INNER], "k": ["N", REACHED, HEADS, 2, WIDTH]},
            [],
            SCORES_AND_VALUES,
            id="packed keys and values",
        ),
        pytest.param(
            contributed("MultiHeadAttention", "q", num_heads=HEADS),
            {"q": ["N", REACHED, HEADS, 3, WIDTH]},
            [],
            REACHED * REACHED * 2 * INNER,
            id="all packed",
        ),
        pytest.param(
            contributed("MultiHeadAttention", "q k v - - - p p", num_heads=HEADS),
            {**{name: ["N", LENGTH, INNER] for name in "qkv"}, "p": ["N", HEADS, 2, WIDTH]},
            [],
            SCORES_AND_VALUES,
            id="past keys",
        ),
        pytest.param(
            contributed("Attention", "x w b", num_heads=HEADS),
            {"x": ["N", LENGTH, 6]},
            [weight("w", 6, 3 * INNER), weight("b", 3 * INNER)],
            LENGTH * 6 * 3 * INNER + LENGTH * LENGTH * 2 * INNER,
            id="with its projection",
        ),
        pytest.param(
            contributed("Attention", "x w b - p", num_heads=HEADS, qkv_hidden_sizes=[INNER, INNER, 6]),
            {"x": ["N", LENGTH, 6], "p": [2, "N", HEADS, 2, WIDTH]},
            [weight("w", 6, 2 * INNER + 6), weight("b", 2 * INNER + 6)],
            LENGTH * 6 * (2 * INNER + 6) + LENGTH * REACHED * (INNER + 6),
            id="values of another width, past keys",
        ),
        pytest.param(
            contributed("MatMulNBits", "x w s", K=32, N=6, bits=4, block_size=32),
            {"x": ["N", LENGTH, 32]},
            [numpy_helper.from_array(np.ones((6, 1, 16), np.uint8), "w"), weight("s", 6)],
            LENGTH * 32 * 6,
            id="four bits a weight",
        ),
        pytest.param(
            contributed("QGemm", "x s z w s z b", transB=1),
            {"x": ["N", 7]},
            [weight("w", 5, 7), weight("b", 5), weight("s"), integers("z", 0)],
            35,
            id="QGemm",
        ),
    ],
)
def test_one_operator_against_its_formula(made, inputs, stored, expected):
    found = count([made, node("Relu", "y", "r")], inputs, stored, domains=["com.microsoft"], output="r")
    assert found.macs == expected, found.unknown_operators
    assert found.peak_activation_bytes is not None, found.peak_activation_reason
    blocks = {"MatMulNBits": 32 * 6}
    weights = [np.prod(tensor.dims) for tensor in stored if tensor.name in "wb"]
    assert found.params == blocks.get(made.op_type, sum(weights))


@pytest.mark.parametrize("flags", [(0, 0, 0, 0), (1, 0, 0, 0), (0, 1, 0, 0), (1, 1, 0, 0), (0, 0, 1, 0), (1, 1, 1, 1)])
def test_a_fused_product_of_transposed_matrices_against_onnxruntime(flags):
    """Shapes are drawn from the flags; onnxruntime itself says whether they fit, and what comes out."""
    names = dict(zip(("transA", "transB", "transBatchA", "transBatchB"), flags, strict=True))
    operands = {}
    for side, rows, columns in (("A", 4, 5), ("B", 5, 6)):
        last = [columns, rows] if names[f"trans{side}"] else [rows, columns]
        operands[side] = [2, 3, *last]
        if names[f"transBatch{side}"]:  # the first axis stands before the matrix' columns
            operands[side] = [last[0], 2, 3, last[1]]
    nodes = [contributed("FusedMatMul", "A B", "f", **names), node("Flatten", "f", axis=0)]
    domains = ["com.microsoft"]
    model = make(nodes, operands, domains=domains)
    model.ir_version = 10
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    given = {name: np.ones(shape, np.float32) for name, shape in operands.items()}
    (result,) = session.run(None, given)
    assert (result == 5).all()  # the inner size
    found = count(nodes, operands, domains=domains)
    assert found.macs == 5 * result.size
    assert found.peak_activation_bytes is not None


@pytest.mark.parametrize("sizes", [[8, 8], [8, 8, 6]])
def test_an_attention_whose_sizes_do_not_make_up_its_weight_is_unknown(sizes):
    attention = contributed("Attention", "x w b", num_heads=2, qkv_hidden_sizes=sizes)
    stored = [weight("w", 8, 24), weight("b", 24)]
    found = count([attention], {"x": ["N", 5, 8]}, stored, domains=["com.microsoft"])
    assert found.macs is None
    assert "qkv_hidden_sizes" in found.unknown_operators["com.microsoft.Attention"]


def test_the_tables_name_real_operators():
    from onnxruntime.capi.onnxruntime_pybind11_state import get_all_operator_schema

    known = {schema.name for schema in get_all_operator_schema() if schema.domain == "com.microsoft"}
    assert contrib_macs.FREE | contrib_macs.RULES.keys() | contrib_shapes.STAND_INS.keys() <= known
    assert not contrib_macs.FREE & contrib_macs.RULES.keys()


class Images(quantization.CalibrationDataReader):
    def __init__(self):
        self.left = [{"x": np.random.default_rng(0).normal(size=(1, 3, 8, 8)).astype(np.float32)}]

    def get_next(self):
        return self.left.pop() if self.left else None


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    """A convolution, attention and a dense layer, with random weights and every kind of parameter once."""
    random = np.random.default_rng(0)
    shapes = {
        "kernel": (8, 3, 3, 3), "bias": (8,), "grouped": (8, 4, 3, 3), "gain": (8,), "shift": (8,),
        "query": (8, 8), "key": (8, 8), "value": (8, 8), "dense": (10, 8), "last": (10,),
    }  # fmt: skip
    nodes = [
        node("Conv", "x kernel bias", "c", pads=[1, 1, 1, 1]),
        node("Relu", "c", "r"),
        node("Conv", "r grouped", "g", pads=[1, 1, 1, 1], group=2),
        node("Add", "g r", "sum"),
        node("Reshape", "sum flat", "f"),
        node("Transpose", "f", "t", perm=[0, 2, 1]),
        node("LayerNormalization", "t gain shift", "n"),
        *(node("MatMul", f"n {name}", name[0]) for name in ("query", "key", "value")),
        node("Transpose", "k", "kt", perm=[0, 2, 1]),
        node("MatMul", "q kt", "scores"),
        node("Softmax", "scores", "s", axis=-1),
        node("MatMul", "s v", "a"),
        node("Add", "a t", "skip"),
        node("ReduceMean", "skip one", "m", keepdims=0),
        node("Gemm", "m dense last", transB=1),
    ]
    weights = [
        numpy_helper.from_array(random.normal(size=shape).astype(np.float32), name) for name, shape in shapes.items()
    ]
    model = make(nodes, {"x": ["N", 3, 8, 8]}, [*weights, integers("flat", [-1, 8, 64]), integers("one", [1])])
    model.ir_version = 10
    path = tmp_path_factory.mktemp("contributed") / "float.onnx"
    onnx.save(model, path)
    return path, sum(int(np.prod(shape)) for shape in shapes.values())


MACS = 64 * (8 * 27 + 8 * 36) + 3 * 64 * 64 + 2 * 64 * 64 * 8 + 80


def written(network: Path, how: str) -> Path:
    """The network as onnxruntime writes it: quantised, or optimised to one of its levels."""
    path = network.with_name(f"{how}.onnx")
    kind, _, option = how.partition(" ")
    if kind in ("QDQ", "QOperator"):
        form = quantization.QuantFormat[kind]
        quantization.quantize_static(network, path, Images(), quant_format=form, per_channel=option == "per channel")
    elif kind == "dynamic":
        quantization.quantize_dynamic(network, path, per_channel=option == "per channel")
    elif kind == "half":
        from onnxruntime.transformers import float16

        onnx.save(float16.convert_float_to_float16(onnx.load(network)), path)
    else:
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
        options.optimized_model_filepath = str(path)
        source = written(network, option) if option else network
        onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
    return path


WRITES = {
    "QDQ": "DequantizeLinear",
    "QOperator": "QLinearConv",
    "dynamic": "MatMulInteger",
    "optimised": "com.microsoft.FusedConv",
    "optimised QDQ": "com.microsoft.QGemm",
    "optimised dynamic": "com.microsoft.DynamicQuantizeMatMul",
}
FORMS = ["half", "QDQ", "QDQ per channel", "QOperator", "dynamic", "dynamic per channel"]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("how", [*FORMS, "optimised", *(f"optimised {form}" for form in FORMS)])
def test_a_network_costs_the_same_however_it_is_written(network, how):
    """Weights of 16 or 8 bits are as many parameters; scales and zero points are none."""
    path, params = network
    logging.disable(logging.WARNING)
    try:
        form = written(path, how)
    finally:
        logging.disable(logging.NOTSET)
    found = ledger(form)
    assert found.macs == MACS, found.unknown_operators
    assert found.params == params
    assert found.peak_activation_bytes is not None, found.peak_activation_reason
    assert how not in WRITES or WRITES[how] in found.operators  # it was written so indeed


def test_what_is_laid_out_for_one_processor_is_unknown():
    made = [
        contributed("QLinearConv", "x s z w s z s z", channels_last=1),
        helper.make_node("Conv", ["x", "w"], ["y"], domain="com.microsoft.nchwc"),
    ]
    for one in made:
        found = count([one], {"x": ["N", 8, 8, 3]}, [weight("w", 4, 3, 3, 3), weight("s"), integers("z", 0)])
        assert found.macs is None
        assert "extended" in next(iter(found.unknown_operators.values()))
