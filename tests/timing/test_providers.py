"""Providers: which one ran each node, what is asked for, and what becomes of a run whose provider is not there."""

import importlib.metadata
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pandas
import pytest
from onnx import TensorProto, helper, numpy_helper

from harness.cost import ledger
from harness.errors import HarnessError
from harness.machine import installed
from harness.machine.process import WorkerFailedError
from harness.measurements import providers, rows, run_folder
from harness.measurements.configurations import Configuration, Way
from harness.measurements.providers import PROVIDERS, Target
from harness.measurements.rows import Row
from harness.measurements.subject_key import CONTROLS
from harness.measurements.types import Launch, Timing
from harness.runs import folder, places, run_rows
from harness.runs.folder import Settings
from harness.runs.turns import Turns
from harness.timing import input_values, inspection, latency, node_providers, runtime, small_models, worker
from harness.timing.latency import Subject
from tests.conftest import Harness
from tests.onnx_models import node, product, saved, weight

CPU, CUDA = Target(), Target(provider="cuda", device="gpu")
GRAPH = replace(CUDA, cuda_graph=True)
WITHOUT_CUDA = pytest.mark.skipif(
    PROVIDERS["cuda"] in onnxruntime.get_available_providers(), reason="tells what happens where CUDA is not there"
)


# --- which provider ran each node ---


def test_the_nodes_of_a_real_session_are_read_back(tmp_path: Path) -> None:
    found = latency.answer(product(tmp_path), "inspect", outputs=str(tmp_path / "outputs.npz"))["nodes"]
    assert found == {"CPUExecutionProvider": {"MatMul": 1, "ReduceMax": 1}}


