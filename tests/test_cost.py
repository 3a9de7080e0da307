"""The cost ledger against formulas, brute force, independent counters and real networks."""

import contextlib
import csv
import io
import json
import math
import subprocess
import sys
import time
from argparse import ArgumentParser
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from harness.commands import cost as command
from harness.cost import graph_difference, ledger
from harness.errors import HarnessError
from harness.macs import FREE, RULES
from harness.measurements import Cost

FLOAT = TensorProto.FLOAT
NEWER = {"BitCast", "CumProd", "RMSNormalization", "RotaryEmbedding", "SwiGLU", "Swish", "TensorScatter"}
LIGHT = Path(onnx.__file__).parent / "backend/test/data/light"


def weight(name, *shape):
    # Each its own value, so that nothing that merges equal tensors can hide a mistake.
    return numpy_helper.from_array(np.full(shape, sum(map(ord, name)) / 97, np.float32), name)


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


@pytest.fixture
def count(tmp_path):
    def counted(nodes, inputs, weights=(), input_shapes=None, **options) -> Cost:
        path = tmp_path / "model.onnx"
        onnx.save(make(nodes, inputs, weights, **options), path)
        return ledger(path, input_shapes)

    return counted


def node(operator, inputs, outputs="y", **attributes):
    return helper.make_node(operator, inputs.split(), outputs.split(), **attributes)


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
def test_one_operator_against_its_formula(count, made, data, kernel, expected):
    domains = [made.domain] if made.domain else []
    found = count([made], {"x": data}, [weight("w", *kernel)], domains=domains)
    assert found.macs == expected, found.unknown_operators
    assert found.params == found.stored_values == math.prod(kernel)
    assert found.stored_bytes == 4 * math.prod(kernel)


def test_attention_counts_products_of_activations(count):
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
def test_recurrent_cells(count, cell, gates):
    weights = [weight("w", 1, gates * 5, 3), weight("r", 1, gates * 5, 5)]
    found = count([node(cell, "x w r", hidden_size=5)], {"x": [9, 1, 3]}, weights)
    assert found.macs == 9 * gates * 5 * (3 + 5)


def test_quantized_weights(count):
    kernel = numpy_helper.from_array(np.ones((4, 3, 3, 3), np.int8), "w8")
    scale = numpy_helper.from_array(np.float32(0.5), "s")
    nodes = [node("DequantizeLinear", "w8 s", "w"), node("Conv", "x w")]
    found = count(nodes, {"x": ["N", 3, 6, 6]}, [kernel, scale])
    assert (found.macs, found.params, found.stored_bytes) == (4 * 16 * 27, 108, 108 + 4)


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
KERNEL = weight("w", 4, 3, 3, 3)


def test_a_planted_operator_is_named_and_never_zero(count):
    planted = helper.make_node("Mystery", ["c"], ["y"], domain="acme")
    found = count([CONV, planted], {"x": ["N", 3, 8, 8]}, [KERNEL], domains=["acme"])
    assert found.macs is None
    assert list(found.unknown_operators) == ["acme.Mystery"]
    assert found.macs_by_operator == {"Conv": 4 * 36 * 27}
    einsum = count([node("Einsum", "x w", equation="nchw,ocde->nohw")], {"x": ["N", 3, 8, 8]}, [KERNEL])
    assert einsum.macs is None
    assert list(einsum.unknown_operators) == ["Einsum"]


def test_the_table_of_free_operators_names_real_ones():
    known = {schema.name for schema in onnx.defs.get_all_schemas_with_history() if schema.domain == ""}
    assert FREE - known <= {"SimplifiedLayerNormalization"} | NEWER
    assert not FREE & RULES.keys()


def test_what_follows_an_unknown_operator_is_unknown_too(count):
    planted = helper.make_node("Mystery", ["x"], ["m"], domain="acme")  # its domain is not even imported
    found = count([planted, node("Conv", "m w")], {"x": ["N", 3, 8, 8]}, [KERNEL])
    assert set(found.unknown_operators) == {"acme.Mystery", "Conv"}


