"""Second opinions on what a file computes: asked of a process of its own, in a pass that times nothing.

A latency and an accuracy are of what the runtime computes. An optimisation of the graph may make that another function
than the file's, without a word. So the file is run once more as it is written: by onnxruntime's CPU provider without
optimisation and, if it is small, by onnx's reference evaluator. No opinion is proof: each is told.
"""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from harness.machine import process as worker_process
from harness.machine.interpreters import HERE, Interpreter
from harness.machine.process import Worker
from harness.measurements.providers import Target
from harness.measurements.session_options import USUAL, SessionOptions
from harness.timing.distances import OutputDistance

WORKER = ("-m", "harness.timing.opinion_worker")
REPLY_LIMIT_S = 900.0

OPTIMISED, REFERENCE = "as timed", "onnx's reference evaluator"
ELSEWHERE = "unoptimised on the same provider"  # of a provider that is not the CPU's


@dataclass(frozen=True, kw_only=True)
class Question:
    """A file as it is timed, and what it is fed.

    ``shapes`` are those of its inputs, ``inputs`` an .npz file with the arrays that some are fed. ``tolerance`` and
    ``scale`` are those of the twin proof, None if there is none. ``reference_s`` is how long onnx's reference evaluator
    may take, 0 for not at all; it is given the first ``rows`` of each input, None for all.
    """

    model: Path
    shapes: Mapping[str, tuple[int, ...]]
    inputs: Path | None = None
    threads: int = 1
    target: Target = field(default_factory=Target)
    session: SessionOptions = USUAL
    tolerance: float | None = None
    scale: float | None = None
    reference_s: float = 0.0
    rows: int | None = None

    @property
    def asked(self) -> dict[str, Any]:
        """What the worker is told."""
        return {
            **asdict(self),
            "model": str(self.model.absolute()),
            "inputs": str(self.inputs.absolute()) if self.inputs else None,
        }


@dataclass(frozen=True, kw_only=True)
class Cure:
    """Options with which the runtime computes what the file says, and how much slower the file is with them."""

    options: str
    slowdown: float


@dataclass(frozen=True, kw_only=True)
class Culprit:
    """What changes a function: onnxruntime's names of the optimisers, and where, in words; either may be empty."""

    optimizers: tuple[str, ...]
    place: str
    cures: tuple[Cure, ...]


@dataclass(frozen=True, kw_only=True)
class Opinions:
    """By opinion: how far it is from the file as it is written, or why it could not be had."""

    distances: Mapping[str, OutputDistance]
    missing: Mapping[str, str]
    culprit: Culprit | None = None


@contextlib.contextmanager
def started(interpreter: Interpreter = HERE) -> Iterator[Worker]:
    """A fresh process that answers questions. Raises :class:`WorkerFailedError` if it cannot begin."""
    with worker_process.started(interpreter.command(*WORKER), interpreter.environment) as process:
        process.ready()
        yield process


def ask(worker: Worker, question: Question) -> Opinions:
    """The opinions on one file. Raises :class:`WorkerFailedError`."""
    return from_reply(worker.ask(do="judge", reply_limit_s=REPLY_LIMIT_S, **question.asked))


def from_reply(reply: Mapping[str, Any]) -> Opinions:
    """The opinions as the worker tells them."""
    found = reply["culprit"]
    culprit = found and Culprit(
        optimizers=tuple(found["optimizers"]),
        place=found["place"],
        cures=tuple(Cure(**cure) for cure in found["cures"]),
    )
    distances = {name: OutputDistance(**distance) for name, distance in reply["distances"].items()}
    return Opinions(distances=distances, missing=reply["missing"], culprit=culprit)
