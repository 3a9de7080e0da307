"""What does it cost to export a deep network, and to carry its weights from one framework to the other?

Each export is a process of its own: the seconds from weights in memory to a checked .onnx file, and the most memory
that the process held. Carrying is timed in one process per network, after a first time that is not counted: reading
the weights of one definition, and writing them into the other. The limits are 90 s, 6 GB, and 1 s for 30 million
parameters; the exit code is 1 if one is passed.

Example:
  python -m benchmarks.experiments.export_cost
  python -m benchmarks.experiments.export_cost --networks vit_tiny --out export_cost.json
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.experiments.exports import FRAMEWORKS

NETWORKS = ("convnext_tiny", "densenet121", "vit_tiny")
EXPORT_S, EXPORT_BYTES, CARRY_S, CARRIED_PARAMS = 90.0, 6e9, 1.0, 30_000_000
CARRIES = 5


def export(name: str, framework: str) -> dict[str, Any]:
    """Seconds, and the most memory, of one export in this process, with random weights."""
    from harness.frameworks import keras_training, torch_training, weights
    from harness.networks import catalog
    from harness.pieces import export_keras, export_torch

    architecture = catalog.get(name)
    if framework == "keras":
        drawn = weights.from_keras(keras_training.build(architecture))
    else:
        drawn = weights.from_torch(torch_training.build(architecture))
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        {"keras": export_keras, "torch": export_torch}[framework].export(
            architecture, drawn, Path(folder) / "network.onnx", {}
        )
    seconds = time.perf_counter() - start
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"seconds": seconds, "bytes": kilobytes * (1024 if sys.platform == "linux" else 1)}


def carry(name: str) -> dict[str, Any]:
    """Seconds for the weights of a network from each framework to the other, once the networks are built."""
    from harness.frameworks import keras_training, torch_training, weights
    from harness.networks import catalog

    architecture = catalog.get(name)
    in_keras, in_torch = keras_training.build(architecture), torch_training.build(architecture)
    ways = {
        "keras to torch": lambda: weights.to_torch(in_torch, weights.from_keras(in_keras)),
        "torch to keras": lambda: weights.to_keras(in_keras, weights.from_torch(in_torch)),
    }
    scale = CARRIED_PARAMS / architecture.params
    return {way: {"seconds": found, "scaled_s": found * scale} for way, found in _timed(ways).items()}


def _timed(ways: dict[str, Callable[[], object]]) -> dict[str, float]:
    """The median of each way; they take turns, and the first time of each is not counted."""
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    for number in range(1 + CARRIES):
        for way, run in ways.items():
            start = time.perf_counter()
            run()
            if number:
                seconds[way].append(time.perf_counter() - start)
    return {way: statistics.median(found) for way, found in seconds.items()}


def measure(names: Sequence[str]) -> list[dict[str, Any]]:
    """A record for each export and each way of carrying."""
    records = []
    for name in names:
        for framework in FRAMEWORKS:
            records.append(
                {"network": name, "what": f"export from {framework}", **_in_process("export", name, framework)}
            )
        for way, found in _in_process("carry", name).items():
            records.append({"network": name, "what": f"carry {way}", **found})
    return records


def _in_process(*task: str) -> dict[str, Any]:
    command = [sys.executable, "-m", __spec__.name, "--task", *task]
    done = subprocess.run(
        command, env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}, stdout=subprocess.PIPE, text=True, check=True
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def within(record: dict[str, Any]) -> bool:
    """Whether a record keeps its limits."""
    if "scaled_s" in record:
        return bool(record["scaled_s"] < CARRY_S)
    return bool(record["seconds"] < EXPORT_S and record["bytes"] < EXPORT_BYTES)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", nargs="+", default=NETWORKS, metavar="NAME")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the records as JSON")
    parser.add_argument("--task", nargs="+", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.task:
        print(json.dumps({"export": export, "carry": carry}[args.task[0]](*args.task[1:])))
        return
    records = measure(args.networks)
    if args.out:
        args.out.write_text(json.dumps(records, indent=1) + "\n")
    print("| network | what | seconds | most memory | for 30 million parameters | within the limits |")
    print("|---|---|---|---|---|---|")
    for each in records:
        memory = f"{each['bytes'] / 1e9:.2f} GB" if "bytes" in each else "–"
        scaled = f"{each['scaled_s']:.2f} s" if "scaled_s" in each else "–"
        kept = "yes" if within(each) else "**no**"
        print(f"| `{each['network']}` | {each['what']} | {each['seconds']:.2f} | {memory} | {scaled} | {kept} |")
    sys.exit(not all(map(within, records)))


if __name__ == "__main__":
    main()
