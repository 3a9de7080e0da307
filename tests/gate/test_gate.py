"""The gate: every planted change is found by its own check, nothing else is, and bad input is told as such."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pandas
import pytest

from harness.errors import HarnessError, NothingMeasuredError
from harness.gate import judging, outputs, pairs
from harness.gate import settings as gate_settings
from harness.gate.findings import Finding
from harness.gate.settings import GateSettings
from harness.measurements import paired, rows, run_folder
from harness.measurements.rows import Row
from harness.measurements.types import Accuracy
from harness.measurements.verdicts import Verdict
from tests import gated_runs
from tests.conftest import Harness
from tests.gated_runs import OUTPUTS, ROW, environment

TURNS_A, TURNS_B = ({"measurement": "m", "side": side, "looks": {"launches": [10, 20, 40, 80]}} for side in "ab")
CHANGED = "1" * 64


def judged(
    tmp_path: Path, base: dict[str, Any], head: dict[str, Any], settings: GateSettings | None = None
) -> judging.Judgement:
    folders = [
        gated_runs.write(tmp_path / name, seed=seed, **made)
        for seed, (name, made) in enumerate({"base": base, "head": head}.items())
    ]
    return judging.judge(pairs.read(*folders), settings or GateSettings())


def check(found: judging.Judgement, name: str) -> Finding:
    (one,) = (one for one in found.findings if one.check == name)
    return one


def row(**changes: Any) -> dict[str, Any]:
    return {"found": [replace(ROW, onnx_sha256=CHANGED, **changes)]}


def interleaved(base: dict[str, Any], head: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    return {**base, "told": environment(**TURNS_A)}, {**head, "told": environment(**TURNS_B)}


def test_a_run_against_itself_passes_every_check(tmp_path: Path) -> None:
    found = judged(tmp_path, *interleaved({}, {}))
    assert found.verdict == Verdict.PASS
    assert [one.check for one in found.findings] == list(gate_settings.CHECKS)
    assert {one.verdict for one in found.findings} == {Verdict.PASS}


# By check: what is changed of HEAD, and a word of what is told of it.
PLANTED: dict[str, tuple[dict[str, Any], str]] = {
    "status": (row(status="not finite", reason="3 images give no finite numbers"), "was ok, is not finite: 3 images"),
    "precision": (row(precision="int8"), "precision: float32, now int8"),
    "params": (row(params=101), "100, now 101 (+1)"),
    "macs": (row(macs=900), "1,000, now 900 (-100)"),
    "operators": (row(operators="1 Conv, 2 Relu, 1 Transpose"), "+1 Transpose, -1 Conv"),
    "optimised_operators": (row(optimised_operators="2 Conv, 2 Relu"), "+2 Conv, +2 Relu, -2 FusedConv"),
    "stored_bytes": (row(stored_bytes=100), "400, now 100 (-300)"),
    "node_providers": (row(node_providers="1 CPUExecutionProvider"), "-1 CPUExecutionProvider"),
    "equivalence": (row(equivalent=False, reason="the forms of the network are not equivalent"), "were equivalent"),
    "outputs": ({**row(), "outputs": OUTPUTS[::-1]}, "of the largest"),
    "accuracy": ({**row(), "wrong": 150}, "gained 0, lost 50 of 1000 images"),
    "latency": ({**row(), "slower": 1.05}, "surely more than the 2% that are tolerated"),
}


@pytest.mark.parametrize("name", gate_settings.CHECKS)
def test_a_planted_change_is_found_by_its_own_check_alone(tmp_path: Path, name: str) -> None:
    head, told = PLANTED[name]
    found = judged(tmp_path, *interleaved({}, head))
    failed = [one for one in found.findings if one.verdict == Verdict.FAIL]
    assert (found.verdict, [one.check for one in failed]) == (Verdict.FAIL, [name])
    assert told in failed[0].detail
    accepted = judging.judge(pairs.read(tmp_path / "base", tmp_path / "head"), GateSettings(accept=(name,)))
    assert accepted.verdict == Verdict.PASS
    assert check(accepted, name).detail.startswith("accepted: ")
    left = judging.judge(pairs.read(tmp_path / "base", tmp_path / "head"), GateSettings(without=(name,)))
    assert name not in {one.check for one in left.findings}


def test_what_improves_passes(tmp_path: Path) -> None:
    faster = judged(tmp_path, *interleaved({}, {**row(), "slower": 0.8, "wrong": 20}))
    assert faster.verdict == Verdict.PASS
    assert check(faster, "latency").detail.startswith("0.80")


# --- latency ---


def test_latencies_of_two_runs_are_compared_by_their_controls(tmp_path: Path) -> None:
    """What slows a whole run slows its control: the same factor on both is no regression."""
    near = judged(tmp_path / "near", {}, row(), GateSettings(across_runs=0.005))
    assert check(near, "latency").verdict == Verdict.PASS
    assert "by the controls of each run, ±0.5% between runs" in check(near, "latency").detail
    slower = judged(tmp_path / "slower", {}, {**row(), "slower": 1.3})
    assert check(slower, "latency").verdict == Verdict.FAIL
    doubtful = judged(tmp_path / "doubtful", {}, {**row(), "slower": 1.05})
    assert check(doubtful, "latency").verdict == Verdict.CANT_TELL


def test_runs_of_which_one_has_one_control_are_compared_by_that_less_surely(tmp_path: Path) -> None:
    """As of version 0.1, which had the one that is bound by arithmetic."""
    sure = GateSettings(across_runs=0.005)
    one = {"controls": ("control",)}
    for base, head in (({}, one), (one, {}), (one, one)):
        found = check(judged(tmp_path / f"{len(base)}{len(head)}", base, {**row(), **head}, sure), "latency")
        assert (found.verdict, "±5.0% between runs" in found.detail) == (Verdict.CANT_TELL, True)


def test_without_a_control_two_runs_are_not_compared(tmp_path: Path) -> None:
    found = judged(tmp_path, {"found": [replace(ROW, control_s=None)]}, {})
    assert check(found, "latency").verdict == Verdict.CANT_TELL
    assert "`harness run --control`" in check(found, "latency").detail
    assert found.verdict == Verdict.CANT_TELL


def test_another_processor_forbids_what_depends_on_it(tmp_path: Path) -> None:
    other = environment(processor="another processor", versions={"onnxruntime": "1.31.0"})
    found = judged(tmp_path, {}, {**row(optimised_operators="3 Conv"), "told": other})
    assert "refused: the runs differ in processor" in check(found, "latency").detail
    assert check(found, "latency").verdict == Verdict.CANT_TELL
    assert check(found, "optimised_operators").verdict is None
    differences = pairs.read(tmp_path / "base", tmp_path / "head").differences
    assert differences == {
        "processor": ("a processor", "another processor"),
        "versions.onnxruntime": ("1.30.0", "1.31.0"),
    }


def test_a_measurement_is_judged_by_the_looks_that_were_taken(tmp_path: Path) -> None:
    """Forty launches of a plain slowdown are judged after the first ten, as they were when it was measured."""
    found = judged(tmp_path, *interleaved({"launches": 40}, {**row(), "launches": 40, "slower": 1.5}))
    assert "10 launches in turns" in check(found, "latency").detail


def test_few_launches_are_no_evidence(tmp_path: Path) -> None:
    found = judged(tmp_path, *interleaved({"launches": 5}, {**row(), "launches": 5, "slower": 1.5}))
    assert check(found, "latency").verdict == Verdict.CANT_TELL
    assert "fewer than 6 are no evidence" in check(found, "latency").detail


def test_options_that_differ_are_compared_row_by_row(tmp_path: Path) -> None:
    """Two thread counts of one measurement are one subject, though their rows have other keys."""
    two = replace(ROW, threads=2, sampled_as="one/torch, 2 threads")
    found = judged(tmp_path, *interleaved({}, {"found": [two]}))
    assert found.verdict == Verdict.PASS
    assert len(found.by_subject) == 1


# --- accuracy ---


def test_a_small_loss_that_is_sure_passes_and_a_doubtful_one_cannot_be_told(tmp_path: Path) -> None:
    lost_three = judged(tmp_path / "three", {}, {**row(), "wrong": 103})
    assert check(lost_three, "accuracy").verdict == Verdict.PASS
    lost_five = judged(tmp_path / "six", {}, {**row(), "wrong": 106}, GateSettings(accuracy_loss=0.005))
    assert check(lost_five, "accuracy").verdict == Verdict.CANT_TELL
    assert "a loss of 0.5% cannot be excluded" in check(lost_five, "accuracy").detail


def test_a_file_at_several_thread_counts_is_one_hypothesis(tmp_path: Path) -> None:
    """McNemar's p of 9 lost images is 0.002: it fails alone, and would not where it were counted four times."""
    several = [replace(ROW, threads=count, sampled_as=f"one/torch, {count} threads") for count in (1, 2, 3, 4)]
    head = {"found": [replace(one, onnx_sha256=CHANGED) for one in several], "wrong": 109}
    found = judged(tmp_path, {"found": several}, head)
    assert [one.verdict for one in found.findings if one.check == "accuracy"] == [Verdict.FAIL] * 4


