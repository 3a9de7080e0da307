"""`harness diff`: what differs between two files, and the first node whose output parts."""

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from harness import cli
from harness.diff import difference, distance, tracing
from harness.diff.difference import Difference, Run
from harness.diff.tracing import TracedFile
from tests import ROOT
from tests.diff import random_graphs

FILES = ROOT / "benchmarks" / "files"


def saved(path: Path, model: onnx.ModelProto) -> Path:
    onnx.save(model, path)
    return path


def chain(path: Path, *, planted: int = -1, **options) -> Path:
    """Six products with a Tanh behind each; one weight of the planted one is another."""
    nodes, tensors = [], []
    for number in range(6):
        array = np.random.default_rng(number).standard_normal((4, 4)).astype(np.float32) / 2
        array[0, 0] += number == planted
        tensors.append(numpy_helper.from_array(array, f"w{number}"))
        nodes.append(
            helper.make_node(
                "MatMul", [f"t{number - 1}" if number else "x", f"w{number}"], [f"m{number}"], f"product{number}"
            )
        )
        nodes.append(helper.make_node("Tanh", [f"m{number}"], ["y" if number == 5 else f"t{number}"], f"tanh{number}"))
    model = random_graphs.model(nodes, tensors)
    return saved(path, random_graphs.rewrite(model, 1) if options.get("rewritten") else model)


def compare(a: Path, b: Path, **options) -> Difference:
    return difference.compare_files(a, b, Run(**options))


