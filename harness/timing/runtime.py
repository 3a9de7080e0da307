"""onnxruntime, and nothing else that imports it: sessions, their options, what they computed.

Imports only onnxruntime and numpy, so that a worker process that measures holds nothing heavier.
"""

import ctypes
import functools
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from harness.errors import HarnessError, first_line
from harness.machine.arrays import read_arrays
from harness.measurements.providers import Target
from harness.measurements.session_options import ALL, USUAL, SessionOptions

if TYPE_CHECKING:
    import onnxruntime

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
# By the name of a level of optimisation: onnxruntime's.
LEVELS = {
    "disable": "ORT_DISABLE_ALL",
    "basic": "ORT_ENABLE_BASIC",
    "extended": "ORT_ENABLE_EXTENDED",
    "all": "ORT_ENABLE_ALL",
}
BFLOAT16 = 16  # onnx.TensorProto.BFLOAT16

CPU = Target()

CLOCK = time.perf_counter_ns


def load() -> Any:
    """The onnxruntime module, or a :class:`HarnessError` that says how to install one."""
    try:
        import onnxruntime
    except ModuleNotFoundError as error:
        raise HarnessError(
            "onnxruntime is not installed: pip install 'onnx-harness[cpu]' or 'onnx-harness[gpu]', not both."
        ) from error
    return onnxruntime


def session(
    model: Path | bytes,
    *,
    threads: int,
    target: Target = CPU,
    profile: Path | None = None,
    chosen: SessionOptions = USUAL,
) -> "onnxruntime.InferenceSession":
    """A session on the target with that many threads for one operator, operators one after the other.

    ``profile`` is how the name of the file begins that onnxruntime's profiler writes. Raises
    :class:`HarnessError` where the model cannot be loaded, and where the session came about without
    the provider: it would run on the CPU without a word.
    """
    onnxruntime = load()
    existing = tuple(onnxruntime.get_available_providers())
    _check_built_in(onnxruntime, target, existing)
    if target.bound_on_device:
        _load_cuda_libraries()
    source = model if isinstance(model, bytes) else str(model)
    try:
        made = onnxruntime.InferenceSession(
            source,
            options(threads, target, profile, chosen),
            providers=target.listed(existing),
            disabled_optimizers=list(chosen.disabled_optimizers),
            enable_fallback=0,  # else it begins again on the CPU where the provider fails, even in the middle of a run
        )
    except Exception as error:  # onnxruntime's own errors share no base class
        if type(error).__module__.startswith("onnxruntime") or (isinstance(error, RuntimeError) and target != CPU):
            raise HarnessError(f"onnxruntime cannot load the model: {first_line(error)}") from error
        raise
    if target.name not in made.get_providers():
        raise HarnessError(
            f"onnxruntime dropped {target.name} and would run on {', '.join(made.get_providers())}: "
            "its device or its libraries are missing."
        )
    return made


def _check_built_in(onnxruntime: Any, target: Target, existing: tuple[str, ...]) -> None:
    if target.name not in existing:
        raise HarnessError(
            f"no {target.name} in the installed onnxruntime {onnxruntime.__version__}, which has {', '.join(existing)}"
            + (" (onnxruntime-gpu has it: pip install 'onnx-harness[gpu]')." if target.bound_on_device else ".")
        )


def options(threads: int, target: Target = CPU, profile: Path | None = None, chosen: SessionOptions = USUAL) -> Any:
    """The options of every session that is timed, so that the same kernels run wherever one is looked at."""
    made = load().SessionOptions()
    made.intra_op_num_threads = threads
    made.inter_op_num_threads = 1
    made.log_severity_level = 3
    if chosen.optimization != ALL:
        made.graph_optimization_level = getattr(load().GraphOptimizationLevel, LEVELS[chosen.optimization])
    for key, value in (SESSION_CONFIG | dict(chosen.entries)).items():
        made.add_session_config_entry(key, value)
    if target.provider == "directml":
        made.enable_mem_pattern = False  # DirectML refuses a session with it
    if profile is not None:
        made.enable_profiling = True
        made.profile_file_prefix = str(profile)
    return made


@functools.cache
def _load_cuda_libraries() -> None:
    """CUDA's and cuDNN's libraries from the packages that pip installed, once; older onnxruntimes cannot."""
    preload = getattr(load(), "preload_dlls", None)
    if preload is not None:
        preload()


def outputs(
    of: "onnxruntime.InferenceSession", images: NDArray[np.float32], name: str, batch: int = 250
) -> NDArray[np.float32]:
    """One output of the session (N, values) for images in the session's layout."""
    feed = of.get_inputs()[0].name
    parts = (of.run([name], {feed: images[start : start + batch]})[0] for start in range(0, len(images), batch))
    return np.concatenate([part.reshape(len(part), -1) for part in parts])


@dataclass(kw_only=True)
class BoundCall:
    """A session whose inputs are bound and whose outputs have their memory: one call, nothing else."""

    session: "onnxruntime.InferenceSession"
    binding: Any
    kept: tuple[Any, ...]  # the memory that is bound belongs to these

    def __post_init__(self) -> None:
        self._run = bare_run(self.session, self.binding)

    def __call__(self) -> None:
        self._run()

    def sample(self, calls: int) -> int:
        """Nanoseconds of so many calls."""
        count, run = range(calls), self._run
        start = CLOCK()
        for _ in count:
            run()
        return CLOCK() - start


