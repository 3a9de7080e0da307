"""Tables as Markdown and LaTeX: what strangers wrote shows as it is, and is no markup."""

import itertools
import re
import shutil
import string
import subprocess
import unicodedata
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from harness.measurements.rows import Row
from harness.report import markup, paper_table, runs
from harness.report.markup import PaperTable
from harness.report.runs import CombinedRuns, MeasuredRun
from harness.report.tables import plain
from tests import ROOT
from tests.conftest import Harness

HOSTILE = (
    r"\input{/etc/passwd} $x_1^2$ 50 % & #1 {a} ~ |b| <script>alert('1')</script> [text](http://x) `code` ![i](y) "
    r"*b* __b__ ~~s~~ &amp; -- --- ,, << ?` !` \\ \end{table} é µ ± – Δ 中 😀 "
)
REFERENCE = ROOT / "results/reference"
TEXTS = st.text(alphabet=st.characters(codec="utf-8") | st.sampled_from(string.punctuation), max_size=20)


def _table(*texts: str) -> PaperTable:
    lines = tuple((text, "1.0 [0.9, 1.1]") for text in texts)
    return PaperTable(caption=texts[0], columns=(texts[0], "Latency [µs]"), lines=lines, notes=texts)


@given(TEXTS)
@example(HOSTILE)
@example("1 [<b>x</b>]")
@example("1 | 2")
def test_markdown_shows_a_text_as_it_is(text: str) -> None:
    """As a reader of CommonMark and GitHub's tables has it."""
    reader = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    tokens = reader.parse(markup.markdown(_table(f"x{text}x", text)))
    cells = [token for before, token in itertools.pairwise(tokens) if before.type in ("th_open", "td_open")]
    shown = plain(text).strip()
    expected = [
        plain(f"x{text}x"),
        "Latency [µs]",
        plain(f"x{text}x"),
        "1.0 [0.9, 1.1]",
        shown if text else "–",
        "1.0 [0.9, 1.1]",
    ]
    assert [_shown(token.children) for token in cells] == expected
    kinds = {child.type for token in cells for child in token.children}
    assert kinds <= {"text", "text_special"}, "no link, no code, no HTML, no emphasis"
    assert not any(token.type == "html_block" for token in tokens)


def _shown(children: list) -> str:  # type: ignore[type-arg]
    return "".join(child.content for child in children)


@given(TEXTS)
@example(HOSTILE)
def test_latex_shows_a_text_as_it_is(text: str) -> None:
    assert _read_latex(markup.escape_latex(text)) == "".join(
        sign if sign in _LATEX_KNOWN else f"U+{ord(sign):04X}" for sign in plain(text)
    ).replace("μ", "µ").replace('"', "”")


_LATIN = {chr(code) for code in range(0xC0, 0x100) if len(unicodedata.normalize("NFD", chr(code))) == 2}
_LATEX_KNOWN = {*map(chr, range(32, 127)), *"µμ×±Δ–—…·²"} | _LATIN - {"Ç", "ç"}  # the cedilla is below
_COMMANDS = {
    "textbackslash": "\\", "textasciitilde": "~", "textasciicircum": "^", "textless": "<", "textgreater": ">",
    "textbar": "|", "textquotedblright": "”", "textquotesingle": "'", "textasciigrave": "`", "textmu": "µ",
    "texttimes": "×", "textpm": "±", "textendash": "–", "textemdash": "—", "dots": "…", "textperiodcentered": "·",
    "texttwosuperior": "²",
}  # fmt: skip


def _read_latex(source: str) -> str:
    """What TeX sets: the commands of LaTeX's kernel, escaped signs, and nothing else that is special."""
    source = source.replace(r"$\Delta$", "Δ")
    assert re.search(r"--|,,|\?`|!`|''|``", source) is None, "a ligature"
    found = []
    for command, escaped, empty, sign in re.findall(r"\\([a-z]+)\{\}|\\([{}$&#_%])|(\{\})|(.)", source):
        assert sign not in {*r"\{}$&#_%~^"} or not sign, f"{sign} is special"
        found.append(_COMMANDS[command] if command else escaped or ("" if empty else sign))
    return "".join(found)


def test_latex_is_compiled_where_there_is_one(tmp_path: Path) -> None:
    if shutil.which("pdflatex") is None:
        pytest.skip("no pdflatex here")
    names = (HOSTILE, "[x", "*y", "-[1pt]", "%", "\\")
    document = r"\documentclass{article}\usepackage{booktabs,graphicx}\begin{document}"
    source = document + markup.latex(_table(*names)) + r"\end{document}"
    (tmp_path / "paper.tex").write_text(source, encoding="utf-8")
    command = ["pdflatex", "-draftmode", "-interaction=nonstopmode", "-halt-on-error", "paper.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout[-2000:]


def _combined(*rows: Row) -> CombinedRuns:
    run = MeasuredRun(folder=Path(), name="r", label="", rows=rows, environment={"processor": "<b>", "commit": "c_1"})
    return CombinedRuns(runs=(run,), notes=())


def test_a_paper_table_has_units_in_its_header_and_the_time_of_an_image() -> None:
    known = {"run": "r", "framework": "torch", "dataset": "d", "threads": 2, "batch": 4}
    found = paper_table.tabulate(
        _combined(
            Row(**known, architecture="a", params=1_500_000, macs=2_000, accuracy=0.892, accuracy_low=0.8771,
                accuracy_high=0.9044, latency_median_s=0.004, latency_low_s=0.0039, latency_high_s=0.0042),
            Row(**known, architecture="b", params=20_000_000, macs=50_000, latency_median_s=0.040),
            Row(run="r", architecture="c", framework="keras", status="failed", reason="no such operator"),
        )
    )  # fmt: skip
    assert found.columns == (
        "Network", "Exported from", "Accuracy [%]", "Parameters [M]", "MACs [k]", "Latency, 2 threads [ms]"
    )  # fmt: skip
    assert found.lines == (
        ("a", "torch", "89.2 [87.7, 90.4]", "1.50", "2.00", "1.00 [0.975, 1.05]"),
        ("b", "torch", "", "20.0", "50.0", "10.0"),
        ("c", "keras", "", "", "", ""),
    )
    assert found.caption == "Accuracy, parameters and latency of 3 networks on d"
    assert found.notes[-2:] == ("Run r: <b>; commit c_1.", "c (keras): failed: no such operator")
    assert [found.is_of_numbers(place) for place in range(6)] == [False, False, True, True, True, True]


def test_report_writes_a_table_for_a_paper(harness: Harness, tmp_path: Path) -> None:
    reference = REFERENCE / "quick"
    done = harness("report", str(reference), "--format", "latex", "--out", str(tmp_path))
    assert done.returncode == 0, done.stderr
    known = paper_table.tabulate(runs.load([reference]))
    assert done.stdout == markup.latex(known), "and nothing else on standard output"
    assert r"{}lenet5\_1x1 & torch & 85.4 [83.8, 86.9] & 258 & 0.658 &" in done.stdout
    assert r"| lenet5\_1x1 | torch | 85.4 [83.8, 86.9] | 258 | 0.658 |" in markup.markdown(known)
    for told in ("Intel Xeon, 2 cores", "commit e56c65bc7c71", "onnxruntime 1.31.1"):
        assert told in known.notes[-1]
    assert (tmp_path / "latency.pdf").read_bytes().startswith(b"%PDF-")
