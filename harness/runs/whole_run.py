"""A whole run, from its settings to its rows: planned, announced, begun, prepared, timed and profiled.

The command line and the public API carry out the same run. What it tells people goes to standard error.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from harness.errors import HarnessError, NothingMeasuredError
from harness.machine import environment, files, installed, locks, processors, progress
from harness.measurements import manifest, rows, runtimes
from harness.measurements.providers import Target
from harness.measurements.rows import Row
from harness.measurements.run_folder import PEAKS
from harness.networks import catalog
from harness.pieces import bars, plan
from harness.pieces.plan import MACS_PER_SECOND
from harness.runs import consumption, file_accuracy, measurable, measuring, model_files, nodes, second_opinion
from harness.runs import folder as run_folder
from harness.runs.folder import Settings
from harness.runs.measurable import Measurable
from harness.runs.measured_file import MeasuredFile
from harness.runs.measured_network import MeasuredNetwork
from harness.timing import runtime, small_models, stopping

FOLDER = Path("results/runs")  # in which a run without a folder of its own gets one


@dataclass(frozen=True, kw_only=True)
class PlannedRun:
    """What a run measures: the networks with their pieces, and the user's files as they are read."""

    settings: Settings
    networks: tuple[MeasuredNetwork, ...]
    files: tuple[MeasuredFile, ...]

    @property
    def measured(self) -> dict[str, Measurable]:
        """Both by name, in the order in which they are measured."""
        both: tuple[Measurable, ...] = (*self.networks, *self.files)
        return {measurable.name: measurable for measurable in both}


def plan_run(settings: Settings, *, dry_run: bool = False) -> PlannedRun:
    """What the settings ask for: the files are read, the pieces named; nothing is made yet.

    Raises :class:`HarnessError` if a file cannot be measured, or if something that the run needs is not installed. In
    a dry run, that is only said.
    """
    requests = {request.architecture.name: request for request in settings.requests()}
    frameworks = {name for request in requests.values() for name in catalog.frameworks(request.architecture)}
    try:
        installed.check_installed(("onnxruntime", *sorted(frameworks)))
    except HarnessError as error:
        if not dry_run:
            raise
        progress.say(f"this run cannot be carried out here: {error}")
    read = model_files.read(settings.files, settings.data, settings.batches[0], requests, settings.image_sizes)
    own = [
        MeasuredFile(
            file=file_accuracy.prepared(file, settings.files.output), data=settings.data, scaling=settings.files.scaling
        )
        for file in read
    ]
    needed = [plan.plan_pieces(request, settings.precisions) for request in requests.values()]
    networks = [MeasuredNetwork(pieces=pieces) for pieces in needed]
    left_out = measurable.check_applicable([*networks, *own], settings)
    if left_out:
        progress.say(f"left out: {left_out}")
    return PlannedRun(
        settings=settings,
        networks=tuple(network for network in networks if network.ways(settings)),
        files=tuple(file for file in own if file.ways(settings)),
    )


def announce(run: PlannedRun) -> None:
    """Say what is planned and how long it may take."""
    settings, measured = run.settings, list(run.measured.values())
    todo = [piece for network in run.networks for piece in network.pieces.all if not piece.made]
    calls, measuring_s = _expected(run)
    preparing_s = sum(piece.estimate_s for piece in todo) / processors.threads_available()
    profiling_s = nodes.expected_s(measured, settings, MACS_PER_SECOND) if settings.nodes else 0.0
    parts = [f"{len(run.files)} {'file' if len(run.files) == 1 else 'files'}"] if run.files else []
    if run.networks:
        prepared = f"{len(todo)} pieces to prepare (about {preparing_s:.0f} s)"
        parts = [f"{len(run.networks)} networks", prepared, *parts]
    further = stopping.announced(settings.precision_target, settings.time_limit_s, len(measured), measuring_s)
    progress.say(
        f"{', '.join(parts)}, {calls} subjects to time in {settings.effort.launches} launches each "
        f"(about {measuring_s:.0f} s{further})"
        + (f", then to profile (about {profiling_s:.0f} s)" if profiling_s else "")
    )
    for network in run.networks:
        architecture = network.pieces.weights.request.architecture
        if catalog.foreign(architecture):
            progress.say(f"  {network.name} is defined in {architecture.family}, whose code is run")
    for file in run.files:
        progress.say(f"  {file.name} ({file.file.path}): {file.file.described}")


