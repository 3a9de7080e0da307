"""Files that are damaged, of another kind, or have their data elsewhere: a result or one clear error."""

import contextlib
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from harness.commands.cost import summary
from harness.cost import checker, file_kinds, onnx_file, skimming
from harness.cost.ledger import ledger
from harness.errors import HarnessError
from tests import ROOT
from tests.conftest import Harness
from tests.onnx_models import FLOAT, KERNEL, contributed, integers, make, node, weight

SMALL = make([node("Conv", "x w")], {"x": ["N", 3, 8, 8]}, [KERNEL])


@pytest.fixture
def small(tmp_path):
    onnx.save(SMALL, tmp_path / "small.onnx")
    return tmp_path / "small.onnx"


def varied() -> onnx.ModelProto:
    """A function, branches, a computed shape, quantised weights, a contributed and a classical operator."""
    output = onnx.ValueInfoProto(name="b", type=helper.make_tensor_type_proto(FLOAT, None))
    branch = helper.make_graph([node("Relu", "c", "b")], "branch", [], [output])
    block = helper.make_function("local", "Block", ["a", "k"], ["o"], [node("Conv", "a k", "o")], [])
    block.opset_import.append(helper.make_opsetid("", 18))
    nodes = [
        node("DequantizeLinear", "w8 s", "w"),
        helper.make_node("Block", ["x", "w"], ["c"], domain="local"),
        node("If", "yes", "r", then_branch=branch, else_branch=branch),
        node("Shape", "r", "all"),
        node("Slice", "all zero one", "first"),
        node("Concat", "first rest", "target", axis=0),
        node("Reshape", "r target", "flat"),
        contributed("FusedMatMul", "flat d", "m", transB=1),
        helper.make_node("Normalizer", ["m"], ["y"], domain="ai.onnx.ml", norm="L2"),
    ]
    stored = [
        numpy_helper.from_array(np.ones((4, 3, 3, 3), np.int8), "w8"),
        numpy_helper.from_array(np.float32(0.5), "s"),
        numpy_helper.from_array(np.array(True), "yes"),
        *(integers(name, values) for name, values in (("zero", [0]), ("one", [1]), ("rest", [-1]))),
        weight("d", 10, 144),
    ]
    domains = ["local", "com.microsoft", "ai.onnx.ml"]
    return make(nodes, {"x": ["N", 3, "h", 8]}, stored, domains=domains, functions=[block])


def test_the_varied_model_is_sound(tmp_path):
    onnx.save(varied(), tmp_path / "varied.onnx")
    found = ledger(tmp_path / "varied.onnx", {"x": (1, 3, 8, 8)})
    assert found.macs_by_operator == {"Conv": 4 * 36 * 27, "com.microsoft.FusedMatMul": 1440}
    assert found.params == 108 + 1440


