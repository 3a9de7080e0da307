"""What NVIDIA's management library says of the graphics processors of this machine."""

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

# Why a clock is lower than it could be (nvmlClocksEventReasons…); idle and "as asked for" are no faults.
SLOWED_BY = {
    0x4: "power limit",
    0x8: "hardware slowdown",
    0x20: "temperature limit of the software",
    0x40: "temperature limit of the hardware",
    0x80: "external power brake",
}
LASTING = ("name", "driver", "memory_bytes", "clock_maximum_mhz")  # the same all through a run
PASSING = ("memory_used_bytes", "clock_mhz", "memory_clock_mhz", "celsius", "slowed_by")

Found = tuple[list[dict[str, object]], str]


def find_gpus() -> Found:
    """Each GPU with its driver, memory (bytes), clocks (MHz) and what slows it; where there is none, why."""
    import pynvml

    try:
        with _library(pynvml):
            driver = pynvml.nvmlSystemGetDriverVersion()
            count = pynvml.nvmlDeviceGetCount()
            gpus = [_gpu(pynvml, pynvml.nvmlDeviceGetHandleByIndex(index), driver) for index in range(count)]
    except pynvml.NVMLError as error:  # no driver, or no right to ask it
        return [], f"no NVIDIA GPU can be asked here: {error}"
    return gpus, "" if gpus else "the NVIDIA driver is here, and no GPU"


@dataclass(frozen=True, kw_only=True)
class Occupied:
    """The memory of all GPUs that is taken at one moment, in bytes: all of it, and that of each process."""

    used: int
    by_process: Mapping[int, int]


def occupied() -> Occupied | None:
    """What is taken now; None where no GPU can be asked."""
    import pynvml

    try:
        with _library(pynvml):
            handles = [pynvml.nvmlDeviceGetHandleByIndex(index) for index in range(pynvml.nvmlDeviceGetCount())]
            used = sum(pynvml.nvmlDeviceGetMemoryInfo(handle).used for handle in handles)
            listed = [_asked(pynvml, pynvml.nvmlDeviceGetComputeRunningProcesses, handle) or [] for handle in handles]
    except pynvml.NVMLError:
        return None
    by_process: dict[int, int] = {}
    for process in (process for of_one in listed for process in of_one):
        if process.usedGpuMemory is not None:  # Windows keeps it to itself
            by_process[process.pid] = by_process.get(process.pid, 0) + process.usedGpuMemory
    return Occupied(used=used, by_process=by_process)


def taken_bytes(before: Occupied | None, after: Occupied | None, process: int) -> int | None:
    """What a process took between two moments; None where that cannot be told.

    In a container the driver counts processes by other numbers: then it is what all GPUs have less than before.
    """
    if before is None or after is None:
        return None
    if process in after.by_process and process not in before.by_process:
        return after.by_process[process]
    grown = after.used - before.used
    return grown if grown > 0 else None


def energy_counter() -> tuple[Callable[[], int], str]:
    """The counter of the GPU that CUDA calls its first, in millijoules since the driver was loaded; and its name.

    Raises :class:`OSError` with the reason where there is none. The library stays open: opening it takes longer
    than a reading.
    """
    import pynvml

    def read() -> int:
        try:
            return int(pynvml.nvmlDeviceGetTotalEnergyConsumption(handle))
        except pynvml.NVMLError as error:
            raise OSError(f"NVML's energy counter of {name}: {error}") from error

    try:
        pynvml.nvmlInit()
        handle = _first(pynvml)
        name = pynvml.nvmlDeviceGetName(handle)
    except pynvml.NVMLError as error:
        raise OSError(f"no NVIDIA GPU can be asked here: {error}") from error
    read()
    return read, name


def _first(pynvml: Any) -> Any:
    """The GPU that CUDA calls its first: the first of those that CUDA_VISIBLE_DEVICES leaves."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")[0].strip()
    if visible.startswith(("GPU-", "MIG-")):
        return pynvml.nvmlDeviceGetHandleByUUID(visible)
    return pynvml.nvmlDeviceGetHandleByIndex(int(visible) if visible.isdigit() else 0)


@contextlib.contextmanager
def _library(pynvml: Any) -> Iterator[None]:
    pynvml.nvmlInit()
    try:
        yield
    finally:
        pynvml.nvmlShutdown()


def _gpu(pynvml: Any, handle: Any, driver: str) -> dict[str, object]:
    reasons = _asked(pynvml, pynvml.nvmlDeviceGetCurrentClocksThrottleReasons, handle) or 0
    memory = _asked(pynvml, pynvml.nvmlDeviceGetMemoryInfo, handle)
    return {
        "name": pynvml.nvmlDeviceGetName(handle),
        "driver": driver,
        "memory_bytes": memory and memory.total,
        "memory_used_bytes": memory and memory.used,
        "clock_mhz": _asked(pynvml, pynvml.nvmlDeviceGetClockInfo, handle, pynvml.NVML_CLOCK_SM),
        "clock_maximum_mhz": _asked(pynvml, pynvml.nvmlDeviceGetMaxClockInfo, handle, pynvml.NVML_CLOCK_SM),
        "memory_clock_mhz": _asked(pynvml, pynvml.nvmlDeviceGetClockInfo, handle, pynvml.NVML_CLOCK_MEM),
        "celsius": _asked(pynvml, pynvml.nvmlDeviceGetTemperature, handle, pynvml.NVML_TEMPERATURE_GPU),
        "slowed_by": [name for bit, name in SLOWED_BY.items() if reasons & bit],
    }


def _asked(pynvml: Any, question: Any, *given: Any) -> Any:
    """The answer, or None where this GPU has none (a partition, a virtual one)."""
    try:
        return question(*given)
    except pynvml.NVMLError:
        return None
