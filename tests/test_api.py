"""The public API: its examples hold, it is what `harness` offers, and importing it is cheap."""

import ast
import doctest
import inspect
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import get_type_hints

import pytest

import harness
from harness import api, steps
from harness.machine import progress
from harness.measurements import recorded_run, rows
from tests import ROOT, own_files

HEAVY = ("keras", "matplotlib", "numpy", "onnx", "onnxruntime", "pandas", "pyarrow", "rich", "scipy", "torch")
REFERENCE = ROOT / "results" / "reference" / "quick"
FILE = ROOT / "benchmarks" / "files" / "mlp_fmnist_relu_1.torch.onnx"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A current folder with what the examples name: a model, a run that was measured, and a copy of it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.onnx").write_bytes(FILE.read_bytes())
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "base").symlink_to(REFERENCE)
    shutil.copytree(REFERENCE, tmp_path / "runs" / "head")
    return tmp_path


def examples() -> list[doctest.DocTest]:
    """Every example of the public API, by the function or class that it stands in."""
    finder = doctest.DocTestFinder()
    return [found for module in (api, steps, recorded_run) for found in finder.find(module) if found.examples]


@pytest.mark.parametrize("example", examples(), ids=lambda example: example.name)
def test_examples_hold(example: doctest.DocTest, place: Path) -> None:
    said: list[str] = []
    doctest.DocTestRunner(verbose=False).run(example, out=said.append)
    assert not said, "".join(said)


def test_the_line_of_the_documents_prints_the_macs(place: Path) -> None:
    line = "import harness; print(harness.count_cost('x.onnx').macs)"
    done = subprocess.run([sys.executable, "-c", line], capture_output=True, text=True, cwd=place, timeout=120)
    assert (done.stdout, done.stderr) == ("101632\n", "")


def test_harness_offers_exactly_the_api() -> None:
    """The three lists of names are one: at run time, for type checkers, and in the module that describes them."""
    assert harness.__all__ == api.__all__ == sorted(api.__all__, key=lambda name: (not name[0].isupper(), name))
    checked = ast.parse(inspect.getsource(harness)).body
    (typed,) = [node for block in checked if isinstance(block, ast.If) for node in block.body]
    assert isinstance(typed, ast.ImportFrom)
    assert [alias.name for alias in typed.names] == harness.__all__
    for name in harness.__all__:
        assert getattr(harness, name) is getattr(api, name)
    assert set(harness.__all__) <= set(dir(harness))
    with pytest.raises(AttributeError, match="nothing_such"):
        harness.nothing_such  # noqa: B018
    assert (ROOT / "harness" / "py.typed").is_file()


def test_the_suites_of_asv_and_the_networks_use_what_is_public_alone() -> None:
    """So that asv measures commits on either side of a move, and a network of one's own outlives it."""
    used = [*(ROOT / "benchmarks").glob("suite/*.py"), *(ROOT / "benchmarks").glob("runtime_versions/*.py")]
    used += (ROOT / "models").glob("*/*.py")
    imported = {name for file in used for name in _imported(file) if name.split(".")[0] == "harness"}
    own = {name for name in imported if name.startswith("harness.models.")}
    assert imported - own == {"harness"}


def _imported(file: Path) -> set[str]:
    nodes = list(ast.walk(ast.parse(file.read_bytes())))
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    return plain | {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom) and not node.level}


@pytest.mark.parametrize("name", harness.__all__)
def test_what_is_public_says_what_it_is_and_has_types(name: str) -> None:
    value = getattr(harness, name)
    assert len(inspect.getdoc(value) or "") > 20
    if inspect.isfunction(value):
        annotated = inspect.signature(value)
        assert annotated.return_annotation is not inspect.Signature.empty
        assert all(each.annotation is not inspect.Parameter.empty for each in annotated.parameters.values())
        assert "HarnessError" in (inspect.getdoc(value) or ""), "expected the errors that it raises"
    else:
        assert inspect.isclass(value)
        if not issubclass(value, Exception):
            get_type_hints(value, localns={"pandas": ModuleType("pandas")})


def test_importing_harness_imports_nothing_heavy() -> None:
    """Nor do the types and the catalogue, which every network and every type annotation asks for."""
    line = (
        "import sys, harness; print([m for m in sys.modules if m.startswith('harness.')]); harness.Architecture; "
        "print('harness.api' in sys.modules); [getattr(harness, name) for name in harness.__all__]; "
        f"harness.list_networks('mlp*'); print([name for name in {HEAVY} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", line], capture_output=True, text=True, timeout=120)
    quick = "['harness.machine', 'harness.machine.telemetry']"
    assert done.stdout.split("\n")[:3] == [quick, "False", "[]"], done.stderr