def test_branches_cost_nothing_only_if_they_hold_nothing(count):
    def branch(inner):
        output = onnx.ValueInfoProto(name="b", type=helper.make_tensor_type_proto(FLOAT, None))
        return helper.make_graph([inner], "branch", [], [output])

    condition = numpy_helper.from_array(np.array(True), "yes")
    free, dear = branch(node("Relu", "x", "b")), branch(node("Conv", "x w", "b"))
    cheap = count([node("If", "yes", then_branch=free, else_branch=free)], {"x": ["N", 3, 8, 8]}, [condition])
    assert cheap.macs == 0
    found = count([node("If", "yes", then_branch=dear, else_branch=free)], {"x": ["N", 3, 8, 8]}, [condition, KERNEL])
    assert found.macs is None
    assert "Conv" in found.unknown_operators["If"]
    assert found.params == 108


def test_local_functions_are_counted_inside(count):
    block = helper.make_function("local", "Block", ["a", "b"], ["o"], [node("Conv", "a b", "o")], [])
    block.opset_import.append(helper.make_opsetid("", 18))
    call = helper.make_node("Block", ["x", "w"], ["y"], domain="local")
    found = count([call], {"x": ["N", 3, 8, 8]}, [KERNEL], domains=["local"], functions=[block])
    assert found.macs_by_operator == {"Conv": 4 * 36 * 27}


def test_an_open_size_is_named_and_can_be_given(count):
    image = {"image": ["N", 3, "height", "width"]}
    conv = node("Conv", "image w")
    found = count([conv], image, [KERNEL])
    assert found.macs is None
    assert "height" in found.unknown_operators["Conv"]
    assert "--input image=" in found.unknown_operators["Conv"]
    expected = 4 * 36 * 27
    assert count([conv], image, [KERNEL], {"image": (1, 3, 8, 8)}).macs == expected
    assert count([conv], image, [KERNEL], {"image": (5, 3, 8, 8)}).macs == expected
    assert count([conv], image, [KERNEL], metadata={"input_shape": "3x8x8"}).macs == expected
    assert count([conv], image, [KERNEL], metadata={"input_shape": "junk"}).macs is None
    assert count([conv], {"image": [0, 3, -1, "W"]}, [KERNEL], metadata={"input_shape": "3x8x8"}).macs == expected


@pytest.mark.parametrize("given", [{"picture": (1, 3, 8, 8)}, {"image": (1, 3, 8)}, {"image": (1, 3, 0, 8)}])
def test_a_wrong_given_shape_is_an_error(count, given):
    with pytest.raises(HarnessError):
        count([node("Conv", "image w")], {"image": ["N", 3, "h", "w"]}, [KERNEL], given)


def test_a_shape_that_does_not_fit_is_never_counted(count):
    image = {"image": ["N", 3, "h", "w"]}
    channels = count([node("Conv", "image w")], image, [KERNEL], {"image": (1, 5, 8, 8)})
    assert channels.macs is None
    assert "channels" in channels.unknown_operators["Conv"]
    flat = [node("Flatten", "image", "f"), node("Gemm", "f d")]
    with pytest.raises(HarnessError, match="does not fit"):
        count(flat, image, [weight("d", 192, 10)], {"image": (1, 3, 9, 9)})
    assert count(flat, image, [weight("d", 192, 10)], {"image": (1, 3, 8, 8)}).macs == 1920


def test_shapes_hidden_behind_computed_ones(count):
    nodes = [
        node("ConstantOfShape", "kernel_shape", "k"),
        node("Conv", "x k", "c"),
        node("ConstantOfShape", "bias_shape", "b"),
        node("Unsqueeze", "b axes", "u"),
        node("Add", "c u", "a"),
        node("Shape", "a", "all"),
        node("Gather", "all zero", "batch"),
        node("Concat", "batch rest", "target", axis=0),
        node("Reshape", "a target", "flat"),
        node("Reshape", "d d_shape", "dense"),
        node("MatMul", "flat dense"),
    ]
    stored = [
        integers("kernel_shape", [4, 3, 3, 3]),
        integers("bias_shape", [4]),
        integers("axes", [1, 2]),
        integers("zero", [0]),
        integers("rest", [-1]),
        integers("d_shape", [144, 10]),
        weight("d", 10, 144),
    ]
    found = count(nodes, {"x": ["N", 3, 8, 8]}, stored)
    assert found.macs_by_operator == {"Conv": 4 * 36 * 27, "MatMul": 1440}
    assert found.params == 108 + 4 + 1440
    assert found.stored_values == 1440 + 4 + 1 + 2 + 1 + 1 + 2


