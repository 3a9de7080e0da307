"""What a run tells of memory and energy: planted weights, planted counters, and what cannot be read."""

import itertools
import sys
import types
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from harness.machine import gpus
from harness.machine.gpus import Occupied
from harness.machine.process import WorkerFailedError
from harness.measurements import rows
from harness.measurements.providers import Target
from harness.measurements.rows import Row
from harness.runs import consumption, model_files
from harness.runs import folder as run_folder
from harness.runs.folder import Settings
from harness.runs.measured_file import MeasuredFile
from harness.runs.model_files import FileSettings, ModelFile
from harness.timing import arenas, doctor, energy, latency
from harness.timing import worker as latency_worker
from harness.timing.energy import Meter, Unreadable
from harness.timing.latency import Effort
from tests.conftest import Harness
from tests.onnx_models import make, node, weight
from tests.recorded_nvml import ANSWERS, NVMLError, nvml

MIB = 1 << 20
CPU = Target()
CUDA = Target(provider="cuda", device="gpu")


def saved(path: Path, wide: int) -> Path:
    """A product with a weight of wide × 4096 numbers: 64 MiB at 4096."""
    model = make([node("MatMul", "image w", "y")], {"image": (1, wide)}, [weight("w", wide, 4096)])
    model.ir_version = 10  # that onnxruntime knows
    onnx.save(model, path)
    return path


@pytest.fixture(scope="module")
def measured(harness: Harness, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Row]:
    """The rows of a large, a tiny and an empty model of one run; and one that no memory can be told of."""
    folder = tmp_path_factory.mktemp("memory")
    files = [saved(folder / "large.onnx", 4096), saved(folder / "tiny.onnx", 4)]
    files.append(latency.save_identity(folder / "empty.onnx").model)
    asked = ("--threads", "1", "--launches", "1", "--seconds", "0.01", "--energy")
    done = harness("run", *map(str, files), *asked, "--out", str(folder / "run"))
    assert done.returncode == 0, done.stderr
    meter = energy.processor()
    assert isinstance(meter, Meter) or f"--energy: {meter.described}" in done.stderr.splitlines()
    assert " memory " in done.stdout
    return {row.architecture: row for row in rows.read(folder / "run")}


def memory(row: Row) -> int:
    assert row.peak_rss_bytes is not None
    assert row.baseline_rss_bytes is not None
    return row.peak_rss_bytes - row.baseline_rss_bytes


def test_a_planted_weight_is_seen_and_the_process_is_not(measured: dict[str, Row]) -> None:
    difference = memory(measured["large"]) - memory(measured["tiny"])
    assert 64 * MIB < difference < 4 * 64 * MIB, "the file is read beside what is made of it"
    assert abs(memory(measured["tiny"])) < 4 * MIB
    assert abs(memory(measured["empty"])) < 2 * MIB
    assert (measured["large"].baseline_rss_bytes or 0) > 10 * MIB
    assert {row.baseline_rss_bytes for row in measured.values()} == {measured["tiny"].baseline_rss_bytes}


def test_the_arena_holds_the_packed_weight(measured: dict[str, Row]) -> None:
    large, tiny = (measured[name].arena_bytes or 0 for name in ("large", "tiny"))
    assert large - tiny == pytest.approx(64 * MIB, abs=MIB)
    assert 0 < tiny < 4 * MIB
    assert {row.device_memory_bytes for row in measured.values()} == {None}


def test_energy_is_there_or_every_row_says_why_not(measured: dict[str, Row]) -> None:
    meter = energy.processor()
    for row in measured.values():
        assert row.status == "ok"
        if isinstance(meter, Unreadable):
            assert (row.energy_j, row.energy_source) == (None, meter.described)
            assert "not readable here: " in meter.described
        else:
            assert (row.energy_j or 0) > 0
            assert row.energy_source == meter.source


