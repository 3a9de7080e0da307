"""The command line as a process: its speed, its exit codes, and what it says of bad input."""

import contextlib
import csv
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

from harness import cli
from harness.measurements import rows
from harness.networks import catalog
from tests import ROOT
from tests.conftest import Harness

HEAVY = ("keras", "matplotlib", "numpy", "onnx", "onnxruntime", "pandas", "pyarrow", "scipy", "tensorflow", "torch")
LITTLE = ("--launches", "2", "--seconds", "0.03")


def refused(done: "subprocess.CompletedProcess[str]", *expected: str) -> None:
    """Exit code 2, nothing on standard output, one or two lines that hold the expected words."""
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    lines = done.stderr.strip().splitlines()
    assert 1 <= len(lines) <= 2, done.stderr
    assert "Traceback" not in done.stderr
    for word in expected:
        assert word in done.stderr


@pytest.mark.parametrize(
    "arguments", [["--help"], ["list"], ["list", "--format", "csv"], ["show", "fcn_1x1", "--source"]]
)
def test_quick_answers_import_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "import sys\nfrom harness.cli import main\ntry:\n    main(sys.argv[1:])\nexcept SystemExit:\n    pass\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"
    assert done.stdout


def test_every_command_explains_itself(harness: Harness) -> None:
    commands = {file.stem for file in (ROOT / "harness/commands").glob("[a-z]*.py")}
    assert {"list", "show", "data", "train", "export", "run", "cost", "report", "cache"} <= commands
    overview = harness("--help").stdout
    for command in commands:
        assert re.search(rf"^\s+{command}\s+\w", overview, re.MULTILINE)
        assert "Example:" in harness(command, "--help").stdout


def test_help_finds_commands_options_and_topics(capsys: pytest.CaptureFixture[str]) -> None:
    def told(*topic: str) -> str:
        assert cli.main(["help", *topic]) == 0
        return capsys.readouterr().out

    listed = told()
    commands = {file.stem for file in (ROOT / "harness/commands").glob("[a-z]*.py")}
    assert commands <= set(listed.split())
    for topic in re.findall(r"^  (\w+)", listed.partition("topics:")[2], re.MULTILINE):
        assert "--" in told(topic), topic
    assert "harness run:\n  --batch" in told("batch")
    assert "harness export:" in told("seed")
    assert "harness train:" in told("seed")
    assert "usage: harness weights import" in told("weights import")
    assert cli.main(["help", "evidenc"]) == 2
    assert "did you mean evidence" in capsys.readouterr().err


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash here")
def test_bash_completes_commands_options_and_choices(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["completion", "bash"]) == 0
    script = capsys.readouterr().out

    def completed(*words: str) -> list[str]:
        asked = f"COMP_WORDS=({' '.join(words)}); COMP_CWORD={len(words) - 1}; _shtab_harness; echo ${{COMPREPLY[@]}}"
        done = subprocess.run(["bash"], input=f"{script}\n{asked}", capture_output=True, text=True, check=True)
        return done.stdout.split()

    assert completed("harness", "ga") == ["gate"]
    assert "--precision-target" in completed("harness", "run", "--precision")
    assert completed("harness", "run", "--set", "lec") == ["lectures"]


def test_the_list_is_the_catalogue(harness: Harness) -> None:
    done = harness("list", "--set", "lectures", "--format", "csv")
    lines = list(csv.DictReader(io.StringIO(done.stdout)))
    assert {line["name"]: (int(line["params"]), int(line["macs"])) for line in lines} == {
        architecture.name: (architecture.params, architecture.macs)
        for architecture in catalog.architectures().values()
        if "lectures" in architecture.sets
    }
    assert len(lines) == 37
    assert [line["name"] for line in json.loads(harness("list", "lenet_*", "--format", "json").stdout)] == [
        "lenet_28",
        "lenet_32_cifar10",
        "lenet_mnist",
        "lenet_mnist_nopool",
    ]