def test_a_run_is_read_as_rows_as_a_table_and_as_samples() -> None:
    run = harness.read_run(REFERENCE)
    table = run.to_frame()
    assert list(table.columns) == list(rows.COLUMNS)
    assert [*table.architecture] == [row.architecture for row in run.rows]
    same = harness.read_run(REFERENCE / "rows.csv")
    assert (same.path, same.rows, same.environment) == (run.path, run.rows, run.environment)
    with pytest.raises(harness.HarnessError, match="no samples"):
        run.samples(harness.Row(run="x", architecture="x", framework="onnx"))
    with pytest.raises(harness.HarnessError, match="no samples of"):
        run.samples(replace(run.rows[0], sampled_as=f"{run.rows[0].architecture}/another"))
    with pytest.raises(harness.HarnessError, match="is no run"):
        harness.read_run(ROOT / "docs")


@pytest.mark.parametrize("name", ["figure", "lecture", "quick"])
def test_the_samples_of_a_row_are_those_that_its_latency_is_from(name: str) -> None:
    """In runs of older versions, too."""
    run = harness.read_run(REFERENCE.parent / name)
    timed = [row for row in run.rows if row.latency_median_s is not None]
    for row in (timed[0], timed[-1]):
        kept = run.samples(row)
        kept = kept[kept["round"] >= 0]
        medians = (kept["nanoseconds"] / kept["calls"]).groupby(kept["launch"]).median()
        assert len(medians) == row.launches
        assert medians.median() * 1e-9 == pytest.approx(row.latency_median_s)


def test_measuring_is_silent_unless_it_is_asked_to_speak(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """And a file that cannot be run is an error that says so, in a run that is recorded."""
    good = own_files.of_no_domain(tmp_path / "bad.onnx")
    with pytest.raises(harness.NothingMeasuredError, match="nothing was measured; the first reason: "):
        harness.measure_files([good], folder=tmp_path / "run", threads=[1], launches=1, seconds=0.01)
    assert capfd.readouterr() == ("", "")
    (row,) = harness.read_run(tmp_path / "run").rows
    assert row.status == "failed"
    with progress.shown(wanted=True):
        progress.say("spoken")
    assert capfd.readouterr().err == "spoken\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"files": []}, "at least one"),
        ({"files": "missing.onnx"}, "missing.onnx"),
        ({"files": "x.onnx", "threads": [0]}, "--threads 0"),
        ({"files": "x.onnx", "batches": [0]}, "--batch 0"),
        ({"files": "x.onnx", "launches": 0}, "--launches"),
        ({"files": "x.onnx", "providers": ["none_such"]}, "--provider none_such"),
        ({"files": "x.onnx", "labels": "x.npy"}, "--labels"),
        ({"files": "x.onnx", "scaling": "unit"}, "--scaling"),
        ({"files": "x.onnx", "shapes": {"none_such": (1,)}}, "none_such"),
        ({"files": "x.onnx", "folder": "runs"}, "not empty"),
    ],
)
def test_a_choice_that_cannot_be_is_refused_before_anything_is_measured(
    place: Path, arguments: dict[str, object], message: str
) -> None:
    with pytest.raises(harness.HarnessError, match=message):
        harness.measure_files(**arguments)  # type: ignore[arg-type]


def test_judging_finds_a_difference_and_takes_thresholds(tmp_path: Path) -> None:
    first, *others = harness.read_run(REFERENCE).rows
    rows.write(tmp_path / "rows.csv", [replace(first, macs=(first.macs or 0) + 1), *others])
    exact = harness.GateSettings(without=("latency", "accuracy", "outputs"))
    found = harness.judge_runs(REFERENCE / "rows.csv", tmp_path / "rows.csv", settings=exact)
    assert found.verdict is harness.Verdict.FAIL
    assert [one.check for one in found.findings if one.verdict is harness.Verdict.FAIL] == ["macs"]
    accepted = harness.GateSettings(without=exact.without, accept=("macs",))
    same = harness.judge_runs(REFERENCE / "rows.csv", tmp_path / "rows.csv", settings=accepted)
    assert same.verdict is harness.Verdict.PASS


def test_the_catalogue_has_its_sets_and_refuses_others() -> None:
    assert {network.name for network in harness.list_networks(of_set="default")} <= {
        network.name for network in harness.list_networks()
    }
    with pytest.raises(harness.HarnessError, match="expected one of default"):
        harness.list_networks(of_set="none_such")
    with pytest.raises(harness.HarnessError, match="did you mean"):
        harness.get_network("lenet5_1x")
