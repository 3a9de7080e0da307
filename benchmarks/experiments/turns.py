"""By how much does the ratio of a launch scatter, of a file against itself: alone, and in groups that share a core?

The ways to take turns are themselves in turns: each carries out the same launch before any carries out the next.

Example:
  python -m benchmarks.experiments.turns --launches 20
"""

import argparse
import statistics
import tempfile
from collections.abc import Sequence
from pathlib import Path

from harness.measurements import comparison
from harness.measurements.types import Timing
from harness.timing import latency, stopping
from harness.timing.latency import Effort

from . import gate_measurement, timed_models
from .gate_measurement import CHAINS, FilePair

LONG = Effort()
Keys = Sequence[tuple[str, ...]]


def alone(pairs: Sequence[FilePair]) -> Keys:
    """Each for itself."""
    return [(side.key,) for pair in pairs for side in pair.subjects()]


def sides(pairs: Sequence[FilePair]) -> Keys:
    """Both sides of a pair, as `harness ab` has them."""
    return [tuple(side.key for side in pair.subjects()) for pair in pairs]


def everyone(pairs: Sequence[FilePair]) -> Keys:
    """All of as many threads, as `harness run` has them."""
    return [tuple(side.key for pair in pairs for side in pair.subjects())]


WAYS = {  # who shares a core, and the effort
    "alone, turns of 15 ms": (alone, LONG),
    "alone, turns of 5 ms": (alone, latency.COMPARED),
    "everyone, turns of 15 ms": (everyone, LONG),
    "sides, turns of 15 ms": (sides, LONG),
    "sides, turns of 5 ms": (sides, latency.COMPARED),
}


def main() -> int:
    """Measure each way so many times, and print the standard deviation of the launches' ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--launches", type=int, default=20, help="of each way; default: %(default)s")
    parser.add_argument("--threads", type=int, default=1, help="default: %(default)s")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        pairs = gate_measurement.pairs((timed_models.NAMES[0], *CHAINS), [args.threads], Path(folder))
        found = measured(pairs, args.launches)
    for way, timings in found.items():
        print(f"{way}: " + "; ".join(f"{pair.name} {100 * scatter(pair, timings):.1f} %" for pair in pairs))
    return 0


def measured(pairs: Sequence[FilePair], launches: int) -> dict[str, dict[str, Timing]]:
    """The timings of each way, by subject."""
    subjects = [subject for pair in pairs for subject in pair.subjects()]
    carry_out = {way: latency.launcher(subjects, effort, seed=0) for way, (_, effort) in WAYS.items()}
    found = {way: {subject.key: Timing(launches=()) for subject in subjects} for way in WAYS}
    for number in range(launches):
        for way, (groups, _) in WAYS.items():
            for key, outcome in carry_out[way](number, groups(pairs)).items():
                found[way][key] = stopping.joined(found[way][key], outcome)
    return found


def scatter(pair: FilePair, timings: dict[str, Timing]) -> float:
    """The standard deviation of the logarithm of the launches' ratios."""
    base, head = (comparison.rounds(timings[side.key]) for side in pair.subjects())
    return statistics.stdev(comparison.logarithms(head, base))


if __name__ == "__main__":
    raise SystemExit(main())