def test_bad_names_and_numbers_are_refused(harness: Harness, tmp_path: Path) -> None:
    refused(harness("run", "lenet5_1x2"), "lenet5_1x2", "lenet5_1x1")
    refused(harness("show", "nothing like it"), "harness list")
    refused(harness("run", "lenet5_1x1", "--threads", "100000"), "--threads")
    refused(harness("run", "lenet5_1x1", "--launches", "0"), "--launches")
    refused(harness("run", "lenet5_1x1", "--data", "imagenet22k"), "imagenet22k")
    refused(harness("run", "--resume"), "--out")
    refused(harness("run", "lenet5_1x1", "--seconds", "inf", "--out", str(tmp_path / "none")), "--seconds")
    assert harness("run", "lenet5_1x1", "--seed", "-1").returncode == 2
    assert not (tmp_path / "none").exists()
    refused(harness("report", str(tmp_path)), "rows.csv")


def test_a_folder_that_is_not_a_run_is_refused(harness: Harness, tmp_path: Path) -> None:
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "letter.txt").write_text("dear")
    refused(harness("run", "lenet5_1x1", "--out", str(tmp_path / "letters")), "not empty")
    refused(harness("run", "lenet5_1x1", "--out", str(tmp_path / "letters"), "--resume"), "settings.json")
    assert [file.name for file in (tmp_path / "letters").iterdir()] == ["letter.txt"]


def test_damaged_settings_are_no_run(harness: Harness, tmp_path: Path) -> None:
    for name in ("plan.json", "settings.json"):  # older runs have the first
        for content in ("{", "[]", '{"architectures": 3}'):
            (tmp_path / name).write_text(content)
            refused(harness("run", "--out", str(tmp_path), "--resume"), name)


def test_damaged_data_are_refused(harness: Harness, tmp_path: Path) -> None:
    (tmp_path / "fashion_mnist.npz").write_bytes(b"PK\x03\x04 truncated")
    refused(harness("train", "lenet5_1x1", "--data", "fashion_mnist", HARNESS_DATA=str(tmp_path)), "fashion_mnist.npz")
    arrays = {"x_train": np.zeros((4, 9, 9), np.uint8), "x_test": np.zeros((4, 9, 9), np.uint8)}
    labels = {"y_train": np.arange(4, dtype=np.uint8), "y_test": np.arange(4, dtype=np.uint8)}
    np.savez(tmp_path / "fashion_mnist.npz", **arrays, **labels)
    refused(harness("train", "lenet5_1x1", "--data", "fashion_mnist", HARNESS_DATA=str(tmp_path)), "fashion_mnist.npz")


