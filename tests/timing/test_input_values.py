"""What sessions are fed, and calls of files that are odd: untrue outputs, strings, sequences, scalars."""

from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper

from harness.errors import HarnessError
from harness.measurements.providers import Target
from harness.timing import input_values, runtime
from harness.timing.worker import SessionWorker
from tests import own_files
from tests.own_files import value


def untrue_rank(path: Path) -> Path:
    """A loop whose output has the rank 3 of its input, and declares 2."""
    state = [value("i", [], TensorProto.INT64), value("c", [], TensorProto.BOOL), value("s", None)]
    body = helper.make_graph(
        [helper.make_node("Identity", ["c"], ["go"]), helper.make_node("Identity", ["s"], ["next"])],
        "body",
        state,
        [value("go", [], TensorProto.BOOL), value("next", None)],
    )
    nodes = [
        helper.make_node("Loop", ["n", "", "x"], ["y"], body=body),
        helper.make_node("Neg", ["x"], ["z"]),
    ]
    inputs, outputs = [value("x", ["b", 3, 4])], [value("y", [1, "length"]), value("z", ["b", 3, 4])]
    return own_files.save(path, nodes, inputs, outputs, {"n": np.array(1)}, opset=17)


def texts(path: Path) -> Path:
    """Numbers written as texts, doubled."""
    nodes = [
        helper.make_node("Cast", ["words"], ["numbers"], to=TensorProto.FLOAT),
        helper.make_node("Add", ["numbers", "numbers"], ["y"]),
        helper.make_node("Identity", ["words"], ["same"]),
    ]
    inputs = [value("words", ["b", 2], TensorProto.STRING)]
    outputs = [value("y", ["b", 2]), value("same", ["b", 2], TensorProto.STRING)]
    return own_files.save(path, nodes, inputs, outputs, {})


def sequence(path: Path) -> Path:
    nodes = [helper.make_node("ConcatFromSequence", ["parts"], ["y"], axis=0)]
    inputs = [helper.make_tensor_sequence_value_info("parts", TensorProto.FLOAT, None)]
    return own_files.save(path, nodes, inputs, [value("y", ["n", 2])], {})


def scalar_state(path: Path) -> Path:
    nodes = [
        helper.make_node("Add", ["state", "x"], ["sum"]),
        helper.make_node("ReduceSum", ["sum"], ["next"], keepdims=0),
    ]
    return own_files.save(path, nodes, [value("state", []), value("x", ["b", 3])], [value("next", [])], {})


def opened(
    path: Path, shapes: dict[str, list[int]], inputs: Path | None = None
) -> tuple[SessionWorker, dict[str, list[int]]]:
    worker = SessionWorker()
    told = {"provider": "cpu", "device": "cpu", "cuda_graph": False}
    answer = worker.open(model=str(path), shapes=shapes, threads=1, target=told, inputs=str(inputs) if inputs else None)
    return worker, answer["outputs"]


def test_output_of_an_untrue_rank_is_bound_by_its_name(tmp_path: Path) -> None:
    worker, outputs = opened(untrue_rank(tmp_path / "rank.onnx"), {"x": [1, 3, 4]})
    assert outputs == {"y": [1, 3, 4], "z": [1, 3, 4]}
    assert worker.call.sample(3) > 0
    shapes = [value.shape() for value in worker.call.binding.get_outputs()]
    assert shapes == [[1, 3, 4], [1, 3, 4]]


def test_output_as_it_is_declared_is_written_where_it_was(tmp_path: Path) -> None:
    path = own_files.convolution(tmp_path / "plain.onnx", ["n", 3, 8, 8])
    worker, _ = opened(path, {"x": [1, 3, 8, 8]})
    assert type(worker.call) is runtime.BoundCall


def test_texts_are_fed_from_python_in_every_call(tmp_path: Path) -> None:
    path = texts(tmp_path / "texts.onnx")
    worker, outputs = opened(path, {"words": [1, 2]})
    assert outputs == {"y": [1, 2]}
    assert isinstance(worker.call, runtime.PlainCall)
    assert worker.call.sample(2) > 0
    np.savez(tmp_path / "words.npz", words=np.array([["1.5", "-2"]]))
    worker, _ = opened(path, {"words": [1, 2]}, tmp_path / "words.npz")
    np.testing.assert_array_equal(worker.results["y"].numpy(), [[3, -4]])


def test_sequence_is_fed_its_elements(tmp_path: Path) -> None:
    path = sequence(tmp_path / "sequence.onnx")
    parts = [np.ones((1, 2)), np.zeros((3, 2))]
    np.savez(tmp_path / "listed.npz", **{f"parts[{number}]": part for number, part in enumerate(parts)})
    np.savez(tmp_path / "stacked.npz", parts=np.ones((5, 1, 2)))
    assert opened(path, {}, tmp_path / "listed.npz")[1] == {"y": [4, 2]}
    assert opened(path, {}, tmp_path / "stacked.npz")[1] == {"y": [5, 2]}
    with pytest.raises(
        HarnessError, match=r"'parts' is a sequence: give its elements by --inputs, as arrays parts\[0\]"
    ):
        opened(path, {})


def test_scalars_are_fed_and_bound(tmp_path: Path) -> None:
    worker, outputs = opened(scalar_state(tmp_path / "state.onnx"), {"state": [], "x": [1, 3]})
    assert outputs == {"next": []}
    assert worker.call.sample(2) > 0


def test_strings_do_not_go_to_a_gpu(tmp_path: Path) -> None:
    session = runtime.session(texts(tmp_path / "texts.onnx"), threads=1)
    fed = input_values.make_inputs(session, {"words": [1, 2]})
    with pytest.raises(HarnessError, match="cannot be brought to the GPU"):
        SessionWorker()._bind(session, fed, Target(provider="cuda", device="gpu"))


def test_bfloat16_is_read_as_float32(tmp_path: Path) -> None:
    nodes = [helper.make_node("Cast", ["x"], ["y"], to=TensorProto.BFLOAT16)]
    path = own_files.save(
        tmp_path / "half.onnx", nodes, [value("x", [1, 3])], [value("y", [1, 3], TensorProto.BFLOAT16)], {}
    )
    session = runtime.session(path, threads=1)
    exact = np.array([[1.5, -2.0, 0.375]], np.float32)
    found = runtime.run_values(session, input_values.feed_inputs(session, {"x": exact}))
    np.testing.assert_array_equal(input_values.read_value(found["y"]), exact)
