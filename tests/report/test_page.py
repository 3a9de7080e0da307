"""The report page as a text: small, whole, escaped, and made of whatever a run's folder holds."""

import base64
import csv
import gzip
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import HarnessError
from harness.measurements import rows, run_folder
from harness.measurements.rows import Row
from harness.report import page, runs
from harness.report.page import document, library
from tests import ROOT

pytest.importorskip("vl_convert")
RESULTS = ROOT / "results/reference"
QUICK = RESULTS / "quick"
VOID = {"meta", "link", "input", "br", "img"}
HOSTILE = "</script><script>alert(1)</script><!--\u2028"


def unpacked(text: str) -> Any:
    """What was embedded in a page."""
    return json.loads(gzip.decompress(base64.b64decode(text, validate=True)))


class Read(HTMLParser):
    """A page as a strict reader finds it: its elements, its texts, and whether what is opened is closed."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append((self.open[-1] if self.open else "", data))

    @property
    def charts(self) -> list[dict[str, object]]:
        """The charts of the page's data, their records as mappings."""
        found = self.data["charts"]
        for chart in found:
            held = chart["records"]
            chart["records"] = [dict(zip(held["columns"], line, strict=True)) for line in held["values"]]
        return found

    @property
    def data(self) -> dict[str, list[dict[str, object]]]:
        """What the page's own code reads."""
        (place,) = (number for number, (_, found) in enumerate(self.found) if found.get("id") == "data")
        scripts = [text for tag, text in self.texts if tag == "script"]
        return unpacked(scripts[[found for found in self.found if found[0] == "script"].index(self.found[place])])

    def sections(self) -> set[str | None]:
        return {found["id"] for tag, found in self.found if tag == "section"}

    def said(self) -> str:
        return " ".join(text for tag, text in self.texts if tag not in ("script", "style"))


def _folder(tmp_path: Path, found: list[Row]) -> Path:
    folder = tmp_path / "run"
    folder.mkdir()
    rows.write(folder / run_folder.ROWS, found)
    return folder


@pytest.mark.parametrize("name", ["quick", "figure", "lecture"])
def test_the_page_of_a_usual_run_is_small_whole_and_has_every_row(name: str) -> None:
    text = page.text(runs.load([RESULTS / name]))
    assert len(text.encode()) < 3_000_000
    read, found = Read(text), rows.read(RESULTS / name)
    assert sum("data-row" in attributes for tag, attributes in read.found if tag == "tr") == len(found)
    held = read.data["rows"]
    assert held["columns"] == list(rows.COLUMNS)
    assert held["values"] == [[getattr(row, column) for column in rows.COLUMNS] for row in found]
    ids = [attributes["id"] for _, attributes in read.found if "id" in attributes]
    assert len(ids) == len(set(ids))


def test_the_same_run_gives_the_same_page() -> None:
    assert page.text(runs.load([QUICK])) == page.text(runs.load([QUICK]))


