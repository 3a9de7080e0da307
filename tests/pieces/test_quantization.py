"""int8 of what onnxruntime's quantization gets wrong by itself: bounds of a Clip, factors and biases of a Gemm."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from harness.pieces import artifacts, layer_losses, quantizable, quantization
from harness.timing import runtime

NODE = helper.make_node
END = (
    NODE("GlobalAveragePool", ["p"], ["g"]),
    NODE("Flatten", ["g"], ["t"]),
    NODE("Gemm", ["t", "wf"], ["l"]),
    NODE("Softmax", ["l"], ["y"]),
)


def floats(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def classifier(path: Path, nodes: list[onnx.NodeProto], **tensors: np.ndarray) -> Path:
    """A convolution of images (N, 8, 10, 10), these nodes behind it, and five probabilities."""
    kernels = {"w": floats(8, 8, 1, 1) * np.float32(0.3), "wf": floats(8, 5, seed=1) * np.float32(2), **tensors}
    graph = helper.make_graph(
        [NODE("Conv", [artifacts.INPUT, "w"], ["c"]), *nodes],
        "classifier",
        [helper.make_tensor_value_info(artifacts.INPUT, TensorProto.FLOAT, ["n", 8, 10, 10])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 5])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in kernels.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)
    return path


def batches() -> list[np.ndarray]:
    return [floats(32, 8, 10, 10, seed=seed) for seed in range(4)]


def probabilities(model: Path | bytes, images: np.ndarray) -> np.ndarray:
    return runtime.outputs(runtime.session(model, threads=1), images, "y")


def gemm(**factors: float) -> list[onnx.NodeProto]:
    """The end with a Gemm of these factors in it, whose bias decides much."""
    middle = [
        NODE("GlobalAveragePool", ["c"], ["g0"]),
        NODE("Flatten", ["g0"], ["t0"]),
        NODE("Gemm", ["t0", "w2", "b2"], ["k"], **factors),
        NODE("Relu", ["k"], ["t"]),
    ]
    return [*middle, *END[2:]]


CASES = {
    "ReLU": ([NODE("Relu", ["c"], ["p"]), *END], {}),
    "a Clip from 0 to 6": ([NODE("Clip", ["c", "lo", "hi"], ["p"]), *END], {"lo": np.float32(0), "hi": np.float32(6)}),
    "a Clip from 1 on": ([NODE("Clip", ["c", "lo"], ["p"]), *END], {"lo": np.float32(1)}),
    "a Clip up to -1": ([NODE("Clip", ["c", "", "hi"], ["p"]), *END], {"hi": np.float32(-1)}),
    "beta": (gemm(beta=0.1), {"w2": floats(8, 8, seed=2), "b2": np.abs(floats(8, seed=3)) * 10}),
    "alpha and beta": (gemm(alpha=0.5, beta=3.0), {"w2": floats(8, 8, seed=2), "b2": floats(8, seed=3)}),
    "one bias for all": (gemm(), {"w2": floats(8, 8, seed=2), "b2": np.array([2.0], np.float32)}),
    "a scalar bias": (gemm(beta=2.0), {"w2": floats(8, 8, seed=2), "b2": np.array(1.0, np.float32)}),
    "a row of biases": (gemm(beta=2.0), {"w2": floats(8, 8, seed=2), "b2": floats(1, 8, seed=3)}),
    "a column of biases": (
        gemm(transB=1),
        {"w2": floats(1, 8, seed=2), "b2": floats(1, 1, seed=3), "wf": floats(1, 5)},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_8_bits_cost_no_more_than_8_bits_whatever_the_layers(case: str, tmp_path: Path) -> None:
    nodes, tensors = CASES[case]
    path = classifier(tmp_path / "case.onnx", nodes, **tensors)
    images = batches()
    quantized = quantization.to_int8(path, images)
    apart = np.abs(probabilities(path, images[0]) - probabilities(quantized.SerializeToString(), images[0])).max()
    assert 0 < apart < 0.08, "onnxruntime's own conversion is up to 0.996 off"
    assert layer_losses.find_fault(path, quantized, {artifacts.INPUT: images[0]}) == ""
    assert any(node.op_type == "QuantizeLinear" for node in quantized.graph.node)


def test_a_layer_that_the_conversion_changes_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without what is mended before: the Clip is gone, and so is beta."""
    monkeypatch.setattr(quantizable, "make_quantizable", lambda _model: [])
    for case, layer in (("a Clip from 1 on", "Clip 'p'"), ("beta", "Relu 't'")):
        nodes, tensors = CASES[case]
        path = classifier(tmp_path / "case.onnx", nodes, **tensors)
        quantized = quantization.to_int8(path, batches())
        told = layer_losses.find_fault(path, quantized, {artifacts.INPUT: batches()[0]})
        assert told.startswith(f"conversion, not precision: {layer} is off by"), told


def test_factors_that_cannot_be_folded_leave_the_node_in_float32() -> None:
    graph = helper.make_graph(
        [NODE("Gemm", ["a", "b", "c"], ["y"], beta=2.0), NODE("Gemm", ["y", "v", "c"], ["z"])],
        "g",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, [3, 3]) for name in "abc"],
        [helper.make_tensor_value_info("z", TensorProto.FLOAT, [3, 3])],
        [numpy_helper.from_array(floats(3, 3), "v")],
    )
    model = helper.make_model(graph)
    assert quantizable.make_quantizable(model) == ["Gemm_0", "Gemm_1"]
    assert model.graph.node[0].attribute[0].f == 2.0