def test_params_leave_out_statistics_and_count_a_shared_tensor_once(count):
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
    assert not found.folded_batch_norm
    folded = count([node("Conv", "x w")], {"x": ["N", 3, 8, 8]}, [KERNEL], metadata={"batch_norm": "folded"})
    assert folded.folded_batch_norm


# Figures of torchvision 0.28 for densenet121, resnet50 (stride in the 3×3), vgg19 and squeezenet1_1, the same
# networks. densenet121's parameters differ: Caffe's form has a second scale and shift after each batch norm.
PUBLIC_MACS = {
    "light_densenet121": 2_834_161_664,
    "light_resnet50": 4_089_184_256,
    "light_vgg19": 19_632_062_464,
    "light_squeezenet": 349_151_936,
}
PUBLIC_PARAMS = {"light_resnet50": 25_557_032, "light_vgg19": 143_667_240, "light_squeezenet": 1_235_496}


@pytest.mark.parametrize("path", sorted(LIGHT.glob("*.onnx")), ids=lambda path: path.stem)
def test_real_networks_have_no_unknown_operator(path):
    found = ledger(path)
    assert not found.unknown_operators
    assert found.macs == PUBLIC_MACS.get(path.stem, found.macs)
    assert found.params == PUBLIC_PARAMS.get(path.stem, found.params)
    assert found.macs > 10_000_000


def test_light_networks_are_there():
    assert PUBLIC_MACS.keys() <= {path.stem for path in LIGHT.glob("*.onnx")}


@pytest.fixture
def small(tmp_path):
    path = tmp_path / "small.onnx"
    onnx.save(make([node("Conv", "x w")], {"x": ["N", 3, 8, 8]}, [KERNEL]), path)
    return path