def test_it_names_nothing_that_a_browser_would_fetch_or_run() -> None:
    read = Read(page.text(runs.load([QUICK])))
    for tag, attributes in read.found:
        for name in ("src", "href", "action", "srcset"):
            assert (attributes.get(name) or "#").startswith(("#", "data:")), (tag, attributes)
        assert not any(name.startswith("on") for name in attributes)
    assert sum(tag == "script" for tag, _ in read.found) == 3
    policy = next(found["content"] for _, found in read.found if found.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe-eval" not in policy


def test_a_name_that_is_markup_stays_a_name(tmp_path: Path) -> None:
    """In a cell, in the data, in a chart's words, and in what others report."""
    texts = {name: f"{name}{HOSTILE}" for name in ("architecture", "dataset", "reason", "run", "provider", "framework")}
    found = [replace(row, **texts, published_accuracy=0.5, published_source=HOSTILE) for row in rows.read(QUICK)[:2]]
    folder = _folder(tmp_path, found)
    (folder / "environment.json").write_text(json.dumps({"processor": HOSTILE, "half": "\ud800"}))
    text = page.text(runs.load([folder]), [dict.fromkeys(("claim", "verdict", "says", "lecture", "measured"), HOSTILE)])
    read = Read(text)
    assert sum(tag == "script" for tag, _ in read.found) == 3
    held = read.data["rows"]
    assert held["values"][0][held["columns"].index("reason")] == f"reason{HOSTILE.rstrip()}"
    assert read.said().count("<script>alert(1)</script>") > 10


@given(st.text())
def test_json_inside_a_script_means_the_same_and_is_never_markup(text: str) -> None:
    written = document.embedded({text: [text, float("nan"), 0.1]})
    assert unpacked(written) == {text: [text, "nan", 0.1]}
    assert re.fullmatch("[A-Za-z0-9+/=]+", written)


def test_sections_without_data_say_what_would_make_them() -> None:
    read = Read(page.text(runs.load([QUICK])))
    assert {"overview", "latency", "twins", "threads", "training", "missing", "environment", "rows"} <= read.sections()
    assert not {"precision", "batches", "nodes", "claims"} & read.sections()
    for option in ("--precision", "--batch", "--nodes", "--image-size", "--runtime"):
        assert option in read.said()


def test_files_beside_the_rows_may_be_missing_or_damaged(tmp_path: Path) -> None:
    folder = _folder(tmp_path, rows.read(QUICK))
    read = Read(page.text(runs.load([folder])))
    assert not {"environment", "training"} & read.sections()
    assert "environment.json" in read.said()
    damaged = {
        "environment.json": "[1]",
        "histories/lenet5_1x1.json": '{"epochs": [{"loss": NaN}]}',
        "nodes/lenet5_1x1.torch.1.csv": "part,rank\nnode,1\n",
        "peaks.csv": "peak,threads,peak_per_s\ngemm,1,inf\n",
        "samples/lenet5_1x1.parquet": "no table",
    }
    for name, content in damaged.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(content)
    said = Read(page.text(runs.load([folder]))).said()
    for name in (
        "environment.json",
        "histories/lenet5_1x1.json",
        "nodes/lenet5_1x1.torch.1.csv",
        "peaks.csv",
        "samples",
    ):
        assert f"{name} cannot be read" in said


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("latency_low_s", 0.0),
        ("latency_high_s", float("inf")),
        ("accuracy", float("nan")),
        ("energy_j", float("nan")),
        ("input_shape", "0x-1"),
        ("gained", 10**9),
        ("params", -1),
    ],
)
def test_a_page_has_no_value_that_no_measurement_can_have(tmp_path: Path, column: str, value: object) -> None:
    first, *others = rows.read(QUICK)
    damaged = replace(replace(first, precision="int8", gained=1, lost=2), **{column: value})
    with pytest.raises(HarnessError, match=f"line 2: .*{column}"):
        runs.load([_folder(tmp_path, [damaged, *others])])


def test_every_kind_of_measurement_has_its_section(tmp_path: Path) -> None:
    """Two precisions, batches and sizes, frameworks' own times, nodes and claims, all made up."""
    base = replace(rows.read(QUICK)[0], input_shape="28x28x1", file_bytes=1000)
    told = {"latency_median_s": 1e-3, "latency_low_s": 9e-4, "latency_high_s": 1.2e-3, "threads": 1}
    one = replace(base, **told)
    lower = replace(one, precision="int8", gained=3, lost=5, mcnemar_p=0.7, file_bytes=260)
    found = [one, replace(one, batch=8), replace(one, input_shape="56x56x1"), replace(one, threads=2), lower]
    folder = _folder(tmp_path, found)
    nodes = "part,rank,node,operator,originals,median_s,low_s,high_s,share,macs,gmac_per_s,gb_per_s,macs_per_byte\n"
    (folder / "nodes").mkdir()
    (folder / f"nodes/{one.architecture}.keras.1.csv").write_text(
        nodes
        + 'node,1,conv<b>,Conv,conv,1e-5,,,0.5,1000,2.5,1.5,3.5\n"the call, outside any node",,,,,-2e-5,,,-2,,,,\n'
    )
    (folder / "peaks.csv").write_text("peak,threads,peak_per_s\ngemm,1,5e10\nmemory,1,1e10\n")
    claim = {"claim": 5, "verdict": "holds", "says": "so", "lecture": "l", "measured": "1 of 1"}
    read = Read(page.text(runs.load([folder]), [claim]))
    assert {"precision", "batches", "threads", "sizes", "nodes", "claims"} <= read.sections()
    assert "conv<b>" in read.said()
    assert "1 of 1" in read.said()
    (sized,) = (chart for chart in read.charts if any(one.get("x") == 26.0 for one in chart["records"]))
    assert sized["records"][0]["rows"] == [4]


