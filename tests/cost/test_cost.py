"""The cost ledger against formulas, brute force and independent counters."""

import contextlib
import math

import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from harness.cost.ledger import graph_difference, ledger
from harness.cost.macs import FREE, RULES
from harness.errors import HarnessError
from tests.onnx_models import FLOAT, KERNEL, count, integers, make, node, weight

NEWER = {"BitCast", "CumProd", "RMSNormalization", "RotaryEmbedding", "SwiGLU", "Swish", "TensorScatter"}


@pytest.mark.parametrize(
    ("made", "data", "kernel", "expected"),
    [
        pytest.param(
            node("Conv", "x w", group=4, strides=[2, 2], pads=[1, 1, 1, 1], dilations=[2, 2]),
            ["N", 8, 17, 15],
            [12, 2, 3, 3],
            12 * 8 * 7 * (2 * 3 * 3),  # (17 + 2 - 5) // 2 + 1 = 8, (15 + 2 - 5) // 2 + 1 = 7
            id="grouped, dilated, strided, padded",
        ),
        pytest.param(
            node("Conv", "x w", auto_pad="SAME_UPPER", strides=[2, 2]),
            ["N", 3, 7, 8],
            [5, 3, 3, 3],
            5 * 4 * 4 * 27,
            id="same",
        ),
        pytest.param(node("Conv", "x w"), ["N", 4, 20], [6, 4, 5], 6 * 16 * 4 * 5, id="1-D"),
        pytest.param(node("Conv", "x w"), [1, 2, 5, 6, 7], [3, 2, 2, 3, 4], 3 * 4 * 4 * 4 * 48, id="3-D"),
        pytest.param(
            node("ConvTranspose", "x w", strides=[2, 2], group=2, output_padding=[1, 1]),
            ["N", 4, 5, 6],
            [4, 3, 3, 3],
            (4 * 5 * 6) * (3 * 3 * 3),
            id="transposed",
        ),
        pytest.param(node("Gemm", "x w", transB=1), ["N", 7], [5, 7], 35, id="Gemm transB"),
        pytest.param(node("Gemm", "x w", transA=1), [7, 1], [7, 5], 35, id="Gemm transA"),
        pytest.param(node("MatMul", "x w"), ["N", 6, 7], [7, 5], 6 * 7 * 5, id="batched MatMul"),
        pytest.param(node("MatMul", "x w"), ["N", 4, 6, 7], [4, 7, 5], 4 * 6 * 7 * 5, id="MatMul of stacks"),
        pytest.param(node("MatMul", "x w"), ["N", 7], [7], 7, id="MatMul with a vector"),
        pytest.param(node("Conv", "x w"), [8, 3, 6, 6], [4, 3, 3, 3], 4 * 16 * 27, id="batch fixed at 8"),
        pytest.param(
            helper.make_node("FusedConv", ["x", "w"], ["y"], domain="com.microsoft", activation="Relu"),
            ["N", 3, 6, 6],
            [4, 3, 3, 3],
            4 * 16 * 27,
            id="FusedConv",
        ),
    ],
)
def test_one_operator_against_its_formula(made, data, kernel, expected):
    domains = [made.domain] if made.domain else []
    found = count([made], {"x": data}, [weight("w", *kernel)], domains=domains)
    assert found.macs == expected, found.unknown_operators
    assert found.params == found.stored_values == math.prod(kernel)
    assert found.stored_bytes == 4 * math.prod(kernel)


def test_attention_counts_products_of_activations():
    shapes = {"q": ["N", 2, 5, 8], "k": ["N", 2, 7, 8], "v": ["N", 2, 7, 6]}
    expected = 2 * 5 * 7 * (8 + 6)
    one = count([node("Attention", "q k v")], shapes, opset=23)
    several = count(
        [node("Transpose", "k", "t", perm=[0, 1, 3, 2]), node("MatMul", "q t", "s"), node("MatMul", "s v")], shapes
    )
    flat = {"q": ["N", 5, 16], "k": ["N", 7, 16], "v": ["N", 7, 12]}
    third = count([node("Attention", "q k v", q_num_heads=2, kv_num_heads=2)], flat, opset=23)
    assert one.macs == several.macs == third.macs == expected


@pytest.mark.parametrize(("cell", "gates"), [("LSTM", 4), ("GRU", 3), ("RNN", 1)])
def test_recurrent_cells(cell, gates):
    weights = [weight("w", 1, gates * 5, 3), weight("r", 1, gates * 5, 5)]
    found = count([node(cell, "x w r", hidden_size=5)], {"x": [9, 1, 3]}, weights)
    assert found.macs == 9 * gates * 5 * (3 + 5)


