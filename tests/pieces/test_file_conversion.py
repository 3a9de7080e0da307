"""Files of one's own in lower precisions: what they hold, what stays in float32 and why, and what is refused."""

import argparse
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from harness.commands import convert
from harness.errors import HarnessError
from harness.pieces import file_conversion, quantization
from harness.runs import own_conversion
from tests.pieces.test_quantization import CASES, END, NODE, batches, classifier

KINDS = {"float16": TensorProto.FLOAT16, "bfloat16": TensorProto.BFLOAT16, "int8": TensorProto.INT8}


def own(path: Path, case: str = "ReLU") -> Path:
    nodes, tensors = CASES[case]
    return classifier(path, nodes, **tensors)


def examples(path: Path) -> Path:
    np.savez(path, image=np.concatenate(batches()))
    return path


def converted(*arguments: str) -> None:
    parser = argparse.ArgumentParser()
    convert.add_arguments(parser)
    assert convert.main(parser.parse_args([*arguments, "--format", "json"])) == 0


@pytest.mark.parametrize("precision", ["float16", "bfloat16", "int8", "uint8"])
def test_a_file_is_converted_with_what_was_done_in_its_metadata(
    precision: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, target = own(tmp_path / "own.onnx"), tmp_path / f"own.{precision}.onnx"
    data = ["--data", str(examples(tmp_path / "examples.npz"))] if "int" in precision else []
    converted(str(source), "--precision", precision, *data, "--out", str(target))
    model = onnx.load(target)
    onnx.checker.check_model(model, full_check=True)
    facts = {entry.key: entry.value for entry in model.metadata_props}
    assert len(facts["converted_from"]) == 64
    held = {tensor.data_type for tensor in model.graph.initializer if len(tensor.dims) > 1}
    assert KINDS.get(precision, TensorProto.UINT8) in held
    told = capsys.readouterr().out
    if data:
        assert f"U8{'U8' if precision == 'uint8' else 'S8'}" in facts["conversion"]
        assert "on 128 examples of examples.npz" in facts["conversion"]
    assert '"max |Δ|": null' in told if precision == "bfloat16" else '"max |Δ|": 0.' in told


def test_without_data_products_are_quantised_and_convolutions_named(tmp_path: Path) -> None:
    found = file_conversion.convert(own(tmp_path / "own.onnx"), "int8")
    assert found.how.startswith("dynamic")
    assert any("MatMulInteger" in node.op_type for node in found.model.graph.node)
    assert list(found.left.values()) == ["convolutions are not quantised without --data"]


def test_signed_activations_are_told_and_what_stays_in_float32_has_its_reason(tmp_path: Path) -> None:
    feeds = [{"image": batch} for batch in batches()]
    found = file_conversion.convert(own(tmp_path / "own.onnx", "a Clip from 1 on"), "int8", feeds, "int8")
    assert "S8S8" in found.how
    assert list(found.left.values()) == ["the bounds of the Clip do not hold zero"]
    assert found.fault == ""


def test_a_node_that_cannot_be_quantised_stays_in_float32_with_its_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A planted fault: the quantization of whatever has a node of this name fails, as onnxruntime's does at times."""
    nodes = [NODE("Relu", ["c"], ["p"], name="first"), *END]
    source = classifier(tmp_path / "own.onnx", nodes)
    model = onnx.load(source)
    for number, node in enumerate(model.graph.node):
        node.name = node.name or f"node_{number}"
    onnx.save(model, source)
    right = quantization.quantize

    def failing(path: Path, feeds: object, **told: object) -> onnx.ModelProto:
        if "first" not in told.get("left", ()) and told.get("only", ["first"]) == ["first"]:
            raise IndexError("list index out of range")
        return right(path, feeds, **told)  # type: ignore[arg-type]

    monkeypatch.setattr(quantization, "quantize", failing)
    found = file_conversion.convert(source, "int8", [{"image": batch} for batch in batches()])
    assert found.left == {"first": "Relu cannot be quantised: list index out of range"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--precision", "float16", "--data", "digits.npz"], "--data calibrates int8 and uint8"),
        (["--precision", "int8", "--data", "few.npz"], "expected an array for each input"),
        (["--precision", "int8", "--out", "own.onnx"], "is there already"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_written(
    arguments: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    own(tmp_path / "own.onnx")
    np.savez(tmp_path / "few.npz", other=np.zeros((1, 8, 10, 10), np.float32))
    before = sorted(tmp_path.iterdir())
    with pytest.raises(HarnessError, match=message):
        converted("own.onnx", *arguments)
    assert sorted(tmp_path.iterdir()) == before


def test_a_file_without_float32_weights_and_one_with_branches_are_refused_by_name(tmp_path: Path) -> None:
    graph = helper.make_graph(
        [NODE("Add", ["x", "c"], ["y"])],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.INT64, [3])],
        [helper.make_tensor_value_info("y", TensorProto.INT64, [3])],
        [numpy_helper.from_array(np.arange(3), "c")],
    )
    onnx.save(helper.make_model(graph, ir_version=8), tmp_path / "whole.onnx")
    with pytest.raises(HarnessError, match="holds no float32 weights"):
        file_conversion.convert(tmp_path / "whole.onnx", "float16")
    assert own_conversion.PRECISIONS == file_conversion.PRECISIONS
