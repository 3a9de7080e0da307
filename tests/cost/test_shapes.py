"""Sizes that a file leaves open, fixes, or hides behind computed ones."""

import subprocess
import sys

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from harness.cost import inputs as model_inputs
from harness.cost import onnx_file
from harness.cost.ledger import ledger
from harness.errors import HarnessError
from tests.onnx_models import KERNEL, count, integers, make, node, weight

CONV = node("Conv", "x w", "c")


def test_what_follows_an_unknown_operator_is_unknown_too():
    planted = helper.make_node("Mystery", ["x"], ["m"], domain="acme")  # its domain is not even imported
    found = count([planted, node("Conv", "m w")], {"x": ["N", 3, 8, 8]}, [KERNEL])
    assert set(found.unknown_operators) == {"acme.Mystery", "Conv"}


def test_an_open_size_is_guessed_and_can_be_given():
    image = {"image": ["N", 3, "height", "width"]}
    conv = node("Conv", "image w")
    found = count([conv], image, [KERNEL])
    assert found.macs == 4 * 222 * 222 * 27
    assert found.inputs[0].shape == (1, 3, 224, 224)
    assert found.inputs[0].guessed == {"batch": 1, "height": 224, "width": 224}
    given = count([conv], image, [KERNEL], {"image": (2, 3, 8, 8)})
    assert (given.inputs[0].shape, given.inputs[0].guessed, given.batch) == ((2, 3, 8, 8), {}, 2)
    expected = 4 * 36 * 27
    assert count([conv], image, [KERNEL], {"image": (1, 3, 8, 8)}).macs == expected
    assert count([conv], image, [KERNEL], {"image": (5, 3, 8, 8)}).macs == expected
    assert count([conv], image, [KERNEL], metadata={"input_shape": "3x8x8"}).macs == expected
    assert count([conv], image, [KERNEL], metadata={"input_shape": "junk"}).macs == found.macs
    assert count([conv], {"image": [0, 3, -1, "W"]}, [KERNEL], metadata={"input_shape": "3x8x8"}).macs == expected


@pytest.mark.parametrize(
    "inputs",
    [
        {"image": ["N", 3, "height", "width"]},
        {"image": ["N", "height", "width", 3]},
        {"image": [0, -1, "?", "?"]},
        {"time": ["time", "features"]},
        {"states": ["layers", "N", 8], "tokens": ["N", "length"]},
        {"tokens": ["batch", "length"], "mask": ["batch", "length", "length"]},
    ],
)
def test_the_ledger_and_a_run_guess_the_same_sizes(tmp_path, inputs):
    onnx.save(make([node("Identity", next(iter(inputs)))], inputs), tmp_path / "open.onnx")
    fed = model_inputs.read(onnx_file.read(tmp_path / "open.onnx"), {})
    assert [each.shape for each in ledger(tmp_path / "open.onnx").inputs] == [each.shape for each in fed]
    assert [each.guessed for each in ledger(tmp_path / "open.onnx").inputs] == [
        {name: each.shape[axis] for axis, name in each.guesses} for each in fed
    ]


def test_a_guess_that_does_not_fit_is_left_open_and_said_so():
    flat = [node("Flatten", "image", "f"), node("Gemm", "f d")]
    found = count(flat, {"image": ["N", 3, "h", "w"]}, [weight("d", 192, 10)])
    assert (found.macs, found.params) == (None, 1920)
    assert found.inputs[0].shape == (1, 3, "h", "w")
    reason = found.unknown_operators["Gemm"]
    assert "image height 224, image width 224 was guessed and does not fit" in reason
    assert "--input image=1x3xhxw" in reason


@pytest.mark.parametrize(
    "given", [{"picture": (1, 3, 8, 8)}, {"image": (1, 3, 8)}, {"image": (1, 3, 0, 8)}, {"image": (1, 3, 8, 1 << 63)}]
)
def test_a_wrong_given_shape_is_an_error(given):
    with pytest.raises(HarnessError):
        count([node("Conv", "image w")], {"image": ["N", 3, "h", "w"]}, [KERNEL], given)


def test_a_shape_that_does_not_fit_is_never_counted():
    image = {"image": ["N", 3, "h", "w"]}
    channels = count([node("Conv", "image w")], image, [KERNEL], {"image": (1, 5, 8, 8)})
    assert channels.macs is None
    assert "channels" in channels.unknown_operators["Conv"]
    flat = [node("Flatten", "image", "f"), node("Gemm", "f d")]
    with pytest.raises(HarnessError, match="does not fit"):
        count(flat, image, [weight("d", 192, 10)], {"image": (1, 3, 9, 9)})
    assert count(flat, image, [weight("d", 192, 10)], {"image": (1, 3, 8, 8)}).macs == 1920


