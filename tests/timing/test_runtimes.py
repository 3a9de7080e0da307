"""The frameworks' own runtimes: fed as onnxruntime is, checked against the exported file, and never mixed with it."""

import csv
import math
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnxruntime
import pandas
import pytest
from onnx import helper

from harness.claims import speed
from harness.frameworks import weights, worker
from harness.measurements import providers, rows, runtimes
from harness.measurements.configurations import Configuration, Way
from harness.measurements.providers import Target
from harness.measurements.rows import Row
from harness.measurements.types import Equivalence
from harness.networks import catalog
from harness.pieces import plan
from harness.pieces.piece import Pieces
from harness.report import figure, plots, run_table, runtime_plots, runtime_ratios
from harness.runs import framework_check
from harness.runs.folder import Settings
from harness.runs.measured_network import MeasuredNetwork
from harness.timing import input_values
from harness.timing.latency import Subject
from tests import own_files
from tests.conftest import Harness

NETWORK = "mlp_fmnist_relu_1"
COMPILER = shutil.which("g++")
PROOF = Equivalence(max_abs=1e-6, scale=10.0, tolerance=1e-4, spread=5.0)


def configured(**others: Any) -> Configuration:
    return Configuration(**{"target": Target(), "threads": 1, **others})


# --- what is timed ---


def test_a_framework_runs_its_own_form_alone_once_a_device_and_in_float32() -> None:
    asked = [
        configured(runtime=name, target=target, precision=precision)
        for name in runtimes.RUNTIMES
        for target in providers.targets(("cuda", "tensorrt"), None, False)
        for precision in ("float32", "float16")
    ]
    of_torch = runtimes.applied(asked, "torch")
    assert [one for one in of_torch if one.runtime == "onnxruntime"] == asked[:4]
    own = [(one.runtime, one.target.device, one.precision) for one in of_torch if one.runtime != "onnxruntime"]
    assert own == [("torch", "gpu", "float32"), ("torch.compile", "gpu", "float32")]
    assert {one.runtime for one in runtimes.applied(asked, "keras")} == {"onnxruntime", "keras", "keras.eager"}
    assert {one.runtime for one in runtimes.applied(asked, "")} == {"onnxruntime"}
    keys = [Way(framework="torch", configuration=configured(runtime=name)).key for name in runtimes.RUNTIMES]
    assert len(set(keys)) == len(runtimes.RUNTIMES)


def test_both_are_fed_the_same_numbers(tmp_path: Path) -> None:
    image, same = own_files.value("image", ["N", 3, 4, 4]), own_files.value("y", None)
    file = own_files.save(tmp_path / "m.onnx", [helper.make_node("Relu", ["image"], ["y"])], [image], [same], {})
    session = onnxruntime.InferenceSession(file)
    (fed,) = input_values.make_inputs(session, {"image": (2, 3, 4, 4)}, {}).values()
    np.testing.assert_array_equal(fed.numpy(), runtimes.images((2, 3, 4, 4)))


def test_a_worker_answers_when_its_threads_have_stopped_spinning(monkeypatch: pytest.MonkeyPatch) -> None:
    now, busy = [0.0], 0.011

    def sleep(seconds: float) -> None:
        now[0] += seconds

    clock = SimpleNamespace(monotonic=lambda: now[0], process_time=lambda: min(now[0], busy), sleep=sleep)
    monkeypatch.setattr(worker, "time", clock)
    worker.rest()
    assert busy < now[0] < busy + 3 * worker.REST_STEP_S
    busy = math.inf  # a thread that never rests must not hang the run
    worker.rest()
    assert now[0] == pytest.approx(worker.REST_LIMIT_S, rel=0.1)


# --- whether it computes the same ---


@pytest.fixture(scope="module")
def needed(small_run: Path) -> Pieces:
    """The pieces of a network that the shared run has made."""
    (request,) = Settings(architectures=(NETWORK,), threads=(1,)).requests()
    return plan.plan_pieces(request)


def own(needed: Pieces, name: str, **others: Any) -> Subject:
    framework = runtimes.OWN[name][0]
    return MeasuredNetwork(pieces=needed).subject(
        Way(framework=framework, configuration=configured(runtime=name, **others))
    )


