"""What a network can be run by: onnxruntime, or the framework it is defined in, eagerly or compiled."""

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from harness.errors import HarnessError
from harness.measurements.configurations import Configuration
from harness.measurements.providers import Target
from harness.measurements.subject_key import FLOAT32, ONNXRUNTIME

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

# By runtime: the framework whose form of a network it runs, and how, in the words of a row's options.
OWN = {
    "torch": ("torch", "inference_mode"),
    "torch.compile": ("torch", "inference_mode, inductor"),
    "keras": ("keras", "predict_on_batch"),
    "keras.eager": ("keras", "training=False"),
}
RUNTIMES = (ONNXRUNTIME, *OWN)


def check(names: Iterable[str]) -> tuple[str, ...]:
    """The runtimes that were asked for, each once. Raises :class:`HarnessError` for one that there is not."""
    for name in names:
        if name not in RUNTIMES:
            raise HarnessError(f"--runtime {name}: expected one or several of {', '.join(RUNTIMES)}.")
    return tuple(dict.fromkeys(names))


def applied(configurations: Iterable[Configuration], framework: str) -> tuple[Configuration, ...]:
    """Those in which a network's form of this framework can be timed; "" for a file that has no definition beside it.

    A framework runs its own form alone, in float32, on a device: of onnxruntime's providers it knows none.
    """
    found = (
        replace(each, target=_device(each.target)) if each.runtime in OWN else each
        for each in configurations
        if each.runtime not in OWN or (OWN[each.runtime][0] == framework and each.precision == FLOAT32)
    )
    return tuple(dict.fromkeys(found))


def start_s(runtime: str) -> float:
    """About how long a process of a runtime takes before it measures, beyond onnxruntime's; for estimates alone."""
    return {ONNXRUNTIME: 0.0, "torch": 1.5, "torch.compile": 6.0}.get(runtime, 7.0)


def options(runtime: str) -> str:
    """How a framework runs its form, as a row names it."""
    return OWN[runtime][1]


def images(shape: Iterable[int], kind: str = "float32") -> "NDArray[numpy.float32]":
    """What a network's own form is fed while it is timed: what onnxruntime's worker draws for an input so shaped.

    That is zeros if the ``kind`` is one of whole numbers.
    """
    import numpy as np

    return np.random.default_rng(0).random(tuple(shape)).astype(kind)


def _device(target: Target) -> Target:
    return Target(provider="cuda", device="gpu") if target.device == "gpu" else Target()
