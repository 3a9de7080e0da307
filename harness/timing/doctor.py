"""What of this machine and this installation matters for measuring, judged, with what to do about it."""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from harness.machine import cache, environment, gpus, installed, telemetry
from harness.timing import energy, runtime
from harness.timing.energy import Unreadable

Verdict = Literal["good", "mind", "mend"]  # mind: results depend on it; mend: something does not work

BUSY_CORES = 0.1  # of another process, from which on it disturbs
FREE_BYTES = 5_000_000_000  # the files of the largest network and its two exports, twice over
MEMORY_BYTES = 6_000_000_000  # the largest export takes so much
FRAMEWORKS = {"keras": ("keras", "tensorflow", "tf2onnx"), "torch": ("torch", "onnxscript"), "plots": ("matplotlib",)}


@dataclass(frozen=True, kw_only=True)
class Diagnosis:
    """One thing that was looked at: what was found, how good that is, and what to do."""

    subject: str
    found: str
    verdict: Verdict = "good"
    advice: str = ""


def findings() -> list[Diagnosis]:
    """Everything that can be told without measuring."""
    found = gpus.find_gpus()
    facts: dict[str, Any] = environment.collect(found)
    now: dict[str, Any] = environment.moment(found)
    return [
        *installation(facts["versions"]),
        *runtimes(facts),
        *processor(facts),
        *room(facts),
        *company(now, facts["cores"]["available"]),
        *graphics(*found),
        *counters(bool(facts["gpus"])),
        *checkout(facts),
    ]


def installation(versions: Mapping[str, str | None]) -> Iterator[Diagnosis]:
    """Which of the packages that an extra of this project brings are there."""
    for extra, names in FRAMEWORKS.items():
        missing = [name for name in names if (versions.get(name) or installed.version(name)) is None]
        there = [f"{name} {versions.get(name) or installed.version(name)}" for name in names if name not in missing]
        yield Diagnosis(
            subject=f"packages: {extra}",
            found=", ".join([*there, *(f"no {name}" for name in missing)]),
            verdict="mend" if missing else "good",
            advice=f"pip install 'onnx-harness[{extra}]'" if missing else "",
        )


def runtimes(facts: Mapping[str, Any]) -> Iterator[Diagnosis]:
    """onnxruntime: exactly one distribution of it, and its execution providers."""
    there = installed.onnxruntimes()
    if not there:
        yield Diagnosis(
            subject="onnxruntime",
            found="not installed",
            verdict="mend",
            advice="pip install 'onnx-harness[cpu]' or [gpu]",
        )
        return
    several = len(there) > 1
    yield Diagnosis(
        subject="onnxruntime",
        found=", ".join(f"{name} {installed.version(name)}" for name in there),
        verdict="mend" if several else "good",
        advice="they write the same files: uninstall all, then install one of them" if several else "",
    )
    on = facts["telemetry"] == "on"
    yield Diagnosis(
        subject="onnxruntime's telemetry",
        found=f"{facts['telemetry']} ({telemetry.VARIABLE}={telemetry.STOPPED if not on else telemetry.LEFT_ON})",
        verdict="mind" if on else "good",
        advice="every process that is timed works for it, too: leave out --telemetry" if on else "",
    )
    providers = [name.removesuffix("ExecutionProvider") for name in runtime.load().get_available_providers()]
    yield Diagnosis(subject="execution providers", found=", ".join(providers))


def processor(facts: Mapping[str, Any]) -> Iterator[Diagnosis]:
    """The processor, the cores this process may use, and how its clock is governed."""
    cores = facts["cores"]
    asked = f"{cores['available']} of {cores['logical']} logical cores"
    quota = f", the cgroup grants {cores['cgroup_quota']:g}" if cores["cgroup_quota"] is not None else ""
    yield Diagnosis(subject="processor", found=facts["processor"])
    part = cores["cgroup_quota"] is not None and cores["cgroup_quota"] != int(cores["cgroup_quota"])
    yield Diagnosis(
        subject="cores",
        found=asked + quota,
        verdict="mind" if part else "good",
        advice="part of a core is granted in slices: calls wait for the next one; grant whole cores" if part else "",
    )
    governor = facts["frequency_governor"]
    yield Diagnosis(
        subject="clock",
        found=f"governor {governor}" if governor else "its governor is not readable here (as on most virtual machines)",
        verdict="good" if governor == "performance" else "mind",
        advice="sudo cpupower frequency-set -g performance" if governor not in (None, "performance") else "",
    )