def test_other_weights_are_caught(needed: Pieces, tmp_path: Path) -> None:
    """One dense layer a ten-thousandth off: far less than anybody would see in a prediction."""
    right = own(needed, "torch")
    loaded = weights.load(right.model)
    name = next(name for name, array in loaded.items() if array.ndim == 2)
    weights.save(tmp_path / "other.safetensors", {**loaded, name: loaded[name] * np.float32(1.0001)}, {})
    wrong = replace(right, key="other weights", model=tmp_path / "other.safetensors")
    found = framework_check.check_all(needed, [("torch", right), ("torch", wrong)])
    assert found[right.key].equal
    assert not found[wrong.key].equal
    row = Row(run="r", architecture=NETWORK, framework="torch", runtime="torch", latency_median_s=1e-4)
    assert framework_check.noted(row, found[right.key]).status == "ok"
    doubted = framework_check.noted(row, found[wrong.key])
    assert (doubted.status, doubted.output_max_abs) == ("not equivalent", found[wrong.key].max_abs)
    assert "from the exported file's" in (doubted.reason or "")


def test_logits_probabilities_and_nan_are_all_compared() -> None:
    of_file = {"logits": np.array([[-20.0, 40.0]]), "probabilities": np.array([[0.0, 1.0]])}

    def equal(**others: Any) -> bool:
        return framework_check.compared({**of_file, **others}, of_file, PROOF).equal

    assert equal()
    assert equal(logits=np.array([[[[-20.0, 40.0003]]]]))  # logits are four times as large as those of the proof
    assert not equal(logits=np.array([[-20.0, 40.0005]]))
    assert not equal(probabilities=np.array([[0.001, 0.999]]))
    assert not equal(logits=np.array([[math.nan, 40.0]]))


@pytest.mark.parametrize(
    ("name", "others", "reason"),
    [
        ("torch.compile", {}, "compiler"),
        ("torch", {"target": Target(provider="cuda", device="gpu")}, "finds no CUDA GPU"),
    ],
)
def test_what_cannot_run_here_says_why_in_one_line(
    needed: Pieces, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, others: Any, reason: str
) -> None:
    monkeypatch.setenv("CXX", "/no/such/g++")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    subject = replace(own(needed, name, **others), compiled=tmp_path)
    (found,) = framework_check.check_all(needed, [("torch", subject)]).values()
    assert found.max_abs is None
    assert reason in found.failure
    assert "\n" not in found.failure


# --- a run ---


def test_a_run_times_both_frameworks_beside_their_files(harness: Harness, small_run: Path, tmp_path: Path) -> None:
    asked = ["onnxruntime", "torch", "keras", *(["torch.compile"] if COMPILER else [])]
    effort = ("--threads", "1", "--launches", "1", "--seconds", "0.03")
    done = harness("run", NETWORK, "--runtime", *asked, *effort, "--out", str(tmp_path / "run"))
    assert done.returncode == 0, done.stderr
    found = {(row.framework, row.runtime): row for row in rows.read(tmp_path / "run")}
    expected = {(name, "onnxruntime") for name in ("keras", "torch")}
    assert set(found) == expected | {(runtimes.OWN[name][0], name) for name in asked[1:]}
    for (_, name), row in found.items():
        assert row.status == "ok", row.reason
        assert row.latency_median_s
        assert row.call_floor_s
        assert row.peak_rss_bytes
        assert (row.onnx_sha256 is None) == (row.provider is None) == (name != "onnxruntime")
        if name != "onnxruntime":
            assert row.output_max_abs is not None
            assert row.options == runtimes.options(name)
    if COMPILER:
        assert "compiled in" in (found["torch", "torch.compile"].reason or "")
    for name in asked:
        assert f"1 thread, {name} " in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("lenet5_1x1", "--runtime", "jax"), "--runtime jax: expected one or several of onnxruntime, torch,"),
        (("{file}", "--runtime", "torch", "keras"), "no --runtime of torch, keras runs m"),
    ],
)
def test_what_no_runtime_can_run_is_refused(
    harness: Harness, tmp_path: Path, arguments: Sequence[str], message: str
) -> None:
    file = own_files.convolution(tmp_path / "m.onnx", ["N", 3, 8, 8])
    done = harness("run", *(one.format(file=file) for one in arguments), "--out", str(tmp_path / "run"))
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "run").exists()


