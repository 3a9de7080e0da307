"""The asv suites: each benchmark finds what it says, what fails fails alone, asv keeps samples, files are whole."""

import hashlib
import importlib
import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from harness.cost import ledger, onnx_file
from harness.networks import catalog
from harness.pieces import artifacts
from tests import ROOT

FILES = ROOT / "benchmarks" / "files"
ASV = Path(sys.executable).with_name("asv")
CONFIGURATIONS = ("asv.conf.json", "asv.onnxruntime.conf.json")
NETWORK, UNKNOWN = "mlp_fmnist_relu_1", "no_such_network"

Import = Callable[[str], ModuleType]


@pytest.fixture
def suite(monkeypatch: pytest.MonkeyPatch) -> Import:
    """The modules of both suites, found as asv finds them."""
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    return importlib.import_module


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """One network, trained, exported and proved as the suite does it, beside one that there is not."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT / "benchmarks")
        patch.chdir(tmp_path_factory.mktemp("asv"))
        for name in ("HARNESS_CACHE", "HARNESS_WEIGHTS"):
            patch.setenv(name, "")  # put back afterwards: the suite sets both
        return importlib.import_module("suite.prepared").make((NETWORK, UNKNOWN), trained=True)


@pytest.fixture
def prepared(suite: Import, made: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Import:
    """The suite with that network in the place of all others, in a folder of its own as in asv."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(suite("suite.prepared"), "make", lambda *_, **__: made)
    monkeypatch.setattr(suite("suite.timed"), "LAUNCHES", 2)
    monkeypatch.setattr(suite("suite.timed"), "MEMORY_PROCESSES", 1)
    return suite