def test_a_missing_framework_names_its_extra(tmp_path: Path) -> None:
    code = (
        "import importlib.metadata as m, sys\nreal = m.version\n"
        "def version(name):\n    if name == 'torch':\n        raise m.PackageNotFoundError(name)\n"
        "    return real(name)\n"
        "m.version = version\nfrom harness.cli import main\nsys.exit(main(['train', 'lenet5_1x1']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path)
    refused(done, "torch", "onnx-harness[torch]")


def test_a_place_that_cannot_be_written_is_refused(harness: Harness, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    refused(harness("run", "lenet5_1x1", "--out", str(tmp_path / "file" / "run")), "--out")
    refused(harness("train", "lenet5_1x1", "--seed", "5", HARNESS_CACHE=str(tmp_path / "file")), "HARNESS_CACHE")


def test_a_run_has_every_row_and_says_so(small_run: Path) -> None:
    found = rows.read(small_run)
    thread_counts = {row.threads for row in found}
    assert len(found) == 2 * 2 * len(thread_counts)
    assert len({row.key for row in found}) == len(found)
    for row in found:
        assert row.status == "ok", row.reason
        assert row.equivalent
        assert row.macs == catalog.get(row.architecture).macs
        assert row.dataset == "fashion_mnist_sample"
        assert row.published_accuracy is None, "published figures are of other images"
        assert row.accuracy is not None
        assert row.accuracy_low is not None
        assert row.accuracy_high is not None
        assert 0.5 < row.accuracy_low < row.accuracy < row.accuracy_high < 1
        assert (row.accuracy, row.total) == ((row.correct or 0) / 2000, 2000)
        assert row.equivalence_max_abs is not None
        assert row.equivalence_scale is not None
        assert row.equivalence_max_abs <= 1e-5 * row.equivalence_scale
        assert row.latency_median_s is not None
        assert row.call_floor_s is not None
        assert row.call_floor_s < row.latency_median_s
    for name in ("accuracy_against_operations", "latency"):
        for ending in ("png", "svg", "csv"):
            assert (small_run / f"{name}.{ending}").stat().st_size > 0
    assert 500_000 < (small_run / "report.html").stat().st_size < 3_000_000


def test_the_rows_are_what_the_files_predict(small_run: Path) -> None:
    for row in rows.read(small_run):
        with np.load(small_run / "predictions" / f"{row.architecture}.npz", allow_pickle=False) as arrays:
            assert int((arrays[row.framework] == arrays["labels"]).sum()) == row.correct
            assert np.array_equal(arrays["keras"], arrays["torch"])


def test_a_killed_run_resumes_without_loss(
    harness: Harness, small_run: Path, cache_folder: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "killed"
    command = ["run", "mlp_fmnist_relu_1", "lenet5_1x1", *LITTLE, "--out", str(folder)]
    process = subprocess.Popen(
        [sys.executable, "-m", "harness", *command],
        env={**os.environ, "HARNESS_CACHE": str(cache_folder)},
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    table = folder / "rows.csv"
    deadline = time.monotonic() + 120
    while not (table.exists() and table.stat().st_size) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    first = rows.read(folder)
    assert {row.architecture for row in first} == {"mlp_fmnist_relu_1"}
    with table.open("a") as file:
        file.write("1,killed,lenet5_1x1,torch,half a li")
    refused(harness(*command), "--resume")
    refused(harness(*command[:2], *LITTLE, "--out", str(folder), "--resume"), "other settings")
    done = harness("run", "--out", str(folder), "--resume")
    assert done.returncode == 0, done.stderr
    found = rows.read(folder)
    assert found[: len(first)] == first
    assert {row.architecture for row in found} == {"mlp_fmnist_relu_1", "lenet5_1x1"}
    assert len(found) == len(rows.read(small_run))


def test_an_interrupted_run_exits_with_130(cache_folder: Path, tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "harness", "run", "shallownet", "--seed", "77", "--out", str(tmp_path / "run")],
        env={**os.environ, "HARNESS_CACHE": str(cache_folder)},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # the signal is for its group, as from a terminal
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a test run in the background ignores it
    )
    deadline = time.monotonic() + 60
    while not (tmp_path / "run" / "settings.json").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(3)
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert "Traceback" not in said
    assert not list((cache_folder / "train").glob("*.partial"))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_stopped_run_leaves_no_process_behind(cache_folder: Path, tmp_path: Path, number: signal.Signals) -> None:
    """An orphan would go on training beside the next run's measurement."""
    process = subprocess.Popen(
        [sys.executable, "-m", "harness", "train", "shallownet", "lenet_mnist", "--seed", "78"],
        env={**os.environ, "HARNESS_CACHE": str(cache_folder)},
        stderr=subprocess.DEVNULL,
    )
    started = psutil.Process(process.pid)
    deadline = time.monotonic() + 60
    while len(started.children(recursive=True)) < 3 and time.monotonic() < deadline:  # the workers, and their tracker
        time.sleep(0.05)
    children = started.children(recursive=True)
    assert children
    process.send_signal(number)
    process.wait(timeout=60)
    _, alive = psutil.wait_procs(children, timeout=20)
    assert alive == []


def test_a_killed_worker_fails_its_network_alone(cache_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    process = subprocess.Popen(
        [sys.executable, "-m", "harness", "run", "shallownet", "mlp_fmnist_relu_1", *LITTLE, "--threads", "1",
         "--seed", "79", "--out", str(folder)],
        env={**os.environ, "HARNESS_CACHE": str(cache_folder)},
        stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    deadline = time.monotonic() + 60
    workers: list[psutil.Process] = []
    while not workers and time.monotonic() < deadline:
        with contextlib.suppress(psutil.NoSuchProcess):  # a child that has ended meanwhile
            workers = [child for child in psutil.Process(process.pid).children() if child.cpu_times().user > 2]
        time.sleep(0.05)
    workers[0].kill()
    _, said = process.communicate(timeout=300)
    assert process.returncode == 0, said
    statuses = {row.architecture: (row.status, row.reason or "") for row in rows.read(folder)}
    failed = [reason for status, reason in statuses.values() if status == "failed"]
    assert len(failed) == 1
    assert "killed" in failed[0]


def test_a_second_run_trains_nothing(harness: Harness, small_run: Path, tmp_path: Path) -> None:
    done = harness("run", "lenet5_1x1", *LITTLE, "--dry-run", "--out", str(tmp_path / "again"))
    assert done.returncode == 0
    assert "0 pieces to prepare" in done.stderr
    assert not (tmp_path / "again").exists()


def test_exports_and_the_cache(harness: Harness, small_run: Path, cache_folder: Path, tmp_path: Path) -> None:
    done = harness("export", "lenet5_1x1", "--out", str(tmp_path), "--format", "json")
    files = {line["framework"]: Path(line["file"]) for line in json.loads(done.stdout)}
    for file in files.values():
        counted = json.loads(harness("cost", str(file)).stdout)
        assert counted["macs"] == catalog.get("lenet5_1x1").macs
        assert counted["unknown_operators"] == {}
    other = tmp_path / "cache"
    shutil.copytree(cache_folder, other)
    kinds = {line["kind"]: line for line in json.loads(harness("cache", "size", "--format", "json").stdout)}
    assert kinds["train"]["entries"] >= 2
    harness("cache", "clean", HARNESS_CACHE=str(other))
    assert list(other.iterdir()) == []


def test_what_cannot_be_measured_is_a_row_with_its_reason(harness: Harness, tmp_path: Path) -> None:
    """A definition that fails stops neither the run nor the other networks."""
    shadow = tmp_path / "sitecustomize.py"
    shadow.write_text(
        "import sys\n"
        "class Broken:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'harness.models.shallownet.in_torch':\n"
        "            raise RuntimeError('planted')\n"
        "sys.meta_path.insert(0, Broken())\n"
    )
    folder = tmp_path / "run"
    broken = (*LITTLE, "--threads", "1", "--seed", "9", "--out")
    done = harness("run", "shallownet", "mlp_fmnist_relu_1", *broken, str(folder), PYTHONPATH=str(tmp_path))
    assert done.returncode == 0, done.stderr
    found = {row.architecture: row for row in rows.read(folder)}
    assert found["shallownet"].status == "failed"
    assert "planted" in (found["shallownet"].reason or "")
    assert found["mlp_fmnist_relu_1"].status == "ok"
    mended = harness("run", "--out", str(folder), "--resume")
    assert mended.returncode == 0, mended.stderr
    assert {row.status for row in rows.read(folder)} == {"ok"}, "what failed is tried again"
    broken = (*LITTLE, "--threads", "1", "--seed", "10", "--out")
    alone = harness("run", "shallownet", *broken, str(tmp_path / "alone"), PYTHONPATH=str(tmp_path))
    assert alone.returncode == 4
    assert "nothing was measured" in alone.stderr
