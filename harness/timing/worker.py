"""The process that measures one session: it takes commands on standard input, one JSON object a line.

It imports onnxruntime and numpy and nothing heavier. Between commands it sleeps, so that the other
workers of a block, which take turns with it, have the machine to themselves.
"""

import json
import math
import os
import statistics
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from harness.errors import HarnessError, reason
from harness.machine import gpus, temporary
from harness.machine.arrays import read_arrays
from harness.measurements import change_point
from harness.measurements.providers import Target
from harness.measurements.session_options import SessionOptions
from harness.timing import arenas, device_memory, input_values, node_providers, runtime
from harness.timing.runtime import CLOCK

Answer = Callable[[str, dict[str, Any]], dict[str, Any]]  # to a command, and what it is told

LEAD_IN_S = 0.001  # untimed calls before each turn: another process has had the caches since the last one
CALIBRATION_S = 0.005
# A warm-up is judged by so many windows, of which each is one call at least. Where these would take half of its
# limit it is by fewer: with them a change of level is still found (:func:`change_point.drifts`), and calls of
# 0.4 s come to their end within five seconds, which is less than their measured rounds take.
WINDOWS, FEW_WINDOWS = 20, 12
# It is given up after its limit in seconds, but not before it was judged twice: a first call or two that are slow must
# not decide. Only what would be longer than so many times the limit is not waited for.
LEAST_GROUPS, PATIENCE = 2, 5.0
KEPT_VALUES = 4096  # of an output that is inspected: an image segmented is a million


class SessionWorker:
    """One session, opened, warmed up and measured in turns."""

    def open(
        self,
        *,
        model: str,
        shapes: dict[str, list[int]],
        threads: int,
        target: dict[str, Any],
        inputs: str | None = None,
        session: dict[str, Any] | None = None,
        profile: Path | None = None,
    ) -> dict[str, Any]:
        """Create the session and run it for the first time; ``inputs`` is an .npz file with arrays to feed."""
        told = SessionOptions(**session or {})
        before = _thread_count()
        start = CLOCK()
        created = runtime.session(Path(model), threads=threads, target=Target(**target), profile=profile, chosen=told)
        session_s = (CLOCK() - start) * 1e-9
        after = _thread_count()
        on_gpu = target["device"] == "gpu"  # the driver's own threads stand beside those asked for
        feeds = input_values.make_inputs(created, shapes, inputs)
        self.results, first_run_ns = self._bind(created, feeds, Target(**target))
        return {
            "session_s": session_s,
            "first_run_s": first_run_ns * 1e-9,
            "threads_in_effect": None if on_gpu else _given(before, after),
            "providers": created.get_providers(),
            "outputs": {name: list(value.shape()) for name, value in self.results.items() if _is_array(value)},
        }

    def _bind(self, session: Any, feeds: dict[str, Any], target: Target) -> tuple[dict[str, Any], int]:
        """Run the session once, and bind its inputs and outputs; the outputs, and the nanoseconds of the run."""
        if not target.bound_on_device:
            start = CLOCK()
            results = runtime.run_values(session, feeds)
            first_run_ns = CLOCK() - start
            self.call: runtime.BoundCall | device_memory.DeviceCall = runtime.bind(session, feeds, results)
            return results, first_run_ns
        if not all(map(runtime.is_value, feeds.values())):
            raise HarnessError("strings and sequences cannot be brought to the GPU.")
        arrays = device_memory.on_host(feeds)
        there = device_memory.upload(arrays)
        start = CLOCK()
        results = device_memory.first_run(session, there, target)
        first_run_ns = CLOCK() - start
        self.call = device_memory.bind(session, arrays, there, results, target)
        return results, first_run_ns

    def inspect(self, *, outputs: str, **subject: Any) -> dict[str, Any]:
        """Open a subject under the profiler: how many nodes of each operator each provider ran, and what came out.

        The first values of each output of numbers are written to the .npz file ``outputs``.
        """
        with temporary.folder() as folder:
            self.open(**subject, profile=folder / "profile")
            written = Path(self.call.session.end_profiling())
            import numpy as np

            np.savez(outputs, **{name: _first(value) for name, value in self.results.items() if _readable(value)})
            return {"nodes": node_providers.of_profile(written.read_text())}

    def transfers(self) -> dict[str, Any]:
        """How long inputs and outputs take to the device and back; None where they are bound in host memory."""
        if not isinstance(self.call, device_memory.DeviceCall):
            return {"upload_s": None, "download_s": None}
        upload_s, download_s = self.call.transfers()
        return {"upload_s": upload_s, "download_s": download_s}

    def calls_per_sample(self, *, seconds: float) -> dict[str, Any]:
        """How many calls make a sample that long: from single calls of a process that has run a while."""
        self.calls = 1
        self._samples(CALIBRATION_S)
        call_s = statistics.median(self._samples(CALIBRATION_S)) * 1e-9
        return {"calls": max(1, math.ceil(seconds / call_s))}

    def warm_up(self, *, calls: int, window_s: float, limit_s: float) -> dict[str, Any]:
        """Run until a group of windows shows no change of level, or the limit is reached.

        From here on every sample is of that many calls. Windows are judged in groups of their own:
        a group that slides would be tested again and again until chance lets it pass.
        """
        self.calls = calls
        samples: list[int] = []
        start, groups, settled = CLOCK(), 0, False

        def left_s(limit_s: float) -> float:
            return limit_s - (CLOCK() - start) * 1e-9

        while not settled and left_s(limit_s if groups >= LEAST_GROUPS else PATIENCE * limit_s) > 0:
            medians: list[float] = []
            asked = WINDOWS
            while len(medians) < asked and left_s(PATIENCE * limit_s) > 0:
                begun = CLOCK()
                window = self._samples(window_s)
                asked = windows((CLOCK() - begun) * 1e-9, limit_s)
                samples += window
                medians.append(statistics.median(window))
            groups += 1
            settled = len(medians) >= asked and not change_point.drifts(medians)
        return {"samples_ns": samples, "settled": settled, "warm_up_s": -left_s(0.0)}

    def turn(self, *, seconds: float) -> dict[str, Any]:
        """Measure for that long."""
        end = CLOCK() + int(LEAD_IN_S * 1e9)
        while True:
            self.call()
            if CLOCK() >= end:
                break
        return {"samples_ns": self._samples(seconds)}

    def memory(self, **subject: Any) -> dict[str, Any]:
        """Open a subject, and say in bytes the largest resident set of this process, and what it took beside it."""
        with arenas.logged() as log:
            taken = memory_taken(partial(self.open, **subject), subject["target"])
            return {**taken, "arena_bytes": arenas.host_bytes(log())}

    def outputs(self, *, arrays: str, output: str, to: str) -> dict[str, Any]:
        """Run the session on the arrays of an .npz file, and save one of its outputs as .npy."""
        import numpy as np

        found = runtime.run(self.call.session, read_arrays(Path(arrays)))[output]
        np.save(to, found, allow_pickle=False)
        return {}

    def every_output(self, *, arrays: str, to: str) -> dict[str, Any]:
        """Run the session on the arrays of an .npz file, and save every output of numbers in another."""
        import numpy as np

        session = self.call.session
        found = runtime.run_values(session, input_values.feed_inputs(session, read_arrays(Path(arrays))))
        read = {name: input_values.read_value(value) for name, value in found.items()}
        numbers: dict[str, Any] = {name: one for name, one in read.items() if one is not None and one.dtype != object}
        np.savez(to, **numbers)
        return {}

    def stretch(self, *, seconds: float) -> dict[str, Any]:
        """Do nothing but call for that long; how many calls it was."""
        calls = 0
        end = CLOCK() + int(seconds * 1e9)
        while CLOCK() < end:
            self.call.sample(self.calls)
            calls += self.calls
        return {"calls": calls}

    def _samples(self, seconds: float) -> list[int]:
        samples = []
        end = CLOCK() + int(seconds * 1e9)
        while True:
            samples.append(self.call.sample(self.calls))
            if CLOCK() >= end:
                return samples


