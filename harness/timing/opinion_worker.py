"""The process that gives second opinions on files: it runs each in several ways and compares what comes out."""

import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import onnx

from harness.errors import reason
from harness.machine.arrays import read_arrays
from harness.measurements.providers import Target
from harness.measurements.session_options import SessionOptions
from harness.timing import culprits, distances, input_values, runtime
from harness.timing.culprits import Case
from harness.timing.distances import OutputDistance, Outputs
from harness.timing.opinions import ELSEWHERE, OPTIMISED, REFERENCE, Question
from harness.timing.rounding import EIGHT_BITS, Rounded, nudge
from harness.timing.worker import Answer, serve

FACTOR = 10  # of what rounding costs, as in the twin proof
FACTOR_OF_8_BITS = 3  # a redrawn rounding of every value is already far more than an optimisation redraws
FLOOR = 3e-6  # of the scale: what float32 costs at least
DRAWS = 2  # of roundings
UNOPTIMISED = "disable"

Feeds = Mapping[str, Any]  # onnxruntime's values by input


class OpinionWorker:
    """It answers one question after the other."""

    def judge(self, **asked: Any) -> dict[str, Any]:
        """How far each way of running a file is from the file as it is written, and what makes the difference."""
        return Examination(_question(**asked)).judge()


class Examination:
    """One file, its inputs, and what it gives if it is run as it is written."""

    def __init__(self, question: Question) -> None:
        self.question = question
        self.plain = replace(question.session, optimization=UNOPTIMISED, disabled_optimizers=())
        self.missing: dict[str, str] = {}
        written = runtime.session(question.model, threads=question.threads, chosen=self.plain)
        self.draws = _draws(written, question)
        self.expected = _run(written, self.draws)
        self.tolerances, self.rounded = self._tolerances(), False

    def judge(self) -> dict[str, Any]:
        """The distances by opinion, why others are missing, and the culprit of a difference."""
        found = dict(self._opinions())
        culprit = None
        if OPTIMISED in found and found[OPTIMISED].beyond and self._only_optimised(found):
            culprit = culprits.find(
                Case(
                    question=self.question,
                    run=self.run,
                    differs=lambda outputs: self.distance(outputs).beyond,
                    feeds=self.draws[0],
                )
            )
        return {
            "distances": {name: asdict(distance) for name, distance in found.items()},
            "missing": self.missing,
            "culprit": asdict(culprit) if culprit else None,
        }

    def distance(self, outputs: Outputs, rows: int | None = None) -> OutputDistance:
        """How far outputs are from those of the file as it is written; of so many rows, None for all."""
        expected = {name: array[:rows] if rows else array for name, array in self.expected.items()}
        found = distances.furthest(outputs, expected, self.tolerances)
        if found.beyond and self.question.tolerance is None and not self.rounded:
            self.tolerances, self.rounded = self._rounding(), True
            found = distances.furthest(outputs, expected, self.tolerances)
        return found

    def run(self, chosen: SessionOptions, model: Path | bytes | None = None) -> Outputs:
        """The outputs of the file with other options, where it is timed."""
        asked = self.question
        session = runtime.session(model or asked.model, threads=asked.threads, target=asked.target, chosen=chosen)
        return _run(session, self.draws)

    def _opinions(self) -> Iterator[tuple[str, OutputDistance]]:
        """Each opinion that can be had, by its name."""
        asked = self.question
        ways: dict[str, Callable[[], OutputDistance]] = {OPTIMISED: lambda: self.distance(self.run(asked.session))}
        if asked.target.provider != "cpu":
            ways[ELSEWHERE] = lambda: self.distance(self.run(self.plain))
        if asked.reference_s:
            ways[REFERENCE] = self._reference
        for name, way in ways.items():
            try:
                yield name, way()
            except Exception as error:  # onnxruntime's own errors share no base class, the evaluator raises anything
                self.missing[name] = reason(error)

    def _reference(self) -> OutputDistance:
        """How far what onnx's reference evaluator makes of the first draw is."""
        from onnx.reference import ReferenceEvaluator

        rows = self.question.rows
        fed = self.draws[0].items()
        feeds = {name: (value.numpy() if runtime.is_value(value) else value)[:rows] for name, value in fed}
        with _limited(self.question.reference_s):
            evaluator = ReferenceEvaluator(onnx.load(self.question.model))
            values = map(np.asarray, evaluator.run(None, feeds))
        return self.distance(dict(zip(evaluator.output_names, values, strict=True)), rows)

    def _only_optimised(self, found: Mapping[str, OutputDistance]) -> bool:
        """Whether the place where it is timed is right without optimisation."""
        return self.question.target.provider == "cpu" or (ELSEWHERE in found and not found[ELSEWHERE].beyond)

    def _tolerances(self) -> dict[str, float]:
        """By output, how far it may be: by the twin proof if there was one, else what float32 costs at least."""
        asked = self.question
        if asked.tolerance is None or asked.scale is None:
            return {name: FACTOR * FLOOR * distances.scale(array) for name, array in self.expected.items()}
        largest = max((distances.scale(array) for array in self.expected.values()), default=0.0)
        return dict.fromkeys(self.expected, asked.tolerance * max(1.0, largest / asked.scale))

    def _rounding(self) -> dict[str, float]:
        """By output, ten times what one more rounding of every stored number and input makes of it."""
        rounded = Rounded(self.question.model)
        factor = FACTOR_OF_8_BITS if rounded.unit == EIGHT_BITS else FACTOR
        least = factor * max(FLOOR, rounded.unit)
        found = {name: least * distances.scale(array) for name, array in self.expected.items()}
        for seed in range(DRAWS):
            chance = np.random.default_rng(seed)
            session = runtime.session(rounded.drawn(seed), threads=self.question.threads, chosen=self.plain)
            moved = _run(session, [_nudged(feeds, rounded.unit, chance) for feeds in self.draws])
            for name, array in self.expected.items():
                found[name] = max(found[name], factor * distances.apart(moved[name], array))
        return found


