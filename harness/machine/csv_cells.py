"""Texts in CSV that no spreadsheet takes for a formula: one line each, and they come back as they were.

A spreadsheet carries out a cell that begins with ``=``, ``+``, ``-`` or ``@``; an apostrophe before it makes it a
text (https://owasp.org/www-community/attacks/CSV_Injection).
"""

import csv
import io
import re
from typing import Any

_FORMULA = re.compile(r"'*[=+\-@\t]")  # of apostrophes before one, so that every text comes back
_GUARDED = re.compile(f"'{_FORMULA.pattern}")


def guard(value: Any) -> Any:
    """The value; a text as one line, with an apostrophe before it if it begins like a formula."""
    if not isinstance(value, str):
        return value
    text = " ".join(value.splitlines())
    return f"'{text}" if _FORMULA.match(text) else text


def unguard(text: str) -> str:
    """The line that :func:`guard` was given."""
    return text[1:] if _GUARDED.match(text) else text


def to_text(value: object) -> str:
    """A value as a cell: empty for None."""
    if value is None:
        return ""
    if isinstance(value, str):  # one row is one line: a line end inside a text would hide where a torn row begins
        return str(guard(value))
    return repr(value) if isinstance(value, float) else str(value)


def from_text(text: str, kind: type) -> Any:
    """The value of a cell: None for an empty one. Raises :class:`ValueError` for what is none of that kind."""
    if text == "":
        return None
    if kind is bool:
        if text not in ("True", "False"):
            raise ValueError(f"expected True or False, found {text!r}")
        return text == "True"
    return unguard(text) if kind is str else kind(text)


def read_lines(content: bytes) -> list[list[str]]:
    """The cells of each line; of a spreadsheet's copy too, with a byte-order mark and semicolons or tabs.

    Raises :class:`UnicodeDecodeError` or :class:`csv.Error`.
    """
    text = content.decode("utf-8-sig")
    delimiter = max(",;\t", key=text.partition("\n")[0].count)
    return list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