@pytest.mark.parametrize("planted", range(6))
def test_first_node_that_parts_is_the_planted_one(
    planted: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is found in few looks too, as in a graph of many nodes."""
    a, b = chain(tmp_path / "a.onnx"), chain(tmp_path / "b.onnx", planted=planted, rewritten=True)
    for most in (256, 2):
        monkeypatch.setattr("harness.diff.parting.MOST_VALUES", most)
        found = compare(a, b).run
        assert found is not None
        assert not found.agree
        assert found.parting is not None
        assert (found.parting.node_a, found.parting.operator_a) == (f"product{planted}", "MatMul")
        value = found.parting.value
        assert value.before == 0.0
        expected = abs(value.after.a - value.after.b)
        assert value.after.largest == pytest.approx(expected)
        assert value.after.a in value.around_a
        assert value.after.b in value.around_b


def test_values_inside_are_those_that_numpy_computes(tmp_path: Path) -> None:
    model = onnx.load(chain(tmp_path / "a.onnx"))
    x = np.random.default_rng(7).standard_normal((3, 4)).astype(np.float32)
    found = TracedFile(model=model, feeds={"x": x}).values(["m0", "t2", "y"])
    for number, tensor in enumerate(model.graph.initializer):
        product = x @ numpy_helper.to_array(tensor)
        x = np.tanh(product)
        for name, expected in ((f"m{number}", product), (f"t{number}" if number < 5 else "y", x)):
            if name in found:
                np.testing.assert_allclose(found[name], expected, rtol=1e-5, atol=1e-6)
    assert set(found) == {"m0", "t2", "y"}
    assert [value.name for value in model.graph.output] == ["y"]  # as it was


def test_files_of_two_exporters_agree_in_other_layouts() -> None:
    found = compare(FILES / "convnet_gmp.keras.onnx", FILES / "convnet_gmp.torch.onnx")
    assert found.run is not None
    assert found.run.agree
    assert found.run.parting is None
    assert not found.same
    transposed = [one for one in found.graph.tensors if one.layout.endswith("in the order 1, 0")]
    assert [one.name_b for one in transposed] == ["0.logits.weight", "0.dense1.weight"]


def test_optimiser_that_changes_a_file_is_told_from_the_file(tmp_path: Path) -> None:
    """onnxruntime folds a Pad of zeros into the MaxPool behind it, whose padding is minus infinity."""
    nodes = [
        helper.make_node("Neg", ["x"], ["n"], "neg"),
        helper.make_node("Pad", ["n", "pads"], ["p"], "pad"),
        helper.make_node("MaxPool", ["p"], ["y"], "pool", kernel_shape=[3, 3]),
    ]
    pads = numpy_helper.from_array(np.array([0, 0, 1, 1, 0, 0, 1, 1]), "pads")
    a = saved(tmp_path / "a.onnx", random_graphs.model(nodes, [pads], [1, 1, 4, 4]))
    nodes[0] = helper.make_node("Sub", ["zero", "x"], ["n"], "neg")
    zero = numpy_helper.from_array(np.zeros((1, 1, 1, 1), np.float32), "zero")
    shown = [*nodes]
    model = random_graphs.model(shown, [pads, zero], [1, 1, 4, 4])
    model.graph.output.append(helper.make_tensor_value_info("p", TensorProto.FLOAT, None))  # nothing is fused across it
    found = compare(a, saved(tmp_path / "b.onnx", model))
    assert found.run is not None
    assert not found.run.agree
    assert found.run.parting is None
    assert "optimisations off" in found.run.note
    assert compare(a, tmp_path / "b.onnx", options=tracing.PLAIN).run.agree  # type: ignore[union-attr]


def test_file_that_differs_from_itself_is_not_compared(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("RandomNormalLike", ["x"], ["r"], "noise"),
        helper.make_node("Add", ["x", "r"], ["y"], "sum"),
    ]
    a = saved(tmp_path / "a.onnx", random_graphs.model(nodes, []))
    found = compare(a, a)
    assert found.run is not None
    assert found.run.unsteady
    assert found.same  # it is one graph


@settings(max_examples=30)
@given(st.lists(st.floats(width=32), min_size=1, max_size=9), st.data())
def test_distance_is_what_numpy_says(values: list[float], data: st.DataObject) -> None:
    others = data.draw(st.lists(st.floats(width=32), min_size=len(values), max_size=len(values)))
    a, b = np.array(values, np.float32), np.array(others, np.float32)
    found = distance.measure(a, b)
    same = (a == b) | (np.isnan(a) & np.isnan(b))
    assert found.differing == int((~same).sum())
    with np.errstate(all="ignore"):
        gap = np.where(same, 0, np.abs(a.astype(float) - b.astype(float)))
    assert found.largest == np.where(np.isnan(gap), np.inf, gap).max()
    assert (found.largest == 0) == (found.relative == 0)


def outcome(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = cli.main(["diff", *map(str, arguments)])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_exit_code_says_whether_anything_differs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a, b = chain(tmp_path / "a.onnx"), chain(tmp_path / "b.onnx", planted=3)
    again = chain(tmp_path / "again.onnx", rewritten=True)
    code, shown, _ = outcome(capsys, a, again)
    assert (code, shown.splitlines()[0].split(":")[0]) == (0, "a.onnx and again.onnx are the same")
    code, shown, _ = outcome(capsys, a, b)
    assert code == 1
    assert shown.startswith("a.onnx and b.onnx differ: 1 stored tensor; THE OUTPUTS DIFFER by ")
    assert "They part at product3 (MatMul)" in shown
    code, shown, _ = outcome(capsys, a, b, "--only", "graph", "--json")
    found = json.loads(shown)
    assert (code, found["same"], found["run"], found["tensors"][0]["name_a"]) == (1, False, None, "w3")
    assert outcome(capsys, a, b, "--only", "outputs", "--tolerance", "0.99")[0] == 0


def test_arrays_are_fed_to_both(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Zeros hide every weight; two rows are fed where random inputs are one."""
    a, b = chain(tmp_path / "a.onnx"), chain(tmp_path / "b.onnx", planted=3, rewritten=True)
    np.savez(tmp_path / "zeros.npz", x=np.zeros((2, 4), np.float32))
    code, shown, _ = outcome(capsys, a, b, "--only", "outputs", "--json", "--inputs", tmp_path / "zeros.npz")
    found = json.loads(shown)
    assert (code, found["run"]["outputs"][0]["distance"]["values"]) == (0, 8)


def test_bad_input_is_refused_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a = chain(tmp_path / "a.onnx")
    np.savez(tmp_path / "other.npz", image=np.zeros(3))
    refused = {
        "no such": (a, tmp_path / "none.onnx"),
        "expected two": (a,),
        "'image'": (a, a, "--inputs", tmp_path / "other.npz"),
        "--tolerance": (a, a, "--tolerance", "7"),
    }
    for said, arguments in refused.items():
        code, shown, told = outcome(capsys, *arguments)
        assert (code, shown, len(told.strip().splitlines())) == (2, "", 1), told
        assert said in told.lower()


def test_files_that_cannot_be_fed_the_same_are_compared_all_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wide = saved(
        tmp_path / "wide.onnx", random_graphs.model([helper.make_node("Tanh", ["x"], ["y"])], [], ["batch", 9])
    )
    code, shown, _ = outcome(capsys, chain(tmp_path / "a.onnx"), wide)
    assert code == 1
    assert "outputs not compared" in shown.splitlines()[0]
    assert "input x" in shown.splitlines()[0]
