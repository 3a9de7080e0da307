"""The latency engine: its statistics on planted samples, and real workers on real files."""

import contextlib
import json
import os
import random
import re
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper

from harness.machine import process
from harness.measurements.rows import Row
from harness.measurements.types import PERCENTILE_FLOORS, Launch, Timing
from harness.runs import run_rows
from harness.timing import blocks, latency, shared_core
from harness.timing.latency import Effort, Subject

LITTLE = Effort(launches=2, seconds=0.03, warm_up_limit_s=0.3)


def launch(samples_ns: list[int], *, calls: int = 1, warm_up: int = 0, number: int = 0) -> Launch:
    return Launch(
        launch=number,
        calls_per_sample=calls,
        samples_ns=tuple(samples_ns),
        rounds=tuple([-1] * warm_up + [0] * (len(samples_ns) - warm_up)),
        settled=True,
        session_s=0.1,
        first_run_s=0.01,
        threads_in_effect=1,
        providers=("CPUExecutionProvider",),
    )


def matrix_product(path: Path, size: int) -> Subject:
    """A model of one matrix product of known work."""
    weight = onnx.numpy_helper.from_array(np.ones((size, size), np.float32), "weight")
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["image", "weight"], ["probabilities"])],
        "product",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", size])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["batch", size])],
        [weight],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), path)
    return Subject(key=path.stem, model=path, shapes={"image": (64, size)}, threads=1)


def test_statistics_are_over_launches_without_the_warm_up() -> None:
    timing = Timing(
        launches=(
            launch([9_000_000, 2_000, 4_000, 6_000], calls=2, warm_up=1),
            launch([3_000, 3_000], number=1),
            launch([5_000], number=2),
        )
    )
    assert timing.launch_medians_s == pytest.approx([2e-6, 3e-6, 5e-6])
    assert timing.median_s == pytest.approx(3e-6)
    assert timing.samples == 6
    assert timing.interval_s is None, "three launches carry no 95 % interval"
    low, high = replace(timing, launches=timing.launches * 2).interval_s or (0, 0)
    assert 2e-6 <= low <= 3e-6 <= high <= 5e-6


def test_a_percentile_of_means_is_none() -> None:
    assert Timing(launches=(launch([1000] * 5000, calls=2),)).percentile_s(90.0) is None


@pytest.mark.parametrize("percent", sorted(PERCENTILE_FLOORS))
def test_a_percentile_waits_for_its_floor(percent: float) -> None:
    floor = PERCENTILE_FLOORS[percent]
    enough, short = (Timing(launches=(launch(list(range(1, count + 1))),)) for count in (floor, floor - 1))
    assert short.percentile_s(percent) is None
    assert enough.percentile_s(percent) == pytest.approx(np.percentile(range(1, floor + 1), percent) * 1e-9)


@given(st.lists(st.floats(1e-6, 1e-1), min_size=6, max_size=12))
def test_the_interval_holds_the_estimate(medians: list[float]) -> None:
    timing = Timing(launches=tuple(launch([round(value * 1e9)]) for value in medians))
    low, high = timing.interval_s or (0, 0)
    bounds = [min(timing.launch_medians_s), low, timing.median_s, high, max(timing.launch_medians_s)]
    assert all(b - a >= -1e-12 * b for a, b in pairwise(bounds))  # interpolating rounds in the last digit


def test_more_work_takes_longer_and_every_sample_is_kept(tmp_path: Path) -> None:
    small, large = matrix_product(tmp_path / "small.onnx", 64), matrix_product(tmp_path / "large.onnx", 512)
    timings = latency.measure([small, large], LITTLE)
    assert timings["large"].median_s > 5 * timings["small"].median_s
    for timing in timings.values():
        assert len(timing.launches) == LITTLE.launches
        for taken in timing.launches:
            assert len(taken.samples_ns) == len(taken.rounds)
            assert set(taken.rounds) == {-1, *range(LITTLE.rounds)}
            assert list(taken.rounds) == sorted(taken.rounds)
            assert taken.threads_in_effect in (1, None)
            assert taken.providers[0] == "CPUExecutionProvider"


def test_the_reported_latency_is_that_of_a_plain_loop(tmp_path: Path) -> None:
    """Within a factor: the plain loop below is another process under another load."""
    import onnxruntime

    subject = matrix_product(tmp_path / "plain.onnx", 512)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(subject.model, options)
    fed = {"image": np.ones((64, 512), np.float32)}
    times = []
    for _ in range(60):
        start = time.perf_counter()
        session.run(None, fed)
        times.append(time.perf_counter() - start)
    measured = latency.measure([subject], LITTLE)["plain"].median_s
    assert 0.4 < measured / statistics.median(times[10:]) < 2.5


