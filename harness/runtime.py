"""onnxruntime, and nothing else that imports it: sessions, their options, what they computed.

Imports only onnxruntime and numpy, so that a worker process that measures holds nothing heavier.
"""

import os
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

ELEMENT_TYPES = {
    "tensor(float)": "float32",
    "tensor(float16)": "float16",
    "tensor(double)": "float64",
    "tensor(int64)": "int64",
    "tensor(int32)": "int32",
    "tensor(int8)": "int8",
    "tensor(uint8)": "uint8",
    "tensor(bool)": "bool",
}


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
    """A session whose inputs are bound and whose outputs are preallocated: one call, nothing else."""

    session: "onnxruntime.InferenceSession"
    binding: Any

    def __call__(self) -> None:
        self.session.run_with_iobinding(self.binding)


def bind(
    of: "onnxruntime.InferenceSession",
    feeds: "dict[str, NDArray[Any]]",
    results: "dict[str, NDArray[Any]]",
) -> BoundCall:
    """The session with its inputs bound, writing its outputs into the given arrays."""
    onnxruntime = load()
    binding = of.io_binding()
    for name, array in feeds.items():
        binding.bind_ortvalue_input(name, onnxruntime.OrtValue.ortvalue_from_numpy(array))
    for name, array in results.items():
        binding.bind_output(name, "cpu", 0, array.dtype, array.shape, array.ctypes.data)
    return BoundCall(session=of, binding=binding)


def run(of: "onnxruntime.InferenceSession", feeds: "dict[str, NDArray[Any]]") -> "dict[str, NDArray[Any]]":
    """Every output of one plain run, by name."""
    names = [value.name for value in of.get_outputs()]
    return dict(zip(names, of.run(names, feeds), strict=True))


def random_inputs(
    of: "onnxruntime.InferenceSession", shapes: dict[str, tuple[int, ...]], seed: int = 0
) -> "dict[str, NDArray[Any]]":
    """An array for each input: uniform in [0, 1) where it takes floats, zeros where it takes integers."""
    import numpy as np

    random = np.random.default_rng(seed)
    feeds: dict[str, NDArray[Any]] = {}
    for value in of.get_inputs():
        if value.name not in shapes:
            raise HarnessError(f"input {value.name!r} {value.shape} of the model is given no shape.")
        kind, shape = np.dtype(ELEMENT_TYPES[value.type]), shapes[value.name]
        feeds[value.name] = random.random(shape).astype(kind) if kind.kind == "f" else np.zeros(shape, kind)
    return feeds
