"""What the harness' own engine measures of files: all in turns, in one go, before asv asks for the first.

A sample is what one launch (a fresh process) found: its median call, or the session that it created.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from . import outcomes, prepared

# "all" and not their number, so that machines of different sizes share a history page.
THREADS = ("1", "all")
PROVIDERS = ("cpu", "cuda")
LAUNCHES = 10
MEMORY_PROCESSES = 3


def networks() -> dict[str, outcomes.Outcomes]:
    """Of the timed networks with random weights: "latency", "session" and "memory"."""
    return files(prepared.make(prepared.TIMED)["files"])


def files(found: outcomes.Outcomes) -> dict[str, outcomes.Outcomes]:
    """Of files by (network, framework): "latency", "session" and "memory", each by provider and threads as well."""
    from harness.timing import latency

    keys = [(*key, provider, threads) for key in found for provider in PROVIDERS for threads in THREADS]
    subjects = outcomes.of(keys, lambda *key: _subject(outcomes.result(found, *key[:2]), *key))
    for key in keys:
        if reason := _absent(*key[2:]):
            subjects[key] = outcomes.Skipped(reason)
    timed = {key: each for key, each in subjects.items() if not isinstance(each, outcomes.Failed)}
    timings = latency.measure(list(timed.values()), latency.Effort(launches=LAUNCHES))

    def timing(*key: Any) -> Any:
        measured = timings[outcomes.result(subjects, *key).key]
        if measured.failure:
            raise outcomes.BenchmarkFailedError(measured.failure)
        return measured

    gone = {key: each for key, each in subjects.items() if isinstance(each, outcomes.Skipped)}
    return {
        "latency": {**outcomes.of(keys, lambda *key: timing(*key).launch_medians_s), **gone},
        "session": {**outcomes.of(keys, lambda *key: [one.session_s for one in timing(*key).launches]), **gone},
        "memory": {**_memory(subjects), **gone},
    }


def _subject(file: str, network: str, framework: str, provider: str, threads: str) -> Any:
    from harness.machine import processors
    from harness.measurements.providers import DEVICES, Target
    from harness.pieces import artifacts
    from harness.timing import latency

    artifact = artifacts.read(Path(file))
    return latency.Subject(
        key=f"{network} {framework} {provider} {threads}",
        model=artifact.path,
        shapes={artifacts.INPUT: (1, *artifact.input_shape)},
        threads=processors.threads_available() if threads == "all" else int(threads),
        target=Target(provider=provider, device=DEVICES[provider][0]),
    )


def _absent(provider: str, threads: str) -> str:
    """Why that cannot be measured here; empty where it can."""
    from harness.measurements.providers import PROVIDERS as NAMES
    from harness.timing import runtime

    if NAMES[provider] not in runtime.load().get_available_providers():
        return f"the installed onnxruntime has no {NAMES[provider]}"
    return "on a GPU threads serve nothing: they are told once" if provider != "cpu" and threads != "all" else ""


def _memory(subjects: Mapping[outcomes.Key, Any]) -> dict[outcomes.Key, Any]:
    """Bytes of the largest resident set beyond that with a model that does nothing; a value for each process."""
    from harness.timing import latency

    smallest = latency.save_identity(Path("identity.onnx"))

    def peak(subject: Any) -> int:
        return int(latency.answer(subject, "memory")["peak_rss_bytes"])

    def beyond(*key: Any) -> list[int]:
        subject = outcomes.result(subjects, *key)
        baseline = replace(smallest, threads=subject.threads, target=subject.target)
        return [peak(subject) - peak(baseline) for _ in range(MEMORY_PROCESSES)]

    return outcomes.of(subjects, beyond)
