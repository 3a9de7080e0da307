"""The gate passes nothing that was not measured, and names what was changed, cut or mixed since it was."""

import csv
import io
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness import cli
from harness.claims.evidence import Evidence
from harness.errors import HarnessError
from harness.gate import formats, judging, pairs
from harness.gate.findings import Judgement
from harness.gate.settings import GateSettings
from harness.measurements import manifest, recorded_run, rows, run_folder
from harness.measurements.verdicts import Verdict
from harness.report import drawing, page, plots
from harness.report import runs as combined_runs
from tests import gated_runs
from tests.gated_runs import ROW, environment

TURNS = [environment(measurement="m", side=side) for side in "ab"]
FAILED = replace(ROW, architecture="two", status="failed", reason="worker died", latency_median_s=None)
TWO = replace(ROW, architecture="two", sampled_as="two/torch, 1 threads")
WHOLE = [replace(row, rows_in_run=2) for row in (ROW, TWO)]


def judged(base: Path, head: Path) -> Judgement:
    return judging.judge(pairs.read(base, head), GateSettings())


def both(folder: Path, base: list[rows.Row], head: list[rows.Row]) -> tuple[Path, Path]:
    return (
        gated_runs.write(folder / "base", base, told=TURNS[0]),
        gated_runs.write(folder / "head", head, told=TURNS[1], seed=1),
    )


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two runs that pass, with their manifests."""
    found = both(tmp_path_factory.mktemp("sealed"), WHOLE, WHOLE)
    for folder in found:
        manifest.seal(folder)
    assert judged(*found).verdict == Verdict.PASS
    return found


@pytest.mark.parametrize("only_in_head", [False, True])
def test_what_failed_in_both_or_is_new_is_not_compared(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], only_in_head: bool
) -> None:
    base, head = both(tmp_path, [ROW] if only_in_head else [ROW, FAILED], [ROW, FAILED])
    pair = pairs.read(base, head)
    found = judging.judge(pair, GateSettings())
    assert found.verdict == Verdict.PASS  # by the other
    for name in ("table", "json", "markdown", "junit"):
        formats.show(pair, found, GateSettings(), name)
        said = capsys.readouterr().out
        if name == "json":
            verdicts = {one["subject"]: one["verdict"] for one in json.loads(said)["subjects"]}
            assert verdicts == {"one, torch, 1 thread": "PASS", "two, torch, 1 thread": "not compared"}
        elif name != "junit":
            assert "1 subject compared: 1 PASS, 1 not compared" in said
            assert "new in HEAD" in said if only_in_head else "failed in both: worker died" in said


def test_a_subject_that_only_ran_is_not_compared(tmp_path: Path) -> None:
    bare = rows.Row(run="r", architecture="two", framework="torch", threads=1)
    runs = both(tmp_path, [ROW, bare], [ROW, bare])
    for run in runs:
        (run / "outputs" / "two.npz").unlink()
    found = judged(*runs)
    assert judging.together(found.by_subject["two, torch, 1 thread"]) is None


EMPTIED = {
    "outputs": ("outputs", {"torch, 1 threads/probabilities": np.empty(0, np.float32)}),
    "no outputs": ("outputs", {}),
    "predictions": ("predictions", {"torch": np.empty(0, int), "labels": np.empty(0, int)}),
}


@pytest.mark.parametrize("name", EMPTIED)
def test_emptied_files_pass_nothing(tmp_path: Path, name: str) -> None:
    base, head = both(tmp_path, [ROW], [ROW])
    folder, arrays = EMPTIED[name]
    for run in (base, head):
        np.savez(run / folder / "one.npz", **arrays)
    if folder == "predictions":
        with pytest.raises(HarnessError, match="900 of 1000 are right, its predictions give 0 of 0"):
            judged(base, head)
    else:
        (outputs,) = (one for one in judged(base, head).findings if one.check == "outputs")
        assert (outputs.verdict, outputs.detail) == (None, "recorded in neither run; the file is the same")


def test_latencies_of_a_machine_that_is_not_known_are_not_compared(tmp_path: Path) -> None:
    base, head = gated_runs.write(tmp_path / "base"), gated_runs.write(tmp_path / "head", seed=1)
    (head / run_folder.ENVIRONMENT).unlink()
    (latency,) = (one for one in judged(base, head).findings if one.check == "latency")
    assert (latency.verdict, "HEAD has no environment.json" in latency.detail) == (Verdict.CANT_TELL, True)


@pytest.mark.parametrize(
    "changed",
    [
        {"latency_median_s": 79.7e-6},
        {"launches": 40},
        {"correct": 100, "accuracy": 0.1},
        {"total": 900, "accuracy": 1.0},
    ],
)
def test_rows_that_are_not_of_their_samples_and_predictions_are_named(tmp_path: Path, changed: dict[str, int]) -> None:
    base, head = both(tmp_path, [ROW], [ROW])
    for run in (base, head):  # the same in both: nothing differs between them
        rows.write(run / run_folder.ROWS, [replace(row, **changed) for row in rows.read(run)])
    with pytest.raises(HarnessError, match=r"one, torch, 1 thread: .*they are not of one run, or were changed"):
        judged(base, head)


# --- the manifest ---


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_bit_that_flips_in_any_file_is_found(
    sealed: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    head = tmp_path_factory.mktemp("flipped") / "head"
    shutil.copytree(sealed[1], head)
    file = data.draw(st.sampled_from(sorted(path for path in head.rglob("*") if path.is_file())))
    content = bytearray(file.read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    file.write_bytes(content)
    with pytest.raises(HarnessError, match=r"manifest|is not as it was measured"):
        pairs.read(sealed[0], head)
    shutil.rmtree(head.parent)


def test_a_picture_that_is_gone_can_be_drawn_anew(sealed: tuple[Path, Path], tmp_path: Path) -> None:
    run = Path(shutil.copytree(sealed[0], tmp_path / "run"))
    picture = run / "latency.png"
    picture.write_bytes(b"a picture")
    manifest.add(run, [picture])
    picture.unlink()
    assert manifest.verify(run)


def test_a_file_that_is_gone_added_or_of_another_run_is_named(sealed: tuple[Path, Path], tmp_path: Path) -> None:
    base, _ = sealed
    names = sorted(path.relative_to(base) for path in base.rglob("*") if path.is_file())
    other = gated_runs.write(tmp_path / "other", WHOLE, seed=9)
    for number, name in enumerate(names):
        lacking, mixed = (Path(shutil.copytree(base, tmp_path / f"{kind}{number}")) for kind in ("lacking", "mixed"))
        (lacking / name).unlink()
        if name.name == manifest.FILE:
            assert pairs.read(lacking, sealed[1]).notes == (
                f"BASE: {lacking} has no manifest.json: a file that was changed later is not noticed",
            )
            continue
        for reader in (recorded_run.read_rows, lambda path: combined_runs.load([path])):
            with pytest.raises(HarnessError, match=f"{name} is missing"):
                reader(lacking)
        shutil.copyfile(other / name, mixed / name)
        if (other / name).read_bytes() != (base / name).read_bytes():
            with pytest.raises(HarnessError, match=f"{name} has changed"):
                recorded_run.read_rows(mixed)
    (mixed / "samples" / "three.parquet").write_bytes(b"")
    with pytest.raises(HarnessError, match=r"three\.parquet was added"):
        recorded_run.read_rows(mixed)


def test_a_report_is_added_and_a_run_that_goes_on_is_sealed_anew(sealed: tuple[Path, Path], tmp_path: Path) -> None:
    run = Path(shutil.copytree(sealed[0], tmp_path / "run"))
    (run / "report.html").write_text("one")
    manifest.add(run, [run / "report.html", tmp_path / "elsewhere.png"])
    assert manifest.verify(run)
    (run / "report.html").write_text("two")
    with pytest.raises(HarnessError, match=r"report\.html has changed"):
        manifest.unseal(run)
    manifest.add(run, [run / "report.html"])
    manifest.unseal(run)
    assert not manifest.verify(run)
    rows.append(run / run_folder.ROWS, replace(ROW, architecture="three"))
    manifest.add(run, [run / "report.html"])  # of a run that is not sealed: nothing is vouched for
    assert not manifest.verify(run)
    manifest.seal(run)
    assert manifest.verify(run)


@pytest.mark.parametrize("behind", ["a picture", "all pictures"])
def test_a_report_that_is_stopped_anywhere_leaves_a_run_that_can_be_read(
    sealed: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, behind: str
) -> None:
    run = Path(shutil.copytree(sealed[0], tmp_path / "run"))
    drawn = [run / name for name in ("accuracy_against_operations.png", "latency.png", "report.html")]
    for file in drawn:
        file.write_text("of an earlier report")
    manifest.add(run, drawn)
    (run / "latency.png.123.partial").write_text("of one that was killed")
    (run / "a browser's.partial").write_text("not ours")
    monkeypatch.setattr(drawing, "render", lambda _: dict.fromkeys(drawing.PICTURES, b"another picture"))
    stopped, name = (page, "write") if behind == "all pictures" else (plots, "latency")
    with monkeypatch.context() as patched:
        patched.setattr(stopped, name, lambda *_: [][0])
        assert cli.main(["report", str(run), "--no-claims"]) == cli.FAULT
    assert drawn[0].read_text() == "another picture"
    assert manifest.verify(run)
    assert cli.main(["report", str(run), "--no-claims"]) == 0
    assert manifest.verify(run)
    assert "latency.png" in (run / manifest.FILE).read_text()
    assert [file.name for file in run.glob("*.partial")] == ["a browser's.partial"]


def test_claims_tell_what_a_reader_must_know_of_the_run(
    sealed: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = Path(shutil.copytree(sealed[0], tmp_path / "run"))
    for told in ([], ["has no manifest.json"], ["has no manifest.json", "has 1 of the 2 rows"]):
        assert cli.main(["claims", str(run), "--only", "22"]) == 0
        said = capsys.readouterr().err
        assert [note in said for note in ("has no manifest.json", "has 1 of the 2 rows")] == [bool(told), len(told) > 1]
        if told:
            (run / run_folder.ROWS).write_bytes((run / run_folder.ROWS).read_bytes()[:-40])
        (run / manifest.FILE).unlink(missing_ok=True)
    shutil.copyfile(sealed[0] / manifest.FILE, run / manifest.FILE)
    assert cli.main(["claims", str(run), "--only", "22"]) == cli.BAD_INPUT
    assert "rows.csv has changed" in capsys.readouterr().err


@pytest.mark.parametrize("entry", ["../secret", "/etc/passwd", "a/../../b", ""])
def test_a_manifest_names_files_of_its_folder_alone(tmp_path: Path, entry: str) -> None:
    (tmp_path / manifest.FILE).write_text(json.dumps({"version": 1, "files": {entry: "0" * 64}}))
    with pytest.raises(HarnessError, match="expected the digests"):
        manifest.verify(tmp_path)


# --- tables that were cut ---


def test_a_table_cut_anywhere_never_passes(tmp_path: Path) -> None:
    base, head = both(tmp_path, WHOLE, WHOLE)
    contents = {run: (run / run_folder.ROWS).read_bytes() for run in (base, head)}
    for less in (1, 40, 200):  # the last line end, the last cells, most of the last row
        for run, content in contents.items():
            (run / run_folder.ROWS).write_bytes(content[:-less])
        found = pairs.read(base, head)
        assert judging.judge(found, GateSettings()).verdict == Verdict.CANT_TELL
        assert found.doubts == tuple(
            f"{side}: {run / run_folder.ROWS} has 1 of the 2 rows of its run: it was cut, or the run was stopped"
            for side, run in (("BASE", base), ("HEAD", head))
        )
        assert "has 1 of the 2 rows" in combined_runs.load([head]).notes[0]


def test_a_table_of_an_older_version_says_that_its_last_line_is_torn(tmp_path: Path) -> None:
    file = gated_runs.write(tmp_path / "run", [ROW, TWO]) / run_folder.ROWS
    file.write_bytes(file.read_bytes()[:-1])
    assert "ends in the middle of a line" in recorded_run.read_rows(tmp_path / "run").cut


def test_a_table_that_a_spreadsheet_saved_is_read_or_refused_for_its_numbers(tmp_path: Path) -> None:
    file = gated_runs.write(tmp_path / "run", WHOLE) / run_folder.ROWS
    as_measured, lines = rows.read(file), list(csv.reader(io.StringIO(file.read_text())))
    for delimiter in ",;\t":
        text = io.StringIO()
        csv.writer(text, delimiter=delimiter).writerows(lines)
        file.write_bytes(b"\xef\xbb\xbf" + text.getvalue().encode())
        assert rows.read(file) == as_measured
    text = io.StringIO()
    csv.writer(text, delimiter=";").writerows([[cell.replace("0.9", "0,9") for cell in line] for line in lines])
    file.write_text(text.getvalue())
    with pytest.raises(HarnessError, match=r"line 2: accuracy: .*'0,9'.* A spreadsheet"):
        rows.read(file)


IMPOSSIBLE = {
    "latency_median_s": (0.0, -1e-4, float("nan"), float("inf")),
    "call_floor_s": (0.0, -1.0),
    "control_s": (0.0,),
    "accuracy": (-0.1, 1.1, float("nan")),
    "top5": (1.5,),
    "params": (-1,),
    "batch": (0,),
    "threads": (0,),
    "energy_j": (float("nan"), 0.0),
    "correct": (1001,),
    "latency_low_s": (0.0,),
    "input_shape": ("0x-1",),
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in IMPOSSIBLE.items() for value in values])
def test_figures_that_no_measurement_has_are_refused_by_every_reader(tmp_path: Path, name: str, value: float) -> None:
    rows.append(tmp_path / run_folder.ROWS, ROW, replace(ROW, **{"architecture": "two", name: value}))
    for reader in (recorded_run.read_run, lambda path: combined_runs.load([path]), lambda path: Evidence(path).rows):
        with pytest.raises(HarnessError, match=f"line 3: .*{name} .*expected"):
            reader(tmp_path)
