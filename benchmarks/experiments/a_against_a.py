"""A/A: how far from 1 is the ratio of a file to itself, measured as two subjects of one run?

Example:
  python -m benchmarks.experiments.a_against_a --runs 30
"""

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

from scipy.stats import binomtest

from harness.measurements import comparison
from harness.measurements.comparison import Ratio
from harness.timing import latency

from . import timed_models
from .timed_models import Model


def main() -> int:
    """Measure each model so many times, and print how wide the intervals are and how often they hold 1."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("networks", nargs="*", default=timed_models.NAMES, help="default: %(default)s")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--runs", type=int, default=30)
    parser.add_argument("--launches", type=int, default=20, help="a subject and run; default: %(default)s")
    parser.add_argument("--seconds", type=float, default=0.15, help="measured a launch; default: %(default)s")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for name in args.networks:
            model = timed_models.get(name, Path(folder))
            begun = time.monotonic()
            found = [once(model, args, seed) for seed in range(args.runs)]
            report(name, args, found, (time.monotonic() - begun) / len(found) / 2)
    return 0


def once(model: Model, args: argparse.Namespace, seed: int) -> Ratio:
    """The ratio of the model to itself in one run."""
    twice = [model.subject(key, args.threads) for key in ("A", "A again")]
    effort = latency.Effort(launches=args.launches, seconds=args.seconds)
    timings = latency.measure(twice, effort, seed=seed)
    found = comparison.ratio(timings["A"], timings["A again"])
    print(f"  {found.value:.4f} [{found.low:.4f}, {found.high:.4f}]", file=sys.stderr, flush=True)
    return found


def report(name: str, args: argparse.Namespace, found: list[Ratio], subject_s: float) -> None:
    """Print what the runs came to."""
    holds = sum(one.low <= 1 <= one.high for one in found)
    share = binomtest(holds, len(found)).proportion_ci(method="wilson")
    half_widths = [(one.high - one.low) / 2 for one in found]
    furthest = max(abs(one.value - 1) for one in found)
    deviation = statistics.pstdev([one.value for one in found], 1.0)
    print(
        f"{name}, {args.threads} threads, {args.launches} launches, {subject_s:.1f} s a subject: the 95 % interval "
        f"holds 1 in {holds} of {len(found)} runs ({share.low:.0%} to {share.high:.0%}); its half-width is "
        f"{statistics.median(half_widths):.2%} in the median, {max(half_widths):.2%} at most; the ratio is off by "
        f"{deviation:.2%} (root mean square), {furthest:.2%} at most",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
