"""Devices: what happens on a GPU and in which order, told by sessions that only record it."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnxruntime
import pytest

from harness.errors import HarnessError
from harness.measurements.providers import PROVIDERS, Target
from harness.timing import device_memory, input_values, runtime
from harness.timing import worker as latency_worker
from tests.onnx_models import product

CPU, CUDA = Target(), Target(provider="cuda", device="gpu")
GRAPH = replace(CUDA, cuda_graph=True)

# --- a session that records what is done with it ---


class RecordedValue:
    """A value in the memory of a device, onnxruntime's as far as it is used."""

    def __init__(self, log: list[str], name: str) -> None:
        self.log, self.name = log, name

    def numpy(self) -> "np.ndarray[Any, Any]":
        self.log.append(f"download {self.name}")
        return np.zeros(1, np.float32)

    def update_inplace(self, _: "np.ndarray[Any, Any]") -> None:
        self.log.append(f"update {self.name}")


class RecordedBinding:
    def __init__(self, log: list[str]) -> None:
        self.log = log

    def bind_ortvalue_input(self, name: str, value: RecordedValue) -> None:
        self.log.append(f"bind input {name} to {value.name}")

    def bind_ortvalue_output(self, name: str, value: RecordedValue) -> None:
        self.log.append(f"bind output {name} to {value.name}")

    def bind_output(self, name: str, memory: str, number: int) -> None:
        self.log.append(f"bind output {name} anywhere on {memory}:{number}")

    def synchronize_inputs(self) -> None:
        self.log.append("inputs there")

    def synchronize_outputs(self) -> None:
        self.log.append("outputs there")

    def get_outputs(self) -> list[RecordedValue]:
        return [RecordedValue(self.log, "result")]


class RecordedSession:
    def __init__(self, log: list[str]) -> None:
        self.log = log

    def get_outputs(self) -> list[Any]:
        return [SimpleNamespace(name="probabilities")]

    def io_binding(self) -> RecordedBinding:
        return RecordedBinding(self.log)

    def run_with_iobinding(self, _: RecordedBinding, options: Any = None) -> None:
        self.log.append("run" + "".join(f" with {key}={value}" for key, value in getattr(options, "entries", ())))


class RecordedOptions:
    def __init__(self) -> None:
        self.entries: list[tuple[str, str]] = []

    def add_run_config_entry(self, key: str, value: str) -> None:
        self.entries.append((key, value))


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What a recorded session does, with every reading of the clock."""
    done: list[str] = []

    def clock() -> int:
        done.append("clock")
        return 1000 * len(done)

    def upload(array: Any, memory: str, number: int) -> RecordedValue:
        done.append(f"upload to {memory}:{number}")
        return RecordedValue(done, "device")

    library = SimpleNamespace(OrtValue=SimpleNamespace(ortvalue_from_numpy=upload), RunOptions=RecordedOptions)
    monkeypatch.setattr(runtime, "load", lambda: library)
    monkeypatch.setattr(runtime, "CLOCK", clock)
    monkeypatch.setattr(latency_worker, "CLOCK", clock)
    return done


def bound(log: list[str], target: Target) -> latency_worker.SessionWorker:
    """A worker that has bound a recorded session, as it does when it opens a subject."""
    worker = latency_worker.SessionWorker()
    host = onnxruntime.OrtValue.ortvalue_from_numpy(np.zeros((1, 2), np.float32))
    results, first_run_ns = worker._bind(RecordedSession(log), {"image": host}, target)
    assert list(results) == ["probabilities"]
    assert first_run_ns > 0
    return worker


BOUND = ["bind input image to device", "bind output probabilities to result"]
FIRST = ["upload to cuda:0", "clock", "bind input image to device", "bind output probabilities anywhere on cuda:0"]


def test_inputs_and_outputs_are_bound_on_the_device_before_anything_is_sampled(log: list[str]) -> None:
    bound(log, CUDA)
    assert log == [*FIRST, "run", "outputs there", "clock", *BOUND]


def test_a_cuda_graph_is_captured_after_the_first_run_where_its_outputs_stay(log: list[str]) -> None:
    bound(log, GRAPH)
    assert log == [*FIRST, "run with gpu_graph_id=-1", "outputs there", "clock", *BOUND, "run", "outputs there"]


def test_a_sample_waits_for_the_device_before_and_inside_the_clock(log: list[str]) -> None:
    worker = bound(log, CUDA)
    log.clear()
    assert worker.call.sample(3) == 5000
    assert log == ["inputs there", "outputs there", "clock", "run", "run", "run", "outputs there", "clock"]


def test_transfers_are_timed_apart_from_runs(log: list[str]) -> None:
    worker = bound(log, CUDA)
    log.clear()
    found = worker.transfers()
    once = ["outputs there", "clock", "update device", "inputs there", "clock", "download result", "clock"]
    assert log == once * device_memory.TRANSFERS
    assert found == {"upload_s": pytest.approx(3e-6), "download_s": pytest.approx(2e-6)}


def test_on_the_cpu_a_sample_is_runs_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    worker = latency_worker.SessionWorker()
    opened = worker.open(**product(tmp_path).asked)
    assert opened["providers"] == ["CPUExecutionProvider"]
    assert worker.transfers() == {"upload_s": None, "download_s": None}
    recorded: list[str] = []
    worker.call = runtime.BoundCall(session=RecordedSession(recorded), binding=None, kept=())  # type: ignore[arg-type]
    monkeypatch.setattr(runtime, "CLOCK", lambda: recorded.append("clock") or len(recorded))
    worker.call.sample(2)
    assert recorded == ["clock", "run", "run", "clock"]


def test_a_bound_call_goes_past_the_wrapper_in_python(tmp_path: Path) -> None:
    """It calls the compiled session, which the installed onnxruntime still has by that name, and fills the outputs."""
    subject = product(tmp_path)
    session = runtime.session(subject.model, threads=1)
    feeds = input_values.make_inputs(session, subject.shapes)
    results = runtime.run_values(session, feeds)
    expected = results["y"].numpy().copy()
    call = runtime.bind(session, feeds, results)
    assert call._run.func.__self__ is session._sess  # type: ignore[attr-defined]
    results["y"].update_inplace(np.zeros_like(expected))
    call.sample(3)
    np.testing.assert_array_equal(results["y"].numpy(), expected)


@pytest.mark.parametrize("target", [CUDA, GRAPH])
def test_a_real_session_takes_the_same_steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: Target) -> None:
    """With host memory in the place of the device's: the calls exist, and the outputs are those of a plain run."""
    monkeypatch.setattr(device_memory, "MEMORY", "cpu")
    subject = product(tmp_path)
    session = runtime.session(subject.model, threads=1)
    feeds = input_values.make_inputs(session, subject.shapes)
    expected = runtime.run(session, device_memory.on_host(feeds))
    worker = latency_worker.SessionWorker()
    results, _ = worker._bind(session, feeds, target)
    np.testing.assert_array_equal(results["y"].numpy(), expected["y"])
    assert isinstance(worker.call, device_memory.DeviceCall)
    worker.call.arrays["image"] = 1 + worker.call.arrays["image"]
    assert all(time > 0 for time in worker.transfers().values())
    assert worker.call.sample(2) > 0
    expected = runtime.run(session, worker.call.arrays)
    np.testing.assert_array_equal(results["y"].numpy(), expected["y"], "what is uploaded is what the bound call reads")


