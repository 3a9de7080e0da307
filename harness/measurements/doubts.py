"""What a reader must know before believing a latency: drift, two speeds, launches that disagree.

Each is found by a test that is rarely wrong of one launch, and told of a latency only where more launches
show it than chance alone would let. Of the subjects with one thread in results/reference, 64, none is said to
drift or to have two speeds; of those of small networks with two threads, 36, 4 and 15.
"""

import statistics
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from harness.measurements import change_point
from harness.measurements.types import Launch, Timing

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

    Array = NDArray[numpy.float64]

BY_CHANCE = 0.01  # of launches of which nothing is wrong, each test is wrong of so many at most
UNBELIEVABLE = 0.001  # what chance alone does not bring about
BLOCKS = 20  # that the samples of a launch are put into, in order
DISAGREEMENT = 0.1  # of the median: above it launches disagree
APART = 0.05  # two speeds that are closer are called one
SECOND_MODE = 0.1  # the least excess mass of a second mode
POINTS, SLOPES = 256, 128
CLUSTERS = 15.0  # how many times narrower launches lie about two centres than about one
LAUNCHES_FOR_CLUSTERS, LEAST_OF_CLUSTER = 10, 3


def doubts(timing: Timing) -> Iterator[str]:
    """What there is against it, in words."""
    count = len(timing.launches)
    restless = sum(not launch.settled for launch in timing.launches)
    if restless:
        yield f"the warm-up found no end in {restless} of {count} launches"
    drifting = sum(map(drifts, timing.launches))
    if _beyond_chance(drifting, count):
        yield f"drift: the level changed after the warm-up in {drifting} of {count} launches"
    speeds = [found for found in (two_speeds(launch.call_s) for launch in timing.launches) if found]
    if _beyond_chance(len(speeds), count):
        low, high = (statistics.median(each) for each in zip(*speeds, strict=True))
        yield f"two speeds within {len(speeds)} of {count} launches, about {_us(low)} and {_us(high)} µs"
    yield from _disagreement(timing.launch_medians_s, timing.median_s)


def drifts(launch: Launch) -> bool:
    """Whether the level of a launch changed during its measured rounds."""
    import numpy as np

    call_s = launch.call_s
    blocks = np.array_split(call_s, min(BLOCKS, len(call_s)))
    return change_point.drifts([float(np.median(block)) for block in blocks])


def two_speeds(call_s: Sequence[float]) -> tuple[float, float] | None:
    """The two speeds, in seconds, of samples that have two modes; None where one is enough.

    By the excess mass of a second mode (Müller and Sawitzki, JASA 86, 1991), which is twice the dip of
    Hartigan and Hartigan (Annals of Statistics 13, 1985): the share of the samples that lies in two intervals more
    densely than any one interval could explain. It goes by order alone, so that a long tail of slow calls is no
    second mode, however long. Its threshold is above the 99 % quantile that 10 to 1024 values have that are spread
    evenly, the worst case of one mode, and never below :data:`SECOND_MODE`; neighbouring samples are alike, and
    count for fewer. Simulated with 250 and more samples: normal, exponential and lognormal ones with a tenth of slow
    calls are never taken for two modes; 30 % of calls that are a fifth slower, with noise of 2 %, always.
    """
    import numpy as np

    values = np.sort(np.log(call_s))
    count = len(values)
    if count > POINTS:
        values = np.quantile(values, (np.arange(POINTS) + 0.5) / POINTS)
    mass, split = excess_mass(values.tolist())
    if mass < max(SECOND_MODE, 1.25 / count**0.5):
        return None
    low, high = float(np.exp(np.median(values[:split]))), float(np.exp(np.median(values[split:])))
    return (low, high) if high > (1 + APART) * low else None


def excess_mass(ordered: Sequence[float]) -> tuple[float, int]:
    """The excess mass of a second mode, of ordered values, and how many of them belong to the first mode."""
    import numpy as np

    values, count, highest = np.asarray(ordered), len(ordered), np.maximum.accumulate
    extent = values[-1] - values[0]
    if not extent > 0:
        return 0.0, count
    slopes = 1 / np.geomspace(extent / (4 * count), 4 * extent, SLOPES)
    # By density (rows) and value: the mass up to there above that density. An interval has the difference of its ends.
    above = np.arange(1, count + 1) / count - slopes[:, None] * values
    before = highest(above - np.minimum.accumulate(above, axis=1), axis=1) + 1 / count
    backwards = above[:, ::-1]
    after = highest(highest(backwards, axis=1) - backwards, axis=1)[:, ::-1] + 1 / count
    two = before[:, :-1] + after[:, 1:]  # the best interval up to a value, and the best one after it
    gains = two.max(axis=1) - before[:, -1]
    best = int(gains.argmax())
    return float(gains[best]), int(two[best].argmax()) + 1


def two_clusters(medians_s: Sequence[float]) -> int | None:
    """How many of the launches, the fastest first, are of another speed than the rest; None where one is enough.

    By the ratio of the variance about one centre to that about two (Engelman and Hartigan, JASA 64, 1969). Of ten
    values with one mode it exceeds :data:`CLUSTERS` in at most 1 of 100 draws (2 of evenly spread ones), with 20 in
    fewer; two groups that are nine standard deviations apart are found in two of three draws.
    """
    import numpy as np

    values, count = np.sort(np.log(medians_s)), len(medians_s)
    least = max(LEAST_OF_CLUSTER, -(-count // 5))
    if count < LAUNCHES_FOR_CLUSTERS:
        return None
    within = {
        split: float(_scatter(values[:split]) + _scatter(values[split:])) for split in range(least, count - least + 1)
    }
    split = min(within, key=lambda split: within[split])
    apart = float(np.exp(np.median(values[split:]) - np.median(values[:split]))) - 1
    return split if apart > APART and _scatter(values) > CLUSTERS * within[split] else None


def _scatter(values: "Array") -> float:
    """The sum of squares about the mean."""
    return float(((values - values.mean()) ** 2).sum())


def _disagreement(medians_s: Sequence[float], median_s: float) -> Iterator[str]:
    ordered = sorted(medians_s)
    split = two_clusters(ordered)
    if split is not None:
        groups = (ordered[:split], ordered[split:])
        fast, slow = (f"{len(group)} take about {_us(statistics.median(group))} µs" for group in groups)
        yield f"launches disagree: {fast}, {slow}"
        return
    usual = ordered[1:-1] if len(ordered) > 3 else ordered  # now and then a launch is slow from start to end
    if usual[-1] - usual[0] > DISAGREEMENT * median_s:
        yield f"launches disagree: most medians lie between {_us(usual[0])} and {_us(usual[-1])} µs"


def _beyond_chance(count: int, launches: int) -> bool:
    """Whether a test that is seldom wrong of one launch is wrong of so many only where there is something."""
    from scipy.stats import binom

    return count > 0 and bool(binom.sf(count - 1, launches, BY_CHANCE) < UNBELIEVABLE)


def _us(seconds: float) -> str:
    return f"{seconds * 1e6:.1f}"