def test_an_image_smaller_than_a_kernel_is_never_counted():
    """Both sizes of the map would be negative, and their product is not."""
    kernel = [weight("k", 4, 3, 7, 7)]
    found = count([node("Conv", "x k")], {"x": ["N", 3, 2, 2]}, kernel)
    assert found.macs is None
    assert found.peak_activation_bytes is None
    assert "1x4x-4x-4" in found.unknown_operators["Conv"]
    pooled = [node("Conv", "x k", "c"), node("GlobalAveragePool", "c")]
    with pytest.raises(HarnessError, match="does not fit the network: c would be 1x4x-4x-4"):
        count(pooled, {"x": ["N", 3, "h", "w"]}, kernel, {"x": (1, 3, 2, 2)})


def test_shapes_hidden_behind_computed_ones():
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


def test_the_shape_of_a_scalar_is_a_list_of_none():
    """Where a shape is still open all that is small is computed, the shape of a scalar too."""
    nodes = [node("Shape", "scale", "none"), node("Expand", "scale none", "s"), node("Mul", "x s", "m")]
    hidden = [node("Mystery", "x", "h", domain="acme"), node("Conv", "h w", "c")]
    stored = [KERNEL, weight("scale")]
    found = count([*nodes, *hidden, node("Conv", "m w")], {"x": ["N", 3, 8, 8]}, stored, domains=["acme"])
    assert found.macs_by_operator == {"Conv": 4 * 36 * 27}


def test_a_name_stands_for_one_size_in_every_input():
    """Two inputs of a network on text: the batch by its name, the length given once."""
    inputs = {"tokens": ["batch", "length", 8], "mask": ["batch", "length", "length"], "state": [2, "batch", 8]}
    nodes = [node("MatMul", "mask tokens", "m"), node("MatMul", "state t", "s"), node("Add", "m u")]
    weights = [weight("t", 8, 4), weight("u", 8)]
    found = count(nodes, inputs, weights, {"tokens": (1, 5, 8)})
    assert found.macs == 5 * 5 * 8 + 2 * 8 * 4
    guessed = count(nodes, inputs, weights)
    assert guessed.macs == 128 * 128 * 8 + 2 * 8 * 4
    assert [each.guessed for each in guessed.inputs] == [
        {"batch": 1, "length": 128}, {"batch": 1, "length": 128}, {"batch": 1},
    ]  # fmt: skip
    with pytest.raises(HarnessError, match="length is given as 5 and as 6"):
        count(nodes, inputs, weights, {"tokens": (1, 5, 8), "mask": (1, 6, 6)})


def test_the_batch_can_be_told():
    """Five vertices of five edges are no batch of five, and a recurrent state of rank 3 is one."""
    stored = [weight("w", 3, 4)]
    nodes = [node("Add", "vertices edges", "a"), node("MatMul", "a w")]
    inputs = {"vertices": [5, 3], "edges": [5, 3]}
    assert [count(nodes, inputs, stored, batch=batch).macs for batch in (None, 1, 5)] == [12, 60, 12]
    sequence = [node("MatMul", "x w")]
    assert [count(sequence, {"x": [6, 5, 3]}, stored, batch=batch).macs for batch in (None, 6)] == [360, 60]
    open_batch = count(sequence, {"x": ["N", 5, 3]}, stored, batch=7)
    assert (open_batch.macs, open_batch.batch, open_batch.inputs[0].shape) == (60, 7, (7, 5, 3))
    assert open_batch.inputs[0].guessed == {}
    for batch, fault in ((4, "no input has an axis that is open or of that size: x 6x5x3"), (0, "expected 1 or more")):
        with pytest.raises(HarnessError, match=fault):
            count(sequence, {"x": [6, 5, 3]}, stored, batch=batch)


def test_an_input_without_a_shape_is_named_and_can_be_given():
    nodes = [node("Conv", "x w")]
    assert "input x has no shape" in count(nodes, {"x": None}, [KERNEL]).unknown_operators["Conv"]
    assert count(nodes, {"x": None}, [KERNEL], {"x": (1, 3, 8, 8)}).macs == 4 * 36 * 27


def test_initializers_are_seen_in_files_of_before_ir_version_4(tmp_path):
    """There they had to be inputs too; onnxruntime's quantiser keeps the version and adds no inputs."""
    kernel = numpy_helper.from_array(np.ones((4, 3, 3, 3), np.int8), "w8")
    nodes = [
        node("QuantizeLinear", "x s z", "x8"),
        node("DequantizeLinear", "x8 s z", "d"),
        node("DequantizeLinear", "w8 s", "w"),
        node("Conv", "d w"),
    ]
    zero = numpy_helper.from_array(np.int8(0), "z")
    model = make(nodes, {"x": ["N", 3, 8, 8]}, [kernel, weight("s"), zero], opset=13)
    model.ir_version = 3
    onnx.save(model, tmp_path / "quantised.onnx")
    found = ledger(tmp_path / "quantised.onnx")
    assert (found.macs, found.params) == (4 * 36 * 27, 108), found.unknown_operators
    assert found.peak_activation_bytes == 4 * 3 * 64 + 4 * 4 * 36  # the image in floats again, and the map