@settings(max_examples=150)
@given(data=st.data())
def test_a_damaged_file_gives_a_result_or_an_error(tmp_path_factory, data):
    """Bits flipped and the end cut off, in weights, names, sizes and structure alike."""
    whole = data.draw(st.sampled_from([SMALL, varied()])).SerializeToString()
    damaged = bytearray(whole)
    for position in data.draw(st.lists(st.integers(0, 8 * len(whole) - 1), min_size=1, max_size=6)):
        damaged[position // 8] ^= 1 << position % 8
    path = tmp_path_factory.getbasetemp() / "damaged.onnx"
    path.write_bytes(damaged[: data.draw(st.one_of(st.just(len(whole)), st.integers(0, len(whole))))])
    with contextlib.suppress(HarnessError):
        json.dumps(summary("damaged", ledger(path, data.draw(st.sampled_from([{}, {"x": (1, 3, 8, 8)}]))), nodes=True))


def test_other_files_are_named_for_what_they_are(small, tmp_path, monkeypatch):
    whole = small.read_bytes()
    beginnings = {
        b"": "empty",
        b"hello": "not an ONNX model|no ONNX graph",
        bytes(range(256)) * 9: "not an ONNX model",
        whole[: len(whole) // 2]: "cut off|no ONNX graph",
        b"version https://git-lfs.github.com/spec/v1\n": "git lfs pull",
        b"\x89HDF\r\n\x1a\n": "HDF5",
        b"\x1f\x8b\x08": "gzip",
    }
    for content, expected in beginnings.items():
        small.write_bytes(content)
        with pytest.raises(HarnessError, match=expected):
            ledger(small)
    with zipfile.ZipFile(small, "w") as archive:
        archive.writestr("data.pkl", b"")
    with pytest.raises(HarnessError, match="zip archive"):
        ledger(small)
    for absent, expected in (
        (tmp_path / "none.onnx", "No such file"),
        (tmp_path, "folder"),
        (Path(os.devnull), "regular"),
    ):
        with pytest.raises(HarnessError, match=expected):
            ledger(absent)
    small.write_bytes(whole)
    monkeypatch.setattr(file_kinds, "PROTOBUF_LIMIT", len(whole))
    with pytest.raises(HarnessError, match="2 GB"):
        ledger(small)


def test_a_tensor_of_fewer_bytes_than_its_sizes_is_an_error(small):
    model = onnx.load(small)
    model.graph.initializer[0].raw_data = model.graph.initializer[0].raw_data[:100]
    onnx.save(model, small)
    with pytest.raises(HarnessError, match=r"'w' holds 100 bytes and should hold 432"):
        ledger(small)


def test_a_function_that_calls_itself_is_an_error(tmp_path):
    calls = {"One": "Two", "Two": "One"}
    functions = [
        helper.make_function("local", name, ["a"], ["o"], [helper.make_node(other, ["a"], ["o"], domain="local")], [])
        for name, other in calls.items()
    ]
    call = helper.make_node("One", ["x"], ["y"], domain="local")
    onnx.save(make([call], {"x": [1, 3]}, domains=["local"], functions=functions), tmp_path / "endless.onnx")
    with pytest.raises(HarnessError, match="calls itself"):
        ledger(tmp_path / "endless.onnx")


def external(path: Path, location: str, **place: int) -> None:
    """A matrix of 8 GB whose values lie in another file."""
    matrix = TensorProto(name="w", data_type=FLOAT, dims=[50_000, 40_000], data_location=TensorProto.EXTERNAL)
    for key, value in {"location": location, **place}.items():
        matrix.external_data.add(key=key, value=str(value))
    onnx.save(make([node("MatMul", "x w")], {"x": ["N", 50_000]}, [matrix]), path)


def test_a_sparse_constant_is_stored_too(tmp_path):
    values = TensorProto(name="v", data_type=FLOAT, dims=[2], data_location=TensorProto.EXTERNAL)
    values.external_data.add(key="location", value="../secret")
    indices = integers("i", [0, 5])
    inside = numpy_helper.from_array(np.ones(2, np.float32), "v")
    for found, path in ((inside, tmp_path / "inside.onnx"), (values, tmp_path / "outside.onnx")):
        constant = helper.make_node("Constant", [], ["w"], sparse_value=helper.make_sparse_tensor(found, indices, [6]))
        onnx.save(make([constant, node("Add", "x w")], {"x": ["N", 6]}), path)
    assert ledger(tmp_path / "inside.onnx").stored_values == 4  # and the two places
    with pytest.raises(HarnessError, match="inside the model's own folder"):
        ledger(tmp_path / "outside.onnx")


def sparse(path: Path, size: int) -> None:
    path.parent.mkdir(exist_ok=True)
    with path.open("wb") as file:
        file.truncate(size)


def test_external_data_are_sized_but_not_loaded(tmp_path):
    path = tmp_path / "huge.onnx"
    external(path, "huge.data")
    sparse(tmp_path / "huge.data", 8_000_000_000)
    limited = (
        "import resource, sys, pathlib; from harness.cost.ledger import ledger;"
        "resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30));"
        "found = ledger(pathlib.Path(sys.argv[1])); print(found.macs, found.params, found.stored_bytes)"
    )
    done = subprocess.run([sys.executable, "-c", limited, path], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.split() == ["2000000000", "2000000000", "8000000000"]


def test_external_data_that_are_not_whole_are_an_error(tmp_path, harness: Harness):
    path, beside = tmp_path / "model.onnx", tmp_path / "huge.data"
    external(path, "huge.data", offset=4096)
    done = harness("cost", str(path))
    assert (done.returncode, done.stdout) == (2, "")
    assert "huge.data, which is missing" in done.stderr
    sparse(beside, 8_000_004_095)
    with pytest.raises(HarnessError, match=r"holds 7,999,999,999 of them"):
        ledger(path)
    sparse(beside, 8_000_004_096)
    assert ledger(path).params == 2_000_000_000
    for place in ({"offset": -1}, {"offset": "one"}, {"length": 4}):
        external(path, "huge.data", **place)
        with pytest.raises(HarnessError, match=r"external data at|no number"):
            ledger(path)
    beside.unlink()
    beside.mkdir()
    external(path, "huge.data")
    with pytest.raises(HarnessError, match="no regular file"):
        ledger(path)


@pytest.mark.parametrize("location", ["../secret", "/etc/passwd", "a/../../b", "..\\up", "C:\\data", ""])
def test_external_data_outside_the_folder_are_an_error(tmp_path, location):
    external(tmp_path / "model.onnx", location)
    with pytest.raises(HarnessError, match="inside the model's own folder"):
        ledger(tmp_path / "model.onnx")


def test_a_link_may_lead_only_to_where_the_model_itself_is(tmp_path):
    """Caches of models keep both files in one folder and link to them from another."""
    store, folder = tmp_path / "store", tmp_path / "folder"
    sparse(store / "data", 8_000_000_000)
    external(store / "model", "huge.data")
    folder.mkdir()
    (folder / "huge.data").symlink_to(store / "data")
    (folder / "linked.onnx").symlink_to(store / "model")
    assert ledger(folder / "linked.onnx").params == 2_000_000_000
    external(folder / "own.onnx", "huge.data")
    with pytest.raises(HarnessError, match=r"a link to .*store"):
        ledger(folder / "own.onnx")
    (folder / "huge.data").unlink()
    (folder / "huge.data").symlink_to("huge.data")
    with pytest.raises(HarnessError, match="cannot be read"):
        ledger(folder / "own.onnx")


def test_small_external_shapes_are_read(tmp_path):
    path = tmp_path / "split.onnx"
    nodes = [node("Reshape", "x shape", "flat"), node("MatMul", "flat d")]
    model = make(nodes, {"x": ["N", 3, 8, 8]}, [integers("shape", [1, 192]), weight("d", 192, 10)])
    onnx.save(model, path, save_as_external_data=True, location="split.data", size_threshold=0)
    assert ledger(path).macs == 1920


@pytest.fixture
def _skimmed(monkeypatch):
    """Every file is skimmed, down to tensors of a few bytes, as only large ones are."""
    monkeypatch.setattr(skimming, "SKIMMED", 0)
    monkeypatch.setattr(skimming, "LARGE", 3)
    monkeypatch.setattr(skimming, "WINDOW", 7)


@pytest.mark.usefixtures("_skimmed")
@pytest.mark.parametrize("model", [SMALL, varied()], ids=["small", "varied"])
def test_a_skimmed_file_gives_the_same_ledger(tmp_path, model, monkeypatch):
    onnx.save(model, tmp_path / "model.onnx")
    assert skimming.skim(tmp_path / "model.onnx").secret
    found = ledger(tmp_path / "model.onnx", {"x": (1, 3, 8, 8)})
    refused = checker.refusal(tmp_path / "model.onnx")
    monkeypatch.setattr(skimming, "SKIMMED", 1 << 40)
    assert found == ledger(tmp_path / "model.onnx", {"x": (1, 3, 8, 8)})
    assert refused == checker.refusal(tmp_path / "model.onnx")


@pytest.mark.usefixtures("_skimmed")
def test_what_is_skimmed_is_the_file_without_its_tensors(tmp_path):
    """With the marks replaced by what they stand for, it is the same model again."""
    onnx.save(varied(), tmp_path / "model.onnx")
    skimmed = skimming.skim(tmp_path / "model.onnx")
    model = onnx.load_model_from_string(skimmed.content)
    marked = 0
    for tensor in onnx_file.tensors(model):
        place = skimmed.place(tmp_path / "model.onnx", tensor.raw_data)
        if place:
            tensor.raw_data = place.read()
            marked += 1
    assert marked > 4
    assert model == varied()


@pytest.mark.usefixtures("_skimmed")
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_file_that_is_skimmed_gives_a_result_or_an_error(tmp_path_factory, data):
    test_a_damaged_file_gives_a_result_or_an_error.hypothesis.inner_test(tmp_path_factory, data)


@pytest.mark.usefixtures("_skimmed")
def test_a_skimmed_tensor_of_fewer_bytes_than_its_sizes_is_an_error(small):
    test_a_tensor_of_fewer_bytes_than_its_sizes_is_an_error(small)


@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from /proc")
@pytest.mark.parametrize(("dims", "limit_mb"), [([4096, 8192], 120)])
def test_a_large_file_is_counted_in_little_memory(tmp_path, dims, limit_mb):
    """134 MB of weights in the file itself: what is resident is the interpreter and its libraries."""
    matrix = TensorProto(name="w", data_type=FLOAT, dims=dims, raw_data=bytes(4 * dims[0] * dims[1]))
    onnx.save(make([node("MatMul", "x w")], {"x": ["N", dims[0]]}, [matrix]), tmp_path / "large.onnx")
    del matrix
    counted = (
        "import resource, sys, pathlib; from harness.cost import checker, ledger; path = pathlib.Path(sys.argv[1]);"
        "print(ledger.ledger(path).macs, checker.refusal(path) and 1 or 0,"
        "next(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", counted, tmp_path / "large.onnx"], capture_output=True, text=True, check=True, cwd=ROOT
    )
    macs, _, peak_kb = done.stdout.split()
    assert int(macs) == dims[0] * dims[1]
    assert int(peak_kb) < limit_mb * 1000
