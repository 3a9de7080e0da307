"""The table of a run: what is written is read back, whatever happened in between."""

import tempfile
from dataclasses import fields, replace
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import HarnessError
from harness.measurements import rows, run_folder
from harness.measurements.rows import COLUMNS, Row
from tests import ROOT

ROW = Row(run="r", architecture="lenet", framework="torch", accuracy=0.1 + 0.2, equivalent=False, reason="a, 'b' \"c\"")

# An empty text is an absent one; line ends become spaces (below).
TEXTS = st.text(st.characters(codec="utf-8"), min_size=1).filter(lambda text: len(text.splitlines()) == 1)
TEXTS = TEXTS.filter(lambda text: text.splitlines() == [text])
VALUES = {
    str: TEXTS,
    int: st.integers(),
    float: st.floats(allow_nan=False),
    bool: st.booleans(),
}


def _strategy(annotation: object) -> st.SearchStrategy[object]:
    kinds = get_args(annotation) or (annotation,)
    return st.one_of([st.none() if kind is type(None) else VALUES[kind] for kind in kinds])


ROWS = st.builds(Row, **{field.name: _strategy(field.type) for field in fields(Row) if field.name != "schema_version"})


@settings(max_examples=60, deadline=None)
@given(st.lists(ROWS, min_size=1, max_size=3))
def test_rows_come_back_as_they_were(written: list[Row]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / run_folder.ROWS
        for row in written:
            rows.append(path, row)
        assert rows.read(Path(folder)) == written
        rows.write(path, written)
        assert rows.read(path) == written


@pytest.mark.parametrize("line_end", ["\n", "\r", "\r\n", "\u2028", "\x0b"])
def test_line_ends_in_a_text_become_spaces(tmp_path: Path, line_end: str) -> None:
    path = tmp_path / run_folder.ROWS
    rows.append(path, replace(ROW, reason=f"one{line_end}two"))
    assert rows.read(path) == [replace(ROW, reason="one two")]
    assert path.read_bytes().count(b"\n") == 2


def test_a_torn_line_is_not_read_and_is_overwritten(tmp_path: Path) -> None:
    path = tmp_path / run_folder.ROWS
    rows.append(path, ROW)
    whole = path.stat().st_size
    rows.append(path, replace(ROW, reason="é" * 20))
    content = path.read_bytes()
    for end in range(whole, len(content)):  # killed at any byte, inside a character too
        path.write_bytes(content[:end])
        assert rows.read(path) == [ROW]
        rows.append(path, replace(ROW, threads=2))
        assert rows.read(path) == [ROW, replace(ROW, threads=2)]


def test_a_torn_header_is_an_empty_table_that_can_be_gone_on_with(tmp_path: Path) -> None:
    path = tmp_path / run_folder.ROWS
    path.write_text("schema_version,run,archi", encoding="utf-8")
    with pytest.raises(HarnessError, match="empty"):
        rows.read(path)
    rows.append(path, ROW)
    assert rows.read(path) == [ROW]


def test_a_table_whose_lines_are_damaged_is_refused(tmp_path: Path) -> None:
    """The version stands in the first line of values, which may be too short to hold it."""
    header = ",".join([*COLUMNS[1:], COLUMNS[0]])
    for line in ("", "r,a", '"'):
        (tmp_path / run_folder.ROWS).write_text(f"{header}\n{line}\n")
        with pytest.raises(HarnessError):
            rows.read(tmp_path)


def _table(**values: str) -> str:
    known = {"schema_version": str(rows.SCHEMA_VERSION), "run": "r", "architecture": "a", "framework": "torch"}
    texts = {**known, **values}
    return ",".join(COLUMNS) + "\n" + ",".join(texts.get(name, "") for name in COLUMNS) + "\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "empty"),
        (_table(schema_version="999"), "schema version 999"),
        (_table().replace("framework", "other", 1), "lacks the column 'framework'"),
        (_table(accuracy="good"), "line 2.*good"),
        (_table(equivalent="yes"), "line 2.*yes"),
        (_table(macs="1.5"), "line 2.*1.5"),
        (_table() + f"{rows.SCHEMA_VERSION},r\n", "line 3: expected"),
        (_table(reason='"a quote without its end'), "line 2"),
        (b"\xff\xfe\x00rows\n", "UTF-8"),
        (_table(reason="a\x00b"), ""),
    ],
)
def test_what_is_no_table_of_a_run_is_refused(tmp_path: Path, content: str | bytes, message: str) -> None:
    path = tmp_path / run_folder.ROWS
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    if message:
        with pytest.raises(HarnessError, match=message):
            rows.read(tmp_path)
    else:
        assert rows.read(tmp_path)[0].reason == "a\x00b"


def test_a_table_of_the_version_before_is_read_with_what_it_lacks_empty(tmp_path: Path) -> None:
    lacked = {"options", "upload_s", "download_s"}
    older = [name for name in COLUMNS if name not in lacked]
    values = {"schema_version": "2", "run": "r", "architecture": "a", "framework": "torch", "reason": "as it was"}
    path = tmp_path / run_folder.ROWS
    path.write_text(",".join(older) + "\n" + ",".join(values.get(name, "") for name in older) + "\n")
    (found,) = rows.read(path)
    assert (found.architecture, found.reason, found.options, found.upload_s) == ("a", "as it was", None, None)
    rows.append(path, ROW)  # which has columns that the table lacks
    assert rows.read(path) == [found, ROW]
    assert path.read_text().splitlines()[0] == ",".join(COLUMNS)
    path.write_text(",".join(older) + "\n3,r" + "," * (len(older) - 2) + "\n")
    with pytest.raises(HarnessError, match="lacks the column 'options'"):
        rows.read(path)


@pytest.mark.parametrize("name", ["quick", "figure"])
def test_the_reference_results_can_be_read(name: str) -> None:
    folder = ROOT / "results/reference" / name
    header, *lines = (folder / run_folder.ROWS).read_text().splitlines()
    found = rows.read(folder)
    assert len(found) == len(lines) > 0
    assert header.startswith("schema_version,")
    assert all(row.latency_median_s is not None and row.device == "cpu" for row in found if row.status == "ok")


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    for place in (tmp_path, tmp_path / "missing"):
        with pytest.raises(HarnessError, match="is no run"):
            rows.read(place)


def test_the_frame_has_the_columns_of_the_table() -> None:
    frame = rows.to_frame([ROW, ROW])
    assert tuple(frame.columns) == COLUMNS
    assert frame["accuracy"].tolist() == [ROW.accuracy] * 2
