"""How often does a run find a slowdown of 3 %? A model is compared with one that has that much more work.

Both are chains of equal convolutions, one of a layer more; the ledger counts both, and a long run
confirms that the time follows the work. A run finds the slowdown where the 95 % interval of the ratio
lies above 1.

Example:
  python -m benchmarks.planted_slowdown --runs 40
"""

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from scipy.stats import binomtest

from harness import comparison, cost, latency
from harness.comparison import Ratio
from harness.latency import Effort, Subject

CHANNELS, IMAGE, KERNEL, LAYERS = 32, 16, 3, 33


def save(folder: Path, layers: int) -> Path:
    """Write a chain of so many convolutions, each with a ReLU, on an image (1, C, H, W)."""
    random = np.random.default_rng(0)
    shape = (CHANNELS, CHANNELS, KERNEL, KERNEL)
    nodes, kernels = [], []
    for number in range(layers):
        kernel = random.standard_normal(shape) * np.sqrt(2 / (CHANNELS * KERNEL**2))
        kernels.append(numpy_helper.from_array(kernel.astype(np.float32), f"kernel_{number}"))
        given, made = f"image_{number}", f"image_{number + 1}"
        nodes.append(helper.make_node("Conv", [given, f"kernel_{number}"], [f"sum_{number}"], pads=[1, 1, 1, 1]))
        nodes.append(helper.make_node("Relu", [f"sum_{number}"], [made]))
    size = [1, CHANNELS, IMAGE, IMAGE]
    ends = [helper.make_tensor_value_info(f"image_{number}", TensorProto.FLOAT, size) for number in (0, layers)]
    graph = helper.make_graph(nodes, "chain", ends[:1], ends[1:], kernels)
    path = folder / f"{layers}.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), path)
    return path


def measure(paths: list[Path], threads: int, effort: Effort, seed: int) -> Ratio:
    """How many times longer the longer chain takes."""
    shapes = {"image_0": (1, CHANNELS, IMAGE, IMAGE)}
    subjects = [Subject(key=path.stem, model=path, shapes=shapes, threads=threads) for path in paths]
    timings = latency.measure(subjects, effort, seed=seed)
    found = comparison.ratio(timings[paths[1].stem], timings[paths[0].stem])
    call_s = timings[paths[0].stem].median_s
    print(
        f"  {call_s * 1e6:.1f} µs: {found.value:.4f} [{found.low:.4f}, {found.high:.4f}]", file=sys.stderr, flush=True
    )
    return found


def main() -> int:
    """Confirm the slowdown by a long run, then print how many short runs find it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--runs", type=int, default=40)
    parser.add_argument("--launches", type=int, default=10, help="a subject and run; default: %(default)s")
    parser.add_argument("--seconds", type=float, default=0.15, help="measured a launch; default: %(default)s")
    parser.add_argument("--long", type=int, default=100, help="launches of the long run; default: %(default)s")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        paths = [save(Path(folder), layers) for layers in (LAYERS, LAYERS + 1)]
        fewer, more = (cost.ledger(path).macs or 0 for path in paths)
        long = measure(paths, args.threads, Effort(launches=args.long, seconds=args.seconds), seed=args.runs)
        print(
            f"planted: {fewer:,} MACs against {more:,}, {more / fewer - 1:.2%} more; "
            f"a run of {args.long} launches: {long.value - 1:.2%} [{long.low - 1:.2%}, {long.high - 1:.2%}] slower",
            flush=True,
        )
        effort = Effort(launches=args.launches, seconds=args.seconds)
        found = [measure(paths, args.threads, effort, seed) for seed in range(args.runs)]
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
