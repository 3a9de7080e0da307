"""Short names of the machines that runs were measured on, from what ``environment.json`` says of them.

The file may be anybody's: whatever it lacks, or has of another kind, is left out of the name.
"""

import re
from collections.abc import Collection, Mapping
from typing import Any

from harness.report.tables import plain

# What stands in a processor's name besides its maker and model.
_FILLING = re.compile(r"\((?:R|TM|C)\)|\b(?:CPU|Processor)\b|@.*$|\b\d+-Core\b", re.IGNORECASE)
LONGEST = 40

Environment = Mapping[str, Any]


def short(environment: Environment, devices: Collection[str]) -> str:
    """``AMD EPYC, 2 cores``; of a machine whose GPU alone was timed ``NVIDIA H200``, of both both.

    ``devices`` are those that were timed. Empty where the machine is not known.
    """
    gpu = ", ".join(_gpus(environment)) if "gpu" in devices else ""
    return gpu if gpu and "cpu" not in devices else ", ".join(filter(None, (_processor(environment), gpu)))


def whole(environment: Environment) -> str:
    """The same with the GPUs, whatever was timed."""
    return short(environment, ("cpu", "gpu"))


def facts(environment: Environment) -> tuple[object, ...]:
    """What two runs of one machine have in common; a container's or a kernel's version is none of it."""
    of = tuple(repr(environment.get(name)) for name in ("machine", "processor", "cores", "memory_bytes"))
    return (*of, tuple(_gpus(environment)))


def versions(environment: Environment) -> dict[str, str]:
    """The versions of what was installed."""
    recorded = environment.get("versions")
    if not isinstance(recorded, dict):
        return {}
    return {plain(str(name)): plain(str(version)) for name, version in recorded.items() if version}


def _processor(environment: Environment) -> str:
    processor = environment.get("processor")
    if not isinstance(processor, str) or not processor.strip():
        return ""
    name = " ".join(_FILLING.sub(" ", plain(processor)).split()) or "processor"
    cores = environment.get("cores")
    number = cores.get("available") if isinstance(cores, dict) else None
    known = isinstance(number, int) and number > 0
    return f"{_cut(name)}, {number} core{'s' if number != 1 else ''}" if known else _cut(name)


def _gpus(environment: Environment) -> list[str]:
    """The names of the GPUs, one of several that are alike."""
    found = environment.get("gpus")
    named = [gpu.get("name") for gpu in found if isinstance(gpu, dict)] if isinstance(found, list) else []
    return list(dict.fromkeys(_cut(plain(name)) for name in named if isinstance(name, str) and name.strip()))


def _cut(name: str) -> str:
    return name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}…"