def test_a_node_that_a_loop_repeats_counts_once(tmp_path: Path) -> None:
    body = helper.make_graph(
        [node("Identity", "go", "on"), node("Add", "before one", "after")],
        "body",
        [
            helper.make_tensor_value_info("number", TensorProto.INT64, []),
            helper.make_tensor_value_info("go", TensorProto.BOOL, []),
            helper.make_tensor_value_info("before", TensorProto.FLOAT, [1, 2]),
        ],
        [
            helper.make_tensor_value_info("on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("after", TensorProto.FLOAT, [1, 2]),
        ],
    )
    times = onnx.numpy_helper.from_array(np.array(5, np.int64), "times")
    yes = onnx.numpy_helper.from_array(np.array(True), "yes")
    loop = node("Loop", "times yes image", "y", body=body)
    path = saved(tmp_path / "loop.onnx", [loop], {"image": [1, 2]}, [times, yes, weight("one", 1, 2)])
    subject = Subject(key="loop", model=path, shapes={"image": (1, 2)}, threads=1)
    (found,) = latency.answer(subject, "inspect", outputs=str(tmp_path / "outputs.npz"))["nodes"].values()
    assert (found["Loop"], found["Add"]) == (1, 1)


def profile(*nodes: tuple[str, str]) -> str:
    """A profile of so many nodes, each run by its provider, in the profiler's own form."""
    events = [
        {
            "cat": "Node",
            "name": f"node_{number}_kernel_time",
            "dur": 7,
            "args": {"op_name": operator, "provider": f"{provider}ExecutionProvider", "node_index": str(number)},
        }
        for number, (operator, provider) in enumerate(nodes)
    ]
    return json.dumps([{"cat": "Session", "name": "model_run", "args": {}}, *events, *events])


def test_nodes_that_fell_back_are_named_with_their_number() -> None:
    mixed = profile(("Conv", "CUDA"), ("Resize", "CPU"), ("NonZero", "CPU"), ("Conv", "CUDA"), ("Resize", "CPU"))
    found = node_providers.of_profile(mixed)
    assert found["CUDAExecutionProvider"] == {"Conv": 2}
    assert node_providers.fallback(found, "CUDAExecutionProvider") == (
        "of 5 nodes 3 on CPUExecutionProvider (2 × Resize, 1 × NonZero), not on CUDAExecutionProvider"
    )
    assert node_providers.fallback(node_providers.of_profile(profile(("Conv", "CUDA"))), "CUDAExecutionProvider") == ""


def test_a_subject_without_a_node_on_its_provider_has_no_latency(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = {
        "all": {"CUDAExecutionProvider": {"Conv": 2}},
        "some": {"CUDAExecutionProvider": {"Conv": 2}, "CPUExecutionProvider": {"Resize": 1}},
        "none": {"CPUExecutionProvider": {"Conv": 2}},
    }

    def answer(subject: Subject, do: str, *, outputs: str) -> dict[str, Any]:
        if subject.model.stem not in answers:
            raise WorkerFailedError("the worker process ended with signal 9")
        np.savez(outputs, y=[1.0])
        return {"nodes": answers[subject.model.stem]}

    monkeypatch.setattr(latency, "answer", answer)
    asked = [
        Subject(key=key, model=Path(f"{key}.onnx"), shapes={}, threads=1, target=CUDA) for key in (*answers, "vanished")
    ]
    found = inspection.inspect_all(asked)
    assert {key: one.nodes for key, one in found.items() if not one.failure} == {
        key: answers[key] for key in ("all", "some")
    }
    assert found["some"].outputs["y"] == [1.0]
    failure = "no node runs on CUDAExecutionProvider: of 2 nodes 2 on CPUExecutionProvider"
    assert found["none"].failure.startswith(failure)
    assert "signal 9" in found["vanished"].failure


def test_a_subject_is_inspected_once_whatever_its_threads(tmp_path: Path) -> None:
    """Its outputs are those of a plain session; what fails on the CPU is left to be timed, which says why."""
    one = product(tmp_path)
    found = inspection.inspect_all(
        [one, replace(one, key="two", threads=2), replace(one, key="gone", model=tmp_path / "none")]
    )
    assert found[one.key] is found["two"]
    session = runtime.session(one.model, threads=1)
    fed = {name: value.numpy() for name, value in input_values.make_inputs(session, one.shapes).items()}
    (plain,) = session.run(None, fed)
    (kept,) = found[one.key].outputs.values()
    np.testing.assert_allclose(kept, plain.ravel()[: worker.KEPT_VALUES], rtol=1e-6)
    assert found["gone"] == inspection.Inspection()


def test_a_control_runs_beside_every_number_of_threads(harness: Harness, tmp_path: Path) -> None:
    own = saved(tmp_path / "own.onnx", [node("Relu", "image", "y")], {"image": [1, 2]}, [])
    effort = ("--launches", "2", "--seconds", "0.02")
    done = harness("run", str(own), "--control", "--threads", "1", "2", *effort, "--out", str(tmp_path / "run"))
    assert done.returncode == 0, done.stderr
    found = rows.read(tmp_path / "run")
    assert all(row.control_s and row.latency_median_s and row.control_s > row.latency_median_s for row in found)
    sampled = pandas.read_parquet(tmp_path / "run" / "samples" / "own.parquet")["subject"].unique()
    assert {f"{kind}, {count}" for kind in CONTROLS for count in ("1 thread", "2 threads")} | {
        str(row.sampled_as).removeprefix("own/") for row in found
    } <= set(sampled)
    assert [(row.operators, row.optimised_operators, row.node_providers) for row in found] == [
        ("1 Relu", "1 Relu", "1 CPUExecutionProvider")
    ] * 2
    with np.load(tmp_path / "run" / "outputs" / "own.npz") as outputs:
        assert sorted(outputs) == ["onnx, 1 thread/y", "onnx, 2 threads/y"]


# --- rows ---


def timing(median_us: float, **others: Any) -> Timing:
    launch = Launch(
        launch=0, calls_per_sample=1, samples_ns=(round(1000 * median_us),) * 9, rounds=(0,) * 9, settled=True,
        session_s=1.0, first_run_s=0.5, threads_in_effect=None, providers=("CUDAExecutionProvider",),
        upload_s=2e-5, download_s=1e-5,
    )  # fmt: skip
    return Timing(launches=(launch,), **others)


def test_a_run_of_two_providers_keeps_them_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The floor of each provider stands beside its own latency; one that is absent is a row with the reason."""
    settings = Settings(architectures=(), threads=(1, 2), providers=("cpu", "cuda", "tensorrt"))
    identity = latency.save_identity(tmp_path / "identity.onnx")
    absent = {settings.targets[2]: "no TensorRT here."}
    asked: list[Subject] = []

    def measure(subjects: list[Subject], *_: Any, **__: Any) -> dict[str, Timing]:
        asked.extend(subjects)
        speed = {"cpu": 50.0, "cuda": 5.0}
        return {one.key: timing(speed[one.target.provider] / (10 if "floor" in one.key else 1)) for one in subjects}

    monkeypatch.setattr(latency, "measure", measure)
    nodes = {"CPUExecutionProvider": {"Resize": 1}, "CUDAExecutionProvider": {"Conv": 2}}
    elsewhere = inspection.Inspection(nodes=nodes)
    on_gpu = {"cuda": elsewhere}
    seen = inspection.Inspection()
    monkeypatch.setattr(
        inspection, "inspect_all", lambda subjects: {one.key: on_gpu.get(one.target.provider, seen) for one in subjects}
    )
    ways = [Way(framework="torch", configuration=each) for each in settings.configurations]
    where = places.group(identity, ways, absent)
    timed = Turns(folder=tmp_path, name="n", settings=settings, places=where, seed=0)
    subjects = [
        Subject(
            key=way.key, model=Path("m"), shapes={}, threads=way.configuration.threads, target=way.configuration.target
        )
        for way in where.present(ways)
    ]
    timings = timed.time(subjects, lambda _: None)
    known = Row(run="r", architecture="n", framework="torch")
    found = [where.row(known, way, timings, "n") for way in ways]
    assert [(row.device, row.provider, row.threads) for row in found] == [
        ("cpu", "CPUExecutionProvider", 1),
        ("cpu", "CPUExecutionProvider", 2),
        ("gpu", "CUDAExecutionProvider", 2),
        ("gpu", "TensorrtExecutionProvider", 2),
    ]
    assert len({row.key for row in found}) == 4
    on_cpu, _, on_cuda, on_tensorrt = found
    assert on_cpu.call_floor_s == pytest.approx(5e-6)
    assert on_cuda.call_floor_s == pytest.approx(5e-7)
    assert (on_cuda.upload_s, on_cuda.download_s) == (2e-5, 1e-5)
    assert (on_cpu.options, on_cpu.reason) == (None, None)
    assert "cudnn_conv_algo_search=EXHAUSTIVE" in (on_cuda.options or "")
    assert "1 on CPUExecutionProvider (1 × Resize)" in (on_cuda.reason or "")
    assert (on_tensorrt.status, on_tensorrt.reason, on_tensorrt.latency_median_s) == (
        "skipped", "no TensorRT here", None,
    )  # fmt: skip
    assert [one.key for one in asked] == ["call floor", "call floor, cuda", *(one.key for one in subjects)]


def test_a_cuda_graph_is_named_on_the_row() -> None:
    row = run_rows.placed(Row(run="r", architecture="n", framework="torch"), Configuration(target=GRAPH, threads=1))
    assert "enable_cuda_graph=1" in (row.options or "")


# --- what is asked for ---


def test_the_settings_of_a_run_come_back_with_its_providers(tmp_path: Path) -> None:
    settings = Settings(architectures=("lenet",), threads=(1, 2), providers=("cpu", "cuda"), cuda_graph=True)
    folder.begin(tmp_path / "new", settings, {})
    assert folder.resumed(tmp_path / "new") == settings
    older = json.loads((tmp_path / "new" / "settings.json").read_text())
    for name in ("providers", "device", "cuda_graph"):
        del older[name]
    (tmp_path / "new" / "settings.json").unlink()
    (tmp_path / "new" / "plan.json").write_text(json.dumps(older))  # as runs before these settings wrote it
    assert folder.resumed(tmp_path / "new").targets == (CPU,)
    folder.go_on(tmp_path / "new", settings, {})
    assert folder.resumed(tmp_path / "new") == settings


def test_the_device_chooses_the_provider_and_must_fit_it() -> None:
    assert providers.targets((), "gpu", False) == (CUDA,)
    assert providers.targets((), None, False) == providers.targets((), "cpu", False) == (CPU,)
    assert providers.targets(("openvino", "cpu", "cpu"), None, False) == (Target(provider="openvino"), CPU)
    assert providers.targets(("cpu", "cuda"), None, True) == (CPU, GRAPH)
    for wrong in (
        (("cuda",), "cpu", False),
        (("cpu",), "gpu", False),
        (("cpu",), None, True),
        (("nvidia",), None, False),
    ):
        with pytest.raises(HarnessError, match="expected"):
            providers.targets(*wrong)


def test_one_onnxruntime_of_any_kind_is_enough_and_two_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    there = {"onnxruntime-openvino": "1.24"}

    def version(name: str) -> str:
        if name not in there:
            raise importlib.metadata.PackageNotFoundError(name)
        return there[name]

    monkeypatch.setattr(importlib.metadata, "version", version)
    installed.check_installed(("onnxruntime",))
    there["onnxruntime"] = "1.31"
    with pytest.raises(HarnessError, match="onnxruntime and onnxruntime-openvino are installed together"):
        installed.check_installed(("onnxruntime",))


# --- the command line ---

LITTLE = ("--threads", "1", "--launches", "1", "--seconds", "0.02")


def test_an_unknown_provider_is_refused_with_those_there_are(harness: Harness, tmp_path: Path) -> None:
    done = harness("run", "lenet5_1x1", "--provider", "nvidia", "--out", str(tmp_path / "out"))
    assert done.returncode == 2
    assert "expected some of cpu, cuda, tensorrt, openvino, coreml, directml; the installed onnxruntime has cpu" in (
        done.stderr
    )
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "out").exists()


@WITHOUT_CUDA
def test_a_provider_that_is_not_there_is_skipped_with_the_reason(harness: Harness, tmp_path: Path) -> None:
    model, out = str(product(tmp_path).model), tmp_path / "out"
    asked = ("run", model, "--shape", "image=2,4", *LITTLE, "--provider", "cpu", "cuda", "--out", str(out))
    done = harness(*asked)
    assert done.returncode == 0, done.stderr
    said = [line for line in done.stderr.splitlines() if "--provider cuda is skipped: no CUDAExecutionProvider" in line]
    assert len(said) == 1
    on_cpu, on_cuda = rows.read(out)
    assert (on_cpu.status, on_cpu.device, on_cpu.provider) == ("ok", "cpu", "CPUExecutionProvider")
    assert on_cpu.latency_median_s is not None
    assert (on_cuda.status, on_cuda.device, on_cuda.provider) == ("skipped", "gpu", "CUDAExecutionProvider")
    assert on_cuda.latency_median_s is None
    assert (on_cuda.reason or "").startswith("no CUDAExecutionProvider in the installed onnxruntime")
    before = (out / run_folder.ROWS).read_bytes()
    again = harness("run", "--out", str(out), "--resume")
    assert again.returncode == 0, again.stderr
    assert (out / run_folder.ROWS).read_bytes() == before, "what is skipped for good is not measured again"


@WITHOUT_CUDA
def test_where_nothing_can_be_measured_nothing_is_trained(harness: Harness, tmp_path: Path) -> None:
    out, cache = tmp_path / "out", tmp_path / "cache"
    done = harness("run", "lenet5_1x1", "--device", "gpu", *LITTLE, "--out", str(out), HARNESS_CACHE=str(cache))
    assert done.returncode == 4, done.stderr
    assert "nothing was measured; the first reason: no CUDAExecutionProvider" in done.stderr
    assert [(row.framework, row.status) for row in rows.read(out)] == [("keras", "skipped"), ("torch", "skipped")]
    assert not list(cache.rglob("history.json"))


def test_the_cpu_can_be_named(harness: Harness, tmp_path: Path) -> None:
    model = str(product(tmp_path).model)
    done = harness(
        "run", model, "--shape", "image=2,4", *LITTLE, "--device", "cpu", "--provider", "cpu", "--out",
        str(tmp_path / "out"),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (row,) = rows.read(tmp_path / "out")
    assert (row.status, row.device, row.provider, row.options) == ("ok", "cpu", "CPUExecutionProvider", None)
    assert row.latency_median_s is not None


def test_the_controls_are_the_same_wherever_they_are_written(tmp_path: Path) -> None:
    """Two runs are compared by them: their content is pinned, and their operations are those of the estimate."""
    subject, of_memory = latency.save_controls(tmp_path).values()
    assert ledger.ledger(of_memory.model).macs == 0
    assert ([one.op_type for one in onnx.load(of_memory.model).graph.node], of_memory.shapes) == (
        ["ReduceSum"], {"x": (1, 2**20)}
    )  # fmt: skip
    assert ledger.ledger(subject.model).macs == small_models.CONTROL_MACS == 5_308_416
    (kernel, *_) = (numpy_helper.to_array(tensor) for tensor in onnx.load(subject.model).graph.initializer)
    assert kernel.ravel()[:3] == pytest.approx([0.014817448, -0.015568707, 0.07547453])
