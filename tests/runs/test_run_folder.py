"""A run is gone on with where it belongs: on the same machine with the same software, as far as both are known."""

from pathlib import Path

import pytest

from harness.errors import HarnessError
from harness.machine import files, locks
from harness.measurements import manifest, rows
from harness.measurements.rows import Row
from harness.runs import folder as run_folder
from harness.runs import measuring, whole_run
from harness.runs.folder import Settings
from harness.runs.whole_run import PlannedRun

FACTS = {"machine": "x86_64", "commit": "0123456789ab", "versions": {"onnx": "1.20.0"}}


def begun(folder: Path, **facts: object) -> Path:
    run_folder.begin_unplanned(folder, {**FACTS, **facts})
    return folder


@pytest.mark.parametrize("then", [None, "0123456789ab"])
@pytest.mark.parametrize("now", [None, "0123456789ab"])
def test_what_is_not_known_is_not_another(tmp_path: Path, then: str | None, now: str | None) -> None:
    """As the commit, if git was slow when the run was begun or is gone on with."""
    run_folder.check_same_machine(begun(tmp_path, commit=then), {**FACTS, "commit": now})


@pytest.mark.parametrize("name", list(FACTS))
def test_what_is_another_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(HarnessError, match=f"another {name}"):
        run_folder.check_same_machine(begun(tmp_path, **{name: "another"}), FACTS)


def test_a_run_that_was_killed_as_it_began_is_begun_or_gone_on_with(tmp_path: Path) -> None:
    settings = Settings(architectures=("lenet5_1x1",), threads=(1,))
    (tmp_path / "settings.json.123.partial").write_text("{")
    run_folder.begin(tmp_path, settings, FACTS)
    (tmp_path / "environment.json").unlink()
    run_folder.go_on(tmp_path, settings, FACTS)
    run_folder.check_same_machine(tmp_path, FACTS)
    files.sweep(tmp_path)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["environment.json", "settings.json"]
    with pytest.raises(HarnessError, match="not empty"):
        run_folder.check_new(tmp_path, "")


def test_a_run_killed_as_it_wrote_its_first_row_goes_on(tmp_path: Path) -> None:
    table = tmp_path / "rows.csv"
    rows.append(table, Row(run="r", architecture="gone", framework="torch"))
    content, settings = table.read_bytes(), Settings(architectures=(), threads=(1,))
    header = content.index(b"\n")
    for end in (0, 1, header // 2, header, header + 1, len(content) - 1):
        table.write_bytes(content[:end])
        assert measuring._finished(table, {}, settings, {}) == set()


def test_a_second_process_is_refused(tmp_path: Path) -> None:
    run = PlannedRun(settings=Settings(architectures=(), threads=(1,)), networks={}, files=())
    run_folder.begin(tmp_path, run.settings, FACTS)
    manifest.seal(tmp_path)
    for work in (
        lambda: whole_run.begin(run.settings, tmp_path, resume=True),
        lambda: whole_run.carry_out(run, tmp_path),
    ):
        with locks.held(tmp_path), pytest.raises(HarnessError, match="another process is at work"):
            work()
    assert manifest.verify(tmp_path)  # what another process has written there stands
