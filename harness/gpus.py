"""What NVIDIA's management library says of the graphics processors of this machine."""

import contextlib
from collections.abc import Iterator
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


def found() -> tuple[list[dict[str, object]], str]:
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
