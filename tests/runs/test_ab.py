"""`harness ab`: any two things measured in turns, as a process; and what it refuses."""

import argparse
import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import venv
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pandas
import pytest
from onnx import helper

from harness.commands import _contests, ab
from harness.errors import HarnessError
from harness.machine import checkouts, commit_environments, interpreters
from harness.measurements import rows
from harness.measurements.rows import Row
from harness.timing import small_models
from tests import ROOT, own_files
from tests.conftest import Harness
from tests.own_files import value

QUICK = ("--threads", "1", "--launches", "2", "--seconds", "0.02")


def convolutions(path: Path, layers: int, side: int = 16) -> Path:
    small_models.save_convolutions(path, layers, 8, side)
    return path


def facts(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "environment.json").read_text())
    return found


def launches(folder: Path, row: Row) -> dict[str, set[tuple[int, int]]]:
    """By subject of a row's table: the launches and rounds that it took turns in, warm-up left out."""
    table = pandas.read_parquet(folder / "samples" / f"{row.architecture}.parquet")
    table = table[table["round"] >= 0]
    return {
        str(subject): set(zip(of_one["launch"], of_one["round"], strict=True))
        for subject, of_one in table.groupby("subject", observed=True)
    }


def both(folder: Path) -> tuple[list[Row], list[Row]]:
    """The rows of both sides, which are those of one measurement."""
    of = [facts(folder / side) for side in "ab"]
    assert [one["side"] for one in of] == ["a", "b"]
    assert of[0]["measurement"] == of[1]["measurement"]
    assert of[0]["looks"] == of[1]["looks"]
    assert of[0]["looks"]["taken"] <= of[0]["looks"]["planned"] <= 3
    return rows.read(folder / "a"), rows.read(folder / "b")


def test_two_files(harness: Harness, tmp_path: Path) -> None:
    """The second has three layers more: it is slower, and its operations are counted."""
    four, seven = convolutions(tmp_path / "four.onnx", 4), convolutions(tmp_path / "seven.onnx", 7)
    folder = tmp_path / "out"
    done = harness("ab", str(four), str(seven), *QUICK, "--out", str(folder))
    assert done.returncode == 0, done.stderr
    (a,), (b,) = both(folder)
    assert (a.architecture, b.architecture, a.status, b.status) == ("four", "seven", "ok", "ok")
    assert a.macs == 4 * 8 * 8 * 9 * 16 * 16
    assert b.macs == a.macs * 7 / 4
    of_a, of_b = launches(folder / "a", a), launches(folder / "b", b)
    assert of_a["onnx, 1 thread"] == of_b["onnx, 1 thread"], "both took turns in the same rounds"
    assert {launch for launch, _ in of_a["onnx, 1 thread, again"]} == {0, 1}
    assert "call floor" in of_a.keys() & of_b.keys()
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("four/seven, onnx, 1 thread")]
    assert re.search(r" [\d.e+]+ \[[\d.e+-]+, [\d.e+-]+\] +can't tell +2 ", line)
    assert "MACs" in done.stdout
    assert done.stderr.startswith("A: four.onnx; B: seven.onnx; THE OUTPUTS DIFFER by ")
    assert "DIFFER by " in line
    assert done.stderr.index("The smallest slowdown") < done.stderr.index("a false alarm in 0.5 % of such runs")
    assert done.stderr.endswith(f"harness gate {folder / 'a'} {folder / 'b'}\n")
    gated = harness("gate", str(folder / "a"), str(folder / "b"))
    assert gated.returncode == 1, "its operations are more"
    assert "2 launches in both" in gated.stdout, "and its samples are found"
    assert harness("ab", str(four), str(seven), "--out", str(folder)).returncode == 2, "it is not written over"


