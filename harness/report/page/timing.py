"""Latency with its intervals, twins side by side, and frameworks beside onnxruntime."""

from collections.abc import Mapping, Sequence

from harness.measurements.rows import Row
from harness.report import plots, runtime_ratios
from harness.report.page import row_texts, vega
from harness.report.page.run_files import RunFiles
from harness.report.page.section import Chart, Section, table
from harness.report.runtime_ratios import RuntimeRatio
from harness.report.tables import ABSENT, format_percent, format_scaled, format_seconds, format_threads, plain
from harness.report.twin_ratios import TwinRatio

LATENCY_INTRO = (
    "The median over process launches, with its 95 % interval, of one image: a call's, divided by its batch. Hollow: "
    "one thread. Compare within a chart, where a network's files took turns: times of different runs or "
    "machines do not compare."
)
TWINS_INTRO = (
    "The same network exported from Keras and from PyTorch. Their difference is of the logits of all four forms, "
    "against the largest; the ratio of their times is paired launch by launch, and above 1 PyTorch's file is faster."
)
NO_LATENCY = "No row of status ok has a latency: `harness run NAME` measures it."
NO_TWINS = "No network is here from both frameworks: `harness run NAME` exports a network of the catalogue from both."
NO_RUNTIMES = "Only onnxruntime was timed: `harness run NAME --runtime onnxruntime torch keras` times both."


def latency(rows: Sequence[Row]) -> Section:
    """The latency of every network, one chart a setting."""
    numbers = {id(row): number for number, row in enumerate(rows)}
    shown = plots.with_latency(rows)
    of_setting: dict[str, list[Row]] = {}
    for row in shown:
        of_setting.setdefault(row_texts.setting(row, row.precision, threads=False), []).append(row)
    charts = [_latency_chart(name, found, numbers) for name, found in of_setting.items()]
    return Section(
        key="latency", title="Latency", intro=LATENCY_INTRO if charts else "", charts=charts, absent=NO_LATENCY
    )


def _latency_chart(setting: str, rows: Sequence[Row], numbers: Mapping[int, int]) -> Chart:
    records: list[dict[str, object]] = []
    for row in _slowest_last(rows):
        x, low, high = plots.milliseconds(row)
        told = {"rows": [numbers[id(row)]], "name": plain(row.architecture), "framework": plain(row.framework)}
        line = f"{row.framework}, {row.threads or 0:04}"
        records.append({**told, "line": line, "x": x, "x_low": low, "x_high": high, "hollow": row.threads == 1})
    present = list(dict.fromkeys(str(record["framework"]) for record in records))
    kind = vega.kinds("framework", "Exported from", present, vega.FRAMEWORKS)
    fastest, slowest = (choose(rows, key=lambda row: plots.milliseconds(row)[0]) for choose in (min, max))
    return Chart(
        title=plain(setting),
        summary=plain(
            f"{len({row.architecture for row in rows})} networks. Fastest: {_told(fastest)}; slowest: {_told(slowest)}."
        ),
        spec=vega.dots(vega.axis("Latency of one image [ms]", log=True), kind, offset="line"),
        records=records,
    )


def _slowest_last(rows: Sequence[Row]) -> list[Row]:
    """The rows by the slowest of their network, twins and thread counts beside one another."""
    slowest: dict[str, float] = {}
    for row in rows:
        slowest[row.architecture] = max(slowest.get(row.architecture, 0.0), plots.milliseconds(row)[0])
    return sorted(rows, key=lambda row: (slowest[row.architecture], row.architecture, row.framework, row.threads or 0))


def _told(row: Row) -> str:
    times = (time and time / row.batch for time in (row.latency_median_s, row.latency_low_s, row.latency_high_s))
    threads = f", {format_threads(row.threads)}" if row.threads else ""
    return f"{row.architecture} from {row.framework}{threads}, {format_seconds(*times)}"


def twins(runs: Sequence[RunFiles]) -> Section:
    """Each network's two files beside one another: graph, outputs, times."""
    lines = [line for run in runs for line in _twin_lines(run, several=len(runs) > 1)]
    charts = [_ratio_chart(title, found) for title, found in _by_run_or_setting(runs).items()]
    tables = [table("Twins side by side", lines)] if lines else []
    intro = TWINS_INTRO if lines else ""
    return Section(key="twins", title="Twins", intro=intro, charts=charts, tables=tables, absent=NO_TWINS)


