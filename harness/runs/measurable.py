"""What a run measures: a network of the catalogue with all that is made for it, or one .onnx file of the user's."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from harness.errors import HarnessError
from harness.measurements.configurations import Way
from harness.measurements.rows import Row
from harness.runs.folder import Settings
from harness.runs.turns import Progress, Turns
from harness.timing.latency import Subject
from harness.timing.opinions import Question


class Measurable(Protocol):
    """A network or a file. Each of its ways is a subject to time and one row."""

    @property
    def name(self) -> str:
        """Unique in its run."""

    @property
    def architecture(self) -> str:
        """What its rows are of."""

    @property
    def frameworks(self) -> tuple[str, ...]:
        """Whose exporters made its files."""

    def check_made(self, errors: Mapping[str, BaseException]) -> None:
        """Raise what went wrong if something was to be made that every row needs; ``errors`` are by digest."""

    def made(self, row: Row) -> bool:
        """Whether a row of an earlier run may be its own: of the same data and code."""

    def ways(self, settings: Settings) -> list[Way]:
        """The ways in which it is timed. None if no runtime of the run can run it."""

    def refusal(self, batch: int) -> str:
        """Why it cannot be fed so many images a call; empty if it can."""

    def subject(self, way: Way) -> Subject:
        """What is timed. Its files must have been made."""

    def question(self, way: Way, folder: Path) -> Question:
        """What second opinions are asked about it; what that takes is written to the folder."""

    def macs(self, way: Way) -> float:
        """The multiply-accumulates of one call, for estimates alone: 0 if they cannot be counted."""

    def measure(self, turns: Turns, errors: Mapping[str, BaseException], progress: Progress) -> dict[Way, Row]:
        """Its row in each way; what it is timed on, and how, ``turns`` says."""

    def failed(self, run: str, settings: Settings, error: BaseException) -> dict[Way, Row]:
        """A row with the reason for everything that was to be measured."""


def check_applicable(measured: Sequence[Measurable], settings: Settings) -> str:
    """In words, what no runtime of the run can run; empty if all can be run.

    Raises :class:`HarnessError` if nothing is left to measure.
    """
    out = [measurable.name for measurable in measured if not measurable.ways(settings)]
    why = f"no --runtime of {', '.join(settings.runtimes)} runs {', '.join(out)}" if out else ""
    if len(out) == len(measured):
        raise HarnessError(f"{why}: a framework runs networks that are defined in it, an .onnx file takes onnxruntime.")
    return why