def ones_convolved(size, kernel, stride, dilation, padding):
    """How many products one pair of channels takes: each output of an all-ones convolution is its own count."""
    data = np.pad(np.ones(size), padding, constant_values=1)
    reach = [dilation * (k - 1) + 1 for k in kernel]
    windows = np.lib.stride_tricks.sliding_window_view(data, reach)
    windows = windows[tuple(slice(None, None, stride) for _ in size)]
    return int(windows[(..., *(slice(None, None, dilation) for _ in size))].sum())


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_random_convolutions_against_brute_force(tmp_path, data):
    draw = data.draw
    small = st.integers(1, 3)
    rank, group, inner, outer = draw(small), draw(small), draw(small), draw(small)
    kernel = draw(st.lists(small, min_size=rank, max_size=rank))
    size = draw(st.lists(st.integers(7, 9), min_size=rank, max_size=rank))
    stride, dilation, padding, batch = draw(small), draw(small), draw(st.integers(0, 2)), draw(small)
    made = node(
        "Conv",
        "x w",
        group=group,
        strides=[stride] * rank,
        dilations=[dilation] * rank,
        pads=[padding] * 2 * rank,
    )
    kernel_shape = (outer * group, inner, *kernel)
    path = tmp_path / "conv.onnx"
    first = draw(st.sampled_from(["N", batch]))
    onnx.save(make([made], {"x": [first, inner * group, *size]}, [weight("w", *kernel_shape)]), path)
    taps = ones_convolved(size, kernel, stride, dilation, padding)
    assert ledger(path).macs == group * inner * outer * taps


@pytest.mark.filterwarnings(r"ignore:`torch\.jit\..*` is (deprecated|not supported):DeprecationWarning")
@pytest.mark.filterwarnings(r"ignore:`isinstance\(treespec, LeafSpec\)` is deprecated:FutureWarning")
def test_a_torch_network_against_two_independent_counters(tmp_path):
    import torch
    from fvcore.nn import FlopCountAnalysis
    from torch import nn
    from torch.utils.flop_counter import FlopCounterMode

    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            self.stem = nn.Conv2d(3, 8, 3, stride=2, padding=1, bias=False)
            self.norm = nn.BatchNorm2d(8)
            self.grouped = nn.Conv2d(8, 12, 3, padding=2, dilation=2, groups=4)
            self.act = nn.PReLU(12)
            self.up = nn.ConvTranspose2d(12, 6, 2, stride=2)
            self.qkv = nn.Linear(6, 18)
            self.out = nn.Linear(6, 10)

        def forward(self, x):
            x = self.up(self.act(self.grouped(self.norm(self.stem(x)).relu())))
            q, k, v = self.qkv(x.flatten(2).transpose(1, 2)).chunk(3, dim=-1)
            attended = (q @ k.transpose(1, 2)).softmax(-1) @ v
            return self.out(attended.mean(1)).softmax(-1)

    torch.manual_seed(0)
    network = Network().eval()
    path = tmp_path / "network.onnx"
    image = torch.zeros(2, 3, 16, 12)
    torch.onnx.export(
        network,
        (image,),
        path,
        dynamo=True,
        optimize=False,
        external_data=False,
        verbose=False,
        opset_version=18,
        dynamic_shapes=({0: torch.export.Dim("batch")},),
    )
    found = ledger(path)
    meta = Network().eval().to("meta")
    with FlopCounterMode(display=False) as counter:
        meta(torch.zeros(1, 3, 16, 12, device="meta"))
    flops = counter.get_total_flops()
    analysis = FlopCountAnalysis(network, image[:1]).unsupported_ops_warnings(False).uncalled_modules_warnings(False)
    products = {"conv", "linear", "matmul", "bmm", "addmm"}
    fvcore = sum(value for name, value in analysis.by_operator().items() if name in products)
    assert found.macs == flops // 2 == fvcore, found.unknown_operators
    assert found.params == sum(parameter.numel() for parameter in network.parameters())


CONV = node("Conv", "x w", "c")


def test_a_planted_operator_is_named_and_never_zero():
    planted = helper.make_node("Mystery", ["c"], ["y"], domain="acme")
    found = count([CONV, planted], {"x": ["N", 3, 8, 8]}, [KERNEL], domains=["acme"])
    assert found.macs is None
    assert list(found.unknown_operators) == ["acme.Mystery"]
    assert found.macs_by_operator == {"Conv": 4 * 36 * 27}
    for equation in ("nchw,ocde->nohw", "nchw,nchw->nchw", "nn,nn->n", "ab,bc,cd->ad", "ab", "junk->", ",->"):
        einsum = count([node("Einsum", "x w", equation=equation)], {"x": ["N", 3, 8, 8]}, [KERNEL])
        assert einsum.macs in (None, 0 if "," not in equation else None), equation


def test_the_table_of_free_operators_names_real_ones():
    known = {schema.name for schema in onnx.defs.get_all_schemas_with_history() if schema.domain == ""}
    assert FREE - known <= {"SimplifiedLayerNormalization"} | NEWER
    assert not FREE & RULES.keys()


def branch(*nodes):
    output = onnx.ValueInfoProto(name="b", type=helper.make_tensor_type_proto(FLOAT, None))
    return helper.make_graph(nodes, "branch", [], [output])


