"""What the subjects of a run take besides time: memory, and energy where asked for; each in a pass of its own.

A pass comes after the timing and never in a timed process. What cannot be told leaves its fields empty,
with the reason, and the row as it was.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from harness.errors import first_line
from harness.machine.process import WorkerFailedError
from harness.measurements.configurations import Place, Way
from harness.measurements.providers import Target
from harness.measurements.rows import Row
from harness.runs import run_rows
from harness.runs.folder import Settings
from harness.timing import energy, latency
from harness.timing.energy import Meter, Unreadable
from harness.timing.latency import Subject

PROCESS_S = 0.4  # a fresh process that opens a file, for estimates
SAMPLE_S = 0.001  # without asking the clock
WARM_UP_S, STRETCH_S = 0.5, 2.0  # of calls, before a counter of energy is read and between its readings


class NoEnergyError(Exception):
    """A counter of energy was there and told nothing of a subject."""


@dataclass(frozen=True, kw_only=True)
class Passes:
    """The passes of one run."""

    meters: Mapping[Target, Meter | Unreadable]  # none where no energy was asked for
    baselines: dict[tuple[Place, int], int] = field(default_factory=dict)

    def added(
        self,
        rows: Mapping[Way, Row],
        subject: Callable[[Way], Subject],
        floors: Mapping[Place, Subject],
    ) -> dict[Way, Row]:
        """The rows of a network or file, those that were timed with their memory and energy.

        ``subject`` tells what was timed in one way; ``floors`` are the smallest models, by place.
        """
        return {
            way: row if row.latency_median_s is None else self._of(row, subject(way), way, floors)
            for way, row in rows.items()
        }

    def _of(self, row: Row, subject: Subject, way: Way, floors: Mapping[Place, Subject]) -> Row:
        try:
            floor = floors[way.configuration.place]
            row = replace(row, **self._memory(subject, floor, way.configuration.place))  # type: ignore[arg-type]
        except (WorkerFailedError, OSError) as error:
            row = run_rows.noted(row, f"memory not told: {first_line(error)}")
        meter = self.meters.get(subject.target)
        if meter is None:
            return row
        if isinstance(meter, Unreadable):
            return replace(row, energy_source=meter.described)
        try:
            return replace(row, energy_j=energy_of_call(subject, meter), energy_source=meter.source)
        except (WorkerFailedError, NoEnergyError, OSError) as error:
            return replace(row, energy_source=f"not told: {first_line(error)}")

    def _memory(self, subject: Subject, floor: Subject, place: Place) -> dict[str, int | None]:
        """The fields of memory: of the subject, and of the same process with the smallest model in its place."""
        key = place, subject.threads
        if key not in self.baselines:
            baseline = latency.answer(replace(floor, threads=subject.threads), "memory")
            self.baselines[key] = baseline["peak_rss_bytes"]
        return {**latency.answer(subject, "memory"), "baseline_rss_bytes": self.baselines[key]}


def meters(settings: Settings) -> dict[Target, Meter | Unreadable]:
    """By target: what its energy is read by, or why it cannot be read; nothing where no energy is asked for."""
    return {target: energy.find_meter(target) for target in settings.targets} if settings.energy else {}


def unreadable(settings: Settings) -> list[str]:
    """Why energy that is asked for cannot be read."""
    found = meters(settings).values()
    return list(dict.fromkeys(meter.described for meter in found if isinstance(meter, Unreadable)))


def energy_of_call(subject: Subject, meter: Meter) -> float:
    """Joules of one call: of a stretch of calls, with nothing else to do.

    Raises :class:`NoEnergyError`, :class:`WorkerFailedError` or :class:`OSError` where they cannot be told.
    """
    with latency.opened(subject) as process:
        process.ask(do="calls_per_sample", seconds=SAMPLE_S)
        process.ask(do="stretch", seconds=WARM_UP_S)
        before = meter.read()
        calls: int = process.ask(do="stretch", seconds=STRETCH_S)["calls"]
        joules = meter.joules(before, meter.read())
    if not joules:
        raise NoEnergyError(f"{meter.source}: the counter stood still for {STRETCH_S:g} s")
    return joules / calls


def expected_s(calls: Iterable[float], settings: Settings) -> float:
    """About how long the passes take for subjects whose calls take so many seconds."""
    read = any(isinstance(meter, Meter) for meter in meters(settings).values())
    return sum(PROCESS_S + call + read * (PROCESS_S + max(call, WARM_UP_S) + max(call, STRETCH_S)) for call in calls)
