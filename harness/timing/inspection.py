"""What a provider makes of a subject: whether it can be had, which nodes it runs, and what comes out.

Asked of fresh worker processes in passes that are not timed.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harness.machine import temporary
from harness.machine.arrays import read_arrays, save_arrays
from harness.machine.process import WorkerFailedError
from harness.measurements.providers import Target
from harness.measurements.subject_key import ONNXRUNTIME
from harness.timing import latency, node_providers
from harness.timing.latency import Subject
from harness.timing.node_providers import Placement

Outputs = Mapping[str, NDArray[np.float32]]


CPU = "cpu"


@dataclass(frozen=True, kw_only=True)
class Inspection:
    """What was seen of a subject as it ran once on what it is fed; ``failure`` says why it cannot be timed.

    ``nodes`` are those of the graph that onnxruntime runs, by provider and operator. ``outputs`` are the first
    values of each output, in order (:data:`harness.timing.worker.KEPT_VALUES` at most).
    """

    nodes: Placement = field(default_factory=dict)
    outputs: Outputs = field(default_factory=dict)
    failure: str = ""


def unavailable(target: Target, floor: Subject) -> str:
    """Why nothing can run on the target here; empty where it runs the smallest model, ``floor``."""
    try:
        latency.answer(replace(floor, target=replace(target, cuda_graph=False)), "open")
    except WorkerFailedError as error:
        return str(error)
    return ""


def inspect_all(subjects: Iterable[Subject]) -> dict[str, Inspection]:
    """By key, of the subjects that onnxruntime runs; those that differ in their threads alone are inspected once."""
    found: dict[str, Inspection] = {}
    seen: dict[str, Inspection] = {}
    for subject in subjects:
        if subject.runtime != ONNXRUNTIME:
            continue
        alike = str(replace(subject, key="", threads=1))
        if alike not in seen:
            seen[alike] = _inspect(subject)
        found[subject.key] = seen[alike]
    return found


def save_outputs(path: Path, inspected: Mapping[str, Inspection]) -> None:
    """Keep what each subject gave, under "SUBJECT/OUTPUT"; no file where none gave anything."""
    arrays = {
        f"{key}/{name}": values for key, inspection in inspected.items() for name, values in inspection.outputs.items()
    }
    if arrays:
        save_arrays(path, arrays)


def _inspect(subject: Subject) -> Inspection:
    """A subject that fails on the CPU is left to be timed, which says why it cannot be."""
    try:
        with temporary.folder() as folder:
            path = folder / "outputs.npz"
            nodes = latency.answer(subject, "inspect", outputs=str(path))["nodes"]
            found = Inspection(nodes=nodes, outputs=read_arrays(path))
    except WorkerFailedError as error:
        return Inspection(failure="" if subject.target.provider == CPU else str(error))
    if subject.target.name in nodes or subject.target.provider == CPU:
        return found
    # The latency would be another provider's.
    elsewhere = node_providers.fallback(nodes, subject.target.name) or "the profiler names no node"
    return Inspection(failure=f"no node runs on {subject.target.name}: {elsewhere}")
