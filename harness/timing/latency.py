"""Latency: subjects measured in turns, each in fresh worker processes, raw samples kept in order.

A launch starts one worker process a subject and, once all are warm, lets them take short turns in
random order, round after round. Iterations within a process are correlated, and each process has an
offset of its own that no number of rounds averages out; so there are several launches, and
statistics are over them (:class:`harness.measurements.types.Timing`).
"""

import contextlib
import random
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import psutil
from onnx import helper

from harness.machine import process as worker_process
from harness.machine.interpreters import HERE, Interpreter
from harness.machine.process import Worker, WorkerFailedError
from harness.measurements.providers import Target
from harness.measurements.session_options import USUAL, SessionOptions
from harness.measurements.subject_key import CONTROL, MEMORY_CONTROL, ONNXRUNTIME
from harness.measurements.types import Launch, Timing
from harness.timing import blocks, shared_core, small_models, stopping
from harness.timing import worker as latency_worker
from harness.timing.stopping import Aim

WARM_UP_ROUND = -1
OPEN_LIMIT_S = 900.0  # TensorRT builds its engine when a session is created, for minutes
Launched = dict[str, Launch | WorkerFailedError]  # by key
WORKER = ("-m", "harness.timing.worker")


@dataclass(frozen=True, kw_only=True)
class Subject:
    """One thing to time: a file, the shapes of its inputs (batch included), the threads it may use, and where it runs.

    ``inputs`` is an .npz file with the arrays that some inputs are fed; the others are fed random ones. What
    another ``runtime`` than onnxruntime runs is an ``architecture``, by its reference, with the weights of
    the file ``model``; code that it compiles lies in the folder ``compiled``.
    """

    key: str
    model: Path
    shapes: Mapping[str, tuple[int, ...]]
    threads: int
    inputs: Path | None = None
    target: Target = field(default_factory=Target)
    session: SessionOptions = USUAL
    interpreter: Interpreter = HERE  # of its worker process
    runtime: str = ONNXRUNTIME
    architecture: str = ""
    compiled: Path | None = None

    @property
    def asked(self) -> dict[str, Any]:
        """What a worker is told of it, wherever that works."""
        told: dict[str, Any] = {
            "model": str(self.model.absolute()),
            "shapes": {name: list(shape) for name, shape in self.shapes.items()},
            "threads": self.threads,
            "target": asdict(self.target),
        }
        if self.runtime != ONNXRUNTIME:
            return told | {"runtime": self.runtime, "architecture": self.architecture}
        if self.session != USUAL:
            told["session"] = asdict(self.session)
        return told | {"inputs": str(self.inputs.absolute()) if self.inputs else None}

    @property
    def worker(self) -> Sequence[str]:
        """The command that its worker process is started with."""
        if self.runtime == ONNXRUNTIME:
            return self.interpreter.command(*WORKER)
        return self.interpreter.command("-m", "harness.frameworks.worker", self.runtime, str(self.compiled or ""))


@dataclass(frozen=True, kw_only=True)
class Effort:
    """How much is measured; seconds are of one launch of one subject."""

    launches: int = 10
    seconds: float = 0.15
    turn_s: float = 0.015
    sample_s: float = 2e-5  # a sample repeats the call until it is this long: the clock's 0.1 µs is then 0.5 %
    warm_up_window_s: float = 0.002
    warm_up_limit_s: float = 2.0

    @property
    def rounds(self) -> int:
        return max(1, round(self.seconds / self.turn_s))

    def expected_s(self, call_s: float) -> float:
        """About how long one launch of a subject takes whose call takes ``call_s``: a process, warm-up, turns."""
        window_s = max(self.warm_up_window_s, call_s)
        longest_s = latency_worker.PATIENCE * self.warm_up_limit_s
        warm_up_s = min(longest_s, window_s * latency_worker.windows(window_s, self.warm_up_limit_s))
        return (
            0.2 + warm_up_s + self.rounds * max(self.turn_s, 2 * call_s)
        )  # a turn begins with a call that is not timed


# Of two sides that are compared: the shorter a turn, the less the machine changes from one side's to the other's
# (docs/ab.md).
COMPARED = Effort(seconds=0.05, turn_s=0.005)


