"""Where the time of a call goes: the roofline of each file's nodes, and the most expensive of them."""

from collections.abc import Mapping, Sequence
from typing import Any

from harness.report.page import vega
from harness.report.page.run_files import Line, NodeTable, RunFiles
from harness.report.page.section import Chart, Section, table
from harness.report.tables import format_count, format_percent, format_seconds, format_threads, plain

SHOWN = 10  # of the most expensive nodes of a file
INTRO = (
    "Each node of a file by what it computes for each byte that it reads or writes, and how fast; its area is its "
    "share of the nodes' time, its number its rank. The lines are the machine's own peaks, measured in the same run. "
    "A node above the memory's finds its data in a cache."
)
ABSENT = "The nodes were not timed: `harness run NAME --nodes` profiles each file in a pass of its own."


def section(runs: Sequence[RunFiles]) -> Section:
    """The rooflines and the most expensive nodes of every run that has them."""
    several = len(runs) > 1
    charts = [_chart(run, one, several=several) for run in runs for one in run.nodes if any(map(_placed, one.lines))]
    tables = [
        table(f"{kind} of {_title(run, one, several=several)}", lines, folded=True)
        for run in runs
        for one in run.nodes
        for kind, lines in (("Most expensive nodes", _expensive(one)), ("Operators and layers", _grouped(one)))
        if lines
    ]
    intro = INTRO if charts else ""
    return Section(key="nodes", title="Where the time goes", intro=intro, charts=charts, tables=tables, absent=ABSENT)


def _title(run: RunFiles, one: NodeTable, *, several: bool) -> str:
    of_run = f"{run.label}: " if several else ""
    return plain(f"{of_run}{one.network}, {one.framework}, {format_threads(one.threads)}")


def _placed(line: Line) -> bool:
    """Whether a line has a place on logarithmic axes."""
    return line["part"] == "node" and all((line[name] or 0) > 0 for name in ("macs", "gmac_per_s", "macs_per_byte"))


def _chart(run: RunFiles, one: NodeTable, *, several: bool) -> Chart:
    nodes = [line for line in one.lines if _placed(line)]
    peaks = {
        str(peak["peak"]): peak["peak_per_s"]
        for peak in run.peaks
        if peak["threads"] == one.threads and (peak["peak_per_s"] or 0) > 0
    }
    numbers = run.numbers(one.network, one.framework)
    records = [{"rows": numbers, **_record(one.framework, line)} for line in nodes]
    kind = vega.kinds("framework", "Exported from", [one.framework], vega.FRAMEWORKS)
    spec = vega.roofline(
        vega.axis("Multiply-accumulates per byte read or written", log=True),
        vega.axis("Speed [GMAC/s]", "y", log=True),
        kind,
        _roofs(records, peaks),
    )
    first = min(nodes, key=lambda line: line["rank"])
    summary = plain(
        f"{len(nodes)} nodes with multiply-accumulates. The most expensive of them, {first['node']} "
        f"({first['operator']}), takes {format_percent(first['share'])} of the nodes' time "
        f"at {first['gmac_per_s']:.3g} GMAC/s."
    )
    return Chart(title=_title(run, one, several=several), summary=summary, spec=spec, records=records, wide=False)


def _record(framework: str, line: Line) -> dict[str, object]:
    hover = {"Node": line["node"], "Operator": line["operator"], "Of the file's": line["originals"]}
    hover |= _told(line)
    return {
        "framework": framework,
        "x": line["macs_per_byte"],
        "y": line["gmac_per_s"],
        "share": line["share"],
        "rank": line["rank"],
        "hover": {name: plain(str(value)) for name, value in hover.items() if value},
    }


def _told(line: Line) -> dict[str, Any]:
    """What a node costs, in words."""
    return {
        "time": format_seconds(line["median_s"], line["low_s"], line["high_s"]),
        "share": format_percent(line["share"]),
        "MACs": format_count(line["macs"]),
        "GMAC/s": f"{line['gmac_per_s']:.3g}" if line["gmac_per_s"] else "",
        "GB/s": f"{line['gb_per_s']:.3g}" if line["gb_per_s"] else "",
    }


def _roofs(records: Sequence[Mapping[str, Any]], peaks: Mapping[str, float | None]) -> list[dict[str, object]]:
    """The ends of each line, within what the nodes span and the ridges; nothing where a peak is not known."""
    top = (peaks.get("gemm") or 0.0) / 1e9
    rates = {name: rate / 1e9 for name in ("memory", "cache") if (rate := peaks.get(name))}
    if not top:
        return []
    ends = [float(record["x"]) for record in records] + [top / rate for rate in rates.values()]
    left, right = min(ends) / 1.5, max(ends) * 1.5
    name = f"{top:.3g} GMAC/s"
    found: list[dict[str, object]] = [{"x": x, "y": top, "roof": name} for x in (left, right)]
    for part, rate in rates.items():
        name = f"{part} {rate:.3g} GB/s"
        found += [{"x": x, "y": x * rate, "roof": name} for x in (left, top / rate)]
    return found


def _grouped(one: NodeTable) -> list[dict[str, object]]:
    """The most expensive operators, then the most expensive layers."""
    kinds = dict.fromkeys(str(line["group"]) for line in one.groups)
    shown = [line for kind in kinds for line in [each for each in one.groups if each["group"] == kind][:SHOWN]]
    return [
        {
            "by": line["group"],
            "name": plain(str(line["name"])),
            "nodes": line["nodes"],
            **_told({"gb_per_s": None, **line}),
        }
        for line in shown
    ]


def _expensive(one: NodeTable) -> list[dict[str, object]]:
    nodes = [line for line in one.lines if line["part"] == "node"][:SHOWN]
    return [
        {
            "rank": line["rank"],
            "node": plain(str(line["node"])),
            "operator": plain(str(line["operator"])),
            **_told(line),
        }
        for line in nodes
    ]