def test_without_predictions_the_comparison_is_unpaired(tmp_path: Path) -> None:
    head = replace(ROW, onnx_sha256=CHANGED, accuracy=0.8, correct=800)
    base, other = tmp_path / "base.csv", tmp_path / "head.csv"
    rows.write(base, [ROW])
    rows.write(other, [head])
    found = judging.judge(pairs.read(base, other), GateSettings())
    assert check(found, "accuracy").verdict == Verdict.FAIL
    assert "unpaired" in check(found, "accuracy").detail
    assert check(found, "outputs").verdict is None


def test_newcombes_interval_is_that_of_the_paper() -> None:
    """His example (a): 56 of 70 against 48 of 80, method 10: 0.0524 to 0.3339."""
    value, low, high = paired.independent_difference(Accuracy(correct=56, total=70), Accuracy(correct=48, total=80))
    assert (value, low, high) == pytest.approx((0.2, 0.0524, 0.3339), abs=5e-5)


def test_accuracies_on_other_images_are_refused(tmp_path: Path) -> None:
    found = judged(tmp_path, {}, row(dataset_digest="other"))
    assert check(found, "accuracy").verdict == Verdict.CANT_TELL
    assert "refused: tested on digits (abc) and on digits (other)" in check(found, "accuracy").detail


