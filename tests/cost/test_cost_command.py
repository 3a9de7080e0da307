"""`harness cost`."""

import csv
import io
import json
import re
import subprocess
import sys
from argparse import ArgumentParser

import onnx
import pytest
from onnx import helper

from harness.commands import cost as command
from harness.errors import HarnessError
from tests import ROOT
from tests.conftest import Harness
from tests.onnx_models import KERNEL, make, node


@pytest.fixture
def small(tmp_path):
    path = tmp_path / "small.onnx"
    onnx.save(make([node("Conv", "x w")], {"x": ["N", 3, 8, 8]}, [KERNEL]), path)
    return path


def run_command(*given: str) -> int:
    parser = ArgumentParser()
    command.add_arguments(parser)
    return command.main(parser.parse_args(given))


def test_the_command_prints_one_object_or_a_list(small, capsys):
    assert run_command(str(small)) == 0
    one = json.loads(capsys.readouterr().out)
    assert one == {
        "file": str(small),
        "counted": "from the file",
        "batch": 1,
        "inputs": [{"name": "x", "type": "float32", "shape": [1, 3, 8, 8], "guessed": {"batch": 1}}],
        "params": 108,
        "macs": 4 * 36 * 27,
        "macs_by_operator": {"Conv": 4 * 36 * 27},
        "unknown_operators": {},
        "nodes": 1,
        "operators": {"Conv": 1},
        "stored_bytes": 432,
        "peak_activation_bytes": 4 * (3 * 64 + 4 * 36),
        "peak_activation_reason": "",
        "stored_values": 108,
        "folded_batch_norm": None,
        "checker_refuses": "Field 'shape' of 'type' is required but missing.",  # of the output
    }
    run_command(str(small), str(small), "--nodes", "--input", "x=1x3x10x10")
    two = json.loads(capsys.readouterr().out)
    assert [found["macs"] for found in two] == [4 * 64 * 27] * 2
    assert two[0]["node_costs"] == [{"name": "y", "operator": "Conv", "macs": 4 * 64 * 27, "reason": ""}]


def test_the_command_prints_csv(small, capsys):
    run_command(str(small), "--format", "csv")
    (row,) = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert (row["params"], row["macs"], row["peak_activation_bytes"]) == ("108", "3888", "1344")
    assert (row["batch"], row["guessed"]) == ("1", "x batch 1")
    run_command(str(small), "--format", "csv", "--batch", "2", "--shape", "x=2x3x8x8")
    (row,) = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert (row["macs"], row["batch"], row["guessed"]) == ("3888", "2", "")
    run_command(str(small), "--format", "table", "--nodes")
    assert "Conv" in capsys.readouterr().out


def test_people_see_what_is_unknown_how_often_and_why(tmp_path, capsys):
    path = tmp_path / "planted.onnx"
    nodes = [helper.make_node("Mystery", [one], [two], domain="acme") for one, two in ("xa", "ab")]
    onnx.save(make([*nodes, node("Conv", "x w")], {"x": ["N", 3, 8, 8]}, [KERNEL], domains=["acme"]), path)
    assert run_command(str(path), "--format", "table") == 0
    line = next(line for line in capsys.readouterr().out.splitlines() if "no rule for this operator" in line)
    assert line.split()[1:3] == ["acme.Mystery", "2"]
    run_command(str(path), "--shape", "x=1,3,10,10")
    found = json.loads(capsys.readouterr().out)
    assert (found["macs"], found["macs_by_operator"]) == (None, {"Conv": 4 * 64 * 27})


def test_a_file_that_the_checker_refuses_is_counted_and_said_so(tmp_path, capsys):
    path = tmp_path / "refused.onnx"
    model = make([node("Conv", "x w")], {"x": ["N", 3, 8, 8]}, [KERNEL])
    model.graph.output[0].CopyFrom(helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, ["N", 4, 6, 6]))
    onnx.save(model, path)
    run_command(str(path))
    assert json.loads(capsys.readouterr().out)["checker_refuses"] == ""
    model.graph.node[0].attribute.append(helper.make_attribute("no_such", 1))
    with pytest.raises(onnx.checker.ValidationError, match="no_such"):
        onnx.checker.check_model(model)
    onnx.save(model, path)
    assert run_command(str(path)) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["macs"] == 4 * 36 * 27
    assert "no_such" in found["checker_refuses"]
    for form in ("csv", "table"):
        run_command(str(path), "--format", form)
        assert "no_such" in capsys.readouterr().out


def test_the_example_of_the_documentation(tmp_path, harness: Harness):
    """The file that the Python makes, and what each command prints, are what docs/cost.md says."""
    text = (ROOT / "docs/cost.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    (program,) = (content for kind, content in blocks if kind == "python")
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=True)
    commands = [number for number, (_, content) in enumerate(blocks) if content.startswith("harness ")]
    assert len(commands) == 2
    for number in commands:
        done = harness(*blocks[number][1].split()[1:], cwd=tmp_path)
        shown = blocks[number + 1][1]
        assert [line.rstrip() for line in done.stdout.splitlines()] == shown.splitlines(), done.stderr


@pytest.mark.parametrize("given", ["1x3x8x8", "x=", "x=1x3xHxW", "=1x2", "x=1x-3"])
def test_a_malformed_shape_is_an_error(small, given):
    with pytest.raises(HarnessError, match="--input"):
        run_command(str(small), "--input", given)
