"""The process that measures one session: it takes commands on standard input, one JSON object a line.

It imports onnxruntime and numpy and nothing heavier. Between commands it sleeps, so that the other
workers of a block, which take turns with it, have the machine to themselves.
"""

import json
import math
import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from harness import device_memory, node_providers, runtime
from harness.errors import HarnessError, first_line
from harness.providers import Target
from harness.runtime import CLOCK

Answer = Callable[[str, dict[str, Any]], dict[str, Any]]  # to a command, and what it is told

LEAD_IN_S = 0.001  # untimed calls before each turn: another process has had the caches since the last one
CALIBRATION_S = 0.005
WARMUP_WINDOWS = 20
WARMUP_SIGNIFICANCE = 0.01
WARMUP_DRIFT = 0.01  # smaller drifts do not keep a warm-up going


class Worker:
    """One session, opened, warmed up and measured in turns."""

    def open(
        self,
        *,
        model: str,
        shapes: dict[str, list[int]],
        threads: int,
        target: dict[str, Any],
        inputs: str | None = None,
        profile: Path | None = None,
    ) -> dict[str, Any]:
        """Create the session and run it for the first time; ``inputs`` is an .npz file with arrays to feed."""
        before = _thread_count()
        start = CLOCK()
        session = runtime.session(Path(model), threads=threads, target=Target(**target), profile=profile)
        session_s = (CLOCK() - start) * 1e-9
        after = _thread_count()
        on_gpu = target["device"] == "gpu"  # the driver's own threads stand beside those asked for
        given = _arrays(inputs) if inputs else {}
        feeds = runtime.inputs(session, {name: tuple(shape) for name, shape in shapes.items()}, given)
        results, first_run_ns = self._bind(session, feeds, Target(**target))
        return {
            "session_s": session_s,
            "first_run_s": first_run_ns * 1e-9,
            "threads_in_effect": None if before is None or after is None or on_gpu else after - before + 1,
            "providers": session.get_providers(),
            "outputs": {name: list(value.shape()) for name, value in results.items() if value.is_tensor()},
        }

    def _bind(self, session: Any, feeds: dict[str, Any], target: Target) -> tuple[dict[str, Any], int]:
        """Run the session once, and bind its inputs and outputs; the outputs, and the nanoseconds of the run."""
        if not target.bound_on_device:
            start = CLOCK()
            results = runtime.run_values(session, feeds)
            first_run_ns = CLOCK() - start
            self.call: runtime.BoundCall | device_memory.DeviceCall = runtime.bind(session, feeds, results)
            return results, first_run_ns
        arrays = device_memory.on_host(feeds)
        there = device_memory.upload(arrays)
        start = CLOCK()
        results = device_memory.first_run(session, there, target)
        first_run_ns = CLOCK() - start
        self.call = device_memory.bind(session, arrays, there, results, target)
        return results, first_run_ns

    def nodes(self, **subject: Any) -> dict[str, Any]:
        """Open a subject under the profiler, and say how many nodes of each operator each provider ran."""
        with tempfile.TemporaryDirectory() as folder:
            self.open(**subject, profile=Path(folder) / "profile")
            written = Path(self.call.session.end_profiling())
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
        """Run until as many windows of samples show no change of level, or the limit is reached.

        From here on every sample is of that many calls. Windows are judged in groups of their own:
        a group that slides would be tested again and again until chance lets it pass.
        """
        self.calls = calls
        samples: list[int] = []
        medians: list[float] = []
        start, settled = CLOCK(), False
        while not settled and (CLOCK() - start) * 1e-9 < limit_s:
            window = self._samples(window_s)
            samples += window
            medians.append(statistics.median(window))
            settled = len(medians) % WARMUP_WINDOWS == 0 and not drifts(medians[-WARMUP_WINDOWS:])
        return {"samples_ns": samples, "settled": settled}

    def turn(self, *, seconds: float) -> dict[str, Any]:
        """Measure for that long."""
        end = CLOCK() + int(LEAD_IN_S * 1e9)
        while True:
            self.call()
            if CLOCK() >= end:
                break
        return {"samples_ns": self._samples(seconds)}

    def memory(self) -> dict[str, Any]:
        """The largest resident set this process has had, in bytes."""
        return {"peak_rss_bytes": _peak_resident_bytes()}

    def _samples(self, seconds: float) -> list[int]:
        samples = []
        end = CLOCK() + int(seconds * 1e9)
        while True:
            samples.append(self.call.sample(self.calls))
            if CLOCK() >= end:
                return samples


def drifts(medians: list[float]) -> bool:
    """Whether a series changes its level somewhere (Pettitt's test, Applied Statistics 28, 1979).

    True only where the change is also larger than :data:`WARMUP_DRIFT` of the level.
    """
    import numpy as np

    series = np.asarray(medians)
    count = len(series)
    signs = np.sign(series[None, :] - series[:, None])
    statistic = [abs(signs[: point + 1, point + 1 :].sum()) for point in range(count - 1)]
    point = int(np.argmax(statistic)) + 1
    probability = 2 * np.exp(-6 * statistic[point - 1] ** 2 / (count**3 + count**2))
    before, after = float(np.median(series[:point])), float(np.median(series[point:]))
    return bool(probability < WARMUP_SIGNIFICANCE and abs(before - after) > WARMUP_DRIFT * after)


def _arrays(path: str) -> dict[str, Any]:
    import numpy as np

    with np.load(path, allow_pickle=False) as arrays:
        return dict(arrays)


def _thread_count() -> int | None:
    """Threads of this process, where the system tells at once (Linux)."""
    tasks = Path("/proc/self/task")
    return len(list(tasks.iterdir())) if tasks.is_dir() else None


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
        worker = Worker()
        return lambda do, told: dict(getattr(worker, do)(**told))

    return serve(begin)


def serve(begin: Callable[[], Answer]) -> int:
    """Answer commands until standard input ends; ``begin`` imports what is heavy and gives what answers them."""
    replies = sys.stdout
    sys.stdout = sys.stderr  # whatever a library prints must not be taken for a reply
    try:
        answer = begin()
    except Exception as error:  # a framework that cannot be imported: the reason of the row
        print(json.dumps({"error": f"{type(error).__name__}: {first_line(error)}"}), file=replies, flush=True)
        return 1
    print(json.dumps({"ready": True}), file=replies, flush=True)
    for line in sys.stdin:
        command = json.loads(line)
        try:
            reply = answer(command.pop("do"), command)
        except HarnessError as error:  # reported to the parent, which gives the row this reason
            reply = {"error": first_line(error)}
        except Exception as error:
            reply = {"error": f"{type(error).__name__}: {first_line(error)}"}
        print(json.dumps(reply), file=replies, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
