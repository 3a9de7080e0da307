"""Tables for people and for programs, and the units that people read.

Inside the harness a number is SI and a share of one; milliseconds, percent and mega exist only here.
"""

import csv
import json
import math
import re
import sys
from collections.abc import Mapping, Sequence

from harness.machine import csv_cells

FORMATS = ("table", "csv", "json")
ABSENT = "–"
GAP, RULE = "   ", "─"

_ESCAPE_SEQUENCE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]*[0-~])")
_NUMBER_FOR_PEOPLE = re.compile(r"[-+]?\d[\d.,]*(e[-+]?\d+)?( \S+)?( \[.*\])?")
_COUNT_UNITS = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))
_PREFIXES = ((1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, ""), (1e-3, "m"), (1e-6, "µ"))
_SECOND_UNITS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))


def print_table(columns: Sequence[str], rows: Sequence[Mapping[str, object]], format: str) -> None:  # noqa: A002
    """Print a table on standard output: ``table`` for people, ``csv`` or ``json`` for programs.

    The machine formats hold every value exactly; None is an empty field in csv and null in json,
    and a number that json cannot write (NaN, infinity) is its name as text. In csv a text is one
    line, with an apostrophe before it if a spreadsheet would take it for a formula.
    """
    if format == "csv":
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([csv_cells.guard(row.get(name)) for name in columns] for row in rows)
    elif format == "json":
        listed = [{name: _json_value(row.get(name)) for name in columns} for row in rows]
        print(json.dumps(listed, indent=2, ensure_ascii=False, default=str))
    elif format == "table":
        _print_for_people(columns, rows)
    else:
        raise ValueError(f"expected one of {', '.join(FORMATS)}, found {format!r}")


def plain(text: str) -> str:
    """A text as one line of printable characters: no escape sequences, no control characters."""
    spaced = "".join(" " if sign.isspace() else sign for sign in _ESCAPE_SEQUENCE.sub("", text))
    return "".join(sign for sign in spaced if sign.isprintable())


def format_count(value: float | None) -> str:
    """A count for people with three digits: ``6.52 M``, ``417 k``, ``84``."""
    if value is None or not math.isfinite(value):
        return ABSENT
    rounded = float(f"{value:.3g}")  # first, so that 999,999 is 1 M and not 1000 k
    for size, unit in _COUNT_UNITS:
        if abs(rounded) >= size:
            return f"{_digits(rounded / size, 3)} {unit}"
    return f"{rounded:g}"


def format_range(values: Sequence[float], unit: str) -> str:
    """Amounts of something from the least to the most, with two digits: ``66 MB``, ``1.2 to 1.5 mJ``."""
    if not values:
        return ABSENT
    low, high = min(values), max(values)
    largest = float(f"{max(abs(low), abs(high)):.2g}")
    size, prefix = next((pair for pair in _PREFIXES if largest >= pair[0]), _PREFIXES[-1])
    ends = dict.fromkeys(_digits(value / size, 2) for value in (low, high))
    return f"{' to '.join(ends)} {prefix}{unit}"


def format_threads(count: int) -> str:
    """``1 thread``, ``2 threads``."""
    return f"{count} thread{'s' if count > 1 else ''}"


def format_percent(value: float | None, low: float | None = None, high: float | None = None) -> str:
    """A share of one in percent, with its interval where given: ``89.2 % [87.7, 90.4]``."""
    if value is None or not math.isfinite(value):
        return ABSENT
    text = f"{100 * value:.1f} %"
    return text if low is None or high is None else f"{text} [{100 * low:.1f}, {100 * high:.1f}]"


def format_seconds(value: float | None, low: float | None = None, high: float | None = None) -> str:
    """A time in seconds in the unit that suits it, with its interval: ``1.23 ms [1.21, 1.26]``.

    Three digits, or four where the interval is narrower than 1 % of the value.
    """
    if value is None or not math.isfinite(value):
        return ABSENT
    rounded = abs(float(f"{value:.3g}"))
    size, unit = next((pair for pair in _SECOND_UNITS if rounded >= pair[0]), _SECOND_UNITS[-1])
    number, *interval = _numbers(size, value, low, high)
    return " ".join([number, unit, *interval])


def format_scaled(size: float, value: float, low: float | None = None, high: float | None = None) -> str:
    """A value in a unit of some size, which stands elsewhere, with its interval: ``1.23 [1.21, 1.26]``."""
    if not math.isfinite(value):
        return ABSENT
    return " ".join(_numbers(size, value, low, high))


def common_unit(values: Sequence[float]) -> tuple[float, str]:
    """The size and prefix of the unit that suits the middle one of some values."""
    finite = sorted(abs(value) for value in values if math.isfinite(value))
    middle = float(f"{finite[len(finite) // 2]:.3g}") if finite else 0.0
    return next((pair for pair in _PREFIXES if middle >= pair[0]), _PREFIXES[-1] if middle else (1.0, ""))


def _numbers(size: float, value: float, low: float | None, high: float | None) -> list[str]:
    """A value in a unit, and its interval where both ends are known."""
    if low is None or high is None:
        return [_digits(value / size, 3)]
    number = 4 if high - low < 0.01 * value else 3
    return [_digits(value / size, number), f"[{_digits(low / size, number)}, {_digits(high / size, number)}]"]


def _digits(value: float, number: int) -> str:
    """A value with a number of significant digits, never as a power of ten."""
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    rounded = float(f"{value:.{number}g}")
    return f"{rounded:.{max(0, number - 1 - math.floor(math.log10(abs(rounded))))}f}"


def _json_value(value: object) -> object:
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _print_for_people(columns: Sequence[str], rows: Sequence[Mapping[str, object]]) -> None:
    right = [_numeric([row.get(name) for row in rows]) for name in columns]
    lines = [[plain(name) for name in columns], *([_cell(row.get(name)) for name in columns] for row in rows)]
    if sys.stdout.isatty():
        _print_on_terminal(lines, right)
    else:
        print("\n".join(_aligned(lines, right)))


def _aligned(lines: Sequence[Sequence[str]], right: Sequence[bool]) -> list[str]:
    """The lines of a table beside a terminal, where nothing may be cut: the reader has no wider window."""
    from rich.cells import cell_len  # the rest of rich takes as long as all else that `harness list` does

    widths = [max(map(cell_len, column)) for column in zip(*lines, strict=True)]
    padded = [
        GAP.join(
            " " * (width - cell_len(text)) + text if to_right else text + " " * (width - cell_len(text))
            for text, width, to_right in zip(line, widths, right, strict=True)
        )
        for line in lines
    ]
    return [padded[0], RULE * (sum(widths) + len(GAP) * (len(widths) - 1)), *padded[1:]]


def _print_on_terminal(lines: Sequence[Sequence[str]], right: Sequence[bool]) -> None:
    """The same table as wide as the terminal, where long texts are folded."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for name, to_right in zip(lines[0], right, strict=True):
        table.add_column(Text(name), justify="right" if to_right else "left", overflow="fold")
    for line in lines[1:]:
        table.add_row(*map(Text, line))  # never parsed for markup
    Console(file=sys.stdout).print(table)


def _cell(value: object) -> str:
    if value is None:
        return ABSENT
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.6g}" if isinstance(value, float) else plain(str(value))


def _numeric(values: Sequence[object]) -> bool:
    known = [value for value in values if value is not None and value != ABSENT]
    return bool(known) and all(
        (isinstance(value, int | float) and not isinstance(value, bool))
        or (isinstance(value, str) and _NUMBER_FOR_PEOPLE.fullmatch(value) is not None)
        for value in known
    )
