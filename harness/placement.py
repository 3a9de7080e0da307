"""What a provider other than the CPU's makes of a subject: whether it can be had at all, and which nodes it takes.

Asked of fresh worker processes in passes that are not timed.
"""

from collections.abc import Iterable
from dataclasses import replace

from harness import latency, node_providers
from harness.latency import Subject
from harness.providers import Target
from harness.worker_process import WorkerFailedError


def unavailable(target: Target, floor: Subject) -> str:
    """Why nothing can run on the target here; empty where it runs the smallest model, ``floor``."""
    try:
        latency.answer(replace(floor, target=replace(target, cuda_graph=False)), "open")
    except WorkerFailedError as error:
        return str(error)
    return ""


def fallbacks(subjects: Iterable[Subject]) -> tuple[dict[str, str], dict[str, str]]:
    """By subject: the nodes that its provider does not run, in words; and why a subject cannot be timed at all."""
    found, failures = {}, {}
    for subject in subjects:
        try:
            found[subject.key] = _fallback(subject)
        except WorkerFailedError as error:
            failures[subject.key] = str(error)
    return found, failures


def _fallback(subject: Subject) -> str:
    """Empty where the provider runs every node.

    Raises :class:`WorkerFailedError` where it runs none, or where that cannot be told: the latency
    would be another provider's.
    """
    found = latency.answer(subject, "nodes")["nodes"]
    elsewhere = node_providers.fallback(found, subject.target.name)
    if subject.target.name not in found:
        raise WorkerFailedError(f"no node runs on {subject.target.name}: {elsewhere or 'the profiler names no node'}")
    return elsewhere