# --- outputs ---


@pytest.mark.parametrize(
    ("head", "least", "most"),
    [
        (OUTPUTS, 0.0, 0.0),
        (OUTPUTS * np.float32(1 + 1e-6), 0.0, 1e-5),
        (OUTPUTS[::-1], 0.5, 2.0),
        (np.array([0.1, 0.2, np.nan], np.float32), np.inf, np.inf),
        (OUTPUTS[:2], np.inf, np.inf),
    ],
)
def test_the_distance_of_outputs(head: "np.ndarray[Any, Any]", least: float, most: float) -> None:
    apart, _ = outputs.distance({"y": OUTPUTS}, {"y": head})
    apart = np.inf if np.isnan(apart) else apart
    assert least <= apart <= most


def test_a_network_that_is_sure_hides_nothing() -> None:
    """Scores that differ by 1 % give the same probability to seven digits; their logarithms tell them apart."""
    scores = np.array([20.0, 0.0, -5.0])

    def softmax(values: "np.ndarray[Any, Any]") -> "np.ndarray[Any, Any]":
        return (np.exp(values) / np.exp(values).sum()).astype(np.float32)

    one, other = softmax(scores), softmax(1.01 * scores)
    assert np.abs(one - other).max() < 1e-7
    assert outputs.distance({"y": one}, {"y": other})[0] > 5e-3


def test_the_same_file_may_give_something_else_elsewhere(tmp_path: Path) -> None:
    """Another version of onnxruntime, or another option, is the very thing that may be judged."""
    found = judged(tmp_path, *interleaved({}, {"outputs": OUTPUTS[::-1]}))
    assert check(found, "outputs").verdict == Verdict.FAIL


def test_outputs_of_other_weights_are_not_compared(tmp_path: Path) -> None:
    found = judged(tmp_path, {}, {**row(weights="v"), "outputs": OUTPUTS[::-1]})
    assert (check(found, "outputs").verdict, check(found, "outputs").detail[:12]) == (None, "not compared")


# --- what is there ---


def test_a_subject_that_head_lacks_cannot_be_told_and_a_new_one_is_named(tmp_path: Path) -> None:
    two = replace(ROW, architecture="two", sampled_as="two/torch, 1 threads")
    lacking = judged(tmp_path / "lacking", *interleaved({"found": [ROW, two]}, {}))
    assert lacking.verdict == Verdict.CANT_TELL
    assert [one.detail for one in lacking.by_subject["two, torch, 1 thread"]] == ["not measured in HEAD"]
    new = judged(tmp_path / "new", *interleaved({}, {"found": [ROW, two]}))
    assert new.verdict == Verdict.PASS
    assert [one.detail for one in new.by_subject["two, torch, 1 thread"]] == ["new in HEAD"]


def test_where_nothing_was_measured_nothing_is_judged(tmp_path: Path) -> None:
    failed = {"found": [replace(ROW, status="failed", reason="no", latency_median_s=None)]}
    with pytest.raises(NothingMeasuredError):
        judged(tmp_path, failed, failed)


