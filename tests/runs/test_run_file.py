"""`harness run FILE.onnx`: any file is measured like the catalogue's networks."""

import csv
import hashlib
import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto

from harness.data import datasets
from harness.errors import HarnessError
from harness.measurements import rows
from harness.measurements.providers import Target
from harness.runs import file_accuracy, file_rows, model_files
from harness.runs.model_files import FileSettings, ModelFile
from harness.timing import latency, runtime
from tests import ROOT, own_files
from tests.conftest import Harness
from tests.own_files import convolution, convolution_macs, value

QUICK = ("--threads", "1", "--launches", "1", "--seconds", "0.02")
LIGHT = Path(onnx.__file__).parent / "backend/test/data/light"


def opened(*paths: Path, data: str | None = None, taken: tuple[str, ...] = (), **said: object) -> list[ModelFile]:
    settings = FileSettings(models=tuple(map(str, paths)), **said)  # type: ignore[arg-type]
    return model_files.read(replace(settings, digests=model_files.digests(settings, data)), data, 1, taken)


def refused(done: "subprocess.CompletedProcess[str]", *expected: str) -> None:
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    for word in expected:
        assert word in done.stderr


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """Files by the names that they have in a run."""
    folder = tmp_path_factory.mktemp("files")
    for name in ("old", "external"):
        (folder / name).mkdir()
    plain = convolution(folder / "plain.onnx", [1, 3, 32, 32])
    return {
        "dynamic": convolution(folder / "dynamic.onnx", ["n", "c", "h", "w"]),
        "old-model": convolution(folder / "old/model.onnx", [1, 3, 32, 32], opset=7, ir_version=3, listed=True),
        "external-model": convolution(
            folder / "external/model.onnx",
            ["n", 3, 40, 40],
            save_as_external_data=True,
            size_threshold=0,
            location="weights.bin",
        ),
        "half": convolution(folder / "half.onnx", [2, 3, 32, 32], kind=TensorProto.FLOAT16),
        "quantised": own_files.quantised(folder / "quantised.onnx", plain),
        "two": own_files.two_inputs(folder / "two.onnx"),
        "inverse": own_files.of_another_domain(folder / "inverse.onnx"),
        "nobody": own_files.of_no_domain(folder / "nobody.onnx"),
        "text": own_files.of_strings(folder / "text.onnx"),
        "brain": own_files.of_bfloat16_to_a_sequence(folder / "brain.onnx"),
        "light_squeezenet": LIGHT / "light_squeezenet.onnx",
    }