def test_what_was_measured_when_it_was_interrupted_is_written(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.harness.gate]\nslowdown = 2e-6\ntolerated = 1e-6\n")  # never told
    one, other = (convolutions(tmp_path / f"{name}.onnx", 4) for name in ("one", "other"))
    process = subprocess.Popen(
        [sys.executable, "-m", "harness", "ab", one, other, "--out", "ab", "--threads", "1", "--launches", "48"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert process.stderr is not None
    assert any("smallest slowdown" in line for line in process.stderr), "told with the first look"
    time.sleep(1.5)
    os.killpg(process.pid, signal.SIGINT)
    table, said = process.communicate(timeout=120)
    assert process.returncode == 130, said
    assert "Traceback" not in said
    assert "can't tell" in table
    a, b = rows.read(tmp_path / "ab" / "a"), rows.read(tmp_path / "ab" / "b")
    assert [row.status for row in (*a, *b)] == ["ok", "ok"]
    assert a[0].launches is not None
    assert 6 <= a[0].launches < 48
    assert a[0].launches == b[0].launches
    assert "--resume" in said


def test_a_killed_comparison_goes_on_behind_its_last_launch(harness: Harness, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.harness.gate]\nslowdown = 2e-6\ntolerated = 1e-6\n")  # never told
    one, other = (str(convolutions(tmp_path / f"{name}.onnx", 4)) for name in ("one", "other"))
    command = ("ab", one, other, "--out", "ab", "--threads", "1", "--launches", "8", "--seconds", "0.02")
    process = subprocess.Popen(
        [sys.executable, "-m", "harness", *command],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.DEVNULL,
    )
    kept = tmp_path / "ab" / "launches"
    deadline = time.monotonic() + 300
    while len(list(kept.glob("*.json"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.02)
    process.kill()
    process.wait()
    first = {file.name: file.read_bytes() for file in kept.glob("*.json")}
    assert len(first) >= 2
    assert harness(*command, cwd=tmp_path).returncode == 2, "it is not written over"
    assert harness(*command, "--seed", "1", "--resume", cwd=tmp_path).returncode == 2, "it is another comparison"
    done = harness(*command, "--resume", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (a,), (b,) = both(tmp_path / "ab")
    assert a.launches == b.launches == 8
    samples_of_a = pandas.read_parquet(tmp_path / "ab" / "a" / "samples" / "one.parquet")
    for name, content in first.items():
        outcomes = json.loads(content)
        (key,) = (key for key in outcomes if key.startswith("a 0") and "again" not in key)
        of_launch = samples_of_a[
            (samples_of_a["subject"] == "onnx, 1 thread") & (samples_of_a["launch"] == int(name.removesuffix(".json")))
        ]
        assert list(of_launch["nanoseconds"]) == outcomes[key]["samples_ns"], (
            "what was measured before it was killed is there"
        )
    assert not kept.exists()
    assert harness(*command, "--resume", cwd=tmp_path).returncode == 2, "it is finished"


def test_a_side_that_cannot_run_leaves_the_other_whole(harness: Harness, tmp_path: Path) -> None:
    of = (value("x", [1, 3]), value("y", [1, 3]))
    good = own_files.save(tmp_path / "good.onnx", [helper.make_node("Relu", ["x"], ["y"])], [of[0]], [of[1]], {})
    bad = own_files.of_no_domain(tmp_path / "bad.onnx")
    done = harness("ab", str(good), str(bad), *QUICK, "--out", str(tmp_path / "out"), "--format", "csv")
    assert done.returncode == 0, done.stderr
    (a,), (b,) = both(tmp_path / "out")
    assert (a.status, b.status, b.latency_median_s) == ("ok", "failed", None)
    assert "onnxruntime cannot load the model" in (b.reason or "")
    assert a.latency_median_s
    (line,) = csv.DictReader(done.stdout.splitlines())
    assert (line["verdict"], line["ratio"], line["b_status"], line["outputs_agree"]) == ("", "", "failed", "")
    assert "whether the outputs agree is not known" in done.stderr.splitlines()[0]
    none = harness("ab", str(bad), str(own_files.of_no_domain(tmp_path / "worse.onnx")), *QUICK, cwd=tmp_path)
    assert none.returncode == 4


def test_options_and_accuracy(harness: Harness, tmp_path: Path) -> None:
    """Each side has its own options in its sessions and rows; both predict with them."""
    path = tmp_path / "sum.onnx"
    own_files.centroids(
        path, np.zeros((10, 28, 28)), np.arange(10), ["n", 28, 28, 1], scale=1 / 255, kind=onnx.TensorProto.FLOAT
    )
    done = harness(
        *("ab", str(path), "--data", "fashion_mnist_sample", *QUICK, "--out", str(tmp_path / "out")),
        *("--options", "", "optimization=disable, session.intra_op.allow_spinning=0"),
    )
    assert done.returncode == 0, done.stderr
    (a,), (b,) = both(tmp_path / "out")
    assert "the outputs agree (" in done.stderr.splitlines()[0]
    assert (a.options, b.options) == (None, "optimization=disable, session.intra_op.allow_spinning=0")
    assert facts(tmp_path / "out/b")["session_config"]["session.intra_op.allow_spinning"] == "0"
    assert "session.intra_op.allow_spinning" not in facts(tmp_path / "out/a")["session_config"]
    predicted = [np.load(tmp_path / "out" / side / "predictions/sum.npz") for side in "ab"]
    assert (predicted[0]["onnx"] == predicted[1]["onnx"]).all()
    assert a.total == b.total == len(predicted[0]["labels"])
    assert a.correct == b.correct == (predicted[0]["onnx"] == predicted[0]["labels"]).sum()


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """A virtual environment with the libraries of this one, which notes who started it, and tells another version."""
    folder = tmp_path / "other"
    venv.create(folder, symlinks=True)
    (place,) = folder.glob("lib/python*/site-packages")
    here = str(Path(np.__file__).parent.parent)
    note = f"import pathlib, sys; pathlib.Path({str(tmp_path / 'started')!r}).open('a').write(f'{{sys.orig_argv}}\\n')"
    (place / "beside.pth").write_text(f"{here}\n{note}\n")
    planted = place / "onnxruntime-0.0.1.dist-info"
    planted.mkdir()
    (planted / "METADATA").write_text("Metadata-Version: 2.1\nName: onnxruntime\nVersion: 0.0.1\n")
    return folder


def test_two_environments(harness: Harness, tmp_path: Path, other: Path) -> None:
    """The second has no harness: its workers are this one's, in its interpreter."""
    path = convolutions(tmp_path / "four.onnx", 4)
    done = harness("ab", str(path), "--environment", sys.prefix, str(other), *QUICK, "--out", str(tmp_path / "out"))
    assert done.returncode == 0, done.stderr
    (a,), (b,) = both(tmp_path / "out")
    assert a.latency_median_s
    assert b.latency_median_s
    started = (tmp_path / "started").read_text().splitlines()
    workers = sum("harness.timing.worker" in line for line in started)
    assert workers >= 2 * (b.launches or 0), "of the file and of its call floor"
    of = [facts(tmp_path / "out" / side) for side in "ab"]
    assert [one["versions"]["onnxruntime"] for one in of] != ["0.0.1", "0.0.1"]
    assert of[1]["versions"]["onnxruntime"] == "0.0.1"
    assert of[1]["label"] == str(other)


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """This repository at its last commit, and another commit that changes nothing that is measured."""
    if not (ROOT / ".git").exists():
        pytest.skip("this is no repository")
    folder = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", "--shared", str(ROOT), str(folder))
    (folder / "README.md").write_text("changed\n")
    git(folder, "-c", "user.name=n", "-c", "user.email=e@e", "commit", "--quiet", "--all", "--message", "change")
    return folder


def git(folder: Path, *arguments: str) -> str:
    return subprocess.run(["git", "-C", folder, *arguments], check=True, capture_output=True, text=True).stdout


def test_two_commits(harness: Harness, tmp_path: Path, clone: Path, small_run: Path) -> None:
    """Both are exported by their own code, from a cache that they share; no worktree is left."""
    (clone / "README.md").write_text("changed again\n")
    folder = tmp_path / "out"
    done = harness(
        *("ab", "mlp_fmnist_relu_1", "--framework", "torch", "--commit", "HEAD~1", "HEAD", *QUICK),
        *("--out", str(folder)),
        PYTHONPATH=str(clone),
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    (a,), (b,) = both(folder)
    assert (a.architecture, a.framework, a.onnx_sha256) == ("mlp_fmnist_relu_1", "torch", b.onnx_sha256)
    assert a.accuracy == b.accuracy is not None
    trained = [row for row in rows.read(small_run) if (row.architecture, row.framework) == (a.architecture, "torch")]
    assert {row.onnx_sha256 for row in trained} == {a.onnx_sha256}, "the same file as in a run"
    assert {row.accuracy for row in trained} == {a.accuracy}
    commits = git(clone, "log", "-2", "--format=%H").split()
    assert [facts(folder / side)["commit"] for side in "ba"] == [commit[:12] for commit in commits]
    assert "has changes that HEAD has not" in done.stderr
    assert git(clone, "worktree", "list").count("\n") == 1


def test_worktrees_are_removed_when_interrupted(clone: Path) -> None:
    seen: list[checkouts.Checkout] = []

    def interrupted() -> None:
        with checkouts.checked_out(clone, ["HEAD", "HEAD~1"]) as both:
            seen.extend(both)
            assert [(one.folder / "README.md").read_text() == "changed\n" for one in both] == [True, False]
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert git(clone, "worktree", "list").count("\n") == 1
    assert not any(one.folder.exists() for one in seen)


PROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
[project]
name = "planted"
version = "1.0"
dependencies = []
[project.optional-dependencies]
{}
"""
# The least that pip installs from, with no other package and no network.
BACKEND = """
import zipfile

def build_wheel(folder, config_settings=None, metadata_directory=None):
    of = "planted-1.0.dist-info/"
    with zipfile.ZipFile(folder + "/planted-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("planted.py", "")
        wheel.writestr(of + "METADATA", "Metadata-Version: 2.1\\nName: planted\\nVersion: 1.0\\nProvides-Extra: cpu\\n")
        wheel.writestr(of + "WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr(of + "RECORD", "")
    return "planted-1.0-py3-none-any.whl"
"""


def test_a_commit_that_asks_for_other_versions_has_an_environment_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    here, there, said = tmp_path / "here", tmp_path / "there", list[str]()
    for folder, extras in ((here, "cpu = []\ndev = ['ruff']"), (there, "cpu = []")):
        folder.mkdir()
        (folder / "pyproject.toml").write_text(PROJECT.format(extras))
        (folder / "constraints.txt").write_text("# tested\nnumpy==2.0\n")
        (folder / "backend.py").write_text(BACKEND)
    assert commit_environments.python(there, here, said.append) == sys.executable, "developers' tools do not count"
    (there / "constraints.txt").write_text("numpy==2.1\n")
    made = commit_environments.python(there, here, said.append)
    assert Path(made).is_relative_to(tmp_path / "cache")
    assert subprocess.run([made, "-c", "import planted"]).returncode == 0
    assert commit_environments.python(there, here, said.append) == made
    assert len(said) == 1, "the second time it is found again"
    (there / "pyproject.toml").write_text(
        PROJECT.format("cpu = []").replace("dependencies = []", "dependencies = ['x']")
    )
    (there / "backend.py").write_text("broken")
    with pytest.raises(HarnessError, match="the environment of a commit cannot be made"):
        commit_environments.python(there, here, said.append)
    assert len(list((tmp_path / "cache/environments").iterdir())) == 1, "nothing half-made is left"


REFUSED: list[tuple[list[str], str]] = [
    (["four.onnx"], "expected two different .onnx files"),
    (["four.onnx", "four.onnx"], "expected two different .onnx files"),
    (["lenet5_1x1"], "what is compared of lenet5_1x1"),
    (["four.onnx", "gone.onnx"], "gone.onnx: expected a file, found none"),
    (["four.onnx", "large.onnx"], "expected inputs of the same sizes"),
    (["four.onnx", "two.onnx"], "expected inputs of the same sizes"),
    (["four.onnx", "lenet5_1x1", "--options", "", ""], "files alone, or networks alone"),
    (["four.onnx", "--commit", "HEAD", "HEAD"], "is for networks of the catalogue"),
    (["four.onnx", "large.onnx", "--framework", "keras", "torch"], "is for networks of the catalogue"),
    (["lenet5_1x1", "--framework", "keras"], "expected two"),
    (["lenet5_1x1", "--commit", "HEAD", "nowhere"], "has no commit 'nowhere'"),
    (["nosuch", "--framework", "keras", "torch"], "no architecture is called 'nosuch'"),
    (["four.onnx", "--environment", "gone", "gone"], "gone is no virtual environment"),
    (["four.onnx", "--environment", "empty", "empty"], "empty cannot import onnxruntime .*: install it there"),
    (["lenet5_1x1", "--environment", "empty", "empty"], "empty cannot import onnxruntime"),
    (["four.onnx", "--options", "", "", "--commit", "HEAD", "HEAD"], "one thing is compared at a time"),
    (["four.onnx", "--options", "", "thread=1"], "no option 'thread'"),
    (["four.onnx", "--options", "", "threads"], "expected KEY=VALUE, found 'threads'"),
    (["four.onnx", "--options", "threads=0", ""], "threads=0: expected a number of threads"),
    (["four.onnx", "--options", "optimization=most", ""], "expected one of disable, basic, extended, all"),
    (["four.onnx", "--options", "provider=nosuch", ""], "--provider nosuch"),
    (["four.onnx", "--options", "threads=1", "", "--threads", "1", "1"], ""),
]


@pytest.mark.parametrize(("asked", "said"), REFUSED, ids=[" ".join(asked) for asked, _ in REFUSED])
def test_what_cannot_be_compared_is_refused(
    asked: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    convolutions(Path("four.onnx"), 4)
    convolutions(Path("large.onnx"), 4, side=20)
    own_files.two_inputs(Path("two.onnx"))
    venv.create("empty", symlinks=True)
    parser = argparse.ArgumentParser()
    ab.add_arguments(parser)
    args = parser.parse_args(asked)
    if not said:
        assert len(_contests.parse(args, tmp_path / "place").files) == 1
        return
    with pytest.raises(HarnessError, match=said):
        _contests.parse(args, tmp_path / "place")


def test_a_package_without_a_repository_has_no_commits(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "harness", tmp_path / "harness", symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "models").symlink_to(ROOT / "models")
    done = subprocess.run(
        [sys.executable, "-P", "-m", "harness", "ab", "--commit", "HEAD", "HEAD"],
        capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(tmp_path)},
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    assert "--commit needs the repository of the harness" in done.stderr


def test_an_interpreter_is_not_taken_for_what_its_link_points_to(other: Path) -> None:
    assert interpreters.executable(other) == str(other / "bin/python")
    assert interpreters.executable(other / "bin/python") == str(other / "bin/python")