def test_an_older_run_is_compared_by_what_it_tells(tmp_path: Path) -> None:
    """The committed reference was measured before rows told of operators and inputs."""
    old = replace(ROW, input_shape=None, operators=None, optimised_operators=None, node_providers=None)
    found = judged(tmp_path, {"found": [replace(old, stored_bytes=None)]}, row())
    assert check(found, "operators").detail == "not recorded in BASE"
    assert check(found, "macs").verdict == Verdict.PASS


# --- the command line ---


def lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line]


def test_the_command_answers_by_its_exit_code(harness: Harness, tmp_path: Path) -> None:
    turns_a, turns_b = environment(**TURNS_A), environment(**TURNS_B)
    base = gated_runs.write(tmp_path / "base", told=turns_a)
    heads = {
        0: gated_runs.write(tmp_path / "same", told=turns_b, seed=1),
        1: gated_runs.write(tmp_path / "slower", told=turns_b, slower=1.1, seed=1, **row()),
        3: gated_runs.write(tmp_path / "noisy", told=turns_b, slower=1.03, seed=2, spread=0.3, **row()),
        4: gated_runs.write(tmp_path / "none", [replace(ROW, status="failed", latency_median_s=None)], told=turns_b),
    }
    for code in (0, 1, 3):
        done = harness("gate", str(base), str(heads[code]), cwd=tmp_path)
        assert done.returncode == code, done.stdout + done.stderr
        assert lines(done.stdout)[-1].startswith({0: "PASS: ", 1: "FAIL: ", 3: "CAN'T TELL: "}[code])
    nothing = tmp_path / "nothing"
    gated_runs.write(nothing, [replace(ROW, status="failed", latency_median_s=None)], told=turns_a)
    done = harness("gate", str(nothing), str(heads[4]), cwd=tmp_path)
    assert (done.returncode, done.stdout) == (4, "")


def test_the_settings_of_a_project_are_found(harness: Harness, tmp_path: Path) -> None:
    base = gated_runs.write(tmp_path / "base", told=environment(**TURNS_A))
    head = gated_runs.write(tmp_path / "head", told=environment(**TURNS_B), slower=1.1, seed=1)
    (tmp_path / "pyproject.toml").write_text("[tool.harness.gate]\nslowdown = 0.3\ntolerated = 0.2\n")
    inside = gated_runs.folder_of(tmp_path / "a" / "folder")
    assert harness("gate", str(base), str(head), cwd=inside).returncode == 0