@pytest.fixture(scope="session")
def run(harness: Harness, files: Mapping[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One run of all of them, which measures what can be measured."""
    folder = tmp_path_factory.mktemp("runs") / "files"
    done = harness("run", *map(str, files.values()), *QUICK, "--out", str(folder), "--format", "csv")
    assert done.returncode == 0, done.stderr
    assert [line["architecture"] for line in csv.DictReader(done.stdout.splitlines())] == list(files)
    return folder


def test_every_file_has_a_row_like_a_network(run: Path, files: Mapping[str, Path]) -> None:
    found = {row.architecture: row for row in rows.read(run)}
    assert list(found) == list(files)
    for name, row in found.items():
        assert (row.framework, row.dataset, row.accuracy, row.threads) == ("onnx", None, None, 1)
        assert row.onnx_sha256
        assert row.call_floor_s
        if name == "nobody":
            assert (row.status, row.latency_median_s) == ("failed", None)
            continue
        assert row.status == "ok", row.reason
        for measured in (row.latency_median_s, row.session_s, row.first_run_s, row.peak_rss_bytes, row.samples):
            assert measured
        assert row.provider == "CPUExecutionProvider"
        assert (run / "samples" / f"{name}.parquet").is_file()
    expected = {
        "dynamic": (112, convolution_macs(224, 224), 1, "float32"),
        "old-model": (112, convolution_macs(32, 32), 1, "float32"),
        "external-model": (112, convolution_macs(40, 40), 1, "float32"),
        "half": (112, convolution_macs(32, 32), 2, "float16"),
        "quantised": (112, convolution_macs(32, 32), 1, "int8"),
        "two": (50 * 8 + 8 * 3, 8 * 3, 1, "float32"),
        "inverse": (0, None, 1, "float32"),
        "brain": (0, 0, 1, "bfloat16"),
    }
    counted = {name: (row.params, row.macs, row.batch, row.precision) for name, row in found.items()}
    assert {name: counted[name] for name in expected} == expected
    assert found["light_squeezenet"].params == 1_235_496, "as torchvision counts SqueezeNet 1.1"


def test_scores_that_are_no_numbers_are_no_accuracy(tmp_path: Path) -> None:
    """One example of three gives NaN: the square root of a negative number."""
    path = own_files.save(
        tmp_path / "root.onnx",
        [onnx.helper.make_node("Sqrt", ["x"], ["y"])],
        [value("x", ["n", 2])],
        [value("y", ["n", 2])],
        {},
    )
    np.savez(tmp_path / "data.npz", x=np.array([[1.0, 4.0], [9.0, -1.0], [4.0, 1.0]]), labels=np.array([1, 0, 0]))
    (file,) = opened(path, data=str(tmp_path / "data.npz"))
    kept: dict[str, np.ndarray] = {}
    row = file_rows.with_accuracy(
        file_rows.describe("run", file),
        file,
        file_accuracy.here(replace(file, output="y"), 1),
        kept.update,
        lambda _: None,
    )
    assert (row.status, row.accuracy, row.correct, row.total, row.top5) == ("not finite", None, None, None, None)
    assert "no accuracy: 1 of 3 examples give no finite numbers" in (row.reason or "")
    assert row.dataset == "data.npz"
    assert kept["onnx_finite"].tolist() == [True, False, True]


def test_file_in_the_format_of_onnxruntime_is_run_and_not_counted(tmp_path: Path) -> None:
    plain, packed = convolution(tmp_path / "plain.onnx", ["n", 3, 32, 32]), tmp_path / "packed.ort"
    options = runtime.options(1)
    options.optimized_model_filepath = str(packed)
    options.add_session_config_entry("session.save_model_format", "ORT")
    runtime.load().InferenceSession(str(plain), options, providers=["CPUExecutionProvider"])
    (file,) = opened(packed)
    assert [str(each) for each in file.inputs] == ["x float32 [1,3,32,32], batch guessed"]
    assert latency.output_shapes(file_accuracy.subject(file, "", 1, Target())) == {"y": (1, 4)}
    row = file_rows.describe("run", file)
    assert (row.params, row.macs, row.file_bytes) == (None, None, packed.stat().st_size)
    assert "onnxruntime's own format" in (row.reason or "")


def test_a_row_says_what_was_fed_and_what_is_missing(run: Path) -> None:
    said = {row.architecture: row.reason or "" for row in rows.read(run)}
    assert said["dynamic"] == "input x float32 [1,3,224,224], batch, height and width guessed"
    assert said["old-model"] == "input x float32 [1,3,32,32]", "initialisers are no inputs"
    assert said["two"] == (
        "input words int64 [1,128], batch and length guessed, fed zeros; input numbers float32 [1,8], batch guessed"
    )
    assert "made by onnx.quantize" in said["quantised"]
    assert "com.microsoft.Inverse" in said["inverse"]
    assert "onnxruntime cannot load the model" in said["nobody"]
    assert "nobody" in said["nobody"]
    assert said["text"] == (
        "input text string [1,2], batch guessed, fed random texts from Python, which the latency holds"
    )


def test_a_files_run_has_table_pictures_and_report(run: Path, harness: Harness, tmp_path: Path) -> None:
    done = harness("report", str(run), "--out", str(tmp_path), "--no-claims")
    assert done.returncode == 0, done.stderr
    assert "batch, height and width guessed" in done.stdout
    for ending in ("png", "svg", "csv"):
        assert (run / f"latency.{ending}").stat().st_size
        assert (tmp_path / f"latency.{ending}").stat().st_size


def test_a_run_is_resumed_and_a_changed_file_is_refused(
    run: Path, harness: Harness, files: Mapping[str, Path], tmp_path: Path
) -> None:
    """What failed is tried again, what was measured is not."""
    folder = Path(shutil.copytree(run, tmp_path / "resumed"))
    first = rows.read(folder)
    done = harness("run", "--out", str(folder), "--resume")
    assert done.returncode == 0, done.stderr
    assert set(re.findall("measured (.+)", done.stderr)) == {"nobody"}
    kept = [row for row in first if row.status == "ok"]
    assert rows.read(folder)[: len(kept)] == kept
    assert len(rows.read(folder)) == len(first)
    weights = files["external-model"].with_name("weights.bin")
    content = weights.read_bytes()
    weights.write_bytes(bytes([content[0] ^ 1]) + content[1:])
    refused(harness("run", "--out", str(folder), "--resume"), "model.onnx", "has changed")
    weights.write_bytes(content)


def test_a_file_of_harness_export_stands_beside_a_network(
    harness: Harness, small_run: Path, files: Mapping[str, Path], tmp_path: Path
) -> None:
    """Recognised by its metadata where it is alone; by its own name where that would be said twice."""
    assert harness("export", "lenet5_1x1", "--framework", "torch", "--out", str(tmp_path)).returncode == 0
    exported = tmp_path / "lenet5_1x1.torch.onnx"
    (alone,), (beside,) = opened(exported), opened(exported, taken=("lenet5_1x1",))
    assert (alone.architecture, alone.framework) == ("lenet5_1x1", "torch")
    assert (beside.architecture, beside.framework) == ("lenet5_1x1.torch", "onnx")
    assert alone.described == "input image float32 [1,1,28,28], batch guessed"
    arguments = ("lenet5_1x1", str(exported), *QUICK, "--data", "fashion_mnist_sample", "--out", str(tmp_path / "run"))
    dry = harness("run", *arguments, "--dry-run", "--format", "json")
    assert [line["network"] for line in json.loads(dry.stdout)][-1] == "lenet5_1x1.torch"
    done = harness("run", *arguments)
    assert done.returncode == 0, done.stderr
    found = {(row.architecture, row.framework): row for row in rows.read(tmp_path / "run")}
    network, file = found["lenet5_1x1", "torch"], found["lenet5_1x1.torch", "onnx"]
    assert (file.correct, file.total, file.dataset_digest) == (network.correct, 2000, network.dataset_digest)
    assert (file.macs, file.onnx_sha256) == (network.macs, network.onnx_sha256)
    assert (file.accuracy_low, file.accuracy_high) == (network.accuracy_low, network.accuracy_high)


@pytest.mark.parametrize(
    ("shape", "kind", "scaling", "scale", "adaptation"),
    [
        (["n", 28, 28, 1], TensorProto.FLOAT, None, 1 / 255, "scaling unit"),
        ([7, 28, 28, 1], TensorProto.UINT8, None, 1.0, "scaling raw"),
        ([16, 28, 28], TensorProto.FLOAT16, "raw", 1.0, "scaling raw"),
        (["n", 3, 28, 28], TensorProto.FLOAT, "unit", 1 / 255, "grey channel repeated 3 times; scaling unit"),
    ],
)
def test_the_accuracy_is_that_of_the_same_rule_in_numpy(
    tmp_path: Path, shape: own_files.Sizes, kind: int, scaling: str | None, scale: float, adaptation: str
) -> None:
    """In either layout, with a batch that does not divide the images, in bytes and in half precision."""
    data = datasets.load("fashion_mnist_sample")
    path = own_files.centroids(tmp_path / "near.onnx", data.x_train, data.y_train, shape, scale=scale, kind=kind)
    (read,) = opened(path, data=data.name, scaling=scaling)
    model = file_accuracy.prepared(read, None)
    assert model.output == "scores", "the first output holds no score for each class"
    found = file_accuracy.predictions(model, file_accuracy.here(model, 1), lambda _: None)
    pixels = data.x_test.reshape(-1, 784).astype(np.float64)
    means = np.stack([data.x_train[data.y_train == label].mean(0).reshape(-1) for label in range(10)])
    distances = ((pixels[:, None, :] - means[None]) ** 2).sum(2)
    best = np.sort(distances)
    clear = best[:, 1] - best[:, 0] > 1e-3 * best[:, 0]
    assert clear.mean() > 0.98
    assert np.array_equal(found["onnx"][clear], distances.argmin(1)[clear])
    assert np.array_equal(found["labels"], data.y_test)
    assert model.labelled is not None
    assert model.labelled.adaptation == adaptation


def test_arrays_with_labels_give_a_row_its_accuracy(
    harness: Harness, files: Mapping[str, Path], tmp_path: Path
) -> None:
    """Two inputs, of which one is as long as the examples are; and labels in each form."""
    random = np.random.default_rng(0)
    words, numbers = random.integers(0, 50, (40, 6)), random.standard_normal((40, 8))
    given = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in onnx.load(files["two"]).graph.initializer}
    scores = (given["table"][words].sum(1) + numbers) @ given["matrix"]
    labels = np.where(np.arange(40) < 30, scores.argmax(1), (scores.argmax(1) + 1) % 3)
    np.savez(tmp_path / "data.npz", words=words, numbers=numbers)
    np.save(tmp_path / "labels.npy", labels)
    (tmp_path / "labels.txt").write_text("\n".join(map(str, labels)) + "\n")
    np.savez(tmp_path / "both.npz", words=words, numbers=numbers, labels=labels)
    arguments = ("run", str(files["two"]), *QUICK, "--data", str(tmp_path / "data.npz"))
    done = harness(*arguments, "--labels", str(tmp_path / "labels.txt"), "--out", str(tmp_path / "run"))
    assert done.returncode == 0, done.stderr
    (row,) = rows.read(tmp_path / "run")
    assert (row.correct, row.total, row.accuracy, row.dataset) == (30, 40, 0.75, "data.npz")
    assert (row.accuracy_low, row.accuracy_high) == pytest.approx((0.5981, 0.8581), abs=1e-4)  # Wilson's formula
    assert row.reason == (
        "input words int64 [1,6], batch guessed, fed zeros; input numbers float32 [1,8], batch guessed"
    )
    with np.load(tmp_path / "run/predictions/two.npz") as kept:
        assert np.array_equal(kept["onnx"], scores.argmax(1))
    others = [opened(files["two"], data=str(tmp_path / "both.npz"))]
    others.append(opened(files["two"], data=str(tmp_path / "data.npz"), labels=str(tmp_path / "labels.npy")))
    assert {model.labelled.digest for (model,) in others if model.labelled} == {row.dataset_digest}


def test_one_output_is_a_threshold(tmp_path: Path) -> None:
    nodes = [onnx.helper.make_node("Sigmoid", ["x"], ["chance"])]
    path = own_files.save(tmp_path / "one.onnx", nodes, [value("x", ["n", 1])], [value("chance", ["n", 1])], {})
    np.savez(tmp_path / "x.npz", x=np.array([[-2.0], [-0.1], [0.1], [3.0]]), labels=[0, 1, 1, 1])
    (read,) = opened(path, data=str(tmp_path / "x.npz"))
    model = file_accuracy.prepared(read, None)
    found = file_accuracy.predictions(model, file_accuracy.here(model, 1), lambda _: None)
    assert found["onnx"].tolist() == [0, 0, 1, 1]
    np.savez(tmp_path / "x.npz", x=np.zeros((1, 1)), labels=[2])
    (read,) = opened(path, data=str(tmp_path / "x.npz"))
    with pytest.raises(HarnessError, match="classes from 0 to 1"):
        file_accuracy.prepared(read, None)


def test_what_is_given_is_fed(tmp_path: Path, files: Mapping[str, Path], harness: Harness) -> None:
    """An index that the table does not have must reach the operator that refuses it."""
    np.savez(tmp_path / "inputs.npz", words=np.array([[3, 50]]))
    arguments = ("run", str(files["two"]), *QUICK, "--inputs", str(tmp_path / "inputs.npz"))
    done = harness(*arguments, "--out", str(tmp_path / "run"), "--format", "json")
    assert done.returncode == 4, done.stderr
    assert "nothing was measured" in done.stderr
    (row,) = rows.read(tmp_path / "run")
    assert "input words int64 [1,2], fed from inputs.npz" in (row.reason or "")
    assert "out of" in (row.reason or "")


def test_sizes_are_told_or_guessed(tmp_path: Path, files: Mapping[str, Path]) -> None:
    def shapes(path: Path, **said: object) -> dict[str, tuple[int, ...]]:
        (model,) = opened(path, **said)
        return model.shapes

    assert shapes(files["dynamic"], shapes={"x": (4, 3, 64, 96)}) == {"x": (4, 3, 64, 96)}
    assert shapes(files["two"], shapes={"words": (2, 9)}) == {"words": (2, 9), "numbers": (2, 8)}, "one name, one size"
    identity = [onnx.helper.make_node("Identity", ["x"], ["y"])]
    guessed = {
        (None, None, None, 1): (1, 224, 224, 1),
        ("batch", 4, None, None): (1, 4, 224, 224),
        ("seq_len", "batch", 16): (128, 1, 16),
        ("N", 80, "frames"): (1, 80, 128),
        ("n",): (1,),
        (): (),
    }
    for declared, expected in guessed.items():
        path = own_files.save(tmp_path / "i.onnx", identity, [value("x", declared)], [value("y", declared)], {})
        assert shapes(path) == {"x": expected}
    path = own_files.save(tmp_path / "i.onnx", identity, [value("x", None)], [value("y", None)], {})
    with pytest.raises(HarnessError, match=r"--shape x="):
        opened(path)
    assert shapes(path, shapes={"x": (2, 2)}) == {"x": (2, 2)}


def test_digests_cover_external_data_and_plain_files_have_their_own(files: Mapping[str, Path], tmp_path: Path) -> None:
    plain = files["dynamic"]
    assert model_files.digest(plain) == hashlib.sha256(plain.read_bytes()).hexdigest()
    folder = Path(shutil.copytree(files["external-model"].parent, tmp_path / "copy"))
    before = model_files.digest(folder / "model.onnx")
    assert before == model_files.digest(files["external-model"])
    with (folder / "weights.bin").open("ab") as file:
        file.write(b"\0")
    assert model_files.digest(folder / "model.onnx") != before


def test_bad_files_are_refused_before_any_work(harness: Harness, files: Mapping[str, Path], tmp_path: Path) -> None:
    out = tmp_path / "run"
    content = files["dynamic"].read_bytes()
    damaged = {"cut": content[: len(content) // 2], "empty": b"", "text": b"no model\n", "zeros": bytes(500)}
    for name, part in damaged.items():
        (tmp_path / f"{name}.onnx").write_bytes(part)
        with pytest.raises(HarnessError, match=name):
            opened(tmp_path / f"{name}.onnx")
    refused(harness("run", str(tmp_path / "cut.onnx"), str(files["two"]), "--out", str(out)), "cut.onnx")
    refused(harness("run", str(tmp_path / "missing.onnx"), "lenet5_1x1", "--out", str(out)), "missing.onnx")
    alone = tmp_path / "alone" / "model.onnx"
    alone.parent.mkdir()
    shutil.copy(files["external-model"], alone)
    refused(harness("run", str(alone), "--out", str(out)), "weights.bin")
    model = onnx.load(alone, load_external_data=False)
    for tensor in model.graph.initializer:
        tensor.external_data[0].value = "../weights.bin"
    onnx.save(model, alone)
    shutil.copy(files["external-model"].with_name("weights.bin"), tmp_path / "weights.bin")
    with pytest.raises(HarnessError, match="inside the model's own folder"):
        opened(alone)
    assert not out.exists()


def test_options_that_do_not_fit_are_refused(files: Mapping[str, Path], harness: Harness, tmp_path: Path) -> None:
    from harness import cli

    data, two, dynamic = str(tmp_path / "x.npz"), str(files["two"]), str(files["dynamic"])
    examples = {"words": np.zeros((4, 5), np.int64), "numbers": np.zeros((4, 8))}
    np.savez(data, **examples, labels=[0, 1, 2, 2])
    np.savez(tmp_path / "long.npz", **examples, labels=[0, 1, 2])
    np.savez(tmp_path / "wide.npz", words=examples["words"], numbers=np.zeros((4, 9)), labels=[0, 1, 2, 0])
    np.savez(tmp_path / "real.npz", words=np.zeros((4, 5)), numbers=examples["numbers"], labels=[0, 1, 2, 0])
    np.savez(tmp_path / "high.npz", **examples, labels=[0, 1, 2, 3])
    np.savez(tmp_path / "objects.npz", **examples, labels=np.array([object()]))
    (tmp_path / "labels.csv").write_text("0\n1\ntwo\n")
    bare = str(tmp_path / "bare.npz")
    np.savez(bare, **examples)
    cases = {
        ("lenet5_1x1", "--shape", "x=1,3"): "--shape",
        ("lenet5_1x1", "--data", data): "x.npz",
        ("lenet5_1x1", two, "--data", data): "catalogue",
        (dynamic, "--shape", "x=1,3,0,5"): "--shape",
        (dynamic, "--shape", "y=1,3"): "'y'",
        (dynamic, "--shape", "x=1,3"): "was given",
        (two, "--labels", str(tmp_path / "labels.csv")): "--data",
        (two, "--scaling", "unit"): "--data",
        (two, "--data", data, "--scaling", "unit"): "--scaling",
        (two, "--data", data, "--labels", str(tmp_path / "labels.csv")): "'labels'",
        (two, "--data", bare): "--labels",
        (two, "--data", bare, "--labels", str(tmp_path / "labels.csv")): "line 3",
        (two, "--data", str(tmp_path / "long.npz")): "expected 4 labels",
        (two, "--data", str(tmp_path / "wide.npz")): "[?,9]",
        (two, "--data", str(tmp_path / "real.npz")): "int64",
        (two, "--data", str(tmp_path / "high.npz")): "classes from 0 to 2",
        (two, "--data", str(tmp_path / "objects.npz")): "objects.npz",
        (two, "--data", data, "--output", "best"): "best",
        (two, "--data", "fashion_mnist_sample"): "FILE.npz",
        (dynamic, "--data", "imagenet22k"): "imagenet22k",
        (dynamic, "--data", "fashion_mnist_sample"): "4 classes",
    }
    for arguments, expected in cases.items():
        args = cli.parser("run").parse_args(["run", *arguments, "--threads", "1", "--out", str(tmp_path / "out")])
        with pytest.raises(HarnessError) as caught:
            args.main(args)
        assert expected in str(caught.value), arguments
    assert not (tmp_path / "out").exists()


def test_a_network_of_no_channels_to_tell_is_read_by_its_layers(tmp_path: Path) -> None:
    """Four channels by the first convolution, behind a cast; and channels last by a transposition."""
    nodes = [
        onnx.helper.make_node("Cast", ["x"], ["floats"], to=TensorProto.FLOAT),
        onnx.helper.make_node("Transpose", ["floats"], ["moved"], perm=[0, 3, 1, 2]),
        onnx.helper.make_node("Conv", ["moved", "kernel"], ["y"]),
    ]
    inputs = [value("x", ["n", 8, 8, 3], TensorProto.UINT8)]
    path = own_files.save(
        tmp_path / "last.onnx", nodes, inputs, [value("y", None)], {"kernel": own_files.weights(2, 3, 1, 1)}
    )
    (model,) = opened(path)
    assert (model.inputs[0].layout, model.inputs[0].image_shape) == ("NHWC", (8, 8, 3))
    path = own_files.save(
        tmp_path / "first.onnx",
        [onnx.helper.make_node("Conv", ["x", "kernel"], ["y"], group=2)],
        [value("x", [1, None, 8, 3])],
        [value("y", None)],
        {"kernel": own_files.weights(4, 2, 1, 1)},
    )
    (model,) = opened(path)
    assert (model.inputs[0].layout, model.inputs[0].image_shape) == ("NCHW", (8, 3, 4))
    assert model.inputs[0].guessed == ()


def test_the_documented_example_runs(harness: Harness, tmp_path: Path) -> None:
    text = (ROOT / "docs/own_files.md").read_text()
    (program,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    (commands,) = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=True, capture_output=True)
    said = []
    for command in commands.splitlines():
        done = harness(*shlex.split(command)[1:], *QUICK, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        said.append(done.stdout + done.stderr)
    assert "[8,1,28,28]" in said[2]
    found = {folder: rows.read(tmp_path / "runs" / folder)[0] for folder in ("images", "arrays")}
    for row in found.values():
        assert (row.status, row.macs, row.params) == ("ok", 13 * 13 * 9 * 8 + 8 * 13 * 13 * 10, 80 + 8 * 169 * 10 + 10)
        assert "made by pytorch" in (row.reason or "")
    assert [(row.dataset, row.total) for row in found.values()] == [("fashion_mnist_sample", 2000), ("digits.npz", 100)]