def _expected(run: PlannedRun) -> tuple[int, float]:
    """How many subjects are timed, call floors and controls included, and about how many seconds that takes."""
    settings, effort = run.settings, run.settings.effort
    timed = [(one, way) for one in run.measured.values() for way in one.ways(settings)]
    calls = [one.macs(way) / MACS_PER_SECOND / way.configuration.threads for one, way in timed]
    opinions_s = second_opinion.expected_s(calls, len(run.measured), settings)
    calls += [0.0] * len({(one.name, way.configuration.place) for one, way in timed})  # the call floors
    if settings.control:
        controls = {(one.name, way.configuration.control) for one, way in timed}
        each_s = small_models.CONTROL_MACS / MACS_PER_SECOND, small_models.MEMORY_CONTROL_S
        calls += [seconds for seconds in each_s for _ in controls]
    seconds = effort.launches * sum(map(effort.expected_s, calls)) + consumption.expected_s(calls, settings)
    starting = sum(runtimes.start_s(way.configuration.runtime) for _, way in timed)
    return len(calls), seconds + opinions_s + (effort.launches + 2) * starting


def begin(settings: Settings, folder: Path | None = None, *, resume: bool = False) -> Path:
    """The folder of the run, made or found again; None: one below :data:`FOLDER`, named by the time and the commit.

    Raises :class:`HarnessError` if a folder that is to be made holds something already, or if a run to resume was
    begun on another machine or with other software, or if another process is at work in it.
    """
    if folder is None:
        folder = FOLDER / f"{datetime.now().strftime('%Y%m%d-%H%M%S')}-{environment.commit() or 'release'}"
    facts = {**environment.collect(), "session_config": runtime.SESSION_CONFIG}
    if resume:
        with locks.held(folder):
            manifest.unseal(folder)  # before anything in it is written anew
            run_folder.go_on(folder, settings, facts)
    else:
        run_folder.begin(folder, settings, facts)
    progress.say(f"the run is {folder}")
    return folder


def carry_out(run: PlannedRun, folder: Path) -> list[Row]:
    """Make what is missing, time everything that has no rows in the folder yet, and give all rows.

    What fails is a row with the reason. Stopped at any moment, it goes on with what is not yet there.
    Raises :class:`HarnessError` if another process is at work in the folder.
    """
    with locks.held(folder):
        files.sweep(folder)
        return _carry_out_alone(run, folder)


def _carry_out_alone(run: PlannedRun, folder: Path) -> list[Row]:
    settings = run.settings
    absent = _absent(folder, settings)
    for reason in consumption.unreadable(settings):
        progress.say(f"--energy: {reason}")
    there = len(absent) < len(settings.targets)
    anywhere = there or any(name in runtimes.OWN for name in settings.runtimes)  # else nothing is made in vain
    errors = bars.make_pieces([piece for network in run.networks for piece in network.pieces.all] if anywhere else [])
    _measure(folder, run, errors, absent)
    if settings.nodes and anywhere:
        _profile(folder, run, errors)
    run_folder.note_moment(folder, run_folder.END)
    manifest.seal(folder)
    return rows.read(folder)


def check_measured(found: Sequence[Row]) -> None:
    """Raise :class:`NothingMeasuredError`, with the first reason, if no row has a latency."""
    if not any(row.latency_median_s is not None for row in found):
        raise NothingMeasuredError(f"nothing was measured; the first reason: {found[0].reason}")


def _absent(folder: Path, settings: Settings) -> dict[Target, str]:
    """The providers that cannot be had here, each said in one line."""
    absent = measuring.unavailable(folder, settings)
    for target, reason in absent.items():
        progress.say(f"--provider {target.provider} is skipped: {reason}")
    return absent


def _measure(folder: Path, run: PlannedRun, errors: dict[str, BaseException], absent: Mapping[Target, str]) -> None:
    run_folder.note_moment(folder, "measuring")
    done = "measured" if len(absent) < len(run.settings.targets) else "skipped"
    with _bar("measuring", list(run.measured)) as (report, say):

        def finished(name: str) -> None:
            report(name, 1.0)
            say(f"  {done} {name}")

        measuring.measure(folder, run.measured, run.settings, errors, absent, report, finished)


def _profile(folder: Path, run: PlannedRun, errors: dict[str, BaseException]) -> None:
    """Profile the nodes of what has no tables yet."""
    run_folder.note_moment(folder, "profiling")
    with _bar("profiling", [PEAKS, *run.measured]) as (report, say):
        nodes.measure(folder, run.measured, run.settings, errors, report, say)


@contextmanager
def _bar(title: str, names: list[str]) -> Iterator[tuple[Callable[[str, float], None], Callable[[str], None]]]:
    """A bar over some names: what is told a name and the share of it that is done, and what says a line above it."""
    with progress.bars() as shown:
        task = shown.add_task(title, total=len(names), note="")

        def report(name: str, share: float) -> None:
            shown.update(task, completed=names.index(name) + share, note=name)

        yield report, lambda text: progress.say_above(shown, text)