def measure(
    subjects: Sequence[Subject],
    effort: Effort,
    *,
    seed: int = 0,
    aim: Aim | None = None,
    exempt: Collection[str] = (),
    progress: Callable[[float], None] = lambda _: None,
) -> dict[str, Timing]:
    """Time the subjects in turns. A subject whose worker fails gets the reason; the others go on.

    Those that may be compared, of as many threads in the same place, are a group (:func:`launcher`).

    With an aim there are further launches where intervals are too wide, but for the keys that are ``exempt``
    (:mod:`harness.timing.stopping`). ``progress`` is told the share done.
    """
    launch, chance = launcher(subjects, effort, seed), random.Random(seed)
    by_key = {subject.key: subject for subject in subjects}

    def in_turns(number: int, keys: Sequence[str]) -> Launched:
        return launch(number, _alike(chance.sample(keys, len(keys)), by_key))

    return stopping.timings(list(by_key), effort.launches, in_turns, aim=aim, exempt=exempt, progress=progress)


def _alike(keys: Sequence[str], subjects: Mapping[str, Subject]) -> list[tuple[str, ...]]:
    """Groups of those with as many threads in the same place; of too many for a block, as many as it holds."""
    alike: dict[object, list[tuple[str]]] = {}
    for key in keys:
        alike.setdefault((subjects[key].target, subjects[key].threads), []).append((key,))
    return [tuple(key for (key,) in block) for kind in alike.values() for block in _blocks(kind, subjects)]


def launcher(
    subjects: Sequence[Subject], effort: Effort, seed: int, known: Mapping[str, int] | None = None
) -> Callable[[int, Sequence[Sequence[str]]], Launched]:
    """What carries out a launch: given its number, and the keys of those that take turns, in groups.

    Each has a fresh process. Too many are in blocks, drawn anew for every launch; a group is never divided: its
    members take each turn directly one after the other, of one thread on the same core
    (:mod:`harness.timing.shared_core`). What is drawn depends on the seed and the number alone. ``known`` are the
    calls a sample of those that an earlier process has launched.
    """
    calls = dict(known or {})  # a sample, found in the first launch: the same in all
    by_key = {subject.key: subject for subject in subjects}

    def launch(number: int, groups: Sequence[Sequence[str]]) -> Launched:
        chance = random.Random(f"{seed} {number}")
        drawn = chance.sample(groups, len(groups))
        found: Launched = {}
        for block in _blocks(drawn, by_key):
            found |= _launch(number, [[by_key[key] for key in group] for group in block], effort, chance, calls)
        return found

    return launch


def _blocks(groups: Sequence[Sequence[str]], subjects: Mapping[str, Subject]) -> Iterator[list[Sequence[str]]]:
    """The groups that take turns at once."""
    model_bytes = {key: _size(subjects[key].model) for group in groups for key in group}
    return blocks.split(groups, model_bytes, psutil.virtual_memory().available)


def _size(model: Path) -> int:
    """Of a file that is not there: 0, since its worker says so."""
    return model.stat().st_size if model.is_file() else 0


def output_shapes(subject: Subject) -> dict[str, tuple[int, ...]]:
    """The shape of each output, after one run in a fresh process; an output that is no tensor is left out.

    Raises :class:`WorkerFailedError` where the subject cannot be run.
    """
    return {name: tuple(shape) for name, shape in answer(subject, "open")["outputs"].items()}


def answer(subject: Subject, do: str, **more: Any) -> dict[str, Any]:
    """What a fresh worker answers to one command on the subject. Raises :class:`WorkerFailedError`."""
    with worker_process.started(subject.worker, subject.interpreter.environment) as process:
        process.ready()
        return process.ask(do=do, reply_limit_s=OPEN_LIMIT_S, **subject.asked, **more)


@contextlib.contextmanager
def opened(subject: Subject) -> Iterator[Worker]:
    """A fresh worker that has opened the subject and run it once, to ask more of. Raises :class:`WorkerFailedError`."""
    with worker_process.started(subject.worker, subject.interpreter.environment) as process:
        process.ready()
        process.ask(do="open", reply_limit_s=OPEN_LIMIT_S, **subject.asked)
        yield process


def save_identity(path: Path) -> Subject:
    """Write a model that does nothing to one number; timed like the others, it is the call floor."""
    node = helper.make_node("Identity", ["image"], ["same"])
    small_models.save(path, [node], {"image": (1, 1)}, {"same": (1, 1)})
    return Subject(key="call floor", model=path, shapes={"image": (1, 1)}, threads=1)