# --- what is shown ---


def timed(name: str, framework: str, runtime_name: str, median_s: float) -> Row:
    facts = catalog.get(name)
    row = Row(
        run="r", architecture=name, framework=framework, runtime=runtime_name, params=facts.params, macs=facts.macs,
        provider=None if runtime_name in runtimes.OWN else "CPUExecutionProvider", threads=1, call_floor_s=1e-6,
        latency_median_s=median_s, latency_low_s=median_s, latency_high_s=median_s,
    )  # fmt: skip
    return replace(row, options=runtimes.options(runtime_name)) if runtime_name in runtimes.OWN else row


def test_latencies_of_two_runtimes_never_share_a_column_a_panel_or_a_series() -> None:
    fast = [timed("resnet18", "torch", "torch", 1e-6), timed("resnet18", "torch", "torch.compile", 2e-6)]
    found = [*fast, timed("resnet18", "torch", "onnxruntime", 3e-3)]
    columns, (line,) = run_table.summary(found)
    shown = {name: line[f"1 thread, {name}"] for name in ("torch", "torch.compile", "onnxruntime")}
    assert [text.partition(" [")[0] for text in shown.values()] == ["1.000 µs", "2.000 µs", "3.000 ms"]
    assert {f"call floor, {name}" for name in shown} < set(columns)
    assert len({plots._setting(row) for row in found}) == len({row.key for row in found}) == 3
    of_onnxruntime = figure.gather(found)
    assert [point.latency_ms[0] for point in of_onnxruntime.timed] == [3.0]
    assert figure.gather(fast).timed == ()
    evidence: Any = SimpleNamespace(rows_of=lambda _: found)
    assert [one.value for one in speed._latencies(evidence, "resnet18").values()] == [3e-3]


def test_the_ratio_is_paired_launch_by_launch(tmp_path: Path) -> None:
    """Launches that differ by a factor of four, a framework that always takes three times as long."""
    folder = tmp_path / "samples"
    folder.mkdir()
    offsets = [1.0, 2.0, 4.0, 1.5, 3.0, 1.0, 2.5]
    lines = []
    for launch, offset in enumerate(offsets):
        for subject, factor, calls in (("torch, 1 threads", 1, 5), ("torch, torch, 1 threads", 3, 1)):
            for number in (-1, 0, 0):
                slow = 50.0 if number < 0 else 1.0  # the warm-up must not count
                nanoseconds = round(1000 * offset * factor * calls * slow)
                lines.append((subject, launch, number, calls, nanoseconds))
        lines += [(floor, launch, 0, 1, 100) for floor in ("call floor", "call floor, torch")]
    table = pandas.DataFrame(lines, columns=["subject", "launch", "round", "calls", "nanoseconds"])
    table.to_parquet(folder / "lenet5_1x1.parquet")
    found = [timed("lenet5_1x1", "torch", name, 1e-3) for name in ("onnxruntime", "torch")]
    (ratio,) = runtime_ratios.gather(tmp_path, found)
    assert (ratio.runtime, ratio.setting, ratio.launches) == ("torch", "1 thread", len(offsets))
    assert (ratio.value, ratio.low, ratio.high) == pytest.approx((3, 3, 3))
    drawn = runtime_plots.draw([ratio, replace(ratio, network="vgg", low=None, high=None)], tmp_path)
    assert {path.suffix for path in drawn} == {".png", ".svg", ".pdf", ".csv"}
    with (tmp_path / "runtimes.csv").open(newline="") as file:
        assert [float(line["value"]) for line in csv.DictReader(file)] == pytest.approx([3, 3])
    doubted = [replace(found[1], status="not equivalent"), found[0]]
    assert runtime_ratios.gather(tmp_path, doubted) == []
    assert [line["times onnxruntime"] for line in runtime_ratios.for_people([ratio])] == ["3.000 [3.000, 3.000]"]