def test_a_broken_subject_leaves_the_others_intact(tmp_path: Path) -> None:
    good = matrix_product(tmp_path / "good.onnx", 64)
    (tmp_path / "bad.onnx").write_bytes(b"no model")
    bad = Subject(key="bad", model=tmp_path / "bad.onnx", shapes={"image": (1, 64)}, threads=1)
    unlike = Subject(key="unlike", model=good.model, shapes={"image": (1, 65)}, threads=1)
    timings = latency.measure([bad, good, unlike], LITTLE)
    assert timings["good"].samples > 0
    for key in ("bad", "unlike"):
        assert timings[key].launches == ()
        assert timings[key].failure


def test_all_launches_take_samples_of_as_many_calls(tmp_path: Path) -> None:
    subject = matrix_product(tmp_path / "tiny.onnx", 8)
    (timing,) = latency.measure([subject], Effort(launches=4, seconds=0.02)).values()
    calls = {taken.calls_per_sample for taken in timing.launches}
    assert len(calls) == 1
    typical = statistics.median(sample for taken in timing.launches for sample in taken.samples_ns)
    assert 0.5 * LITTLE.sample_s < typical * 1e-9 < 3 * LITTLE.sample_s


@pytest.mark.skipif(sys.platform != "linux", reason="finds the worker by its parent in /proc")
def test_a_killed_worker_is_a_reason(tmp_path: Path) -> None:
    victim, other = matrix_product(tmp_path / "victim.onnx", 512), matrix_product(tmp_path / "other.onnx", 64)

    def kill_one() -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            for child in psutil.Process().children():
                open_threads = child.status() != psutil.STATUS_ZOMBIE and child.num_threads()
                if open_threads and "harness.timing.worker" in " ".join(child.cmdline()):
                    time.sleep(1.0)
                    os.kill(child.pid, signal.SIGKILL)
                    return
            time.sleep(0.01)

    killer = threading.Thread(target=kill_one)
    killer.start()
    timings = latency.measure([victim, other], Effort(launches=2, seconds=2.0))
    killer.join()
    outcomes = sorted((timing.failure for timing in timings.values()), key=len)
    assert outcomes[0] == ""
    assert "signal 9" in outcomes[1]