def save_controls(folder: Path) -> dict[str, Subject]:
    """Write the models that are the same in every run, by name; timed like the others, two runs are compared by them.

    One is bound by arithmetic, one by memory: what slows one kind of work alone shows in one of them.
    """
    writers = {CONTROL: small_models.save_control, MEMORY_CONTROL: small_models.save_memory_control}
    paths = {name: folder / f"{name.replace(' ', '_')}.onnx" for name in writers}
    return {
        name: Subject(key=name, model=paths[name], shapes=write(paths[name]), threads=1)
        for name, write in writers.items()
    }


@dataclass(kw_only=True)
class _Turns:
    """One worker of a launch, and what it has measured so far."""

    subject: Subject
    process: Worker
    core: int | None  # that it keeps to
    opened: dict[str, Any] = field(default_factory=dict)
    calls: int = 1
    settled: bool = False
    warm_up_s: float | None = None
    samples_ns: list[int] = field(default_factory=list)
    rounds: list[int] = field(default_factory=list)
    transferred: dict[str, float | None] = field(default_factory=dict)

    def ready(self) -> None:
        self.process.ready()
        if self.core is not None:
            self.process.keep_to(self.core)

    def open(self) -> None:
        self.opened = self.process.ask(do="open", reply_limit_s=OPEN_LIMIT_S, **self.subject.asked)

    def warm_up(self, effort: Effort, calls: dict[str, int]) -> None:
        if self.subject.key not in calls:
            calls[self.subject.key] = self.process.ask(do="calls_per_sample", seconds=effort.sample_s)["calls"]
        self.calls = calls[self.subject.key]
        reply = self.process.ask(
            do="warm_up", calls=self.calls, window_s=effort.warm_up_window_s, limit_s=effort.warm_up_limit_s
        )
        self.settled, self.warm_up_s = reply["settled"], reply["warm_up_s"]
        self._keep(reply, WARM_UP_ROUND)

    def take(self, number: int, effort: Effort) -> None:
        self._keep(self.process.ask(do="turn", seconds=effort.turn_s), number)

    def transfer(self) -> None:
        if self.subject.target.bound_on_device:
            self.transferred = self.process.ask(do="transfers")

    def _keep(self, reply: dict[str, Any], number: int) -> None:
        self.samples_ns += reply["samples_ns"]
        self.rounds += [number] * len(reply["samples_ns"])

    def launch(self, number: int) -> Launch:
        return Launch(
            launch=number,
            calls_per_sample=self.calls,
            samples_ns=tuple(self.samples_ns),
            rounds=tuple(self.rounds),
            settled=self.settled,
            warm_up_s=self.warm_up_s,
            session_s=self.opened["session_s"],
            first_run_s=self.opened["first_run_s"],
            threads_in_effect=self.opened["threads_in_effect"],
            providers=tuple(self.opened["providers"]),
            upload_s=self.transferred.get("upload_s"),
            download_s=self.transferred.get("download_s"),
        )


def _launch(
    number: int, groups: Sequence[Sequence[Subject]], effort: Effort, chance: random.Random, calls: dict[str, int]
) -> Launched:
    """One fresh process a subject, started, opened and warmed in random order, then measured in turns."""
    outcomes: Launched = {}
    with contextlib.ExitStack() as stack:
        turns = [_started(group, stack, chance) for group in groups]

        def each(step: Callable[[_Turns], object]) -> None:
            """Do one thing with every worker that has not failed, group by group, in random order."""
            drawn = [turn for group in chance.sample(turns, len(turns)) for turn in chance.sample(group, len(group))]
            for turn in drawn:
                if turn.subject.key in outcomes:
                    continue
                try:
                    step(turn)
                except WorkerFailedError as error:
                    outcomes[turn.subject.key] = error

        each(lambda turn: turn.ready())  # all have imported before the first is timed
        each(lambda turn: turn.open())
        each(lambda turn: turn.warm_up(effort, calls))
        for round_number in range(effort.rounds):
            each(lambda turn, round_number=round_number: turn.take(round_number, effort))  # type: ignore[misc]
        each(lambda turn: turn.transfer())
        return {
            turn.subject.key: outcomes.get(turn.subject.key) or turn.launch(number) for group in turns for turn in group
        }


def _started(group: Sequence[Subject], stack: contextlib.ExitStack, chance: random.Random) -> list[_Turns]:
    """A process for each of a group; those of one thread on the CPU share a core."""
    on_cpu = all(subject.target.device == "cpu" for subject in group)
    core = shared_core.drawn([subject.threads for subject in group], chance) if on_cpu else None
    return [
        _Turns(
            subject=subject,
            process=stack.enter_context(worker_process.started(subject.worker, subject.interpreter.environment)),
            core=core,
        )
        for subject in group
    ]
