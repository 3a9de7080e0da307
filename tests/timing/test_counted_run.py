"""What is counted on a run: bodies as often as they ran, and otherwise what the file tells."""

import contextlib
import importlib
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx.backend.test.case import node as node_cases

from harness.cost.ledger import ledger
from harness.errors import HarnessError
from harness.timing import counted_run, profile_worker, profiles
from tests.onnx_models import FLOAT, make, node, weight


def trace(model: Path, inputs: Path, data_folder: Path):
    """The worker's work without its process, which costs half a second a file."""
    with contextlib.chdir(model.parent):
        try:
            return profiles.read_trace(profile_worker.trace(model=model, inputs=inputs, data_folder=str(data_folder)))
        except Exception as error:
            raise HarnessError(f"onnxruntime cannot run the model: {error}") from error


def count_run(path: Path, *given, **options):
    return counted_run.count_run(path, *given, **options, trace=trace)


def save(path: Path, nodes, inputs, weights=(), **options) -> Path:
    model = make(nodes, inputs, weights, **options)
    model.ir_version = 10
    onnx.save(model, path)
    return path


def value(name, kind, shape):
    return helper.make_tensor_value_info(name, kind, shape)


def loop(trips: str) -> onnx.NodeProto:
    """A state of four numbers, multiplied by a matrix in each trip, in a node that has no name."""
    body = helper.make_graph(
        [node("MatMul", "s m", "t"), node("Identity", "go", "on")],
        "body",
        [value("i", TensorProto.INT64, []), value("go", TensorProto.BOOL, []), value("s", FLOAT, [1, 4])],
        [value("on", TensorProto.BOOL, []), value("t", FLOAT, [1, 4])],
    )
    return helper.make_node("Loop", [trips, "yes", "x"], ["y"], body=body)


YES = numpy_helper.from_array(np.array(True), "yes")


def test_a_loop_counts_as_often_as_it_ran(tmp_path):
    nodes = [
        node("ReduceSum", "steps", "n", keepdims=0),
        node("Cast", "n", "trips", to=TensorProto.INT64),
        loop("trips"),
    ]
    path = save(tmp_path / "loop.onnx", nodes, {"x": ["N", 4], "steps": [1]}, [weight("m", 4, 4), YES])
    assert ledger(path).macs is None
    for steps in (0, 1, 7):
        found = count_run(path, {"steps": np.array([steps], np.float32)})
        assert (found.macs, found.params) == (steps * 16, 16)
    assert [each.fed for each in found.inputs] == ["random from 0 to 1", "given"]
    assert found.counted == "on a run"
    assert found.nodes[-1].runs == 1


def test_a_scan_counts_as_long_as_its_sequence(tmp_path):
    body = helper.make_graph(
        [node("Add", "s e", "sum"), node("MatMul", "sum m", "t"), node("Identity", "t", "o")],
        "body",
        [value("s", FLOAT, [4]), value("e", FLOAT, [4])],
        [value("t", FLOAT, [4]), value("o", FLOAT, [4])],
    )
    scan = helper.make_node("Scan", ["first", "x"], ["last", "y"], body=body, num_scan_inputs=1)
    path = save(tmp_path / "scan.onnx", [scan], {"first": [4], "x": ["length", 4]}, [weight("m", 4, 4)])
    assert count_run(path, input_shapes={"x": (9, 4)}).macs == 9 * 16


@pytest.mark.parametrize(("rate", "macs"), [(0.0, 6 * 8 * 3), (1.0, 6 * 8 * 5)])
def test_the_branch_that_runs_counts(tmp_path, rate, macs):
    def branch(name, matrix):
        return helper.make_graph([node("MatMul", f"x {matrix}", name)], name, [], [value(name, FLOAT, None)])

    choice = helper.make_node("If", ["c"], ["y"], then_branch=branch("l", "long"), else_branch=branch("s", "short"))
    asked = [node("ReduceSum", "rate", "sum", keepdims=0), node("Cast", "sum", "c", to=TensorProto.BOOL), choice]
    stored = [weight("long", 8, 5), weight("short", 8, 3)]
    path = save(tmp_path / "if.onnx", asked, {"x": ["N", 6, 8], "rate": [1]}, stored)
    assert count_run(path, {"rate": np.array([rate], np.float32)}).macs == macs


