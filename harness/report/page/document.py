"""The page as one text: the template filled, its data, style and scripts inside, and nothing that it could fetch."""

import base64
import gzip
import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import Any

from harness.errors import HarnessError
from harness.measurements.rows import COLUMNS, Row
from harness.report.page import library, row_texts
from harness.report.page.section import Chart, Section, Table

HERE = Path(__file__).parent
FACET_TITLES: Mapping[str, str] = {
    "run": "Machine or run",
    "dataset": "Data set",
    "framework": "Exported from",
    "device": "Device",
    "precision": "Precision",
    "set": "Set",
}
DRAWN_DIGITS = 7


def render(
    title: str,
    notes: Sequence[str],
    rows: Sequence[Row],
    sections: Sequence[Section],
    table: Table,
    same: Mapping[str, str],
) -> str:
    """The whole page. Raises :class:`HarnessError` where a library that it needs is not installed."""
    charts = [chart for section in sections for chart in section.charts]
    facets = [row_texts.facets(row) for row in rows]
    data = embedded(
        {
            "rows": {"columns": COLUMNS, "values": [[getattr(row, name) for name in COLUMNS] for row in rows]},
            "shown": row_texts.differing(rows)[0],
            "hover": _columns([row_texts.hover(row) for row in rows]),
            "facets": _columns(facets),
            "charts": [_chart(chart) for chart in charts],
        }
    )
    scripts = {"library": library.javascript(), "code": (HERE / "page.js").read_text("utf-8")}
    text = _template().render(
        title=title,
        notes=notes,
        sections=sections,
        place=lambda chart: next(number for number, one in enumerate(charts) if one is chart),
        overview=next((chart for chart in charts if chart.axes), None),
        table=table,
        table_names=row_texts.differing(rows)[0],
        same=same,
        row_count=len(rows),
        facets={
            FACET_TITLES[name]: (name, values)
            for name in row_texts.FACETS
            if len(values := sorted({value for one in facets for value in one[name]})) > 1
        },
        style=(HERE / "page.css").read_text("utf-8"),
        data=data,
        licences=(HERE / "licences.txt").read_text("utf-8"),
        policy=_policy(scripts.values()),
        **scripts,
    )
    return str(text).encode("utf-8", "replace").decode("utf-8")  # half a character of a stranger's JSON


def embedded(value: object) -> str:
    """JSON, compressed and in letters and digits: a large page is half as large, and no text in it is markup."""
    text = json.dumps(_finite(value), allow_nan=False, separators=(",", ":"), ensure_ascii=False, default=str)
    return base64.b64encode(gzip.compress(text.encode("utf-8", "replace"), mtime=0)).decode()


def _finite(value: Any) -> Any:
    """The same with the names of numbers that JSON cannot write."""
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, Mapping):
        return {str(name): _finite(part) for name, part in value.items()}
    return [_finite(part) for part in value] if isinstance(value, list | tuple) else value


def _chart(chart: Chart) -> dict[str, object]:
    fields = asdict(chart)
    kept = {name: fields[name] for name in ("spec", "axes", "settings", "summary")}
    records = [{name: _short(value) for name, value in record.items()} for record in chart.records]
    return kept | {"records": _columns(records)}


def _columns(records: Sequence[Mapping[str, object]]) -> dict[str, object]:
    """Records as a table, without each one's names: a large page is a third smaller so."""
    names = list(dict.fromkeys(name for record in records for name in record))
    return {"columns": names, "values": [[record.get(name) for name in names] for record in records]}


def _short(value: object) -> object:
    """What is only drawn, as exact as a screen can show."""
    return float(f"{value:.{DRAWN_DIGITS}g}") if isinstance(value, float) else value


def _policy(scripts: "Any") -> str:
    """What a browser may do with the page: run these scripts, draw, and fetch nothing."""
    digests = (base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in scripts)
    allowed = " ".join(f"'sha256-{digest}'" for digest in digests)
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _template() -> Any:
    try:
        jinja2 = import_module("jinja2")
    except ModuleNotFoundError as error:
        wanted = "pip install 'onnx-harness[plots]'"
        raise HarnessError(f"A page needs {error.name}, which is not installed: {wanted}.") from error
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    environment.filters["code"] = _code
    return environment.get_template("page.html.jinja")


def _code(text: str) -> Any:
    """A text whose parts between backticks are code."""
    markup = import_module("markupsafe")
    parts = (
        markup.Markup("<code>{}</code>" if place % 2 else "{}").format(part)
        for place, part in enumerate(text.split("`"))
    )
    return markup.Markup("").join(parts)
