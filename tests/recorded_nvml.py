"""NVIDIA's management library as a machine with one GPU answers it."""

import types
from typing import Any


class NVMLError(Exception):
    """What the library raises."""


def nvml(**answers: Any) -> types.SimpleNamespace:
    """The management library of a machine with one GPU; an answer that is an error is raised."""

    def answer(name: str) -> Any:
        def asked(*_: Any) -> Any:
            if isinstance(answers[name], Exception):
                raise answers[name]
            return answers[name]

        return asked

    constants = {"NVMLError": NVMLError, "NVML_CLOCK_SM": 1, "NVML_CLOCK_MEM": 2, "NVML_TEMPERATURE_GPU": 0}
    return types.SimpleNamespace(**constants, **{name: answer(name) for name in answers})


ANSWERS = {
    "nvmlInit": None,
    "nvmlShutdown": None,
    "nvmlSystemGetDriverVersion": "580.95",
    "nvmlDeviceGetCount": 1,
    "nvmlDeviceGetHandleByIndex": "handle",
    "nvmlDeviceGetName": "H200",
    "nvmlDeviceGetMemoryInfo": types.SimpleNamespace(total=150_000, used=1_000),
    "nvmlDeviceGetClockInfo": 1200,
    "nvmlDeviceGetMaxClockInfo": 1980,
    "nvmlDeviceGetTemperature": NVMLError("not supported"),
    "nvmlDeviceGetCurrentClocksThrottleReasons": 0x1 | 0x4 | 0x40,  # idle is no fault
}
