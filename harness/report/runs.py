"""Several runs put together: of several machines, or of one before and after a change.

Each run has a label that tells its machine from those of the others; it stands as ``run`` in the
rows, so that tables and pictures keep the runs apart. What must not be mixed is refused; what a
reader must know of what is shown together is in ``notes``.
"""

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harness.errors import HarnessError, RunFileError
from harness.measurements import recorded_run, run_folder
from harness.measurements.rows import Row
from harness.measurements.run_folder import RunFolder
from harness.report import machine_names
from harness.report.tables import plain

NAMED = 5  # networks that a note names
SOFTWARE = ("onnxruntime", "onnxruntime-gpu", "keras", "torch", "onnx-harness")  # that a note tells the version of


@dataclass(frozen=True, kw_only=True)
class MeasuredRun:
    """One run; ``environment`` is empty where none can be read."""

    folder: Path
    name: str
    label: str  # its machine, and what else tells it from the other runs
    rows: tuple[Row, ...]
    environment: Mapping[str, Any]
    cut: str = ""  # why rows are missing; empty if all are there
    unsealed: str = ""  # what it means that it has no manifest; empty if it has one

    @property
    def begun(self) -> str:
        """When it was begun, as ISO 8601; empty where that is not known."""
        return plain(run_folder.begun(self.environment))

    @property
    def subjects(self) -> set[tuple[object, ...]]:
        """What tells its rows from one another, with what they were trained and tested on."""
        return {(*row.key, row.dataset, row.profile) for row in self.rows}


@dataclass(frozen=True, kw_only=True)
class CombinedRuns:
    """The runs in the order they were named, and sentences that must stand beside whatever shows them."""

    runs: tuple[MeasuredRun, ...]
    notes: tuple[str, ...]

    @property
    def rows(self) -> list[Row]:
        """The rows of all of them."""
        return [row for run in self.runs for row in run.rows]


def load(paths: Sequence[Path]) -> CombinedRuns:
    """The runs of some folders, or ``rows.csv`` files. The rows of a single run stay as they are.

    Raises :class:`HarnessError` where one cannot be read or holds no row, or where they must not be mixed: the
    same run twice, other test images under one name, or the same subjects on one machine with nothing that
    tells which run is which.
    """
    measured = [_read(path) for path in paths]
    for earlier, later in itertools.combinations(measured, 2):
        _check_distinct(earlier, later)
    _check_images(measured)
    if len(measured) == 1:
        return CombinedRuns(runs=tuple(measured), notes=tuple(f"{run.cut}." for run in measured if run.cut))
    labelled = [_labelled(run, label) for run, label in zip(measured, _labels(measured), strict=True)]
    return CombinedRuns(runs=tuple(labelled), notes=tuple(_notes(labelled)))


def described(run: MeasuredRun) -> str:
    """The machine and the software of a run in words, for the note under a table or a picture."""
    of = run.environment
    versions = machine_names.versions(of)
    parts = [machine_names.whole(of), str(of.get("system") or "")]
    parts += [f"{name} {versions[name]}" for name in SOFTWARE if name in versions]
    parts += [f"commit {of['commit']}" if of.get("commit") else "", run.begun[:10]]
    return plain("; ".join(filter(None, parts)))


def _read(path: Path) -> MeasuredRun:
    recorded = recorded_run.read_rows(path)
    found = recorded.rows
    if not found:
        raise HarnessError(f"{path} holds no row yet: expected a run that has measured something.")
    folder = path if path.is_dir() else path.parent
    names = dict.fromkeys(row.run for row in found)
    environment = _environment(folder)
    label = machine_names.short(environment, {row.device for row in found if row.latency_median_s is not None})
    return MeasuredRun(
        folder=folder,
        name=plain(", ".join(names)),
        label=label,
        rows=recorded.rows,
        environment=environment,
        cut=recorded.cut,
        unsealed=recorded.unsealed,
    )


def _environment(folder: Path) -> Mapping[str, Any]:
    """What is known of the machine: nothing where the file is not there or damaged, which a note says."""
    try:
        return RunFolder(folder).environment
    except RunFileError:
        return {}


def _check_distinct(one: MeasuredRun, other: MeasuredRun) -> None:
    """Raise :class:`HarnessError` where two runs are one, or where a reader could not tell which is which."""
    if one.folder.resolve() == other.folder.resolve():
        raise HarnessError(f"{one.folder} is named twice: expected each run once.")
    same = set(_timed(one)) & set(_timed(other))
    if same:
        network = plain(min(row.architecture for row in same))
        raise HarnessError(
            f"{one.folder} and {other.folder} hold the same measurement of {network}, to the last digit: one is a copy "
            "of the other. Name one of them."
        )
    for run in (one, other):
        if len({row.run for row in run.rows}) > 1:
            raise HarnessError(f"{run.folder} holds rows of several runs ({run.name}): report it without others.")
    if one.subjects & other.subjects and _same_machine(one, other) and not _told_apart(one, other):
        raise HarnessError(
            f"{one.folder} and {other.folder} measured the same subjects on one machine, and nothing tells which is "
            "which: expected another commit, version or time in environment.json, or another name. Report them one by "
            "one."
        )