def test_names_that_stand_twice_and_batches_and_data_beside_the_file(tmp_path):
    nodes = [node("MatMul", "x m", "a", name="same"), node("MatMul", "a n", "y", name="same")]
    model = make(nodes, {"x": ["N", 64]}, [weight("m", 64, 96), weight("n", 96, 2)])
    model.ir_version = 10
    onnx.save(model, tmp_path / "model.onnx", save_as_external_data=True, location="data", size_threshold=0)
    for batch in (None, 3):
        found = count_run(tmp_path / "model.onnx", batch=batch)
        assert [each.macs for each in found.nodes] == [64 * 96, 96 * 2]
        assert found.inputs[0].shape == (batch or 1, 64)
        assert found.contradictions == ()


def test_local_functions_count_inside(tmp_path):
    block = helper.make_function("local", "Block", ["a", "b"], ["o"], [node("MatMul", "a b", "o")], [])
    block.opset_import.append(helper.make_opsetid("", 18))
    calls = [helper.make_node("Block", [a, "m"], [b], domain="local") for a, b in (("x", "t"), ("t", "y"))]
    options = {"domains": ["local"], "functions": [block]}
    assert count_run(save(tmp_path / "f.onnx", calls, {"x": ["N", 4]}, [weight("m", 4, 4)], **options)).macs == 32


def test_what_cannot_be_fed_or_run_is_one_error(tmp_path):
    path = save(tmp_path / "net.onnx", [node("MatMul", "x m")], {"x": ["N", 4]}, [weight("m", 4, 4)])
    for arrays, shapes, fault in (
        ({"z": np.zeros(1)}, {}, "no input 'z'"),
        ({"x": np.zeros((1, 5))}, {}, "was given"),
        ({}, {"x": (1, 3)}, "was given"),
    ):
        with pytest.raises(HarnessError, match=fault):
            count_run(path, arrays, shapes)
    planted = helper.make_node("Mystery", ["x"], ["y"], domain="acme")
    with pytest.raises(HarnessError, match="onnxruntime cannot run the model"):
        count_run(save(tmp_path / "planted.onnx", [planted], {"x": ["N", 4]}, domains=["acme"]))


def test_a_count_that_the_run_contradicts_is_told(tmp_path, monkeypatch):
    path = save(tmp_path / "net.onnx", [node("MatMul", "x m")], {"x": ["N", 4]}, [weight("m", 4, 4)])
    monkeypatch.setattr(counted_run, "_product", lambda *_: 17)
    assert count_run(path).contradictions == ("MatMul y: 16 by the file, 17 on the run",)


# Of onnx's own tests; `python -m benchmarks.experiments.counted_cases` takes all of them.
MODULES = (
    "attention", "conv", "convtranspose", "dft", "gemm", "gru", "if_", "loop", "lstm", "matmul",
    "qlinearconv", "rnn", "scan", "stft",
)  # fmt: skip
SAMPLE = 8  # of one module


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("module", MODULES)
def test_a_run_never_contradicts_the_file(tmp_path, module):
    """Importing a module makes its cases."""
    importlib.import_module(f"onnx.backend.test.case.node.{module}")
    cases = [case for case in node_cases._NodeTestCases if case.name.startswith(f"test_{module.strip('_')}")]
    counted = 0
    for case in cases[:: -(-len(cases) // SAMPLE)]:
        onnx.save(case.model, tmp_path / "case.onnx")
        fed = dict(zip((given.name for given in case.model.graph.input), case.data_sets[0][0], strict=False))
        if all(isinstance(array, np.ndarray | np.generic) for array in fed.values()):
            with contextlib.suppress(HarnessError):  # onnxruntime has no kernel for it
                found = count_run(tmp_path / "case.onnx", fed)
                assert found.contradictions == (), case.name
                counted += found.macs is not None
    assert counted
