"""Inputs and outputs in an NVIDIA GPU's memory: bound there, the work synchronised, the transfers timed apart.

A call then neither copies nor allocates. onnxruntime's run waits for the device before it returns,
unless told otherwise; a sample waits all the same, before it begins and before it ends, so that
nothing of another sample lies in it and all of its own work does.
"""

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from harness.errors import HarnessError, first_line
from harness.measurements.providers import Target
from harness.timing import runtime

if TYPE_CHECKING:
    import onnxruntime

MEMORY, NUMBER = "cuda", 0  # onnxruntime's name of the memory, and which of the GPUs
TRANSFERS = 20  # repetitions, of which the median is told
WITHOUT_GRAPH = ("gpu_graph_id", "-1")  # a run that neither captures a CUDA graph nor replays one


@dataclass(kw_only=True)
class DeviceCall:
    """A session whose inputs and outputs are bound in the GPU's memory: one call, nothing else."""

    session: "onnxruntime.InferenceSession"
    binding: Any
    arrays: dict[str, NDArray[Any]]  # of the inputs, in host memory
    feeds: dict[str, Any]
    results: dict[str, Any]

    def __call__(self) -> None:
        self.session.run_with_iobinding(self.binding)

    def sample(self, calls: int) -> int:
        """Nanoseconds of so many calls, all of their work on the device included."""
        count, run, binding = range(calls), self.session.run_with_iobinding, self.binding
        binding.synchronize_inputs()
        binding.synchronize_outputs()
        start = runtime.CLOCK()
        for _ in count:
            run(binding)
        binding.synchronize_outputs()
        return runtime.CLOCK() - start

    def transfers(self) -> tuple[float, float]:
        """Seconds to bring all inputs from host memory to the device, and all outputs back: medians."""
        up, down = [], []
        for _ in range(TRANSFERS):
            self.binding.synchronize_outputs()
            start = runtime.CLOCK()
            for name, array in self.arrays.items():
                self.feeds[name].update_inplace(array)
            self.binding.synchronize_inputs()
            there = runtime.CLOCK()
            for value in self.results.values():
                value.numpy()
            up.append(there - start)
            down.append(runtime.CLOCK() - there)
        return statistics.median(up) * 1e-9, statistics.median(down) * 1e-9


def on_host(feeds: dict[str, Any]) -> dict[str, NDArray[Any]]:
    """The arrays of values in host memory, by input."""
    try:
        return {name: value.numpy() for name, value in feeds.items()}
    except Exception as error:  # numpy has no such type: bfloat16
        raise HarnessError(f"an input cannot be brought to the GPU: {first_line(error)}") from error


def upload(arrays: dict[str, NDArray[Any]]) -> dict[str, Any]:
    """The arrays as values in the GPU's memory."""
    of = runtime.load().OrtValue
    return {name: of.ortvalue_from_numpy(array, MEMORY, NUMBER) for name, array in arrays.items()}


def first_run(of: "onnxruntime.InferenceSession", feeds: dict[str, Any], target: Target) -> dict[str, Any]:
    """Every output of one run, by name, in memory of the device that onnxruntime finds for it.

    It is here that algorithms of convolutions are searched for. No CUDA graph is captured: a graph
    keeps the addresses of the outputs that it was captured with, and those to write to are not known yet.
    """
    names = [value.name for value in of.get_outputs()]
    binding = runtime.binding(of, feeds, {})
    for name in names:
        binding.bind_output(name, MEMORY, NUMBER)
    options = runtime.load().RunOptions()
    if target.cuda_graph:
        options.add_run_config_entry(*WITHOUT_GRAPH)
    of.run_with_iobinding(binding, options)
    binding.synchronize_outputs()
    return dict(zip(names, binding.get_outputs(), strict=True))


def bind(
    of: "onnxruntime.InferenceSession",
    arrays: dict[str, NDArray[Any]],
    feeds: dict[str, Any],
    results: dict[str, Any],
    target: Target,
) -> DeviceCall:
    """The session with its inputs bound, writing its outputs where those of the first run are.

    A CUDA graph is captured here, so that every call from now on replays it.
    """
    binding = runtime.binding(of, feeds, results)
    call = DeviceCall(session=of, binding=binding, arrays=arrays, feeds=feeds, results=results)
    if target.cuda_graph:
        call()
        binding.synchronize_outputs()
    return call
