"""No text in a CSV file is a formula to a spreadsheet, and every text comes back as it was."""

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.machine import csv_cells, files
from harness.measurements import rows
from harness.measurements.rows import Row
from harness.report.tables import print_table

FORMULAS = ("=1+1", "+1 Add", "-1 Gemm", "@SUM(A1)", "\t=1", "\r=1", "'=1")
SIGNS = "=+-@\t\r\n"


@given(st.text(alphabet="'=+-@\t\r\na1 ", max_size=6))
def test_a_guarded_text_is_no_formula_and_comes_back(text: str) -> None:
    guarded = csv_cells.guard(text)
    assert not guarded.startswith(tuple(SIGNS))
    assert csv_cells.unguard(guarded) == " ".join(text.splitlines())


def test_numbers_stay_numbers() -> None:
    assert [csv_cells.guard(value) for value in (-1, -1.5, None, True)] == [-1, -1.5, None, True]


@pytest.mark.parametrize("text", FORMULAS)
def test_every_kind_of_csv_is_guarded(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows.write(tmp_path / "rows.csv", [Row(run="r", architecture="a", framework="onnx", reason=text)])
    files.write_table(tmp_path / "nodes.csv", ["name"], [{"name": text}])
    print_table(["name"], [{"name": text}], "csv")
    written = [(tmp_path / "rows.csv").read_text(), (tmp_path / "nodes.csv").read_text(), capsys.readouterr().out]
    for content in written:
        for line in csv.reader(io.StringIO(content)):
            assert not [cell for cell in line if cell.startswith(tuple(SIGNS))]
    (row,) = rows.read(tmp_path)
    assert row.reason == " ".join(text.splitlines())
