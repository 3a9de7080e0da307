"""onnxruntime, and nothing else that imports it: sessions, their options, what they computed.

Imports only onnxruntime and numpy, so that a worker process that measures holds nothing heavier.
"""

import functools
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from harness.errors import HarnessError, first_line
from harness.measurements.providers import Target
from harness.measurements.session_options import ALL, USUAL, SessionOptions

if TYPE_CHECKING:
    import onnxruntime

# Idle threads of one session spin on after a run and take the cores of the next session's; told to
# stop at the end of each run, they do not, at a cost under 1 % of the speed alone.
SESSION_CONFIG = {"session.force_spinning_stop": "1"}

# By the name of a level of optimisation: onnxruntime's.
LEVELS = {
    "disable": "ORT_DISABLE_ALL",
    "basic": "ORT_ENABLE_BASIC",
    "extended": "ORT_ENABLE_EXTENDED",
    "all": "ORT_ENABLE_ALL",
}
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


class RebindingCall(BoundCall):
    """A session some of whose outputs onnxruntime makes in each call: they are bound anew, by name."""

    def __post_init__(self) -> None:
        _, true = self.kept
        run, bind_output = bare_run(self.session, self.binding), self.binding.bind_output
        untrue = [value.name for value in self.session.get_outputs() if value.name not in true]

        def again() -> None:
            for name in untrue:
                bind_output(name)
            run()

        self._run = again


class PlainCall(BoundCall):
    """A session that takes strings or sequences, which cannot be bound: each call hands its inputs over from Python."""

    def __post_init__(self) -> None:
        (feeds,) = self.kept
        names = [value.name for value in self.session.get_outputs()]
        self._run = functools.partial(self.session.run, names, feeds)


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
    """The session with its inputs bound, writing its outputs where the values of an earlier run are.

    An output whose declared rank or size is untrue cannot be bound to a value: onnxruntime makes it in each call. So it
    does one without a declared shape, which it does not tell from a scalar. A file that takes strings or sequences
    takes them from Python, and makes all its outputs in each call.
    """
    if not all(map(is_value, feeds.values())):
        return PlainCall(session=of, binding=None, kept=(feeds,))
    true = {value.name: results[value.name] for value in of.get_outputs() if _is_as_declared(value, results)}
    kind = BoundCall if len(true) == len(results) else RebindingCall
    return kind(session=of, binding=binding(of, feeds, true), kept=(feeds, true))


def _is_as_declared(output: Any, results: Mapping[str, Any]) -> bool:
    """Whether an output has the rank and the sizes that the file declares; what is no array has neither."""
    value = results[output.name]
    shape = value.shape() if value.is_tensor() else output.shape
    return len(shape) == len(output.shape) and all(
        not isinstance(declared, int) or declared == size for declared, size in zip(output.shape, shape, strict=True)
    )


def is_value(fed: Any) -> bool:
    """Whether it is a value of onnxruntime, and no array of strings and no list of arrays."""
    return not isinstance(fed, np.ndarray | list)


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


def run_values(
    of: "onnxruntime.InferenceSession", feeds: dict[str, Any], names: Sequence[str] | None = None
) -> dict[str, Any]:
    """Outputs of one run, by name, as onnxruntime's own values: those of these names, else every one.

    Of a file that takes strings or sequences only outputs that are arrays of numbers are values.
    """
    names = [value.name for value in of.get_outputs()] if names is None else list(names)
    if all(map(is_value, feeds.values())):
        return dict(zip(names, of.run_with_ort_values(names, feeds), strict=True))
    found = dict(zip(names, of.run(names, feeds), strict=True))
    numbers = {name: value for name, value in found.items() if isinstance(value, np.ndarray) and value.dtype != object}
    return found | {name: load().OrtValue.ortvalue_from_numpy(value) for name, value in numbers.items()}