def room(facts: Mapping[str, Any]) -> Iterator[Diagnosis]:
    """Memory, and what is free where the cache lies."""
    memory = facts["memory_bytes"]
    yield Diagnosis(
        subject="memory",
        found=f"{memory / 1e9:.1f} GB",
        verdict="mind" if memory < MEMORY_BYTES else "good",
        advice="exports of the largest networks take up to 6 GB" if memory < MEMORY_BYTES else "",
    )
    folder = next(place for place in (cache.root(), *cache.root().parents) if place.exists())
    free = shutil.disk_usage(folder).free
    yield Diagnosis(
        subject="cache",
        found=f"{cache.root()}, {free / 1e9:.0f} GB free",
        verdict="mind" if free < FREE_BYTES else "good",
        advice="harness cache clean, or another place by HARNESS_CACHE" if free < FREE_BYTES else "",
    )


def company(now: Mapping[str, Any], cores: int) -> Iterator[Diagnosis]:
    """What runs beside a measurement right now."""
    other, load = now["busiest_other_process"], now["load_average"][0]
    busy = other is not None and other["cores"] >= BUSY_CORES
    yield Diagnosis(
        subject="other processes",
        found=f"{other['name']} uses {other['cores']:g} cores" if other else "none uses a twentieth of a core",
        verdict="mind" if busy else "good",
        advice="end it, or measure later: what takes turns on a core is slower and differs more" if busy else "",
    )
    yield Diagnosis(
        subject="load",
        found=f"{load:.2f} over the last minute, {cores} cores",
        verdict="mind" if load > cores / 2 else "good",
        advice="wait until the machine is quiet" if load > cores / 2 else "",
    )


def graphics(found: Sequence[Mapping[str, Any]], reason: str) -> Iterator[Diagnosis]:
    """The GPUs, and what holds their clocks down."""
    if reason:
        yield Diagnosis(subject="GPU", found=reason)
    for gpu in found:
        slowed = ", ".join(gpu["slowed_by"])
        yield Diagnosis(
            subject="GPU",
            found=f"{gpu['name']}, driver {gpu['driver']}, {gpu['clock_mhz']} of {gpu['clock_maximum_mhz']} MHz",
            verdict="mind" if slowed else "good",
            advice=f"slowed by its {slowed}" if slowed else "",
        )


def counters(gpu: bool) -> Iterator[Diagnosis]:
    """Whether energy can be read here, of the processor and of a GPU where there is one."""
    meters = {"processor": energy.processor()} | ({"GPU": energy.gpu()} if gpu else {})
    for name, meter in meters.items():
        subject = f"energy: {name}"
        if isinstance(meter, Unreadable):
            verdict: Verdict = "mend" if meter.advice else "good"
            found = f"not readable here: {meter.reason}"
            yield Diagnosis(subject=subject, found=found, verdict=verdict, advice=meter.advice)
        else:
            yield Diagnosis(subject=subject, found=meter.source)


def checkout(facts: Mapping[str, Any]) -> Iterator[Diagnosis]:
    """Whether results can be told to belong to a commit, and whether this is a container."""
    commit = facts["commit"]
    changed = bool(commit) and commit.endswith("-modified")
    yield Diagnosis(
        subject="commit",
        found=commit or "installed, not a checkout",
        verdict="mind" if changed else "good",
        advice="commit first: results of changed files belong to no commit" if changed else "",
    )
    yield Diagnosis(subject="container", found="yes" if facts["container"] else "none that shows itself")
