"""onnxruntime, and nothing else that imports it: sessions, their options, what they computed.

Imports only onnxruntime and numpy, so that a worker process that measures holds nothing heavier.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import HarnessError, first_line

if TYPE_CHECKING:
    import numpy
    import onnxruntime
    from numpy.typing import NDArray

# Idle threads of one session spin on after a run and take the cores of the next session's; told to
# stop at the end of each run, they do not, at a cost under 1 % of the speed alone.
SESSION_CONFIG = {"session.force_spinning_stop": "1"}

# By onnxruntime's name of a type: numpy's. Numpy has no bfloat16; its bits are made of a float32's.
ELEMENT_TYPES = {
    "tensor(float)": "float32",
    "tensor(float16)": "float16",
    "tensor(bfloat16)": "bfloat16",
    "tensor(double)": "float64",
    "tensor(int64)": "int64",
    "tensor(int32)": "int32",
    "tensor(int16)": "int16",
    "tensor(int8)": "int8",
    "tensor(uint64)": "uint64",
    "tensor(uint32)": "uint32",
    "tensor(uint16)": "uint16",
    "tensor(uint8)": "uint8",
    "tensor(bool)": "bool",
}
BFLOAT16 = 16  # onnx.TensorProto.BFLOAT16


def load() -> Any:
    """The onnxruntime module, or a :class:`HarnessError` that says how to install one."""
    try:
        import onnxruntime
    except ModuleNotFoundError as error:
        raise HarnessError(
            "onnxruntime is not installed: pip install 'onnx-harness[cpu]' or 'onnx-harness[gpu]', not both."
        ) from error
    return onnxruntime


def session(model: Path | bytes, *, threads: int) -> "onnxruntime.InferenceSession":
    """A CPU session with that many threads for one operator, operators one after the other."""
    onnxruntime = load()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    for key, value in SESSION_CONFIG.items():
        options.add_session_config_entry(key, value)
    source = model if isinstance(model, bytes) else str(model)
    try:
        return onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own errors share no base class
        if type(error).__module__.startswith("onnxruntime"):
            raise HarnessError(f"onnxruntime cannot load the model: {first_line(error)}") from error
        raise


def threads_available() -> int:
    """How many threads this process may keep busy: its affinity, less what the cgroup's quota forbids."""
    affinity = getattr(os, "sched_getaffinity", None)  # macOS has none
    count = len(affinity(0)) if affinity else os.cpu_count() or 1
    quota = cgroup_quota()
    return count if quota is None else max(1, min(count, int(quota)))


def cgroup_quota() -> float | None:
    """Processors that the cgroup (version 2) grants this process, or None where it sets no bound."""
    try:
        group = Path("/proc/self/cgroup").read_text().strip().rpartition(":")[2].lstrip("/")
        limit, period = (Path("/sys/fs/cgroup") / group / "cpu.max").read_text().split()
    except (OSError, ValueError):
        return None
    return None if limit == "max" else int(limit) / int(period)


def outputs(
    of: "onnxruntime.InferenceSession", images: "NDArray[numpy.float32]", name: str, batch: int = 250
) -> "NDArray[numpy.float32]":
    """One output of the session (N, values) for images in the session's layout."""
    import numpy as np

    feed = of.get_inputs()[0].name
    parts = (of.run([name], {feed: images[start : start + batch]})[0] for start in range(0, len(images), batch))
    return np.concatenate([part.reshape(len(part), -1) for part in parts])


@dataclass(kw_only=True)
class BoundCall:
    """A session whose inputs are bound and whose outputs have their memory: one call, nothing else."""

    session: "onnxruntime.InferenceSession"
    binding: Any
    kept: tuple[Any, ...]  # the memory that is bound belongs to these

    def __call__(self) -> None:
        self.session.run_with_iobinding(self.binding)


def bind(of: "onnxruntime.InferenceSession", feeds: dict[str, Any], results: dict[str, Any]) -> BoundCall:
    """The session with its inputs bound, writing its outputs where the values of an earlier run are."""
    binding = of.io_binding()
    for name, value in feeds.items():
        binding.bind_ortvalue_input(name, value)
    for name, value in results.items():
        binding.bind_ortvalue_output(name, value)
    return BoundCall(session=of, binding=binding, kept=(feeds, results))


def run(of: "onnxruntime.InferenceSession", feeds: "dict[str, NDArray[Any]]") -> "dict[str, NDArray[Any]]":
    """Every output of one plain run, by name."""
    names = [value.name for value in of.get_outputs()]
    return dict(zip(names, of.run(names, feeds), strict=True))


def run_values(of: "onnxruntime.InferenceSession", feeds: dict[str, Any]) -> dict[str, Any]:
    """Every output of one run, by name; inputs and outputs are onnxruntime's own values."""
    names = [value.name for value in of.get_outputs()]
    return dict(zip(names, of.run_with_ort_values(names, feeds), strict=True))


def inputs(
    of: "onnxruntime.InferenceSession",
    shapes: Mapping[str, tuple[int, ...]],
    given: "Mapping[str, NDArray[Any]]",
    seed: int = 0,
) -> dict[str, Any]:
    """A value for each input: the array that is given for it; else random in [0, 1) for floats, zeros for the rest.

    Raises :class:`HarnessError` for an input of a type that no array can be made of (strings,
    sequences), and for one without a shape.
    """
    import numpy as np

    random = np.random.default_rng(seed)
    feeds = {}
    for value in of.get_inputs():
        kind = ELEMENT_TYPES.get(value.type)
        if kind is None:
            raise HarnessError(f"input {value.name!r} is of {value.type}, and only arrays of numbers can be fed here.")
        if value.name in given:
            array = given[value.name]
        elif value.name not in shapes:
            raise HarnessError(f"input {value.name!r} {value.shape} of the model is given no shape.")
        else:
            shape = shapes[value.name]
            array = np.asarray(random.random(shape)) if "float" in kind else np.zeros(shape)
        feeds[value.name] = _value(array, kind)
    return feeds


def _value(array: "NDArray[Any]", kind: str) -> Any:
    """An array as onnxruntime's value of that type. It shares the memory of the array, which it keeps."""
    import numpy as np

    of = load().OrtValue
    if kind != "bfloat16":
        return of.ortvalue_from_numpy(np.ascontiguousarray(array, kind).reshape(array.shape))
    upper_half = np.ascontiguousarray(array, np.float32).reshape(-1).view(np.uint32) >> 16
    return of.ortvalue_from_numpy_with_onnx_type(upper_half.astype(np.uint16).reshape(array.shape), BFLOAT16)