def _timed(run: MeasuredRun) -> Iterator[Row]:
    return (replace(row, run="") for row in run.rows if row.latency_median_s is not None)


def _same_machine(one: MeasuredRun, other: MeasuredRun) -> bool:
    """Whether nothing says that they are two; a machine that is not known may be that of another such run."""
    return machine_names.facts(one.environment) == machine_names.facts(other.environment)


def _told_apart(one: MeasuredRun, other: MeasuredRun) -> bool:
    if not one.environment and not other.environment:
        return one.name != other.name
    known = ("commit", "versions", "measurement", "side")
    return one.begun != other.begun or any(one.environment.get(name) != other.environment.get(name) for name in known)


def _check_images(runs: Sequence[MeasuredRun]) -> None:
    digests: dict[str, str | None] = {}
    for row in (row for run in runs for row in run.rows):
        if row.dataset is not None and digests.setdefault(row.dataset, row.dataset_digest) != row.dataset_digest:
            raise HarnessError(
                f"The runs hold different test images under the name {row.dataset!r}, so that their accuracies "
                "cannot be compared: report them one by one."
            )


def _labelled(run: MeasuredRun, label: str) -> MeasuredRun:
    return replace(run, label=label, rows=tuple(replace(row, run=label) for row in run.rows))


def _labels(runs: Sequence[MeasuredRun]) -> list[str]:
    """A label for each run, none twice: its machine, and of several runs of one what tells them apart."""
    alike = [[other for other in runs if other.label == run.label] for run in runs]
    labels = [", ".join(filter(None, (run.label, _apart(run, group)))) for run, group in zip(runs, alike, strict=True)]
    number = Counter(labels)
    seen: Counter[str] = Counter()
    for place, label in enumerate(labels):
        seen[label] += 1
        labels[place] = f"{label} ({seen[label]})" if number[label] > 1 else label
    return labels


def _apart(run: MeasuredRun, group: Sequence[MeasuredRun]) -> str:
    """What tells a run from others of its machine: before or after, its side, or its name."""
    if len(group) == 1:
        return "" if run.label else run.name
    if len(group) == 2:
        if _in_turns(*group):
            return f"side {run.environment['side']}"
        if _before_and_after(*group):
            return "before" if run is min(group, key=lambda one: one.begun) else "after"
    return run.name


def _in_turns(one: MeasuredRun, other: MeasuredRun) -> bool:
    """Whether both are sides of one measurement."""
    ids = one.environment.get("measurement"), other.environment.get("measurement")
    sides = one.environment.get("side"), other.environment.get("side")
    return None not in (*ids, *sides) and ids[0] == ids[1] and sides[0] != sides[1]


def _before_and_after(one: MeasuredRun, other: MeasuredRun) -> bool:
    times_known = one.begun and other.begun and one.begun != other.begun
    return bool(times_known and one.subjects & other.subjects and _same_machine(one, other))


def _notes(runs: Sequence[MeasuredRun]) -> Iterator[str]:
    for run in runs:
        when = f", begun {run.begun}" if run.begun else ""
        commit = f", commit {plain(str(run.environment['commit']))}" if run.environment.get("commit") else ""
        yield f"{run.label}: the run {run.name}{when}{commit}."
        if run.cut:
            yield f"{run.cut}."
        if not run.environment:
            yield f"The machine of {run.name} is not known: it has no {run_folder.ENVIRONMENT} that can be read."
    pairs = list(itertools.combinations(runs, 2))
    if any(_in_turns(*pair) for pair in pairs):
        yield "Two sides were measured in turns with one another: `harness gate` has their ratios."
    apart = [pair for pair in pairs if all(run.environment for run in pair) and not _in_turns(*pair)]
    if not all(_same_machine(*pair) for pair in apart):
        yield "Latencies of different machines stand side by side as they are, without ratios between them."
    if any(_same_machine(*pair) for pair in apart):
        yield (
            "Runs of one machine at different times differ by what else it did, too: no ratio is taken between them; "
            "`harness ab` measures two versions in turns."
        )
    yield from _changed(pairs)


def _changed(pairs: Iterable[tuple[MeasuredRun, MeasuredRun]]) -> Iterator[str]:
    """What of the software and of the weights is not the same."""
    for first, second in pairs:
        old, new = machine_names.versions(first.environment), machine_names.versions(second.environment)
        differing = [name for name in sorted(old | new) if old.get(name) != new.get(name)] if old and new else []
        if differing:
            differences = ", ".join(f"{name} {old.get(name, 'none')} and {new.get(name, 'none')}" for name in differing)
            yield f"{first.label} and {second.label} differ in {differences}."
        weights = [{(row.architecture, row.profile): row.weights for row in run.rows} for run in (first, second)]
        common = weights[0].keys() & weights[1].keys()
        anew = sorted({name for name, profile in common if len({of[name, profile] for of in weights}) > 1})
        if anew:
            more = f" and {len(anew) - NAMED} more" if len(anew) > NAMED else ""
            named = plain(", ".join(anew[:NAMED]))
            both = f"{first.label} and {second.label}"
            yield f"{both} have other weights of {named}{more}: accuracies differ by training."
