"""What this machine can do at most: a large product of matrices, and sums that stream through memory and cache.

They are .onnx files made here and timed by the same engine as everything else. A peak is a bound, so
that it is told from the fastest call of each launch: what else the machine does only lowers it. A node
faster than the memory's peak finds its data in a cache, and the cache's peak is the one to hold it against.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
from onnx import helper, numpy_helper

from harness.measurements.subject_key import SubjectKey
from harness.measurements.types import Timing
from harness.timing import latency, node_times, small_models
from harness.timing.latency import Effort, Subject

GEMM, MEMORY, CACHE = "gemm", "memory", "cache"
GEMM_SIZE = 1024
MEMORY_VALUES = 1 << 24  # 64 MiB an array: three of them are more than most caches hold
CACHE_VALUES, CACHE_REPEATS = 1 << 16, 64  # 256 KiB an array; repeated, so that the call itself hardly counts
VALUE_BYTES = 4  # float32
MOST_LAUNCHES, WARM_UP_S = 6, 0.25
CALL_S = 0.02  # about, for estimates

COLUMNS = ("peak", "threads", "work", "unit", "peak_per_s", "low_per_s", "high_per_s", "launches", "reason")


@dataclass(frozen=True, kw_only=True)
class Peak:
    """A peak: the work of one call, in multiply-accumulates or bytes, and how long calls took."""

    peak: str
    threads: int
    work: int  # of one call
    unit: str  # "MAC" or "byte"
    timing: Timing

    @property
    def per_s(self) -> tuple[float | None, float | None, float | None]:
        """Work a second, with its 95 % interval over launches; None where it failed."""
        if self.timing.failure:
            return None, None, None
        fastest = [self.work / min(launch.call_s) for launch in self.timing.launches]
        return node_times.estimates(np.array(fastest)[:, None])[0]

    @property
    def line(self) -> dict[str, object]:
        """Its line of peaks.csv."""
        found = (self.peak, self.threads, self.work, self.unit, *self.per_s)
        return dict(zip(COLUMNS, (*found, len(self.timing.launches), self.timing.failure or None), strict=True))


def measure(
    folder: Path,
    threads: Sequence[int],
    effort: Effort,
    *,
    seed: int = 0,
    progress: Callable[[float], None] = lambda _: None,
) -> list[Peak]:
    """Every peak with every thread count, in turns. The models are written into the folder."""
    work = {
        GEMM: (save_gemm(folder / "gemm.onnx"), GEMM_SIZE**3, "MAC"),
        MEMORY: (save_sums(folder / "memory.onnx", MEMORY_VALUES, 1), 3 * VALUE_BYTES * MEMORY_VALUES, "byte"),
        CACHE: (
            save_sums(folder / "cache.onnx", CACHE_VALUES, CACHE_REPEATS),
            3 * VALUE_BYTES * CACHE_VALUES * CACHE_REPEATS,
            "byte",
        ),
    }
    subjects = {
        (name, count): Subject(key=key.text, model=model, shapes=shapes, threads=count)
        for name, ((model, shapes), _, _) in work.items()
        for count in threads
        for key in [SubjectKey(made_by=name, threads=count)]
    }
    timings = latency.measure(list(subjects.values()), _few(effort), seed=seed, progress=progress)
    return [
        Peak(peak=name, threads=count, work=work[name][1], unit=work[name][2], timing=timings[subject.key])
        for (name, count), subject in subjects.items()
    ]


def expected_s(threads: Sequence[int], effort: Effort) -> float:
    """About how long that takes."""
    few = _few(effort)
    return few.launches * len(threads) * len((GEMM, MEMORY, CACHE)) * few.expected_s(CALL_S)


def _few(effort: Effort) -> Effort:
    """Calls of many milliseconds: the first few are the warm-up, and a search for its end would find no more."""
    return replace(effort, launches=min(effort.launches, MOST_LAUNCHES), warm_up_limit_s=WARM_UP_S)


def save_gemm(path: Path, size: int = GEMM_SIZE) -> tuple[Path, Mapping[str, tuple[int, ...]]]:
    """A product of two square matrices, the second stored in the file, as a weight is."""
    values = np.random.default_rng(0).random((size, size), np.float32)
    node = helper.make_node("MatMul", ["image", "weight"], ["product"], name="gemm")
    shapes = {"image": (size, size)}
    weight = numpy_helper.from_array(values, "weight")
    small_models.save(path, [node], shapes, {"product": (size, size)}, [weight])
    return path, shapes


def save_sums(path: Path, values: int, repeats: int) -> tuple[Path, Mapping[str, tuple[int, ...]]]:
    """Sums of two arrays one after the other: each reads two and writes one."""
    names = ["image", *(f"sum_{number}" for number in range(1, repeats + 1))]
    nodes = [helper.make_node("Add", [before, "other"], [after], name=after) for before, after in pairwise(names)]
    shapes = {"image": (values,), "other": (values,)}
    small_models.save(path, nodes, shapes, {names[-1]: (values,)})
    return path, shapes