def test_branches_are_counted_where_they_cost_alike():
    """The condition is the value of an input, so nobody knows which of them runs."""
    asked = [node("ReduceSum", "flag", "sum", keepdims=0), node("Cast", "sum", "yes", to=TensorProto.BOOL)]
    image, weights = {"x": ["N", 3, 8, 8], "flag": [1]}, [KERNEL]
    free, dear = branch(node("Relu", "x", "b")), branch(node("Conv", "x w", "b"))
    then_relu = branch(node("Conv", "x w", "c"), node("Relu", "c", "b"))
    cheap = count([*asked, node("If", "yes", then_branch=free, else_branch=free)], image, weights)
    alike = count([*asked, node("If", "yes", then_branch=dear, else_branch=then_relu)], image, weights)
    unlike = count([*asked, node("If", "yes", then_branch=dear, else_branch=free)], image, weights)
    assert (cheap.macs, alike.macs, unlike.macs) == (0, 4 * 36 * 27, None)
    assert "3,888 and 0" in unlike.unknown_operators["If"]
    assert unlike.params == 108
    assert count([*asked, node("If", "yes", then_branch=dear)], image, weights).macs is None


def test_a_loop_is_unknown_where_its_body_holds_a_product():
    def loop(inner):
        names = [("i", TensorProto.INT64, []), ("go", TensorProto.BOOL, []), ("s", FLOAT, [1, 4])]
        given = [helper.make_tensor_value_info(*value) for value in names]
        made = [helper.make_tensor_value_info("go", TensorProto.BOOL, []), onnx.ValueInfoProto(name="t", type=kind)]
        return node("Loop", "trips yes x", body=helper.make_graph([inner], "body", given, made))

    kind = helper.make_tensor_type_proto(FLOAT, None)
    weights = [numpy_helper.from_array(np.array(True), "yes"), integers("trips", 3), weight("m", 4, 4)]
    assert count([loop(node("Relu", "s", "t"))], {"x": [1, 4]}, weights).macs == 0
    found = count([loop(node("MatMul", "s m", "t"))], {"x": [1, 4]}, weights)
    assert found.macs is None
    assert "body holds MatMul" in found.unknown_operators["Loop"]


@settings(max_examples=40)
@given(data=st.data())
def test_einsum_is_counted_as_the_product_that_it_is(data):
    """Against numpy's count of the loop without a plan: a multiplication and an addition for each MAC."""
    letters = data.draw(st.lists(st.sampled_from("abcde"), unique=True))
    left = [letter for letter in letters if data.draw(st.booleans())]
    right = [letter for letter in letters if letter not in left or data.draw(st.booleans())]
    summed = [letter for letter in left if letter in right and data.draw(st.booleans())]
    result = [letter for letter in letters if letter not in summed]
    sizes = {"n": 1, **{letter: data.draw(st.integers(2, 5)) for letter in letters}}
    equation = f"n{''.join(left)},{''.join(right)}->n{''.join(result)}"
    shapes = {"p": [sizes[letter] for letter in ["n", *left]], "q": [sizes[letter] for letter in right]}
    found = count([node("Einsum", "p q", equation=equation)], shapes)
    if summed:
        report = np.einsum_path(equation, *map(np.empty, shapes.values()), optimize=False)[1]
        naive = float(report.split("Naive FLOP count:")[1].split()[0])
        assert found.macs is not None, found.unknown_operators
        assert 2 * found.macs == pytest.approx(naive, rel=1e-3)
    else:
        assert found.macs is None


def test_local_functions_are_counted_inside():
    block = helper.make_function("local", "Block", ["a", "b"], ["o"], [node("Conv", "a b", "o")], [])
    block.opset_import.append(helper.make_opsetid("", 18))
    call = helper.make_node("Block", ["x", "w"], ["y"], domain="local")
    found = count([call], {"x": ["N", 3, 8, 8]}, [KERNEL], domains=["local"], functions=[block])
    assert found.macs_by_operator == {"Conv": 4 * 36 * 27}


def test_graph_difference_is_from_the_first_graphs_view():
    relu = node("Relu", "c", "r")
    a = count([CONV, relu, node("Relu", "r")], {"x": ["N", 3, 8, 8]}, [KERNEL])
    b = count([CONV, node("Sigmoid", "c")], {"x": ["N", 3, 8, 8]}, [KERNEL])
    assert graph_difference(a, b) == "+2 Relu, -1 Sigmoid"
    assert graph_difference(b, a) == "+1 Sigmoid, -2 Relu"
    assert graph_difference(a, a) == ""


@pytest.mark.parametrize("inputs", ["x", "x x", "w w", "x nowhere", "s s", "v v", ""])
@pytest.mark.parametrize("operator", ["Conv", "ConvTranspose", "Gemm", "MatMul", "Attention", "LSTM", "Shape", "If"])
def test_a_senseless_node_is_never_counted_as_zero(operator, inputs):
    stored = [KERNEL, weight("s"), weight("v", 3)]
    with contextlib.suppress(HarnessError):
        found = count([node(operator, inputs)], {"x": ["N", 3, 8, 8]}, stored)
        assert found.macs or found.macs is None or operator in ("Shape", "If")
