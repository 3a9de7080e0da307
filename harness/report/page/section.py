"""What a page is made of: sections, each with charts and tables, or the line that says what would make it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

Record = Mapping[str, object]

# A number as people read it, with its unit and interval; no change of operators, which begins with a sign.
_NUMBER = re.compile(r"–|-?\d[\d,.]*(e[-+]?\d+)?( [^\s\d]+)?( \[.*\])?")


@dataclass(frozen=True, kw_only=True)
class Chart:
    """One picture: a Vega-Lite specification without its data, and the records that it shows.

    ``summary`` says in words what the picture shows. A record's ``rows`` are the numbers of the rows it is of: it is
    shown while one of them passes the filters. Its hover text is ``hover``, or else that of the first of them.
    ``axes`` are the quantities that x can be.
    """

    title: str
    summary: str
    spec: Mapping[str, object]
    records: Sequence[Record]
    axes: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    settings: Sequence[str] = ()  # in which latencies can be compared, by number
    wide: bool = True  # takes the whole width of the page


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table as people read it: every cell a text; ``numeric`` are the columns that stand on the right."""

    title: str
    columns: Sequence[str]
    lines: Sequence[Sequence[str]]
    numeric: frozenset[str] = frozenset()
    folded: bool = False  # under a line that opens it


@dataclass(frozen=True, kw_only=True)
class Section:
    """A part of the page. ``absent`` says why there is nothing, and what would make it, where there is nothing."""

    key: str
    title: str
    intro: str = ""
    charts: Sequence[Chart] = ()
    tables: Sequence[Table] = ()
    absent: str = ""

    @property
    def empty(self) -> bool:
        """Whether there is nothing to show."""
        return not self.charts and not self.tables


def table(title: str, lines: Sequence[Mapping[str, object]], *, folded: bool = False) -> Table:
    """A table of lines that have the columns of the first; numbers in words already, None is empty."""
    columns = list(lines[0])
    cells = [[_cell(line.get(name)) for name in columns] for line in lines]
    numeric = frozenset(
        name
        for place, name in enumerate(columns)
        if any(line[place] for line in cells) and all(_is_number(line[place]) for line in cells)
    )
    return Table(title=title, columns=columns, lines=cells, numeric=numeric, folded=folded)


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _is_number(text: str) -> bool:
    return not text or _NUMBER.fullmatch(text) is not None
