"""Where the files of a run are timed: what is timed beside them in each place that is there, and why others are not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from harness.measurements.configurations import Configuration, Place, Way
from harness.measurements.providers import Target
from harness.measurements.rows import Row
from harness.measurements.subject_key import CONTROL, FLOOR, ONNXRUNTIME, SubjectKey
from harness.measurements.types import Timing
from harness.runs import run_rows
from harness.timing.latency import Subject


@dataclass(frozen=True, kw_only=True)
class Places:
    """What the ways of timing a network or file need of the machine.

    ``floors`` are models that do nothing, wherever and whatever runs them; ``controls`` those that are the same in
    every run, by way and name, where they were asked for; ``absent`` the targets that cannot be had, with the reason.
    """

    floors: Mapping[Place, Subject]
    absent: Mapping[Target, str]
    controls: Mapping[tuple[Configuration, str], Subject] = field(default_factory=dict)

    @property
    def beside(self) -> list[Subject]:
        """What is timed beside the files."""
        return [*self.floors.values(), *self.controls.values()]

    def present(self, ways: Sequence[Way]) -> list[Way]:
        """Those whose target is there."""
        return [way for way in ways if way.configuration.place in self.floors]

    def row(self, known: Row, way: Way, timings: Mapping[str, Timing], kept: str) -> Row:
        """What is known of a file, with what was found when it was timed in one way, its samples kept by that name."""
        row, place = run_rows.placed(known, way.configuration), way.configuration.place
        if place not in self.floors:
            return run_rows.skipped(row, self.absent[way.configuration.target])
        if way.key not in timings:  # what is known says why
            return row
        row = replace(row, sampled_as=f"{kept}/{way.key}")
        control = self.controls.get((way.configuration.control, CONTROL)) if place[0] == ONNXRUNTIME else None
        return run_rows.timed(
            row, timings[way.key], timings[self.floors[place].key], timings[control.key] if control else None
        )


def group(identity: Subject, ways: Sequence[Way], absent: Mapping[Target, str]) -> Places:
    """The places of these ways; ``identity`` is the model that does nothing."""
    places = dict.fromkeys(way.configuration.place for way in ways)
    there = [place for place in places if place[0] != ONNXRUNTIME or place[1] not in absent]
    return Places(floors={place: _floor(identity, *place) for place in there}, absent=absent)


def controlled(places: Places, controls: Mapping[str, Subject], ways: Sequence[Way]) -> Places:
    """The same with the controls in every way in which onnxruntime runs something, where they can run."""
    found = {}
    for way in dict.fromkeys(way.configuration.control for way in places.present(ways)):
        for name, control in controls.items():
            timed = replace(control, key=way.key(name).text, threads=way.threads, target=way.target)
            found[way, name] = timed
    return replace(places, controls=found)


def _floor(identity: Subject, runtime: str, target: Target) -> Subject:
    key = SubjectKey(made_by=FLOOR, runtime=runtime, provider=target.provider)
    return replace(identity, key=key.text, target=target, runtime=runtime)