def test_damaged_files_are_errors(small, tmp_path):
    whole = small.read_bytes()
    for damaged in (b"", b"hello", whole[:-1], whole[:20], whole[: len(whole) // 2], bytes(range(256)) * 9):
        small.write_bytes(damaged)
        with pytest.raises(HarnessError, match=r"small\.onnx"):
            ledger(small)
    for absent in (tmp_path / "none.onnx", tmp_path):
        with pytest.raises(HarnessError):
            ledger(absent)


def test_flipped_bytes_never_end_in_a_traceback(small):
    whole = small.read_bytes()
    random = np.random.default_rng(0)
    for _ in range(150):
        damaged = bytearray(whole)
        damaged[int(random.integers(len(whole)))] = int(random.integers(256))
        small.write_bytes(damaged)
        with contextlib.suppress(HarnessError):
            ledger(small)


@pytest.mark.parametrize("inputs", ["x", "x x", "w w", "x nowhere", "s s", "v v", ""])
@pytest.mark.parametrize("operator", ["Conv", "ConvTranspose", "Gemm", "MatMul", "Attention", "LSTM", "Shape", "If"])
def test_a_senseless_node_is_never_counted_as_zero(count, operator, inputs):
    stored = [KERNEL, weight("s"), weight("v", 3)]
    with contextlib.suppress(HarnessError):
        found = count([node(operator, inputs)], {"x": ["N", 3, 8, 8]}, stored)
        assert found.macs or found.macs is None or operator in ("Shape", "If")


def external(path: Path, location: str) -> None:
    kernel = TensorProto(name="w", data_type=FLOAT, dims=[50_000, 40_000])
    kernel.data_location = TensorProto.EXTERNAL
    kernel.external_data.add(key="location", value=location)
    onnx.save(make([node("MatMul", "x w")], {"x": ["N", 50_000]}, [kernel]), path)


def test_external_data_is_sized_but_not_loaded(tmp_path):
    path = tmp_path / "huge.onnx"
    external(path, "huge.data")
    assert ledger(path).macs == 2_000_000_000  # the data file need not be there
    with (tmp_path / "huge.data").open("wb") as file:
        file.truncate(8_000_000_000)  # sparse
    limited = (
        "import resource, sys, pathlib; from harness.cost import ledger;"
        "resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30));"
        "found = ledger(pathlib.Path(sys.argv[1])); print(found.macs, found.params, found.stored_bytes)"
    )
    began = time.monotonic()
    done = subprocess.run([sys.executable, "-c", limited, path], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == ["2000000000", "2000000000", "8000000000"]
    assert time.monotonic() - began < 20  # most of it imports


@pytest.mark.parametrize("location", ["../secret", "/etc/passwd", "a/../../b", "..\\up", "C:\\data", ""])
def test_external_data_outside_the_folder_is_an_error(tmp_path, location):
    external(tmp_path / "model.onnx", location)
    with pytest.raises(HarnessError, match="inside the model's own folder"):
        ledger(tmp_path / "model.onnx")


def test_small_external_shapes_are_read(tmp_path):
    path = tmp_path / "split.onnx"
    nodes = [node("Reshape", "x shape", "flat"), node("MatMul", "flat d")]
    model = make(nodes, {"x": ["N", 3, 8, 8]}, [integers("shape", [1, 192]), weight("d", 192, 10)])
    onnx.save(model, path, save_as_external_data=True, location="split.data", size_threshold=0)
    assert ledger(path).macs == 1920
    (tmp_path / "split.data").unlink()
    assert ledger(path).macs is None


def test_graph_difference_is_from_the_first_graphs_view(count):
    relu = node("Relu", "c", "r")
    a = count([CONV, relu, node("Relu", "r")], {"x": ["N", 3, 8, 8]}, [KERNEL])
    b = count([CONV, node("Sigmoid", "c")], {"x": ["N", 3, 8, 8]}, [KERNEL])
    assert graph_difference(a, b) == "+2 Relu, -1 Sigmoid"
    assert graph_difference(b, a) == "+1 Sigmoid, -2 Relu"
    assert graph_difference(a, a) == ""


def run_command(*given: str) -> int:
    parser = ArgumentParser()
    command.add_arguments(parser)
    return command.main(parser.parse_args(given))


def test_the_command_prints_one_object_or_a_list(small, capsys):
    assert run_command(str(small)) == 0
    one = json.loads(capsys.readouterr().out)
    assert one == {
        "file": str(small),
        "params": 108,
        "macs": 4 * 36 * 27,
        "macs_by_operator": {"Conv": 4 * 36 * 27},
        "unknown_operators": {},
        "nodes": 1,
        "operators": {"Conv": 1},
        "bytes_stored": 432,
        "stored_values": 108,
        "folded_batch_norm": False,
    }
    run_command(str(small), str(small), "--nodes", "--input", "x=1x3x10x10")
    two = json.loads(capsys.readouterr().out)
    assert [found["macs"] for found in two] == [4 * 64 * 27] * 2
    assert two[0]["node_costs"] == [{"name": "y", "operator": "Conv", "macs": 4 * 64 * 27, "reason": ""}]


def test_the_command_prints_csv(small, capsys):
    run_command(str(small), "--format", "csv")
    (row,) = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert (row["params"], row["macs"]) == ("108", "3888")
    run_command(str(small), "--format", "table", "--nodes")
    assert "Conv" in capsys.readouterr().out


@pytest.mark.parametrize("given", ["1x3x8x8", "x=", "x=1x3xHxW", "=1x2", "x=1x-3"])
def test_a_malformed_shape_is_an_error(small, given):
    with pytest.raises(HarnessError, match="--input"):
        run_command(str(small), "--input", given)
