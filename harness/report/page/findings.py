"""The sections of words: claims, every row, what was not measured and why, and the environment."""

from collections.abc import Mapping, Sequence
from typing import Any

from harness.measurements.rows import COLUMNS, Row
from harness.report.page import row_texts
from harness.report.page.run_files import RunFiles
from harness.report.page.section import Section, Table, table
from harness.report.tables import plain

Finding = Mapping[str, Any]

NO_CLAIMS = "The lectures' claims were not checked for this page: `harness report RUN` checks them (it needs PyTorch)."
# By column: what fills it, for a run in which no row has it.
FILLED_BY: Mapping[str, str] = {
    "accuracy": "training (--profile quick or lecture), or --data for files of your own",
    "top5": "--data imagenet:DIR, of networks for ImageNet",
    "published_accuracy": "the data set and split that it was published on (--profile lecture)",
    "latency_median_s": "a run whose worker processes do not fail",
    "latency_p99_s": "more samples: --seconds, --launches or --precision-target",
    "mcnemar_p": "--precision with more than float32",
    "peak_rss_bytes": "a run on a system that tells of a process' memory",
    "device_memory_bytes": "--provider cuda",
    "energy_j": "--energy, where a counter can be read",
    "equivalence_max_abs": "networks of the catalogue, which two frameworks export",
}


def claims(checked: Sequence[Finding] | None) -> Section:
    """The numbered claims with their verdicts; None where they were not checked."""
    lines = [
        {name: plain(str(claim[name])) for name in ("claim", "verdict", "says", "lecture", "measured")}
        for claim in checked or ()
    ]
    counts: dict[str, int] = {}
    for line in lines:
        counts[line["verdict"]] = counts.get(line["verdict"], 0) + 1
    intro = ", ".join(f"{verdict}: {count}" for verdict, count in sorted(counts.items(), key=lambda pair: -pair[1]))
    tables = [table("Claims of the lectures", lines)] if lines else []
    return Section(key="claims", title="Claims", intro=intro and f"{intro}.", tables=tables, absent=NO_CLAIMS)


def every_row(rows: Sequence[Row]) -> Table:
    """Every row, by the columns that differ between them."""
    shown, _ = row_texts.differing(rows)
    cells = [[row_texts.cell(name, getattr(row, name)) for name in shown] for row in rows]
    numeric = frozenset(
        row_texts.heading(name)
        for name in shown
        if all(
            isinstance(value, int | float) and not isinstance(value, bool)
            for row in rows
            if (value := getattr(row, name)) is not None
        )
    )
    columns = [row_texts.heading(name) for name in shown]
    return Table(title="Every row", columns=columns, lines=cells, numeric=numeric)


def not_measured(rows: Sequence[Row], runs: Sequence[RunFiles]) -> Section:
    """Rows that are not ok, what must be known of those that are, and what no row holds."""
    failed = _grouped([row for row in rows if row.status != "ok"])
    remarked = _grouped([row for row in rows if row.status == "ok" and row.reason])
    missing: list[dict[str, object]] = [
        {"column": row_texts.heading(name), "what fills it": FILLED_BY[name]}
        for name in COLUMNS
        if name in FILLED_BY and all(getattr(row, name) is None for row in rows)
    ]
    left_out: list[dict[str, object]] = [{"file": plain(text)} for run in runs for text in run.remarks]
    parts = [("Rows that are not ok", failed), ("Measured, but to know", remarked)]
    parts += [("In no row", missing), ("Left out of this page", left_out)]
    tables = [table(title, lines, folded=title == "Measured, but to know") for title, lines in parts if lines]
    bad = sum(row.status != "ok" for row in rows)
    intro = f"{bad} row{'s are' if bad > 1 else ' is'} not ok." if bad else "Every row was measured."
    return Section(key="missing", title="What was not measured, and why", intro=intro, tables=tables, absent=intro)


def _grouped(rows: Sequence[Row]) -> list[dict[str, object]]:
    """The rows by what is said of them: one line for all settings of a file of which the same is said."""
    groups: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        key = (row.run, row.architecture, row.framework, row.precision, row.status, row.reason or "")
        groups.setdefault(key, []).append(row)
    several = len({row.run for row in rows}) > 1
    return [
        {
            **({"run": plain(key[0])} if several else {}),
            "network": plain(key[1]),
            "file": plain(key[2]),
            "precision": plain(key[3]),
            "rows": len(found),
            "status": plain(key[4]),
            "why": plain(key[5]),
        }
        for key, found in groups.items()
    ]


def environment(runs: Sequence[RunFiles]) -> Section:
    """The machine and software of each run."""
    tables = [
        table(f"Environment of {plain(run.label)}", [{"fact": name, "value": value} for name, value in facts])
        for run in runs
        if (facts := _facts(run.environment))
    ]
    absent = "The run has no environment.json that could be read: `harness run` writes one."
    return Section(key="environment", title="Environment", tables=tables, absent=absent)


def _facts(environment: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What is known, flat; of the moments the busiest alone."""
    found = []
    for name, value in environment.items():
        if name == "moments":
            found += _busiest(value)
        elif isinstance(value, Mapping):
            known = [f"{part} {of}" for part, of in value.items() if of is not None]
            found.append((name, ", ".join(known)))
        else:
            found.append((name, "" if value is None else str(value)))
    return [(plain(name).replace("_", " "), plain(value)) for name, value in found if value]


def _busiest(moments: object) -> list[tuple[str, str]]:
    if not isinstance(moments, list):
        return []
    loads = [
        float(moment["load_average"][0])
        for moment in moments
        if isinstance(moment, Mapping) and isinstance(moment.get("load_average"), list) and moment["load_average"]
    ]
    return [("load average, at most", f"{max(loads):.2f}")] if loads else []