def settings(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((ROOT / name).read_text())
    return found


def discovered(suite: Import, name: str) -> dict[str, Any]:
    """What asv finds in the folder of a configuration, by name."""
    written = io.StringIO()
    folder = ROOT / settings(name)["benchmark_dir"]
    suite("asv_runner.discovery").list_benchmarks(str(folder), written)
    return {each["name"]: each for each in json.loads(written.getvalue())}


def test_counts_are_those_of_the_catalogue_and_what_is_not_there_fails_alone(prepared: Import) -> None:
    benchmark, facts = prepared("suite.cost").Cost(), catalog.get(NETWORK)
    found = benchmark.setup_cache()
    for framework in ("keras", "torch"):
        assert benchmark.track_macs(found, NETWORK, framework) == facts.macs
        assert benchmark.track_params(found, NETWORK, framework) == facts.params
        assert benchmark.track_stored_bytes(found, NETWORK, framework) >= 4 * facts.params
        stored = benchmark.track_stored_bytes(found, NETWORK, framework)
        assert stored < benchmark.track_file_size(found, NETWORK, framework) < 1.02 * stored
        assert 3 <= benchmark.track_nodes(found, NETWORK, framework) < 10
        with pytest.raises(prepared("suite.outcomes").BenchmarkFailedError, match=f"no architecture .*{UNKNOWN}"):
            benchmark.track_macs(found, UNKNOWN, framework)


def test_equivalence_and_accuracy_are_told_as_errors(prepared: Import) -> None:
    equivalence = prepared("suite.equivalence").Equivalence()
    found = equivalence.setup_cache()
    assert 0 < equivalence.track_difference(found, NETWORK) < 1e-5
    assert 0 < equivalence.track_over_tolerance(found, NETWORK) <= 1
    accuracy = prepared("suite.accuracy").Accuracy()
    errors = accuracy.setup_cache()
    assert 0.1 < accuracy.track_error(errors, NETWORK, "keras") < 0.3
    for track, of, *key in ((equivalence.track_difference, found), (accuracy.track_error, errors, "torch")):
        with pytest.raises(prepared("suite.outcomes").BenchmarkFailedError, match=UNKNOWN):
            track(of, UNKNOWN, *key)


def test_what_the_engine_measures_has_a_sample_a_process(prepared: Import) -> None:
    measured = prepared("suite.timed").networks()
    for name, low, high, count in (("latency", 1e-7, 1.0, 2), ("session", 1e-5, 60.0, 2), ("memory", 4e5, 2e7, 1)):
        module = prepared(f"suite.{name}")
        benchmark = getattr(module, name.title())()
        track = getattr(benchmark, next(each for each in dir(benchmark) if each.startswith("track_")))
        for threads in ("1", "all"):
            benchmark.setup(measured, NETWORK, "torch", "cpu", threads)
            told = track(measured, NETWORK, "torch", "cpu", threads)
            assert told["number"] == 1
            assert len(told["samples"]) == count
            assert all(low < sample < high for sample in told["samples"]), (name, told)
        with pytest.raises(prepared("suite.outcomes").BenchmarkFailedError, match=UNKNOWN):
            benchmark.setup(measured, UNKNOWN, "torch", "cpu", "1")
        with pytest.raises(NotImplementedError):  # by which asv skips: on a GPU threads are told once
            benchmark.setup(measured, NETWORK, "torch", "cuda", "1")


def test_exports_are_timed_and_an_exporter_that_fails_fails_alone(
    prepared: Import, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = prepared("suite.export_time")
    monkeypatch.setattr(module, "NETWORKS", (NETWORK,))
    monkeypatch.setattr(module, "EXPORTS", 1)
    monkeypatch.setattr("harness.pieces.export_keras.export", lambda *_: 1 / 0)
    seconds = module.ExportTime().setup_cache()
    (taken,) = module.ExportTime().track_export(seconds, NETWORK, "torch")["samples"]
    assert 0.01 < taken < 120
    with pytest.raises(prepared("suite.outcomes").BenchmarkFailedError, match="ZeroDivisionError"):
        module.ExportTime().track_export(seconds, NETWORK, "keras")


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_parameters_have_names_for_people_and_committed_results_are_of_these_benchmarks(
    suite: Import, name: str
) -> None:
    found = discovered(suite, name)
    people = {"network", "framework", "provider", "threads", "command"}
    for each in found.values():
        assert set(each["param_names"]) <= people, each["name"]
        assert each["version"].isdecimal(), f"{each['name']}: expected a version, not the digest of the code"
        assert each["unit"] != "unit", each["name"]
        asked = dict(zip(each["param_names"], each["params"], strict=True))
        assert {network.strip("'") for network in asked.get("network", [])} <= catalog.architectures().keys()
    committed = json.loads((ROOT / settings(name)["results_dir"] / "benchmarks.json").read_text())
    kept = {benchmark for benchmark in committed if benchmark != "version"}
    assert kept == found.keys(), "make asv, and commit benchmarks.json"
    for benchmark, each in found.items():
        for told in ("version", "params", "param_names", "unit"):
            assert committed[benchmark][told] == each[told], f"{benchmark}: {told}"


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_committed_results_name_no_machine_of_anyone(name: str) -> None:
    folder = ROOT / settings(name)["results_dir"]
    machines = [file.parent.name for file in folder.glob("*/machine.json")]
    assert "reference-2-core" in machines
    for file in (folder / "reference-2-core").glob("*.json"):
        assert json.loads(file.read_text()).get("machine", "reference-2-core") == "reference-2-core"
        assert "/home/" not in file.read_text()
        assert "existing" not in file.name, "its name would tell a path: measure in virtualenv"


def test_committed_files_are_those_of_the_digests_and_whole_in_themselves() -> None:
    digests = dict(line.split()[::-1] for line in (FILES / "SHA256SUMS").read_text().splitlines())
    assert {file.name for file in FILES.glob("*.onnx")} == digests.keys()
    assert sum((FILES / name).stat().st_size for name in digests) < 3_000_000
    for name, digest in digests.items():
        assert hashlib.sha256((FILES / name).read_bytes()).hexdigest() == digest, name
        found = artifacts.read(FILES / name)
        assert f"{found.architecture}.{found.framework}.onnx" == name
        facts, counted = catalog.get(found.architecture), ledger.ledger(FILES / name)
        assert (counted.macs, counted.params) == (facts.macs, facts.params), name
        assert not any(tensor.external_data for tensor in onnx_file.read(FILES / name).model.graph.initializer), name


def test_versions_of_onnxruntime_are_measured_without_a_framework(tmp_path: Path) -> None:
    script = """
import sys
sys.modules.update(dict.fromkeys(["keras", "onnxscript", "tensorflow", "tf2onnx", "torch"]))  # cannot be imported
from suite import outcomes, timed
from runtime_versions import committed, optimised_graph, timed_files
timed.LAUNCHES = timed.MEMORY_PROCESSES = 1
committed.NETWORKS = ["mlp_fmnist_relu_1"]
measured = timed_files.TimedFiles().setup_cache()
one = timed_files.TimedFiles()
one.setup(measured, "mlp_fmnist_relu_1", "keras", "cpu", "1")
found = [one.track_latency(), one.track_session_creation(), one.track_peak_memory()]
print(optimised_graph.OptimisedGraph().track_nodes("mlp_fmnist_relu_1", "keras"))
print(*(value for each in found for value in each["samples"]))
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=tmp_path, timeout=600,
        env={**os.environ, "PYTHONPATH": f"{ROOT / 'benchmarks'}"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    nodes, latency, session, peak = map(float, done.stdout.split())
    assert 0 < nodes < len(ledger.ledger(FILES / f"{NETWORK}.keras.onnx").nodes)  # activations are fused into products
    assert 0 < latency < session < 60
    assert 4e5 < peak < 2e7


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="asv names results by commit: this is no checkout")
@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_asv_checks_the_suite_and_keeps_what_it_is_handed(tmp_path: Path, name: str) -> None:
    configuration = settings(name)
    assert configuration["results_dir"].startswith("results/asv"), "asv's default would be results/ itself"
    places = {"repo": ROOT, "results_dir": tmp_path / "results", "env_dir": tmp_path / "env"}
    local = tmp_path / "asv.conf.json"
    shutil.copytree(ROOT / "benchmarks", tmp_path / "benchmarks")
    local.write_text(json.dumps(configuration | {key: str(place) for key, place in places.items()}))

    def asv(*arguments: str) -> str:
        done = subprocess.run(
            [ASV, *arguments, "--config", str(local)],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env={**os.environ, "HOME": str(tmp_path), "TF_CPP_MIN_LOG_LEVEL": "3"},
            timeout=600,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    asv("machine", "--yes", "--machine", "here")
    here = ("-E", f"existing:{sys.executable}")
    if "matrix" in configuration:  # of environments that asv makes
        assert "No problems found" in asv("check", *here)
        return
    head = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=True, cwd=ROOT)
    asv("run", "--quick", *here, "--set-commit-hash", head.stdout.strip(), "--record-samples", "--machine", "here",
        "--bench", "StartUp")  # fmt: skip
    (stored,) = [file for file in (tmp_path / "results" / "here").glob("*.json") if file.name != "machine.json"]
    columns, results = json.loads(stored.read_text())["result_columns"], json.loads(stored.read_text())["results"]
    told = dict(zip(columns, results["start_up.StartUp.track_start_up"], strict=False))
    assert told["params"] == [["'--help'", "'list'"]]
    assert [len(samples) for samples in told["samples"]] == [15, 15]
    assert all(0.01 < median < 10 for median in told["result"])