def test_more_subjects_than_a_block_holds_are_all_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No more processes than a block holds are alive at once, and every subject has all its launches."""
    monkeypatch.setattr(blocks, "MOST", 2)
    alive, most = 0, 0
    started = process.started

    @contextlib.contextmanager
    def counted(command: Sequence[str], environment: Mapping[str, str] | None = None) -> Iterator[process.Worker]:
        nonlocal alive, most
        alive, most = alive + 1, max(most, alive + 1)
        with started(command, environment) as worker:
            yield worker
        alive -= 1

    monkeypatch.setattr(process, "started", counted)
    path = matrix_product(tmp_path / "product.onnx", 8)
    subjects = [replace(path, key=f"subject {number}") for number in range(5)]
    timings = latency.measure(subjects, replace(LITTLE, seconds=0.015))
    assert most == 2
    assert [len(timing.launches) for timing in timings.values()] == [LITTLE.launches] * 5


FAULTS = {
    "killed": r"the worker process ended with signal 9 \(Killed.*\)",
    "hung": r"the worker process did not answer for 5 s",
    "vanished": r"RuntimeError: .*CUDA failure 999: unknown error",
}


@pytest.mark.skipif(sys.platform == "win32", reason="has no signals")
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_in_the_middle_of_a_later_launch_is_a_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    script = str(Path(__file__).with_name("faulty_worker.py"))
    monkeypatch.setattr(latency, "WORKER", (script, fault, str(tmp_path / "count")))
    monkeypatch.setattr(process, "REPLY_LIMIT_S", 5.0)
    victim, other = matrix_product(tmp_path / "victim.onnx", 64), matrix_product(tmp_path / "other.onnx", 64)
    timings = latency.measure([victim, other], replace(LITTLE, launches=3, seconds=0.06))
    assert re.fullmatch(FAULTS[fault] + ".*", timings["victim"].failure)
    assert [taken.launch for taken in timings["victim"].launches] == [0]
    whole = timings["other"]
    assert (whole.failure, [taken.launch for taken in whole.launches]) == ("", [0, 1, 2])
    assert all(set(taken.rounds) == {-1, 0, 1, 2, 3} for taken in whole.launches), "others lost no turn"
    row = run_rows.timed(Row(run="r", architecture="a", framework="torch"), timings["victim"], whole)
    assert (row.status, row.latency_median_s, row.samples) == ("failed", None, None)
    assert row.reason == f"{timings['victim'].failure}; no number, though 1 launch before it succeeded"


def commands(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, str, frozenset[int]]]:
    """The commands that workers are given from now on: to which process, what, and the cores that it may run on."""
    asked: list[tuple[int, str, frozenset[int]]] = []
    ask = process.Worker.ask

    def seen(self: process.Worker, **command: Any) -> dict[str, Any]:
        asked.append((self.popen.pid, command["do"], frozenset(os.sched_getaffinity(self.popen.pid))))
        return ask(self, **command)

    monkeypatch.setattr(process.Worker, "ask", seen)
    return asked


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system keeps no process to a core")
def test_those_with_as_many_threads_share_their_cores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    everywhere = frozenset(os.sched_getaffinity(0))
    product = matrix_product(tmp_path / "product.onnx", 32)
    counts = {"one": 1, "many": len(everywhere), "one more": 1, "as many": len(everywhere)}
    asked = commands(monkeypatch)
    latency.measure([replace(product, key=key, threads=count) for key, count in counts.items()], LITTLE)
    turns = [(pid, where) for pid, do, where in asked if do == "turn"]
    launches = turns[: len(turns) // 2], turns[len(turns) // 2 :]
    for launch in launches:
        cores = dict(launch)
        assert sorted(map(len, cores.values())) == sorted(counts.values())
        assert len(set(cores.values())) == len(set(counts.values())), "one and one more are on the same core"


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system keeps no process to a core")
def test_those_of_a_group_take_each_turn_one_after_the_other_on_the_same_core(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    subjects = {name: matrix_product(tmp_path / f"{name}.onnx", 32) for name in ("a", "b", "other", "its", "alone")}
    asked = commands(monkeypatch)
    groups = [("a", "b"), ("other", "its"), ("alone",)]
    found = latency.launcher(list(subjects.values()), replace(LITTLE, seconds=0.15), 0)(0, groups)
    assert not [one for one in found.values() if isinstance(one, Exception)]
    turns = [pid for pid, do, _ in asked if do == "turn"]
    rounds = [turns[start : start + 5] for start in range(0, len(turns), 5)]
    assert len(rounds) == 10
    assert len({tuple(one) for one in rounds}) > 1, "the order is drawn anew each round"
    cores = {pid: {where for each, _, where in asked if each == pid} for pid in turns}
    everywhere = frozenset(os.sched_getaffinity(0))
    sharing = [pid for pid, where in cores.items() if where != {everywhere}]
    if len(everywhere) > 1:
        assert len(sharing) == 4
        assert all(len(core) == 1 for pid in sharing for core in cores[pid]), "from the first command on"
    neighbours = Counter(frozenset(pair) for one in rounds for pair in pairwise(one))
    together = [pair for pair, count in neighbours.items() if count == len(rounds)]
    assert len(together) == 2
    assert not frozenset.intersection(*together)
    assert all(cores[one] == cores[other] for one, other in together)


@pytest.mark.parametrize("threads", [[1, 1], [1, 1, 1], [1], [], [1, 2], [2, 2]])
@pytest.mark.parametrize(
    ("megahertz", "fastest"),
    [
        ({}, {4, 5, 6, 7}),  # not told
        ({4: 3500, 5: 3500, 6: 3500, 7: 3500}, {4, 5, 6, 7}),
        ({4: 5700, 5: 5400, 6: 4600, 7: 4600}, {4, 5}),  # a favoured core and its like; two that save energy
        ({4: 2000, 5: 2000, 6: 2000, 7: 3000}, {7}),
    ],
)
def test_a_group_of_one_thread_shares_one_of_the_fastest_cores(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    threads: list[int],
    megahertz: dict[int, int],
    fastest: set[int],
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {4, 5, 6, 7}, raising=False)
    monkeypatch.setattr(os, "sched_setaffinity", lambda *_: None, raising=False)
    monkeypatch.setattr(shared_core, "CORES", tmp_path)
    for core, told in megahertz.items():
        (tmp_path / f"cpu{core}" / "cpufreq").mkdir(parents=True)
        (tmp_path / f"cpu{core}" / "cpufreq" / "cpuinfo_max_freq").write_text(f"{told}000\n")
    drawn = {shared_core.drawn(threads, random.Random(seed)) for seed in range(100)}
    assert drawn == (fastest if len(threads) > 1 and max(threads) == 1 else {None})


def test_a_worker_imports_nothing_heavy() -> None:
    code = (
        "import sys, harness.timing.worker, harness.timing.runtime; harness.timing.runtime.load(); import numpy;"
        "heavy = ('torch', 'tensorflow', 'keras', 'pandas', 'onnx', 'scipy', 'matplotlib');"
        "print([name for name in heavy if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_the_call_floor_is_below_any_network(tmp_path: Path) -> None:
    floor = latency.save_identity(tmp_path / "identity.onnx")
    timings = latency.measure([floor, matrix_product(tmp_path / "product.onnx", 256)], LITTLE)
    assert 0 < timings[floor.key].median_s < timings["product"].median_s


def test_the_raw_samples_of_a_run_give_its_rows(small_run: Path) -> None:
    """The samples on disk are enough to compute the row again."""
    import pandas

    from harness.measurements import rows

    for row in rows.read(small_run):
        table = pandas.read_parquet(small_run / "samples" / f"{row.architecture}.parquet")
        taken = table[(table["subject"] == row.kept_as[1]) & (table["round"] >= 0)]
        assert len(taken) == row.samples
        medians = (taken["nanoseconds"] / taken["calls"]).groupby(taken["launch"]).median() * 1e-9
        assert len(medians) == row.launches
        assert row.latency_median_s == pytest.approx(medians.median())
    assert json.loads((small_run / "environment.json").read_text())["cores"]["available"] >= 1
