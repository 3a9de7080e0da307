"""How long does `harness cost` take on a model with 2 GB of external data, and in how much memory?

The data file is a hole in a temporary folder: it has its full size and takes no room on the disk. The
command runs as a process of its own, imports included; the peak is its largest resident set.

Example:
  python -m benchmarks.experiments.large_file --gigabytes 2 --rounds 5
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

import onnx
from onnx import TensorProto, helper

WIDTH = 4096
LAYER_BYTES = 4 * WIDTH * WIDTH


def write(path: Path, layers: int) -> None:
    """A perceptron of so many layers, each with its weights in the file beside the model."""
    data = path.with_suffix(".data")
    nodes, weights = [], []
    for number in range(layers):
        weight = TensorProto(name=f"w{number}", data_type=TensorProto.FLOAT, dims=[WIDTH, WIDTH])
        weight.data_location = TensorProto.EXTERNAL
        place = {"location": data.name, "offset": number * LAYER_BYTES, "length": LAYER_BYTES}
        for key, value in place.items():
            weight.external_data.add(key=key, value=str(value))
        weights.append(weight)
        nodes.append(helper.make_node("MatMul", [f"x{number}", weight.name], [f"x{number + 1}"]))
    ends = [helper.make_tensor_value_info(f"x{number}", TensorProto.FLOAT, ["batch", WIDTH]) for number in (0, layers)]
    graph = helper.make_graph(nodes, "perceptron", ends[:1], ends[1:], weights)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)]), path)
    with data.open("wb") as file:
        file.truncate(layers * LAYER_BYTES)


def measure(path: Path, expected: int) -> tuple[float, int]:
    """Wall time in seconds and peak resident set in bytes of one `harness cost` process."""
    reading, writing = os.pipe()
    start = time.perf_counter()
    process = os.posix_spawn(
        sys.executable, [sys.executable, "-m", "harness", "cost", str(path)], dict(os.environ),
        file_actions=[(os.POSIX_SPAWN_DUP2, writing, 1), (os.POSIX_SPAWN_CLOSE, reading)],
    )  # fmt: skip
    os.close(writing)
    with open(reading) as output:  # noqa: PTH123 - a descriptor
        found = json.load(output)
    _, status, usage = os.wait4(process, 0)
    seconds = time.perf_counter() - start
    assert status == 0
    assert found["params"] == found["macs"] == expected, found
    return seconds, usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def main() -> int:
    """Measure so many processes, and print the median and the worst."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gigabytes", type=float, default=2.0, help="of external data; default: %(default)s")
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    layers = max(1, round(args.gigabytes * 1e9 / LAYER_BYTES))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "large.onnx"
        write(path, layers)
        found = [measure(path, layers * WIDTH * WIDTH) for _ in range(args.rounds)]
    seconds, peaks = zip(*found, strict=True)
    print(f"{layers * LAYER_BYTES / 1e9:.2f} GB in {layers} tensors: "
          f"{statistics.median(seconds):.2f} s (worst {max(seconds):.2f}), "
          f"peak {statistics.median(peaks) / 1e6:.0f} MB (worst {max(peaks) / 1e6:.0f})")  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
