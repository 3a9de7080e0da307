"""One profile of a subject: onnxruntime's times of its nodes, in a fresh process that times nothing else."""

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import HarnessError
from harness.machine import temporary
from harness.machine.process import WorkerFailedError, exit_status
from harness.timing.latency import Effort, Subject

REPLY_LIMIT_S = 600.0


@dataclass(frozen=True, kw_only=True)
class ProfiledNode:
    """A node as the profiler names it; bytes are of one run, weights left out."""

    name: str
    operator: str
    provider: str
    activation_bytes: int
    output_bytes: int


@dataclass(frozen=True, kw_only=True)
class Profile:
    """What one process found: ``runs_us`` holds a time for each of ``nodes``, run by run.

    ``plain_ns`` and ``profiled_ns`` are whole calls, of a session without and with the profiler.
    """

    nodes: tuple[ProfiledNode, ...]
    runs_us: tuple[tuple[int, ...], ...]
    plain_ns: tuple[int, ...]
    profiled_ns: tuple[int, ...]


def take(subject: Subject, effort: Effort) -> Profile:
    """Profile a subject in a fresh process. Raises :class:`WorkerFailedError` where it cannot be run."""
    with temporary.folder() as folder:
        asked = {"seconds": effort.seconds, "turn_s": effort.turn_s, **subject.asked}
        reply = _ask(folder, do="profile", **asked)
    return Profile(
        nodes=tuple(ProfiledNode(**node) for node in reply["nodes"]),
        runs_us=tuple(map(tuple, reply["runs_us"])),
        plain_ns=tuple(reply["samples_ns"]["plain"]),
        profiled_ns=tuple(reply["samples_ns"]["profiled"]),
    )


@dataclass(frozen=True, kw_only=True)
class RanNode:
    """A node that ran, on inputs of these shapes, so many times; what is absent, and lists, are left out."""

    name: str
    inputs: tuple[tuple[int, ...], ...]
    outputs: tuple[tuple[int, ...], ...]
    times: int


def trace(model: Path, inputs: Path, data_folder: Path) -> list[RanNode]:
    """Run a model once, with optimisations off and weights as they are stored, and tell which nodes ran.

    ``inputs`` is an .npz file with an array for each input, ``data_folder`` where the model's external data are.
    Raises :class:`HarnessError` if it cannot be run.
    """
    try:
        reply = _ask(model.parent, do="trace", model=str(model), inputs=str(inputs), data_folder=str(data_folder))
    except WorkerFailedError as error:
        raise HarnessError(f"onnxruntime cannot run the model: {error}") from error
    return read_trace(reply)


def read_trace(reply: Mapping[str, Any]) -> list[RanNode]:
    """The nodes that :func:`harness.timing.profile_worker.trace` tells of."""
    return [
        RanNode(
            name=node["name"],
            inputs=tuple(map(tuple, node["inputs"])),
            outputs=tuple(map(tuple, node["outputs"])),
            times=node["times"],
        )
        for node in reply["nodes"]
    ]


def save_graphs(model: Path, optimised: Path, countable: Path) -> None:
    """Save the graph of a file as onnxruntime runs it, and as it is before it is laid out for one processor.

    Raises :class:`WorkerFailedError` where onnxruntime cannot load or save it.
    """
    found = {"optimised": str(optimised.absolute()), "countable": str(countable.absolute())}
    _ask(optimised.parent, do="graphs", model=str(model.absolute()), **found)


def _ask(folder: Path, **request: Any) -> dict[str, Any]:
    """One request to a fresh process that works in that folder."""
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "harness.timing.profile_worker"],
            input=json.dumps(request),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            timeout=REPLY_LIMIT_S,
            cwd=folder,
        )
    except subprocess.TimeoutExpired:
        raise WorkerFailedError(f"the profiling process did not answer for {REPLY_LIMIT_S:.0f} s") from None
    if done.returncode:
        raise WorkerFailedError(f"the profiling process ended with {exit_status(done.returncode)}")
    reply: dict[str, Any] = json.loads(done.stdout)
    if "error" in reply:
        raise WorkerFailedError(reply["error"])
    return reply
