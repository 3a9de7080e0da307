"""Tables as Markdown, for a README, and as LaTeX, for a paper.

Names, versions and reasons come from files that strangers made: every text is escaped, so that it
shows as what it is and is no markup.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from harness.report.tables import ABSENT, plain

FORMATS = ("markdown", "latex")

_MARKDOWN_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_MARKDOWN_SIGNS = set("\\`*_[]|~$#!")
_LATEX = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "_": r"\_", "%": r"\%",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}", '"': r"\textquotedblright{}", "'": r"\textquotesingle{}", "`": r"\textasciigrave{}",
    "µ": r"\textmu{}", "μ": r"\textmu{}", "×": r"\texttimes{}", "±": r"\textpm{}", "Δ": r"$\Delta$",
    "²": r"\texttwosuperior{}", "·": r"\textperiodcentered{}",
    "–": r"\textendash{}", "—": r"\textemdash{}", "…": r"\dots{}",
}  # fmt: skip
_LIGATURE = re.compile(r"([-,])(?=\1)")
# The accents that LaTeX's own fonts put on an ASCII letter: grave, acute, circumflex, tilde, diaeresis, ring.
_ACCENTS = set("\u0300\u0301\u0302\u0303\u0308\u030a")
_NUMBER = re.compile(r"[-+]?[0-9][0-9.]*( \[-?[0-9.]+, [0-9.]+\]| to [0-9.]+)?")  # with its interval, or a range


@dataclass(frozen=True, kw_only=True)
class PaperTable:
    """A table with its caption and the sentences under it; a line has a text for each column, empty where unknown."""

    caption: str
    columns: tuple[str, ...]
    lines: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]

    def is_of_numbers(self, place: int) -> bool:
        """Whether a column holds nothing else, so that it is aligned on the right."""
        known = [line[place] for line in self.lines if line[place]]
        return bool(known) and all(_NUMBER.fullmatch(text) for text in known)


def written(table: PaperTable, format: str) -> str:  # noqa: A002
    """The table in one of :data:`FORMATS`, ending in a line end."""
    return {"markdown": markdown, "latex": latex}[format](table)


def markdown(table: PaperTable) -> str:
    """A table of GitHub Flavored Markdown, under its caption and over its notes."""
    header = _markdown_line(table.columns)
    rule = f"|{'|'.join('---:' if table.is_of_numbers(place) else '---' for place in range(len(table.columns)))}|"
    lines = [_markdown_line([text or ABSENT for text in line]) for line in table.lines]
    notes = [escape_markdown(note) for note in table.notes]
    return (
        "\n".join([f"**{escape_markdown(table.caption)}**", "", header, rule, *lines, "", *_paragraphs(notes)]) + "\n"
    )


def latex(table: PaperTable) -> str:
    """A ``table`` of LaTeX, by the packages booktabs and graphicx, with its caption over and its notes under it.

    One wider than the text is made smaller.
    """
    kinds = "".join("r" if table.is_of_numbers(place) else "l" for place in range(len(table.columns)))
    lines = [_latex_line([text or ABSENT for text in line]) for line in table.lines]
    notes = [rf"\par\smallskip\raggedright {escape_latex(note)}" for note in table.notes]
    return "\n".join(
        [
            r"% \usepackage{booktabs,graphicx}",
            r"\begin{table}",
            r"\centering\footnotesize\setlength{\tabcolsep}{4pt}",
            rf"\caption{{{escape_latex(table.caption)}}}\smallskip",
            r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%",
            rf"\begin{{tabular}}{{@{{}}{kinds}@{{}}}}",
            r"\toprule",
            " & ".join(map(_latex_header, table.columns, kinds)) + r" \\",
            r"\midrule",
            *lines,
            r"\bottomrule",
            r"\end{tabular}}",
            *notes,
            r"\end{table}",
        ]
    ) + "\n"  # fmt: skip


def escape_markdown(text: str) -> str:
    """A text that Markdown shows as it is, in a table and in a paragraph."""
    return "".join(
        _MARKDOWN_ENTITIES.get(sign, f"\\{sign}" if sign in _MARKDOWN_SIGNS else sign) for sign in plain(text)
    )


def escape_latex(text: str) -> str:
    """A text that LaTeX shows as it is; a sign that its usual fonts have not, by its Unicode number."""
    return "".join(map(_latex_sign, _LIGATURE.sub("\\1\x00", plain(text))))


def _latex_sign(sign: str) -> str:
    if sign == "\x00":  # between two hyphens or commas, which would become a dash or a quotation mark
        return "{}"
    if sign in _LATEX:
        return _LATEX[sign]
    decomposed = unicodedata.normalize("NFD", sign)
    accented = len(decomposed) == 2 and decomposed[0].isascii() and decomposed[1] in _ACCENTS and sign <= "ÿ"
    return sign if sign.isascii() or accented else f"U+{ord(sign):04X}"


def _latex_header(text: str, kind: str) -> str:
    """The unit of a column stands under its name."""
    name, bracket, unit = text.rpartition(" [")
    if not bracket:
        return f"{{}}{escape_latex(text)}"
    lines = rf"{escape_latex(name)}\\{{}}{escape_latex('[' + unit)}"
    return rf"\begin{{tabular}}[b]{{@{{}}{kind}@{{}}}}{lines}\end{{tabular}}"


def _markdown_line(texts: Sequence[str]) -> str:
    """A number stays as readable as it is: nothing of it is markup."""
    return f"| {' | '.join(text if _NUMBER.fullmatch(text) else escape_markdown(text) for text in texts)} |"


def _latex_line(texts: Sequence[str]) -> str:
    # After the line before it, [ and * would be read as arguments of its end.
    return "{}" + " & ".join(map(escape_latex, texts)) + r" \\"


def _paragraphs(texts: Sequence[str]) -> list[str]:
    """Lines of Markdown that stay lines: a break ends each but the last."""
    return [f"{text}<br>" for text in texts[:-1]] + list(texts[-1:])
