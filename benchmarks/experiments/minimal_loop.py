"""Does the harness add anything to a latency? Its median beside that of a minimal loop in C over the same onnxruntime.

The loop (minimal_loop.c) is compiled here and takes the C API's functions from the table that the
package's shared library gives by OrtGetApiBase. Both run the same file, with as many threads and the
same options of the session; fresh processes of both take turns, in random order, and the ratio is over
their launches.

Example:
  python -m benchmarks.experiments.minimal_loop --launches 20
"""

import argparse
import random
import subprocess
import sys
import tempfile
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

from harness.measurements import comparison
from harness.measurements.types import Launch, Timing
from harness.timing import latency

from . import timed_models
from .timed_models import Model

WARM_UP_S = 0.3
WITHIN = 0.02
WITHIN_S = 2e-6


def library() -> Path:
    """The shared library of the installed onnxruntime."""
    found = sorted(Path(str(files("onnxruntime") / "capi")).glob("libonnxruntime.so*"))
    if not found:
        sys.exit("the installed onnxruntime has no libonnxruntime.so: this benchmark is for Linux.")
    return found[0]


def compiled(folder: Path) -> Path:
    """The loop, compiled by the system's C compiler."""
    program = folder / "minimal_loop"
    source = Path(__file__).with_suffix(".c")
    subprocess.run(["cc", "-O2", "-Wall", "-Werror", "-o", str(program), str(source), "-ldl"], check=True)
    return program


def loop(program: Path, model: Model, threads: int, seconds: float, number: int) -> Launch:
    """One process of the loop."""
    sizes = map(str, model.shape)
    numbers = (str(threads), str(WARM_UP_S), str(seconds))
    command = [str(program), str(library()), str(model.path), *numbers, model.input, model.output, *sizes]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    samples = tuple(map(int, done.stdout.split()))
    return Launch(
        launch=number,
        calls_per_sample=1,
        samples_ns=samples,
        rounds=(0,) * len(samples),
        settled=True,
        session_s=0.0,
        first_run_s=0.0,
        threads_in_effect=threads,
        providers=(),
    )


def ours(model: Model, threads: int, seconds: float, number: int) -> Launch:
    """One launch of the harness, which measures nothing else beside it."""
    timing = latency.measure(
        [model.subject("ours", threads)], latency.Effort(launches=1, seconds=seconds), seed=number
    )["ours"]
    if timing.failure:
        sys.exit(timing.failure)
    launch = timing.launches[0]
    rounds = tuple(min(one, 0) for one in launch.rounds)  # the loop has one: its calls are in no turns
    return replace(launch, launch=number, rounds=rounds)


def compare(program: Path, model: Model, threads: int, args: argparse.Namespace) -> bool:
    """Measure both in turns, and print what came out; whether they agree."""
    chance = random.Random(threads)
    launches: dict[str, list[Launch]] = {"ours": [], "loop": []}
    for number in range(args.launches):
        for which in chance.sample(sorted(launches), 2):
            launch = (
                ours(model, threads, args.seconds, number)
                if which == "ours"
                else loop(program, model, threads, args.seconds, number)
            )
            launches[which].append(launch)
    measured, minimal = (Timing(launches=tuple(launches[which])) for which in ("ours", "loop"))
    ratio = comparison.ratio(measured, minimal)
    difference_s = minimal.median_s * (ratio.value - 1)
    agrees = abs(ratio.value - 1) <= WITHIN or abs(difference_s) <= WITHIN_S
    print(
        f"{model.name}, {threads} threads: loop in C {minimal.median_s * 1e6:.2f} µs, "
        f"harness {measured.median_s * 1e6:.2f} µs; "
        f"ratio {ratio.value:.4f} [{ratio.low:.4f}, {ratio.high:.4f}], {difference_s * 1e6:+.2f} µs: "
        f"{'within' if agrees else 'NOT within'} {WITHIN:.0%} or {WITHIN_S * 1e6:.0f} µs",
        flush=True,
    )
    return agrees


def main() -> int:
    """Compare each model at each thread count; the exit code is 1 where one does not agree."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--launches", type=int, default=20, help="processes of each; default: %(default)s")
    parser.add_argument("--seconds", type=float, default=0.5, help="measured a process; default: %(default)s")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        program = compiled(Path(folder))
        models = [timed_models.get(name, Path(folder)) for name in timed_models.NAMES]
        agree = [compare(program, model, threads, args) for model in models for threads in args.threads]
    return 0 if all(agree) else 1


if __name__ == "__main__":
    sys.exit(main())