def _is_array(value: Any) -> bool:
    return runtime.is_value(value) and bool(value.is_tensor())


def _readable(value: Any) -> bool:
    """Whether an array can be made of an output: it is a tensor, of a type that numpy has."""
    return _is_array(value) and input_values.ELEMENT_TYPES.get(value.data_type()) not in (None, "bfloat16")


def _first(value: Any) -> Any:
    """The first values of an output, in float32."""
    return value.numpy().ravel()[:KEPT_VALUES].astype("float32")


def windows(window_s: float, limit_s: float) -> int:
    """How many windows of that length a warm-up with that limit is judged by."""
    return FEW_WINDOWS if WINDOWS * window_s > limit_s / 2 else WINDOWS


def _given(before: int | None, after: int | None) -> int | None:
    """The threads that a session runs with, its caller's included; None where others ended while it was created."""
    return None if before is None or after is None or after < before else after - before + 1


def _thread_count() -> int | None:
    """Threads of this process, where the system tells at once (Linux)."""
    tasks = Path("/proc/self/task")
    return len(list(tasks.iterdir())) if tasks.is_dir() else None


def memory_taken(opening: Callable[[], object], target: dict[str, Any]) -> dict[str, int | None]:
    """What this process took once a subject was opened, in bytes, and what it took of a GPU."""
    on_gpu = target["device"] == "gpu"
    before = gpus.occupied() if on_gpu else None
    opening()
    after = gpus.occupied() if on_gpu else None
    return {
        "peak_rss_bytes": _peak_resident_bytes(),
        "device_memory_bytes": gpus.taken_bytes(before, after, os.getpid()),
    }


def _peak_resident_bytes() -> int:
    status = Path("/proc/self/status")
    if status.is_file():
        # getrusage would inherit the parent's peak over fork and exec.
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def main() -> int:
    """Answer commands on one session of onnxruntime."""

    def begin() -> Answer:
        runtime.load()
        worker = SessionWorker()
        return lambda do, arguments: dict(getattr(worker, do)(**arguments))

    return serve(begin)


def serve(begin: Callable[[], Answer]) -> int:
    """Answer commands until standard input ends; ``begin`` imports what is heavy and gives what answers them."""
    replies = sys.stdout
    sys.stdout = sys.stderr  # whatever a library prints must not be taken for a reply
    try:
        answer = begin()
    except Exception as error:  # a framework that cannot be imported: the reason of the row
        print(json.dumps({"error": reason(error)}), file=replies, flush=True)
        return 1
    print(json.dumps({"ready": True}), file=replies, flush=True)
    for line in sys.stdin:
        command = json.loads(line)
        try:
            reply = answer(command.pop("do"), command)
        except Exception as error:  # reported to the parent, which gives the row this reason
            reply = {"error": reason(error)}
        print(json.dumps(reply), file=replies, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
