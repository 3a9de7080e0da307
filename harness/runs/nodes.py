"""Where the time of a run's networks and files goes: its pass, after the one that is timed.

It writes ``peaks.csv`` and, in ``nodes/``, tables and the raw samples a file and thread count, a roofline
a network and thread count, and for twins the difference of their graphs. The tables of a network come last
and each whole, so that a network that has them all is done.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from harness.errors import CannotWriteError, HarnessError, first_line
from harness.machine import files, temporary
from harness.measurements import run_folder
from harness.measurements.configurations import Configuration, Way
from harness.measurements.providers import Target
from harness.measurements.run_folder import PEAKS, RunFolder
from harness.report import roofline
from harness.report.tables import format_percent, format_seconds, format_threads
from harness.runs.folder import Settings
from harness.runs.measurable import Measurable
from harness.timing import node_groups, node_samples, node_times, twin_times
from harness.timing import peaks as machine_peaks
from harness.timing.node_times import NodeTimes

SAMPLES, GROUPS = ".samples.parquet", ".groups.csv"
FAILED = "failed"
SHOWN = 10

PROCESS_S = 0.7  # of a launch of a subject beside its turns, for estimates: a process, two sessions, the profile read

Key = tuple[str, int]  # framework, threads
Line = Mapping[str, Any]


def expected_s(measured: Iterable[Measurable], settings: Settings, mac_per_s: float) -> float:
    """About how long the pass takes."""
    calls = [
        one.macs(way) / mac_per_s / way.configuration.threads
        for one in measured
        for way in _ways(one, settings).values()
    ]
    effort = settings.effort
    launch_s = sum(PROCESS_S + 2 * effort.rounds * max(effort.turn_s, 2 * call) for call in calls)
    return machine_peaks.expected_s(settings.threads, effort) + effort.launches * launch_s


def measure(
    folder: Path,
    measured: Mapping[str, Measurable],
    settings: Settings,
    errors: Mapping[str, BaseException],
    progress: Callable[[str, float], None],
    say: Callable[[str], None],
) -> None:
    """Measure the peaks and the nodes of everything that has no tables yet. Needs the machine to itself.

    What fails has a table with the reason. ``progress`` is told a name and the share of it that is done.
    """
    peaks = _peaks(folder, settings, partial(progress, PEAKS))
    for number, (name, one) in enumerate(measured.items()):
        keys = [(framework, threads) for framework in one.frameworks for threads in settings.threads]
        paths = {key: RunFolder(folder).node_table_file(name, *key) for key in keys}
        if all(map(_whole, paths.values())):
            continue
        try:
            found: Mapping[Key, NodeTimes | str] = _measure(
                one, settings, errors, settings.seed * 1000 + number, partial(progress, name)
            )
        except CannotWriteError:
            raise
        except Exception as error:  # the run stands without it: the table holds the reason
            found = dict.fromkeys(keys, first_line(error))
        lines = {key: _lines(times) for key, times in found.items()}
        _write_twins(folder, name, found)
        _draw(folder, name, lines, peaks, say)
        for key, path in paths.items():
            times = found[key]
            if isinstance(times, NodeTimes):
                node_samples.save(path.with_suffix(SAMPLES), times.launches)
                files.write_table(groups_file(path), node_groups.COLUMNS, node_groups.lines(times))
            files.write_table(path, node_times.COLUMNS, lines[key])
        reasons = {reason: None for reason in found.values() if isinstance(reason, str)}
        say(f"  profiled {name}" + (f"; no nodes: {'; '.join(reasons)}" if reasons else ""))


def groups_file(table: Path) -> Path:
    """The table of operators and layers beside that of the nodes."""
    return table.with_suffix(GROUPS)


def grouped(folder: Path, measured: Mapping[str, Measurable], threads: int) -> list[dict[str, object]]:
    """The operators and layers of every file with one thread count, as people read them."""
    found: list[dict[str, object]] = []
    for name, one in measured.items():
        for framework in one.frameworks:
            path = groups_file(RunFolder(folder).node_table_file(name, framework, threads))
            lines = run_folder.read_table(path) if path.is_file() else []
            for group in (node_groups.OPERATOR, node_groups.LAYER):
                of_group = [line for line in lines if line["group"] == group][:SHOWN]
                found += [{"network": name, "file": framework, **_group_for_people(line)} for line in of_group]
    return found


def most_expensive(folder: Path, measured: Mapping[str, Measurable], threads: int) -> list[dict[str, object]]:
    """The most expensive nodes of every file with one thread count, as people read them."""
    found: list[dict[str, object]] = []
    for name, one in measured.items():
        for framework in one.frameworks:
            path = RunFolder(folder).node_table_file(name, framework, threads)
            nodes = [line for line in run_folder.read_table(path) if line["part"] == "node"] if path.is_file() else []
            found += [{"network": name, "file": framework, **_for_people(line)} for line in nodes[:SHOWN]]
    return found


def _measure(
    one: Measurable,
    settings: Settings,
    errors: Mapping[str, BaseException],
    seed: int,
    progress: Callable[[float], None],
) -> dict[Key, NodeTimes | str]:
    """What was found of each file at each thread count."""
    one.check_made(errors)
    asked = {key: one.subject(way) for key, way in _ways(one, settings).items()}
    found = node_times.measure(list(asked.values()), settings.effort, seed=seed, progress=progress)
    return {key: found[subject.key] for key, subject in asked.items()}


def _ways(one: Measurable, settings: Settings) -> dict[Key, Way]:
    """How each file is profiled at each thread count: on the CPU, as exported, in the first batch of the run."""
    return {
        (framework, threads): Way(
            framework=framework,
            configuration=Configuration(target=Target(), threads=threads, batch=settings.batches[0]),
        )
        for framework in one.frameworks
        for threads in settings.threads
    }


def _peaks(folder: Path, settings: Settings, progress: Callable[[float], None]) -> dict[int, dict[str, Line]]:
    """The lines of peaks.csv by threads and name; measured where they are not known yet."""
    path = RunFolder(folder).peaks_file
    if not path.is_file():
        with temporary.folder() as models:
            found = machine_peaks.measure(
                models, settings.threads, settings.effort, seed=settings.seed, progress=progress
            )
        files.write_table(path, machine_peaks.COLUMNS, [peak.line for peak in found])
    by_threads: dict[int, dict[str, Line]] = {}
    for line in run_folder.read_table(path):
        by_threads.setdefault(int(line["threads"]), {})[line["peak"]] = line
    return by_threads


def _lines(times: NodeTimes | str) -> Sequence[Line]:
    if isinstance(times, NodeTimes):
        return node_times.lines(times)
    return [dict.fromkeys(node_times.COLUMNS) | {"part": FAILED, "reason": times}]


def _write_twins(folder: Path, name: str, found: Mapping[Key, NodeTimes | str]) -> None:
    for threads in sorted({threads for _, threads in found}):
        keras, torch = found.get(("keras", threads)), found.get(("torch", threads))
        if isinstance(keras, NodeTimes) and isinstance(torch, NodeTimes):
            path = RunFolder(folder).nodes_folder / f"{name}.{threads}.twins.csv"
            files.write_table(path, twin_times.COLUMNS, twin_times.lines(keras, torch))


def _draw(
    folder: Path,
    name: str,
    lines: Mapping[Key, Sequence[Line]],
    peaks: Mapping[int, Mapping[str, Line]],
    say: Callable[[str], None],
) -> None:
    """A roofline for each thread count; what was measured stands without it."""
    nodes = RunFolder(folder).nodes_folder
    for threads in sorted({threads for _, threads in lines}):
        of_files = {
            framework: of_file
            for (framework, count), of_file in lines.items()
            if count == threads and of_file[0]["part"] != FAILED
        }
        title = f"{name}, {format_threads(threads)}"
        try:
            roofline.draw(title, of_files, peaks.get(threads, {}), nodes / f"{name}.{threads}.roofline")
        except (HarnessError, OSError) as error:
            say(f"  no roofline of {title}: {first_line(error)}")


def _for_people(line: Line) -> dict[str, object]:
    def rate(name: str) -> str | None:
        return f"{line[name]:.3g}" if line[name] else None

    return {
        "rank": line["rank"],
        "node": line["node"],
        "operator": str(line["operator"]).rpartition(".")[2],
        "does the work of": line["originals"] or line["reason"],
        "time": format_seconds(line["median_s"], line["low_s"], line["high_s"]),
        "share": format_percent(line["share"]),
        "GMAC/s": rate("gmac_per_s"),
        "GB/s": rate("gb_per_s"),
    }


def _group_for_people(line: Line) -> dict[str, object]:
    return {
        "by": line["group"],
        "name": line["name"],
        "nodes": line["nodes"],
        "time": format_seconds(line["median_s"], line["low_s"], line["high_s"]),
        "share": format_percent(line["share"]),
        "GMAC/s": f"{line['gmac_per_s']:.3g}" if line["gmac_per_s"] else None,
    }


def _whole(path: Path) -> bool:
    """Whether a table is there, and of a profile that did not fail."""
    return path.is_file() and run_folder.read_table(path)[0]["part"] != FAILED
