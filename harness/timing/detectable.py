"""How small a difference between two files this machine lets a run of a given length find.

Found by an A/A: one file measured as two subjects of one run. Whatever their ratio is other than 1 is
this machine's, and its spread over launches says how large a true difference must be to stand out.
"""

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from harness.machine.process import WorkerFailedError
from harness.measurements import comparison
from harness.measurements.comparison import LogRatio, Ratio
from harness.timing import latency, small_models
from harness.timing.latency import Effort, Subject

TAILS = 0.025, 0.05  # a two-sided test at 5 % that finds a difference with a probability of 95 %
LAYERS, SIDE = 4, 32
CHANNELS = {"small": 8, "medium": 160}  # some 50 µs and some 10 ms on one core


@dataclass(frozen=True, kw_only=True)
class Spread:
    """What an A/A of one model came to: the median call in seconds, and the ratio of the model to itself."""

    model: str
    threads: int
    launches: int
    median_s: float
    estimate: LogRatio

    @property
    def ratio(self) -> Ratio:
        return self.estimate.ratio

    def smallest_difference(self, launches: int) -> float:
        """The relative difference that a run of so many launches finds 95 times in a hundred, about.

        The standard error of the ratio's logarithm falls with the root of the launches.
        """
        expected = self.estimate.after(self.launches, launches)
        return math.expm1(sum(map(expected.quantile, TAILS)) * expected.error)


def spreads(
    folder: Path, threads: tuple[int, ...], effort: Effort, progress: Callable[[float], None] = lambda _: None
) -> list[Spread]:
    """An A/A of a small and of a medium model at each number of threads. The models are written to ``folder``.

    Raises :class:`harness.machine.process.WorkerFailedError` where a worker fails.
    """
    asked = [(model, count) for model in CHANNELS for count in threads]
    found = []
    for done, (model, count) in enumerate(asked):
        share = functools.partial(_share_done, progress, done, len(asked))
        found.append(_spread(folder / f"{model}.onnx", model, count, effort, share))
    return found


def _share_done(progress: Callable[[float], None], done: int, of: int, share: float) -> None:
    progress((done + share) / of)


def _spread(path: Path, model: str, threads: int, effort: Effort, progress: Callable[[float], None]) -> Spread:
    shapes = small_models.save_convolutions(path, LAYERS, CHANNELS[model], SIDE)
    twice = [Subject(key=key, model=path, shapes=shapes, threads=threads) for key in ("A", "A again")]
    timings = latency.measure(twice, effort, progress=progress)
    for timing in timings.values():
        if timing.failure:
            raise WorkerFailedError(timing.failure)
    first, second = (timings[subject.key] for subject in twice)
    return Spread(
        model=model,
        threads=threads,
        launches=effort.launches,
        median_s=first.median_s,
        estimate=comparison.estimate(comparison.logarithms(comparison.rounds(first), comparison.rounds(second))),
    )