def test_arenas_of_the_host_are_told_from_those_of_a_gpu() -> None:
    log = (
        "Creating BFCArena for Cpu with following configs: initial_chunk_size_bytes: 1048576\n"
        "Reserving memory in BFCArena for Cpu size: 4000\n"
        "Reserving memory in BFCArena for Cuda size: 9000000\n"
        "Extending BFCArena for Cuda. bin_num:6 (requested) num_bytes: 16384 (actual) rounded_bytes:16384\n"
        "Extended allocation by 1000000 bytes.\nTotal allocated bytes: 10000000\n"
        "Extending BFCArena for Cpu. bin_num:6 (requested) num_bytes: 16 (actual) rounded_bytes:16\n"
        "Extended allocation by 300 bytes.\nTotal allocated bytes: 4300\n"
        "Extending BFCArena for CudaPinned. bin_num:6 (requested) num_bytes: 16 (actual) rounded_bytes:16\n"
        "Extended allocation by 20 bytes.\n"
    )
    assert arenas.host_bytes(log) == 4320
    assert arenas.host_bytes(log.splitlines()[0]) is None, "a log that tells of nothing is no zero"


@pytest.fixture
def own_file(tmp_path: Path) -> tuple[ModelFile, Settings]:
    named = FileSettings(models=(str(saved(tmp_path / "m.onnx", 4)),))
    (file,) = model_files.read(replace(named, digests=model_files.digests(named, None)), None, 1, ())
    return file, Settings(architectures=(), threads=(1,), effort=Effort(launches=1, seconds=0.01), files=named)


ROW = Row(run="r", architecture="m", framework="onnx", latency_median_s=1e-6, reason="made by hand")


def added(row: Row, own_file: tuple[ModelFile, Settings], folder: Path, meter: Meter | Unreadable) -> Row:
    """The row with what the passes found."""
    floors = {("onnxruntime", CPU): latency.save_identity(folder / "identity.onnx")}
    file, settings = own_file
    measured = MeasuredFile(file=file)
    (way,) = measured.ways(settings)
    return consumption.Passes(meters={CPU: meter}).added({way: row}, measured.subject, floors)[way]


def counting(*values: int) -> Meter:
    """A counter that reads these values in turn, in joules."""
    readings = iter(values)
    return Meter(source="planted", unit_j=1.0, ranges=(1000,), read=lambda: (next(readings),))