def test_two_runs_are_compared_without_a_verdict(harness: Harness, tmp_path: Path) -> None:
    base = gated_runs.write(tmp_path / "base")
    head = gated_runs.write(tmp_path / "head", slower=1.3, seed=1, **row(macs=900, latency_median_s=1.3e-4))
    done = harness("compare", str(base), str(head), "--format", "json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = {one["check"]: (one["base"], one["head"]) for one in json.loads(done.stdout)}
    assert found.keys() == {"macs", "latency"}
    assert found["macs"] == ("1,000", "900")
    before, after = (float(str(text).removesuffix(" µs")) for text in found["latency"])
    assert after / before == pytest.approx(1.3, rel=0.02)
    everything = harness("compare", str(base), str(head), "--all", "--format", "json", cwd=tmp_path)
    assert [one["check"] for one in json.loads(everything.stdout)] == list(gate_settings.CHECKS)


HOSTILE = "<script>alert(1)</script>|\x1b[31m`x`"


@pytest.fixture
def hostile(tmp_path: Path) -> tuple[Path, Path]:
    base = replace(ROW, architecture=HOSTILE, reason="</table>")
    head = replace(base, onnx_sha256=CHANGED, operators="1 <b>, 2 Relu")
    return (
        gated_runs.write(tmp_path / "base", [base], told=environment(**TURNS_A)),
        gated_runs.write(tmp_path / "head", [head], told=environment(**TURNS_B), seed=1),
    )


def test_machine_formats_hold_what_was_found(harness: Harness, hostile: tuple[Path, Path], tmp_path: Path) -> None:
    """Names come from files that strangers made: nothing in them is markup, in any format."""
    told: dict[str, str] = {}
    for name in ("json", "markdown", "junit", "table"):
        done = harness("gate", *map(str, hostile), "--format", name, cwd=tmp_path)
        assert (done.returncode, done.stderr) == (1, "")
        told[name] = done.stdout
    found = json.loads(told["json"])
    (subject,) = found["subjects"]
    failed = [one for one in subject["checks"] if one["verdict"] == "FAIL"]
    assert (found["verdict"], subject["verdict"], [one["check"] for one in failed]) == ("FAIL", "FAIL", ["operators"])
    assert "<script>" not in told["markdown"]
    assert "\\`x\\`" in told["markdown"]
    assert "\x1b" not in told["markdown"] + told["table"] + told["junit"]
    unsealed, suite = ElementTree.fromstring(told["junit"])
    assert {case.get("name") for case in unsealed} == {"whole"}
    assert (suite.get("tests"), suite.get("failures")) == (str(len(gate_settings.CHECKS)), "1")
    assert "<script>alert(1)</script>" in str(suite.get("name"))


Spoil = Callable[[Path, Path], None]


def _table(change: Callable[[str], str]) -> Spoil:
    def spoil(_: Path, head: Path) -> None:
        file = head / run_folder.ROWS
        file.write_text(change(file.read_text()))

    return spoil


def _later(base: Path, _: Path) -> None:
    told = environment(moments=[{"before": "one", "time": "2026-02-01T00:00:00+00:00"}])
    (base / "environment.json").write_text(json.dumps(told))


def _index_samples(_: Path, head: Path) -> None:
    """As a flipped bit in the table's description does."""
    file = head / "samples" / "one.parquet"
    pandas.read_parquet(file).set_index("subject").to_parquet(file)


BAD: dict[str, tuple[Spoil, str]] = {
    "other networks": (_table(lambda text: text.replace(",one,", ",two,")), "with a subject in common"),
    "newer schema": (_table(lambda text: text.replace(f"\n{rows.SCHEMA_VERSION},", "\n99,")), "schema version 99"),
    "column missing": (_table(lambda text: text.replace("macs", "flops")), "lacks the column 'macs'"),
    "not a number": (_table(lambda text: text.replace("0.0001", "nan")), "control_s is nan"),
    "negative": (_table(lambda text: text.replace("0.0001", "-0.0001")), "control_s is -0.0001"),
    "empty file": (_table(lambda _: ""), "is empty"),
    "header alone": (_table(lambda text: text.splitlines(keepends=True)[0]), "holds no rows"),
    "no folder": (lambda _, head: (head / run_folder.ROWS).unlink(), "is no run"),
    "wrong order": (_later, "wrong order"),
    "samples torn": (lambda _, head: (head / "samples" / "one.parquet").write_bytes(b"PAR1"), "expected samples"),
    "samples with an index": (_index_samples, "expected samples"),
    "predictions torn": (lambda _, head: (head / "predictions" / "one.npz").write_bytes(b"P"), "expected predictions"),
    "outputs torn": (lambda _, head: (head / "outputs" / "one.npz").write_bytes(b"PK"), "expected outputs"),
    "environment torn": (lambda _, head: (head / "environment.json").write_text("{"), "environment.json"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_told_as_such(tmp_path: Path, name: str) -> None:
    base, head = gated_runs.write(tmp_path / "base"), gated_runs.write(tmp_path / "head", **row())
    spoil, told = BAD[name]
    spoil(base, head)
    with pytest.raises(HarnessError, match=told.replace("(", "\\(")):
        judging.judge(pairs.read(base, head), GateSettings())
    if name == "wrong order":
        assert pairs.read(base, head, any_order=True).pairs


def test_bad_input_ends_the_command_with_one_line(harness: Harness, tmp_path: Path) -> None:
    done = harness("gate", str(tmp_path), str(tmp_path / "none"))
    assert (done.returncode, done.stdout, len(lines(done.stderr))) == (2, "", 1)
    sides = [
        gated_runs.write(tmp_path / side, told=environment(**told))
        for side, told in zip("ab", (TURNS_A, TURNS_B), strict=True)
    ]
    done = harness("gate", *map(str, reversed(sides)))
    assert (done.returncode, "wrong order" in done.stderr) == (2, True)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("slowdown = 2", "expected a share between 0 and 1"),
        ("slowdown = true", "expected a share"),
        ("tolerated = 0.1", "must be less than slowdown"),
        ("slow = 0.1", "slow is not known"),
        ("accept = ['speed']", "found 'speed'"),
        ("accept = 'macs'", "expected a list"),
        ("slowdown = ", "cannot be read"),
    ],
)
def test_settings_that_cannot_be_are_refused(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "pyproject.toml").write_text(f"[tool.harness.gate]\n{text}\n")
    with pytest.raises(HarnessError, match=told):
        gate_settings.read(tmp_path)


def test_a_row_told_apart_by_nothing_else_is_named_whole() -> None:
    one = Row(
        run="r", architecture="a", framework="keras", runtime="torch", threads=2, precision="int8", batch=8,
        device="gpu", provider="CUDAExecutionProvider",
    )  # fmt: skip
    assert pairs.subject_name(one, None) == "a, keras, torch, 2 threads, cuda, int8, batch 8"
