"""What `harness gate` is given and what it prints: a comparison's folder, chosen checks, annotations."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from harness import cli
from harness.gate import settings as gate_settings
from tests import gated_runs
from tests.gated_runs import OUTPUTS, ROW, environment

TURNS_A, TURNS_B = ({"measurement": "m", "side": side, "looks": {"launches": [10, 20, 40, 80]}} for side in "ab")
OTHER = replace(ROW, onnx_sha256="1" * 64)


@pytest.fixture
def comparison(tmp_path: Path) -> Path:
    """As `harness ab` leaves it: B has other weights, and is 30 % slower."""
    gated_runs.write(tmp_path / "ab" / "a", told=environment(**TURNS_A))
    gated_runs.write(
        tmp_path / "ab" / "b", [OTHER], told=environment(**TURNS_B), seed=1, slower=1.3, outputs=OUTPUTS[::-1]
    )
    return tmp_path / "ab"


def printed(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str]:
    code = cli.main([str(one) for one in arguments])
    said = capsys.readouterr()
    return code, said.out or said.err


def test_a_comparisons_folder_stands_for_both_of_its_runs(comparison: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole = printed(capsys, "gate", comparison)
    assert whole == printed(capsys, "gate", comparison / "a", comparison / "b")
    assert whole[0] == 1
    code, said = printed(capsys, "gate", comparison / "a")
    assert (code, "folder of a comparison by `harness ab`" in said) == (2, True)


def test_what_is_no_pair_of_runs_is_told_what_to_do(comparison: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, said = printed(capsys, "gate", comparison / "a", comparison / "a")
    assert (code, "is named twice" in said) == (2, True)
    model = comparison / "old.onnx"
    model.write_bytes(b"\x08\x0a\xff")
    for both in ((model, model), (comparison / "a", model)):
        code, said = printed(capsys, "gate", *both)
        assert (code, "harness ab BASE.onnx HEAD.onnx" in said) == (2, True)


def test_checks_are_chosen_by_name(comparison: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for chosen in (["latency", "accuracy"], ["stored-bytes"]):
        _, said = printed(capsys, "gate", comparison, "--format", "json", "--only", *chosen)
        (subject,) = json.loads(said)["subjects"]
        assert [one["check"] for one in subject["checks"]] == [
            one for one in gate_settings.CHECKS if one in ("status", *map(gate_settings.check_name, chosen))
        ]
    assert printed(capsys, "gate", comparison, "--only", "accuracy")[0] == 0


@pytest.mark.parametrize(
    ("head", "outputs", "hinted"),
    [
        (OTHER, OUTPUTS[::-1], True),
        (ROW, OUTPUTS[::-1], False),  # the same file
        (replace(OTHER, operators="1 Conv, 2 Relu"), OUTPUTS[::-1], False),
        (OTHER, OUTPUTS * np.nan, False),
        (OTHER, OUTPUTS[:2], False),
    ],
)
def test_other_weights_in_the_same_graph_are_told_with_the_way_to_accept_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], head: gated_runs.Row, outputs: "np.ndarray", hinted: bool
) -> None:
    gated_runs.write(tmp_path / "a", told=environment(**TURNS_A))
    gated_runs.write(tmp_path / "b", [head], told=environment(**TURNS_B), outputs=outputs)
    code, said = printed(capsys, "gate", tmp_path, "--format", "json")
    assert (code, "if HEAD was trained anew, --accept outputs" in said) == (1, hinted)


def test_each_finding_is_an_annotation_of_github(comparison: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, said = printed(capsys, "gate", comparison, "--format", "github")
    notice, *others = said.splitlines()
    assert (code, notice.startswith("::notice title=harness gate::FAIL: ")) == (1, True)
    errors = [line for line in others if line.startswith("::error title=one%2C torch%2C 1 thread::")]
    assert ["outputs: " in line or "latency: 1." in line for line in errors] == [True, True]
    assert "2%25 that are tolerated" in said


def test_a_name_begins_no_command_of_a_workflow(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    hostile = "x\n::set-output name=a::b\r%0A::error::"
    for side, told, seed in (("a", TURNS_A, 0), ("b", TURNS_B, 1)):
        row = replace(OTHER if seed else ROW, architecture=hostile, operators=f"{seed + 1} Conv")
        gated_runs.write(tmp_path / side, [row], told=environment(**told), seed=seed)
    _, said = printed(capsys, "gate", tmp_path, "--format", "github")
    kinds = {line.split(" ")[0] for line in said.splitlines()}
    assert kinds == {"::notice", "::warning", "::error"}
    assert all(line.count("::") >= 2 and "\r" not in line for line in said.splitlines())
    assert not any(line.startswith(("::set-output", "::error::")) for line in said.splitlines())


def test_figures_for_those_that_keep_a_history(comparison: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = comparison / "a"
    two = replace(ROW, latency_median_s=None, accuracy=None, file_bytes=None, threads=2, status="failed")
    shutil.rmtree(run)
    gated_runs.write(run, [ROW, two])
    metrics = json.loads(printed(capsys, "report", run, "--format", "bencher")[1])
    (name,) = metrics
    assert name == "one, torch, 1 thread"
    assert metrics[name].keys() == {"latency", "accuracy", "file-size"}
    assert metrics[name]["latency"]["value"] == pytest.approx(1e5, rel=0.05)
    assert (metrics[name]["accuracy"], metrics[name]["file-size"]) == ({"value": 0.9}, {"value": 500})
    entries = json.loads(printed(capsys, "report", run, "--format", "github-action-benchmark")[1])
    assert [(one["name"], one["unit"]) for one in entries] == [
        ("one, torch, 1 thread, latency", "ns"),
        ("one, torch, 1 thread, file size", "bytes"),
    ]
    assert not (run / "report.html").exists()


BUDGETS = {
    "latency <= 0.12 ms": "PASS",
    "latency <= 100 us": "CAN'T TELL",
    "latency <= 50 µs": "FAIL",
    "size <= 500 B": "PASS",
    "size <= 0.4 KiB": "FAIL",
    "accuracy >= 85 %": "PASS",
    "accuracy >= 90 %": "CAN'T TELL",
    "accuracy >= 95%": "FAIL",
}
EXIT_CODES = {"PASS": 0, "FAIL": 1, "CAN'T TELL": 3}


@pytest.mark.parametrize("text", BUDGETS)
def test_a_budget_has_the_three_answers_of_one_run_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    interval = {"latency_low_s": 98e-6, "latency_high_s": 102e-6, "accuracy_low": 0.88, "accuracy_high": 0.92}
    run = gated_runs.write(tmp_path / "run", [replace(ROW, **interval)])
    code, said = printed(capsys, "gate", run, "--budget", text, "--format", "json")
    (subject,) = json.loads(said)["subjects"]
    (found,) = subject["checks"]
    assert (found["check"], found["verdict"], code) == ("budget", BUDGETS[text], EXIT_CODES[BUDGETS[text]])
    assert text in found["detail"]


def test_a_budget_stands_beside_the_other_checks_and_what_was_not_measured_is_not_kept(
    comparison: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").write_text("[tool.harness.gate]\nbudget = ['latency <= 1 s']\n")
    _, said = printed(capsys, "gate", comparison, "--format", "json", "--budget", "size <= 1 GB")
    checks = [one["check"] for one in json.loads(said)["subjects"][0]["checks"]]
    assert checks == [*gate_settings.CHECKS, "budget", "budget"]
    bare = gated_runs.write(tmp_path / "bare", [replace(ROW, latency_median_s=None, status="failed", reason="died")])
    assert printed(capsys, "gate", bare, "--budget", "latency <= 1 s")[0] == 3


@pytest.mark.parametrize(
    "text",
    ["latency >= 2 ms", "latency <= 2", "size <= 2 ms", "accuracy <= 90 %", "accuracy >= 0.9", "speed <= 1 s", ""],
)
def test_what_is_no_budget_is_refused(comparison: Path, capsys: pytest.CaptureFixture[str], text: str) -> None:
    code, said = printed(capsys, "gate", comparison, "--budget", text)
    assert (code, "latency <= 2 ms" in said) == (2, True)