def test_a_worker_that_dies_leaves_the_row_as_it_was(
    own_file: tuple[ModelFile, Settings], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> dict[str, Any]:
        raise WorkerFailedError("the worker process ended with signal 9")

    monkeypatch.setattr(consumption.latency, "answer", killed)
    untimed = replace(ROW, latency_median_s=None, status="failed")
    for row, note in ((ROW, "memory not told: the worker process ended with signal 9"), (untimed, None)):
        found = added(row, own_file, tmp_path, Unreadable(reason="no counter"))
        assert (found.peak_rss_bytes, found.status) == (None, row.status)
        assert found.reason == "; ".join(filter(None, ("made by hand", note)))
        assert found.energy_source == (note and "not readable here: no counter")


def test_a_call_has_its_share_of_what_is_counted_around_its_stretch(
    own_file: tuple[ModelFile, Settings], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumption, "WARM_UP_S", 0.01)
    monkeypatch.setattr(consumption, "STRETCH_S", 0.05)
    row = added(ROW, own_file, tmp_path, counting(990, 20))
    assert row.energy_source == "planted"
    assert 0 < (row.energy_j or 0) < 30, "the counter began again at 0: 30 J of many calls"
    assert row.peak_rss_bytes
    still = added(ROW, own_file, tmp_path, counting(7, 7))
    assert (still.energy_j, still.energy_source) == (None, "not told: planted: the counter stood still for 0.05 s")

    def gone() -> tuple[int, ...]:
        raise OSError("the driver is gone")

    lost = added(ROW, own_file, tmp_path, replace(counting(), read=gone))
    assert (lost.energy_j, lost.energy_source, lost.status) == (None, "not told: the driver is gone", "ok")
    assert lost.peak_rss_bytes


def test_the_counter_is_read_after_the_warm_up_and_at_once_after_the_stretch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log: list[str] = []

    class Process:
        def ask(self, *, do: str, seconds: float) -> dict[str, int]:
            log.append(f"{do} {seconds:g}")
            return {"calls": 50}

        def __enter__(self) -> "Process":
            return self

        def __exit__(self, *_: object) -> None:
            log.append("end")

    readings = itertools.count(0, 5_000)

    def read() -> tuple[int, ...]:
        log.append("read")
        return (next(readings), 10)

    monkeypatch.setattr(consumption.latency, "opened", lambda _: Process())
    meter = Meter(source="planted", unit_j=1e-3, ranges=(1 << 64, 1 << 64), read=read)
    subject = latency.save_identity(tmp_path / "identity.onnx")
    assert consumption.energy_of_call(subject, meter) == pytest.approx(5.0 / 50)
    assert log == ["calls_per_sample 0.001", "stretch 0.5", "read", "stretch 2", "read", "end"]


def test_a_stretch_counts_its_calls() -> None:
    sampled: list[int] = []
    worker = latency_worker.SessionWorker()
    worker.call = types.SimpleNamespace(sample=sampled.append)  # type: ignore[assignment]
    worker.calls = 3
    assert worker.stretch(seconds=0.002)["calls"] == sum(sampled) > 0


@pytest.fixture
def powercap(tmp_path: Path) -> Path:
    """Two packages of a processor, a part of the first, and the whole platform, which contains them."""
    counters = {
        "intel-rapl:0": ("package-0", 999_000_000),
        "intel-rapl:0:0": ("core", 1),
        "intel-rapl:1": ("package-1", 5_000_000),
        "intel-rapl:2": ("psys", 77_000_000),
        "dtpm": ("dtpm", 3),
    }
    for zone, (name, count) in counters.items():
        (tmp_path / zone).mkdir()
        (tmp_path / zone / "name").write_text(f"{name}\n")
        (tmp_path / zone / "energy_uj").write_text(f"{count}\n")
        (tmp_path / zone / "max_energy_range_uj").write_text("1000000000\n")
    return tmp_path


def test_packages_are_summed_and_a_counter_may_begin_again(powercap: Path) -> None:
    meter = energy.processor(powercap)
    assert isinstance(meter, Meter)
    assert meter.source == "RAPL package-0 (intel-rapl:0), package-1 (intel-rapl:1), idle included"
    before = meter.read()
    assert before == (999_000_000, 5_000_000)
    (powercap / "intel-rapl:0/energy_uj").write_text("2000000\n")
    (powercap / "intel-rapl:1/energy_uj").write_text("9000000\n")
    (powercap / "intel-rapl:2/energy_uj").write_text("99000000\n")
    assert meter.joules(before, meter.read()) == pytest.approx(3.0 + 4.0)
    (powercap / "intel-rapl:1/energy_uj").write_text("nothing")
    with pytest.raises(OSError, match="energy_uj holds no number"):
        meter.read()


def test_counters_that_cannot_be_read_say_why_and_what_to_do(powercap: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    absent = energy.processor(powercap / "none")
    assert absent == Unreadable(reason=f"no {powercap / 'none'} (as on most virtual machines and in most containers)")
    (powercap / "empty").mkdir()
    assert "holds no package" in energy.processor(powercap / "empty").described  # type: ignore[union-attr]
    read = Path.read_text

    def refused(path: Path, *given: Any, **named: Any) -> str:
        if path.name == "energy_uj":
            raise PermissionError(13, "Permission denied", str(path))
        return read(path, *given, **named)

    monkeypatch.setattr(Path, "read_text", refused)
    monkeypatch.setattr(energy, "POWERCAP", powercap)
    found = energy.find_meter(CPU)
    assert isinstance(found, Unreadable)
    assert found.described.startswith(f"not readable here: {powercap}/intel-rapl:0/energy_uj is readable by root alone")
    assert "sudo chmod" in found.described
    (of_processor,) = doctor.counters(gpu=False)
    assert (of_processor.verdict, of_processor.advice) == ("mend", energy.ALLOWING)


def recorded(monkeypatch: pytest.MonkeyPatch, **answers: Any) -> types.SimpleNamespace:
    library = nvml(**ANSWERS | answers)
    monkeypatch.setitem(sys.modules, "pynvml", library)
    return library


def test_a_gpu_counts_millijoules(monkeypatch: pytest.MonkeyPatch) -> None:
    library = recorded(monkeypatch, nvmlDeviceGetTotalEnergyConsumption=1_000)
    meter = energy.find_meter(CUDA)
    assert isinstance(meter, Meter)
    before = meter.read()
    library.nvmlDeviceGetTotalEnergyConsumption = lambda _: 3_500
    assert meter.joules(before, meter.read()) == pytest.approx(2.5)
    assert meter.source == "NVML total energy of H200, idle included"
    assert [one.subject for one in doctor.counters(gpu=True)] == ["energy: processor", "energy: GPU"]


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        ({"nvmlInit": NVMLError("library not found")}, "no NVIDIA GPU can be asked here: library not found"),
        ({}, "NVML's energy counter of H200: not supported"),
    ],
    ids=["no driver", "an old GPU"],
)
def test_a_gpu_without_a_counter_says_so(monkeypatch: pytest.MonkeyPatch, answers: dict[str, Any], reason: str) -> None:
    recorded(monkeypatch, nvmlDeviceGetTotalEnergyConsumption=NVMLError("not supported"), **answers)
    assert energy.gpu() == Unreadable(reason=reason)
    other = energy.find_meter(Target(provider="directml", device="gpu"))
    assert "DmlExecutionProvider" in other.described  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("visible", "asked"), [("", ("index", 0)), ("2,0", ("index", 2)), ("GPU-8f3a,GPU-1", ("uuid", "GPU-8f3a"))]
)
def test_the_gpu_that_is_counted_is_the_first_that_cuda_sees(
    monkeypatch: pytest.MonkeyPatch, visible: str, asked: tuple[str, object]
) -> None:
    library = recorded(monkeypatch, nvmlDeviceGetTotalEnergyConsumption=1)
    taken: list[tuple[str, object]] = []
    library.nvmlDeviceGetHandleByIndex = lambda number: taken.append(("index", number))
    library.nvmlDeviceGetHandleByUUID = lambda name: taken.append(("uuid", name))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    gpus.energy_counter()
    assert taken == [asked]