def bare_run(of: "onnxruntime.InferenceSession", binding: Any) -> Callable[[], object]:
    """A run of what is bound, by the compiled session itself.

    onnxruntime's wrapper in Python makes new options for every run and looks at them: 2 µs, which a
    loop in C does not have (`python -m benchmarks.experiments.minimal_loop`).
    """
    compiled, bound = getattr(of, "_sess", None), getattr(binding, "_iobinding", None)
    if compiled is None or bound is None:
        return functools.partial(of.run_with_iobinding, binding)
    return functools.partial(compiled.run_with_iobinding, bound, load().RunOptions())


def bind(of: "onnxruntime.InferenceSession", feeds: dict[str, Any], results: dict[str, Any]) -> BoundCall:
    """The session with its inputs bound, writing its outputs where the values of an earlier run are."""
    return BoundCall(session=of, binding=binding(of, feeds, results), kept=(feeds, results))


def binding(of: "onnxruntime.InferenceSession", feeds: dict[str, Any], results: dict[str, Any]) -> Any:
    """What binds a session's inputs, and outputs where some are known, to the memory of these values."""
    found = of.io_binding()
    for name, value in feeds.items():
        found.bind_ortvalue_input(name, value)
    for name, value in results.items():
        found.bind_ortvalue_output(name, value)
    return found


def run(of: "onnxruntime.InferenceSession", feeds: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Every output of one plain run, by name."""
    names = [value.name for value in of.get_outputs()]
    return dict(zip(names, of.run(names, feeds), strict=True))


def run_values(of: "onnxruntime.InferenceSession", feeds: dict[str, Any]) -> dict[str, Any]:
    """Every output of one run, by name; inputs and outputs are onnxruntime's own values."""
    names = [value.name for value in of.get_outputs()]
    return dict(zip(names, of.run_with_ort_values(names, feeds), strict=True))


def read_value(value: Any) -> NDArray[Any] | None:
    """An array of a value of onnxruntime in host memory; None for one that numpy has no type for.

    Numbers of bfloat16 are given in float32, whose upper half they are.
    """
    if not value.is_tensor():
        return None
    if value.data_type() == "tensor(bfloat16)":
        halves = np.frombuffer(ctypes.string_at(value.data_ptr(), value.tensor_size_in_bytes()), np.uint16)
        return (halves.astype(np.uint32) << 16).view(np.float32).reshape(value.shape())
    try:
        found: NDArray[Any] = value.numpy()
    except RuntimeError:  # its only word for a type that numpy lacks
        return None
    return found


def inputs(
    of: "onnxruntime.InferenceSession",
    shapes: Mapping[str, Sequence[int]],
    arrays: str | None = None,
    seed: int = 0,
) -> dict[str, Any]:
    """What each input is fed: its array in the .npz file, else what :func:`fill_inputs` makes for it.

    Raises :class:`HarnessError` as that does.
    """
    kinds = {value.name: ELEMENT_TYPES.get(value.type, value.type) for value in of.get_inputs()}
    return feed_inputs(of, fill_inputs(kinds, shapes, read_arrays(Path(arrays)) if arrays else {}, seed))


def fill_inputs(
    kinds: Mapping[str, str], shapes: Mapping[str, Sequence[int]], given: Mapping[str, NDArray[Any]], seed: int = 0
) -> dict[str, NDArray[Any]]:
    """An array for each input, of which ``kinds`` are the types as numpy or ONNX names them.

    It is the one that is given, else random in [0, 1) for floats and zeros for the rest. Raises :class:`HarnessError`
    for an input of a type that no array can be made of (strings, sequences), and for one without a shape.
    """
    random = np.random.default_rng(seed)
    found: dict[str, NDArray[Any]] = {}
    for name, kind in kinds.items():
        if kind not in ELEMENT_TYPES.values():
            raise HarnessError(f"input {name!r} is of {kind}, and only arrays of numbers can be fed here.")
        if name in given:
            found[name] = given[name]
        elif name not in shapes:
            raise HarnessError(f"input {name!r} of the model is given no shape.")
        else:
            shape = shapes[name]
            found[name] = np.asarray(random.random(shape)) if "float" in kind else np.zeros(shape)
    return found


def feed_inputs(of: "onnxruntime.InferenceSession", arrays: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
    """The arrays as values of the types that the inputs have."""
    return {value.name: value_of(arrays[value.name], ELEMENT_TYPES[value.type]) for value in of.get_inputs()}


def value_of(array: NDArray[Any], kind: str) -> Any:
    """An array as onnxruntime's value of that type. It shares the memory of the array, which it keeps."""
    of = load().OrtValue
    if kind != "bfloat16":
        return of.ortvalue_from_numpy(np.ascontiguousarray(array, kind).reshape(array.shape))
    upper_half = np.ascontiguousarray(array, np.float32).reshape(-1).view(np.uint32) >> 16
    return of.ortvalue_from_numpy_with_onnx_type(upper_half.astype(np.uint16).reshape(array.shape), BFLOAT16)
