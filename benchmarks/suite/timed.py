"""What the harness' own engine measures of files: all in turns, in one go, before asv asks for the first.

A sample is what one launch (a fresh process) found: its median call, or the session that it created.
"""

from collections.abc import Mapping
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
    import harness

    keys = [(*key, provider, threads) for key in found for provider in PROVIDERS for threads in THREADS]
    subjects = outcomes.of(keys, lambda *key: _subject(outcomes.result(found, *key[:2]), *key[2:]))
    for key in keys:
        if reason := _absent(*key[2:]):
            subjects[key] = outcomes.Skipped(reason)
    timed = {" ".join(key): each for key, each in subjects.items() if not isinstance(each, outcomes.Failed)}
    timings = harness.time_files(timed, launches=LAUNCHES)

    def timing(*key: Any) -> Any:
        outcomes.result(subjects, *key)
        measured = timings[" ".join(key)]
        if measured.failure:
            raise outcomes.BenchmarkFailedError(measured.failure)
        return measured

    gone = {key: each for key, each in subjects.items() if isinstance(each, outcomes.Skipped)}
    return {
        "latency": {**outcomes.of(keys, lambda *key: timing(*key).launch_medians_s), **gone},
        "session": {**outcomes.of(keys, lambda *key: [one.session_s for one in timing(*key).launches]), **gone},
        "memory": {**_memory(subjects), **gone},
    }


def _subject(file: str, provider: str, threads: str) -> Any:
    import harness

    return harness.TimedFile(file=file, provider=provider, threads=None if threads == "all" else int(threads))


def _absent(provider: str, threads: str) -> str:
    """Why that cannot be measured here; empty where it can."""
    import harness

    if provider not in harness.list_providers():
        return f"the installed onnxruntime has no provider {provider}"
    return "on a GPU threads serve nothing: they are told once" if provider != "cpu" and threads != "all" else ""


def _memory(subjects: Mapping[outcomes.Key, Any]) -> dict[outcomes.Key, Any]:
    """Bytes of the largest resident set beyond that with a model that does nothing; a value for each process."""
    import harness

    def beyond(*key: Any) -> list[int]:
        subject = outcomes.result(subjects, *key)
        return [harness.measure_memory(subject) for _ in range(MEMORY_PROCESSES)]

    return outcomes.of(subjects, beyond)