def _twin_lines(run: RunFiles, *, several: bool) -> list[dict[str, object]]:
    """A line a network and precision that both frameworks exported."""
    files: dict[tuple[str, str], dict[str, Row]] = {}
    for row in run.rows:
        of = files.setdefault((row.architecture, row.precision), {})
        if row.framework not in of or (of[row.framework].status != "ok" and row.status == "ok"):
            of[row.framework] = row
    lines = []
    for (name, precision), of in files.items():
        if not {"keras", "torch"} <= of.keys():
            continue
        keras, torch = of["keras"], of["torch"]
        relative = _relative(keras.equivalence_max_abs, keras.equivalence_scale)
        line: dict[str, object] = {"run": plain(run.label)} if several else {}
        own = [one for one in run.twins if (one.network, one.precision) == (name, precision)]
        line |= {
            "network": plain(name),
            "precision": plain(precision),
            "equivalent": keras.proof or "",
            "max |Δ| / scale": relative,
            "tolerance / scale": _relative(keras.equivalence_tolerance, keras.equivalence_scale),
            "time, Keras' over PyTorch's": plain("; ".join(f"{_times(one)} ({one.setting})" for one in own)),
            "accuracy, Keras": format_percent(keras.accuracy).replace(ABSENT, ""),
            "accuracy, PyTorch": format_percent(torch.accuracy).replace(ABSENT, ""),
            "why not": plain(keras.reason or "") if keras.proof in ("NO", "cannot tell") else "",
            "graph: Keras' more or fewer nodes": plain(keras.graph_difference or ""),
        }
        lines.append(line)
    return lines


def _relative(value: float | None, scale: float | None) -> str:
    return f"{value / scale:.1e}" if value is not None and scale else ""


def _times(ratio: TwinRatio | RuntimeRatio) -> str:
    return format_scaled(1.0, ratio.value, ratio.low, ratio.high)


def _by_run_or_setting(runs: Sequence[RunFiles]) -> dict[str, list[tuple[RunFiles, TwinRatio]]]:
    """The ratios of a chart: those of a run, unless it has more settings than colours can tell apart."""
    found: dict[str, list[tuple[RunFiles, TwinRatio]]] = {}
    for run in runs:
        few = len({ratio.setting for ratio in run.twins}) <= vega.COLOURS
        for ratio in run.twins:
            found.setdefault(run.label if few else f"{run.label}, {ratio.setting}", []).append((run, ratio))
    return found


def _ratio_chart(title: str, ratios: Sequence[tuple[RunFiles, TwinRatio]]) -> Chart:
    records = [_ratio_record(run, ratio.setting, ratio) for run, ratio in ratios]
    kind = vega.kinds("of", "Timed with", list(dict.fromkeys(ratio.setting for _, ratio in ratios)))
    return _chart_of_ratios(title, "Time of Keras' file, in times of PyTorch's", records, kind)


def runtimes(runs: Sequence[RunFiles]) -> Section:
    """What exporting pays: the time a framework takes for a network, in times of onnxruntime's."""
    found: dict[str, list[tuple[RunFiles, RuntimeRatio]]] = {}
    for run in runs:
        for ratio in run.runtimes:
            found.setdefault(f"{run.label}, {ratio.setting}", []).append((run, ratio))
    charts = []
    for setting, ratios in found.items():
        records = [_ratio_record(run, ratio.runtime, ratio) for run, ratio in ratios]
        kind = vega.kinds("of", "Run by", list(dict.fromkeys(ratio.runtime for _, ratio in ratios)))
        charts.append(_chart_of_ratios(setting, "Time of the framework, in times of onnxruntime's", records, kind))
    lines = [{"run": plain(run.label), **line} for run in runs for line in runtime_ratios.for_people(run.runtimes)]
    return Section(
        key="runtimes",
        title="Frameworks beside onnxruntime",
        intro="Right of 1 the exported file in onnxruntime is faster than the framework itself." if charts else "",
        charts=charts,
        tables=[table("Times of onnxruntime's", lines, folded=True)] if lines else [],
        absent=NO_RUNTIMES,
    )


def _ratio_record(run: RunFiles, of: str, ratio: TwinRatio | RuntimeRatio) -> dict[str, object]:
    low, high = (ratio.value if end is None else end for end in (ratio.low, ratio.high))
    hover = {"Network": plain(ratio.network), "Ratio": _times(ratio), "Launches": str(ratio.launches)}
    hover |= {"Of": plain(of), "Timed with": plain(ratio.setting)}
    place = {"rows": run.numbers(ratio.network), "name": plain(ratio.network), "of": of}
    return {**place, "x": ratio.value, "x_low": low, "x_high": high, "hover": hover}


def _chart_of_ratios(
    setting: str, title: str, records: Sequence[dict[str, object]], kind: tuple[vega.Spec, vega.Spec]
) -> Chart:
    records = sorted(records, key=lambda record: float(str(record["x"])))
    values = [float(str(record["x"])) for record in records]
    summary = f"{title}: from {min(values):.3g} to {max(values):.3g} over {len(records)} ratios."
    x = vega.axis(f"{title} (95 % interval over launches)", log=True)
    spec = vega.dots(x, kind, offset="of", guide=1.0)
    return Chart(title=plain(setting), summary=summary, spec=spec, records=records)