# --- the session ---


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> Iterator[SimpleNamespace]:
    """An onnxruntime that has CUDA and TensorRT, and records what it is asked for in ``done``."""
    done: list[Any] = []

    def create(source: str, options: Any, **asked: Any) -> Any:
        done.append(asked)
        if found.refusal:
            raise found.refusal
        return SimpleNamespace(get_providers=lambda: found.kept)

    found = SimpleNamespace(
        __version__="1.99",
        done=done,
        refusal=None,
        kept=["TensorrtExecutionProvider", "CUDAExecutionProvider", "CPUExecutionProvider"],
        get_available_providers=lambda: [PROVIDERS[name] for name in ("tensorrt", "cuda", "cpu")],
        preload_dlls=lambda: done.append("libraries"),
        SessionOptions=onnxruntime.SessionOptions,
        InferenceSession=create,
    )
    runtime._load_cuda_libraries.cache_clear()
    monkeypatch.setattr(runtime, "load", lambda: found)
    yield found
    runtime._load_cuda_libraries.cache_clear()


def test_cuda_libraries_are_loaded_once_and_no_session_falls_back_on_its_own(library: SimpleNamespace) -> None:
    for target in (GRAPH, CUDA, CPU):
        runtime.session(Path("model.onnx"), threads=1, target=target)
    first, of_graph, of_cuda, of_cpu = library.done
    assert first == "libraries"
    assert [asked["enable_fallback"] for asked in (of_graph, of_cuda, of_cpu)] == [0, 0, 0]
    (name, options), (last, _) = of_graph["providers"]
    assert (name, last) == ("CUDAExecutionProvider", "CPUExecutionProvider")
    assert (options["cudnn_conv_algo_search"], options["enable_cuda_graph"]) == ("EXHAUSTIVE", "1")
    assert of_cuda["providers"][0][1]["enable_cuda_graph"] == "0"
    assert of_cpu["providers"] == [("CPUExecutionProvider", {})]


def test_an_onnxruntime_that_cannot_load_libraries_is_left_to_find_them(library: SimpleNamespace) -> None:
    del library.preload_dlls
    runtime.session(Path("model.onnx"), threads=1, target=CUDA)
    assert len(library.done) == 1


def test_a_dropped_provider_is_no_session(library: SimpleNamespace) -> None:
    library.kept = ["CPUExecutionProvider"]
    with pytest.raises(HarnessError, match="dropped CUDAExecutionProvider and would run on CPUExecutionProvider"):
        runtime.session(Path("model.onnx"), threads=1, target=CUDA)
    library.refusal = RuntimeError("CUDA failure 100: no CUDA-capable device is detected\nat line 1")
    with pytest.raises(HarnessError, match=r"failure 100: no CUDA-capable device is detected$"):
        runtime.session(Path("model.onnx"), threads=1, target=CUDA)
    with pytest.raises(HarnessError, match=r"no OpenVINOExecutionProvider in the installed onnxruntime 1\.99"):
        runtime.session(Path("model.onnx"), threads=1, target=Target(provider="openvino"))


def test_what_tensorrt_leaves_goes_to_cuda_where_that_is_there() -> None:
    tensorrt = Target(provider="tensorrt", device="gpu")
    with_cuda = tensorrt.listed((PROVIDERS["tensorrt"], PROVIDERS["cuda"]))
    assert [name for name, _ in with_cuda] == [PROVIDERS[name] for name in ("tensorrt", "cuda", "cpu")]
    assert [name for name, _ in tensorrt.listed((PROVIDERS["tensorrt"],))] == [PROVIDERS["tensorrt"], PROVIDERS["cpu"]]