def held(*processes: tuple[int, int | None]) -> list[types.SimpleNamespace]:
    return [types.SimpleNamespace(pid=pid, usedGpuMemory=taken) for pid, taken in processes]


def test_the_memory_of_a_gpu_is_told_by_process_or_else_by_what_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    recorded(monkeypatch, nvmlDeviceGetComputeRunningProcesses=held((7, 500), (8, None), (7, 20)))
    found = gpus.occupied()
    assert found == Occupied(used=1_000, by_process={7: 520})
    empty, later = Occupied(used=100, by_process={}), Occupied(used=900, by_process={7: 520})
    assert gpus.taken_bytes(empty, later, 7) == 520
    assert gpus.taken_bytes(empty, later, 9) == 800, "a container's own number is none of the driver's"
    assert gpus.taken_bytes(later, found, 7) == 100, "another process that had this number before"
    assert gpus.taken_bytes(later, empty, 9) is None
    assert gpus.taken_bytes(None, later, 7) is None
    recorded(monkeypatch, nvmlInit=NVMLError("library not found"))
    assert gpus.occupied() is None


def test_a_worker_on_a_gpu_asks_before_and_after_it_opens_its_subject(monkeypatch: pytest.MonkeyPatch) -> None:
    log: list[str] = []

    def occupied() -> Iterator[Occupied]:
        for used in (100, 700):
            log.append("occupied")
            yield Occupied(used=used, by_process={})

    answers = occupied()
    monkeypatch.setattr(latency_worker.gpus, "occupied", lambda: next(answers))
    worker = latency_worker.SessionWorker()
    monkeypatch.setattr(worker, "open", lambda **_: log.append("open"))
    found = worker.memory(target={"device": "gpu"})
    assert log == ["occupied", "open", "occupied"]
    assert (found["device_memory_bytes"], found["arena_bytes"]) == (600, None)
    assert found["peak_rss_bytes"] > 10 * MIB


def test_settings_come_back_with_energy(own_file: tuple[ModelFile, Settings], tmp_path: Path) -> None:
    asked = replace(own_file[1], energy=True)
    run_folder.begin(tmp_path / "run", asked, {})
    assert run_folder.resumed(tmp_path / "run").energy
    assert consumption.meters(replace(asked, energy=False)) == {}
    assert np.isclose(consumption.expected_s([0.0] * 4, own_file[1]), 4 * consumption.PROCESS_S)