def _question(
    *, model: str, inputs: str | None, target: dict[str, Any], session: dict[str, Any], **others: Any
) -> Question:
    told = {**session, "disabled_optimizers": tuple(session["disabled_optimizers"])}
    told["entries"] = tuple(map(tuple, session["entries"]))
    return Question(
        model=Path(model),
        inputs=Path(inputs) if inputs else None,
        target=Target(**target),
        session=SessionOptions(**told),
        **others,
    )


def _draws(session: Any, question: Question) -> list[Feeds]:
    """What the file is fed: as it is timed, and, in place of random numbers in [0, 1), normal ones, too."""
    inputs = str(question.inputs) if question.inputs else None
    timed = input_values.make_inputs(session, question.shapes, inputs)
    given = read_arrays(question.inputs) if question.inputs else {}
    chance, normal = np.random.default_rng(1), dict(timed)
    for value in session.get_inputs():
        kind = input_values.ELEMENT_TYPES.get(value.type, "")
        if "float" in kind and value.name not in given:
            normal[value.name] = input_values.value_of(chance.standard_normal(question.shapes[value.name]), kind)
    return [timed] if all(normal[name] is timed[name] for name in timed) else [timed, normal]


def _run(session: Any, draws: list[Feeds]) -> dict[str, Any]:
    """Every output that is an array, of each draw under a name of its own; later draws may fail."""
    found: dict[str, Any] = {}
    for number, feeds in enumerate(draws):
        try:
            values = runtime.run_values(session, dict(feeds))
        except Exception:  # a file need not take what nobody feeds it
            if number == 0:
                raise
            continue
        for name, value in values.items():
            array = input_values.read_value(value)
            if array is not None and array.dtype != object:  # texts are no numbers
                found[f"{name} on normal inputs" if number else name] = array
    return found


def _nudged(feeds: Feeds, unit: float, chance: np.random.Generator) -> Feeds:
    """The inputs, each number moved by one rounding."""
    found = {}
    for name, value in feeds.items():
        kind = input_values.ELEMENT_TYPES[value.data_type()] if runtime.is_value(value) else ""
        floating = "float" in kind and kind != "bfloat16"
        found[name] = input_values.value_of(nudge(value.numpy(), unit, chance), kind) if floating else value
    return found


class _TooLongError(Exception):
    """An opinion took longer than it may."""


@contextmanager
def _limited(seconds: float) -> Iterator[None]:
    """A block that is left by :class:`_TooLongError` after so many seconds."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise _TooLongError(f"it took more than {seconds:g} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def main() -> int:
    """Answer questions on files."""

    def begin() -> Answer:
        runtime.load()
        worker = OpinionWorker()
        return lambda do, arguments: dict(getattr(worker, do)(**arguments))

    return serve(begin)


if __name__ == "__main__":
    sys.exit(main())
