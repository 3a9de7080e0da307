"""A/A: how far from 1 is the ratio of a file to itself, measured as two subjects of one run?

Example:
  python -m benchmarks.a_against_a lenet5_1x1 --runs 20
"""

import argparse
import sys
import tempfile
from pathlib import Path

from harness import artifacts, comparison, latency

from .exports import export


def main() -> int:
    """Measure, and print each ratio and how many lie within 1 %."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("network")
    parser.add_argument("--framework", default="torch")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=0.15)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        file = export([args.network], Path(folder))[args.network, args.framework]
        artifact = artifacts.read(Path(file))
        found = [_once(artifact, args, seed) for seed in range(args.runs)]
    for one in found:
        print(f"{one.value:.4f} [{one.low:.4f}, {one.high:.4f}]")
    near = sum(abs(one.value - 1) <= 0.01 for one in found)
    holds = sum(one.low <= 1 <= one.high for one in found)
    print(f"{args.network} ({args.framework}, {args.threads} threads): {near} of {len(found)} ratios within 1 % of 1;")
    print(f"the 95 % interval holds 1 in {holds}")
    return 0


def _once(artifact: artifacts.Artifact, args: argparse.Namespace, seed: int) -> comparison.Ratio:
    shapes = {"image": (1, *artifact.input_shape)}
    first, second = (
        latency.Subject(key=key, model=artifact.path, shapes=shapes, threads=args.threads) for key in ("A", "A again")
    )
    timings = latency.measure([first, second], latency.Effort(seconds=args.seconds), seed=seed)
    return comparison.ratio(timings["A"], timings["A again"])


if __name__ == "__main__":
    sys.exit(main())