def test_a_run_without_accuracy_shows_what_others_published_hollow() -> None:
    charts = Read(page.text(runs.load([RESULTS / "figure"]))).charts
    overview = next(chart for chart in charts if chart["axes"])
    assert {record["published"] for record in overview["records"]} == {True}
    assert len({record["network"] for record in overview["records"]}) == 14


def test_a_run_in_which_nothing_was_measured_says_why(tmp_path: Path) -> None:
    failed = Row(run="r", architecture="broken", framework="keras", status="failed", reason="no memory <here>")
    read = Read(page.text(runs.load([_folder(tmp_path, [failed])])))
    assert read.sections() == {"missing", "rows", "absent"}
    assert "no memory <here>" in read.said()
    assert "1 row is not ok" in read.said()


def test_an_empty_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match="holds no row"):
        page.write(runs.load([_folder(tmp_path, [])]), tmp_path)
    assert not (tmp_path / page.FILE_NAME).exists()


@pytest.mark.parametrize(("column", "value"), [("batch", 0), ("architecture", ""), ("status", "")])
def test_a_row_that_lacks_what_every_row_has_is_refused(tmp_path: Path, column: str, value: object) -> None:
    folder = _folder(tmp_path, [replace(rows.read(QUICK)[0], **{column: value})])
    with pytest.raises(HarnessError, match=f"line 2: .*{column}"):
        runs.load([folder])


def test_two_runs_stand_apart_with_what_a_reader_must_know(tmp_path: Path) -> None:
    """Each under its label, with ratios within a run alone."""
    folders = []
    for name, machine in (("one", "EPYC 7B13"), ("other", "Ampere Altra")):
        folder = tmp_path / name
        shutil.copytree(QUICK, folder, ignore=shutil.ignore_patterns("*.png", "*.svg", "manifest.json"))
        known = json.loads((QUICK / "environment.json").read_text()) | {"processor": machine}
        (folder / "environment.json").write_text(json.dumps(known))
        speed = 1.0 if name == "one" else 1.5
        timed = [replace(row, latency_median_s=speed * (row.latency_median_s or 0)) for row in rows.read(folder)]
        rows.write(folder / run_folder.ROWS, timed)
        folders.append(folder)
    combined = runs.load(folders)
    read = Read(page.text(combined))
    labels = [run.label for run in combined.runs]
    assert "EPYC" in labels[0]
    assert "Ampere" in labels[1]
    assert all(note in read.said() for note in combined.notes if "`" not in note)
    boxes = {attributes["value"] for tag, attributes in read.found if tag == "input" and "value" in attributes}
    assert set(labels) <= boxes
    assert sum("data-row" in attributes for tag, attributes in read.found if tag == "tr") == len(combined.rows)
    own = len(combined.runs[0].rows)
    for chart in read.charts:
        if "in times of PyTorch" in chart["summary"]:
            assert len({row < own for record in chart["records"] for row in record["rows"]}) == 1


def test_the_library_missing_is_said_with_what_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "DISTRIBUTION", "no-such-distribution")
    with pytest.raises(HarnessError, match=r"pip install 'onnx-harness\[plots\]'"):
        page.text(runs.load([QUICK]))


def test_the_report_ends_by_saying_where_it_is_and_its_tables_stay_alone(
    tmp_path: Path, harness: Callable[..., "subprocess.CompletedProcess[str]"]
) -> None:
    done = harness("report", str(QUICK), "--out", str(tmp_path), "--no-claims", "--format", "csv")
    assert done.returncode == 0, done.stderr
    assert done.stderr.rstrip().endswith(f"the report is {tmp_path / page.FILE_NAME}")
    assert len(list(csv.DictReader(done.stdout.splitlines()))) == len(rows.read(QUICK))
    assert (tmp_path / page.FILE_NAME).read_text("utf-8") == page.text(runs.load([QUICK]))


def test_what_the_page_is_made_of_is_installed_with_the_package() -> None:
    made_of = {path.name for path in Path(document.__file__).parent.iterdir() if path.suffix not in (".py", "")}
    told = (ROOT / "pyproject.toml").read_text()
    assert made_of == {"licences.txt", "page.css", "page.js", "page.html.jinja"}
    assert all(f'"{name}"' in told for name in made_of)
