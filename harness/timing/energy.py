"""Counters of energy: of the processor by Linux' powercap (RAPL, Intel and AMD), of an NVIDIA GPU by NVML.

Both count what the whole processor or GPU takes, whoever makes it work, and idle too.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from harness.machine import gpus
from harness.measurements.providers import Target

POWERCAP = Path("/sys/class/powercap")
PACKAGE = re.compile(r"intel-rapl:\d+")  # its parts, as intel-rapl:0:1, are counted in it
SINCE = "readable by root alone since CVE-2020-8694"
ALLOWING = "sudo chmod a+r /sys/class/powercap/intel-rapl:*/energy_uj"


@dataclass(frozen=True, kw_only=True)
class Meter:
    """Counters that are read before and after something; each begins again at 0 after its ``range``."""

    source: str
    unit_j: float
    ranges: tuple[int, ...]
    read: Callable[[], tuple[int, ...]]  # raises OSError where a counter is no longer readable

    def joules(self, before: Iterable[int], after: Iterable[int]) -> float:
        """The energy between two readings that are less than a range apart."""
        counts = zip(before, after, self.ranges, strict=True)
        return self.unit_j * sum((last - first) % size for first, last, size in counts)


@dataclass(frozen=True, kw_only=True)
class Unreadable:
    """Why no energy can be read, and what can be done about it."""

    reason: str
    advice: str = ""

    @property
    def described(self) -> str:
        """As a row tells it."""
        return "; ".join(part for part in (f"not readable here: {self.reason}", self.advice) if part)


def find_meter(target: Target) -> Meter | Unreadable:
    """The meter of what a target runs on."""
    if target.device == "cpu":
        return processor()
    if target.bound_on_device:
        return gpu()
    return Unreadable(reason=f"no counter is known of the GPU that {target.name} uses")


def processor(root: Path | None = None) -> Meter | Unreadable:
    """The counters of every package of the processor, together."""
    root = root or POWERCAP
    try:
        zones = sorted(zone for zone in root.iterdir() if PACKAGE.fullmatch(zone.name))
        names = {zone: (zone / "name").read_text().strip() for zone in zones}
        packages = [zone for zone in zones if names[zone].startswith("package")]  # psys would count them twice
        if not packages:
            return Unreadable(reason=f"{root} holds no package of intel-rapl")
        ranges = tuple(int((zone / "max_energy_range_uj").read_text()) for zone in packages)

        def read() -> tuple[int, ...]:
            return tuple(_count(zone / "energy_uj") for zone in packages)

        read()
    except PermissionError as error:
        return Unreadable(reason=f"{error.filename} is {SINCE}", advice=ALLOWING)
    except FileNotFoundError as error:
        return Unreadable(reason=f"no {error.filename} (as on most virtual machines and in most containers)")
    except (OSError, ValueError) as error:
        return Unreadable(reason=f"{root}: {error}")
    told = ", ".join(f"{names[zone]} ({zone.name})" for zone in packages)
    return Meter(source=f"RAPL {told}, idle included", unit_j=1e-6, ranges=ranges, read=read)


def gpu() -> Meter | Unreadable:
    """The counter of the GPU that CUDA calls its first."""
    try:
        read, name = gpus.energy_counter()
    except OSError as error:
        return Unreadable(reason=str(error))
    source = f"NVML total energy of {name}, idle included"
    return Meter(source=source, unit_j=1e-3, ranges=(1 << 64,), read=lambda: (read(),))


def _count(path: Path) -> int:
    try:
        return int(path.read_text())
    except ValueError as error:
        raise OSError(f"{path} holds no number") from error