def test_a_range_of_a_billion_is_not_written_down(tmp_path):
    """Inference would keep each of its numbers; the process that counts may take two gigabytes."""
    stored = [
        numpy_helper.from_array(np.array(value, np.int64), name) for name, value in {"z": 0, "n": 10**9, "o": 1}.items()
    ]
    nodes = [node("Range", "z n o", "r"), node("Cast", "r", "f", to=1), node("Add", "x f")]
    onnx.save(make(nodes, {"x": ["N", 1]}, stored), tmp_path / "far.onnx")
    limited = (
        "import resource, sys, pathlib; from harness.cost.ledger import ledger;"
        "resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30));"
        "found = ledger(pathlib.Path(sys.argv[1])); print(found.macs, found.peak_activation_bytes)"
    )
    done = subprocess.run(
        [sys.executable, "-c", limited, tmp_path / "far.onnx"], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["0", "4000000004"]  # the image and the sum; a range of weights is a weight


@pytest.mark.parametrize("opset", range(7, onnx.defs.onnx_opset_version() + 1))
def test_every_opset_from_7_on(opset):
    axes = {"axes": [2, 3]} if opset < 18 else {}
    given = "" if opset < 18 else " axes"
    nodes = [
        node("Conv", "x w", "c", strides=[2, 2], auto_pad="SAME_UPPER"),
        node("BatchNormalization", "c scale shift mean var", "n"),
        node("Relu", "n", "r"),
        node("MaxPool", "r", "p", kernel_shape=[2, 2], strides=[2, 2]),
        node("ReduceMean", f"p{given}", "a", keepdims=0, **axes),
        node("Gemm", "a d b", "g", transB=1),
        node("Softmax", "g", axis=1),
    ]
    statistics = [weight(name, 4) for name in ("scale", "shift", "mean", "var")]
    stored = [KERNEL, *statistics, weight("d", 10, 4), weight("b", 10), integers("axes", [2, 3])]
    found = count(nodes, {"x": ["N", 3, 16, 16]}, stored, opset=opset)
    assert (found.macs, found.params) == (4 * 64 * 27 + 40, 108 + 8 + 50), found.unknown_operators
    assert found.peak_activation_bytes == 4 * (3 * 256 + 4 * 64)  # the image and the first map


@pytest.mark.parametrize("raw", [b"", None])
def test_a_shape_of_no_sizes_is_known_whether_or_not_its_values_are_stored(raw):
    empty = onnx.TensorProto(name="empty", data_type=onnx.TensorProto.INT64, dims=[0], raw_data=raw)
    nodes = [
        node("Shape", "x", "s"),
        node("Gather", "s two", "d"),
        node("Reshape", "d empty", "scalar"),
        node("Unsqueeze", "scalar zero", "u"),
        node("Concat", "three u", "target", axis=0),
        node("Reshape", "x target", "r"),
        node("MatMul", "r w"),
    ]
    stored = [empty, integers("two", [2]), integers("zero", [0]), integers("three", [3]), weight("w", 8, 5)]
    assert count(nodes, {"x": ["n", 3, 8]}, stored).macs == 3 * 8 * 5


@pytest.mark.parametrize("name", ["?", "None", "-1", "unk__7"])
def test_two_open_axes_without_a_name_are_two_sizes(name):
    inputs = {"x": ["N", 3, name, name]}
    assert count([node("Conv", "x w")], inputs, [KERNEL], {"x": (1, 3, 10, 20)}).macs == 4 * 8 * 18 * 27


@pytest.mark.parametrize(("vertices", "batch"), [(5, 5), (9, 1)])
def test_a_first_axis_that_not_every_input_shares_is_no_batch(vertices, batch):
    nodes = [node("ReduceMean", "vertices", "m", keepdims=0), node("Add", "edges m", "a"), node("MatMul", "a w")]
    found = count(nodes, {"vertices": [vertices, 3], "edges": [5, 3]}, [weight("w", 3, 4)])
    assert found.macs == 5 * 3 * 4 // batch


@pytest.mark.parametrize(
    ("operator", "attributes", "width"),
    [
        ("Scaler", {"offset": [0.0], "scale": [1.0]}, 2),
        ("Normalizer", {"norm": "L2"}, 2),
        ("Imputer", {"imputed_value_floats": [0.0], "replaced_value_float": 0.0}, 2),
        ("Binarizer", {"threshold": 0.5}, 2),
        ("FeatureVectorizer", {"inputdimensions": [2]}, 2),
        ("OneHotEncoder", {"cats_int64s": [0, 1], "zeros": 1}, 4),
    ],
)
def test_what_classical_operators_give_is_known(operator, attributes, width):
    classical = helper.make_node(operator, ["x"], ["f"], domain="ai.onnx.ml", **attributes)
    found = count([classical, node("MatMul", "f w")], {"x": [1, 2]}, [weight("w", 2, 3)], domains=("ai.onnx.ml",))
    assert found.macs == width * 3
