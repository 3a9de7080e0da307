"""How often does a run find a slowdown of 3 %? A model is compared with one that has that much more work.

Both are chains of equal convolutions, one of a layer more; the ledger counts both, and a long run
confirms that the time follows the work. A run finds the slowdown where the 95 % interval of the ratio
lies above 1.

Example:
  python -m benchmarks.experiments.planted_slowdown --runs 40
"""

import argparse
import sys
import tempfile
from pathlib import Path

from scipy.stats import binomtest

from harness.cost import ledger
from harness.measurements import comparison
from harness.measurements.comparison import Ratio
from harness.timing import latency, small_models
from harness.timing.latency import Effort, Subject

CHANNELS, SIDE, LAYERS = 32, 16, 33


def chain(folder: Path, layers: int, threads: int) -> Subject:
    """A chain of so many convolutions, written into the folder."""
    path = folder / f"{layers}.onnx"
    shapes = small_models.save_convolutions(path, layers, CHANNELS, SIDE)
    return Subject(key=path.stem, model=path, shapes=shapes, threads=threads)


def measure(subjects: list[Subject], effort: Effort, seed: int) -> Ratio:
    """How many times longer the longer chain takes."""
    timings = latency.measure(subjects, effort, seed=seed)
    shorter, longer = (timings[subject.key] for subject in subjects)
    found = comparison.ratio(longer, shorter)
    call_s = shorter.median_s
    print(
        f"  {call_s * 1e6:.1f} µs: {found.value:.4f} [{found.low:.4f}, {found.high:.4f}]", file=sys.stderr, flush=True
    )
    return found


def main() -> int:
    """Confirm the slowdown by a long run, then print how many short runs find it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--runs", type=int, default=40)
    parser.add_argument("--launches", type=int, default=20, help="a subject and run; default: %(default)s")
    parser.add_argument("--seconds", type=float, default=0.15, help="measured a launch; default: %(default)s")
    parser.add_argument("--long", type=int, default=100, help="launches of the long run; default: %(default)s")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        subjects = [chain(Path(folder), layers, args.threads) for layers in (LAYERS, LAYERS + 1)]
        fewer, more = (ledger.ledger(subject.model).macs or 0 for subject in subjects)
        long = measure(subjects, Effort(launches=args.long, seconds=args.seconds), seed=args.runs)
        print(
            f"planted: {fewer:,} MACs against {more:,}, {more / fewer - 1:.2%} more; "
            f"a run of {args.long} launches: {long.value - 1:.2%} [{long.low - 1:.2%}, {long.high - 1:.2%}] slower",
            flush=True,
        )
        effort = Effort(launches=args.launches, seconds=args.seconds)
        found = [measure(subjects, effort, seed) for seed in range(args.runs)]
    slower = sum(one.low > 1 for one in found)
    share = binomtest(slower, args.runs).proportion_ci(method="wilson")
    print(
        f"found in {slower} of {args.runs} runs of {args.launches} launches, {args.threads} threads: "
        f"{slower / args.runs:.0%} [{share.low:.0%}, {share.high:.0%}]; taken for faster in "
        f"{sum(one.high < 1 for one in found)}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
