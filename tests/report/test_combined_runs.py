"""Runs put together: labels that tell them apart, notes, and what must not be mixed."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import HarnessError
from harness.measurements import rows, run_folder
from harness.measurements.rows import Row
from harness.report import machine_names, runs

EPYC: dict[str, Any] = {
    "processor": "AMD EPYC 7763 64-Core Processor",
    "cores": {"available": 2},
    "gpus": [],
    "versions": {"onnxruntime": "1.30.0", "torch": "2.9.0", "onnxruntime-gpu": None},
    "commit": "aaa",
    "moments": [{"time": "2026-01-01T10:00:00+00:00"}],
}
GPU = EPYC | {"gpus": [{"name": "NVIDIA H200"}, {"name": "NVIDIA H200"}], "cores": {"available": 16}}
LATER: dict[str, Any] = {"commit": "bbb", "moments": [{"time": "2026-01-02T10:00:00+00:00"}]}
ROW = Row(run="r", architecture="lenet", framework="torch", dataset="d", dataset_digest="1", threads=2, macs=9,
          latency_median_s=0.001)  # fmt: skip


def _run(folder: Path, environment: Mapping[str, Any] | None = None, **changed: Any) -> Path:
    folder.mkdir()
    # No two measurements are the same to the last digit.
    latency = {"latency_median_s": 0.001 + len(list(folder.parent.iterdir())) / 1e6}
    rows.append(folder / run_folder.ROWS, replace(ROW, **({"run": folder.name} | latency | changed)))
    if environment is not None:
        (folder / run_folder.ENVIRONMENT).write_text(json.dumps(environment))
    return folder


def _labels(*paths: Path) -> list[str]:
    combined = runs.load(paths)
    assert [row.run for row in combined.rows] == [run.label for run in combined.runs], "rows are told apart by label"
    return [run.label for run in combined.runs]


def test_one_run_is_itself(tmp_path: Path) -> None:
    run = _run(tmp_path / "one", EPYC)
    (run / "histories").mkdir()
    (run / "histories" / "lenet.json").write_text("{}")
    for path in (run, run / run_folder.ROWS):
        combined = runs.load([path])
        assert (combined.rows, combined.notes) == (rows.read(run), ())
        (found,) = combined.runs
        assert (found.label, found.folder) == ("AMD EPYC 7763, 2 cores", run)
        assert run_folder.RunFolder(found.folder).histories == {"lenet": run / "histories" / "lenet.json"}


def test_machines_are_told_apart_by_what_was_timed(tmp_path: Path) -> None:
    cpu, gpu = _run(tmp_path / "a", EPYC), _run(tmp_path / "b", GPU, device="gpu")
    assert _labels(cpu, gpu) == ["AMD EPYC 7763, 2 cores", "NVIDIA H200"]
    notes = " ".join(runs.load([cpu, gpu]).notes)
    assert "without ratios between them" in notes
    assert "one machine" not in notes
    assert "NVIDIA H200: the run b, begun 2026-01-01T10:00:00+00:00, commit aaa." in notes


def test_runs_of_one_machine_are_before_and_after_by_time(tmp_path: Path) -> None:
    versions = {"versions": EPYC["versions"] | {"onnxruntime": "1.31.0"}}
    after, before = _run(tmp_path / "a", EPYC | LATER | versions, weights="new"), _run(tmp_path / "z", EPYC)
    assert _labels(after, before) == ["AMD EPYC 7763, 2 cores, after", "AMD EPYC 7763, 2 cores, before"]
    notes = " ".join(runs.load([before, after]).notes)
    assert "no ratio is taken between them" in notes
    assert "differ in onnxruntime 1.30.0 and 1.31.0." in notes
    assert "other weights of lenet" in notes


def test_further_runs_of_one_machine_have_their_names_or_numbers(tmp_path: Path) -> None:
    machine = "AMD EPYC 7763, 2 cores"
    others = _run(tmp_path / "a", EPYC), _run(tmp_path / "b", EPYC, architecture="vgg")
    assert _labels(*others) == [f"{machine}, a", f"{machine}, b"], "nothing in common: neither is before the other"
    third = _run(tmp_path / "c", EPYC | LATER)
    assert _labels(*others, third) == [f"{machine}, a", f"{machine}, b", f"{machine}, c"]
    same_name = _run(tmp_path / "d", EPYC, architecture="vgg19", run="a")
    assert _labels(others[0], same_name) == [f"{machine}, a (1)", f"{machine}, a (2)"]


def test_sides_measured_in_turns_are_said_to_be_comparable(tmp_path: Path) -> None:
    sides = [_run(tmp_path / side, EPYC | {"measurement": "m", "side": side}) for side in "ab"]
    assert [label.rpartition(", ")[2] for label in _labels(*sides)] == ["side a", "side b"]
    notes = " ".join(runs.load(sides).notes)
    assert "harness gate" in notes
    assert "no ratio" not in notes


def test_what_must_not_be_mixed_is_refused(tmp_path: Path) -> None:
    one = _run(tmp_path / "one", EPYC)
    copied = _run(tmp_path / "copied", EPYC | LATER, latency_median_s=rows.read(one)[0].latency_median_s)
    untold = _run(tmp_path / "untold", EPYC)
    bare = _run(tmp_path / "bare"), _run(tmp_path / "bare_too", run="bare")
    images = _run(tmp_path / "images", GPU, dataset_digest="2")
    mixed = _run(tmp_path / "mixed", GPU)
    rows.append(mixed / run_folder.ROWS, replace(ROW, run="another", threads=1))
    empty = _run(tmp_path / "empty")
    (empty / run_folder.ROWS).write_text(",".join(rows.COLUMNS) + "\n")
    for paths, message in (
        ((one, one / run_folder.ROWS), "named twice"),
        ((one, copied), "same measurement of lenet"),
        ((one, untold), "nothing tells which is which"),
        (bare, "nothing tells which is which"),
        ((one, images), "different test images under the name 'd'"),
        ((one, mixed), "rows of several runs"),
        ((empty,), "no row yet"),
        ((tmp_path,), "is no run"),
    ):
        with pytest.raises(HarnessError, match=message):
            runs.load(paths)


@pytest.mark.parametrize("content", [None, "[]", "{", "[" * 100_000], ids=["missing", "a list", "torn", "deep"])
def test_a_machine_that_is_not_known_is_said(tmp_path: Path, content: str | None) -> None:
    known, other = _run(tmp_path / "known", EPYC), _run(tmp_path / "other")
    if content is not None:
        (other / run_folder.ENVIRONMENT).write_text(content)
    assert _labels(known, other) == ["AMD EPYC 7763, 2 cores", "other"]
    assert any("machine of other is not known" in note for note in runs.load([known, other]).notes)


@pytest.mark.parametrize(
    ("processor", "expected"),
    [
        ("Intel(R) Xeon(R) CPU E5-2690 v4 @ 2.60GHz", "Intel Xeon E5-2690 v4, 4 cores"),
        ("AMD Ryzen 9 7950X 16-Core Processor", "AMD Ryzen 9 7950X, 4 cores"),
        ("Apple M2", "Apple M2, 4 cores"),
        ("\x1b[31mevil\n" + "x" * 60, f"evil {'x' * 34}…, 4 cores"),
        ("", ""),
    ],
)
def test_a_processor_has_a_short_name(processor: str, expected: str) -> None:
    assert machine_names.short({"processor": processor, "cores": {"available": 4}}, {"cpu"}) == expected


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["name", "available", "time"]), inner),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from(list(EPYC)), _JSON))
def test_an_environment_of_any_kind_has_a_name_and_a_description(environment: dict[str, Any]) -> None:
    run = runs.MeasuredRun(folder=Path(), name="r", label="", rows=(ROW,), environment=environment)
    for text in (machine_names.short(environment, {"cpu", "gpu"}), runs.described(run)):
        assert text.isprintable()
