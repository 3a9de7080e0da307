"""How much time and memory does `harness cost` take beside onnx-tool and onnx-opcounter? Whole processes, in turns.

Six files are written into a temporary folder: three light models of onnx, two chains of many nodes, and VGG-16 with all
its weights. Each program runs as a process of its own, imports included. Processor seconds are user and system time
together: they change less than the others if other work runs beside. The peers need not be installed: name the Python
of an environment that has them.

Example:
  python -m benchmarks.experiments.cost_peers --rounds 5 --peers /tmp/peers/bin/python
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from harness.errors import HarnessError

LIGHT = Path(onnx.__file__).parent / "backend/test/data/light"
LIGHT_MODELS = ("light_resnet50", "light_densenet121", "light_squeezenet")
VGG16 = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))  # channels of each stage
HEAD = ((25088, 4096), (4096, 4096), (4096, 1000))
TOOL = "import sys, onnx_tool; onnx_tool.model_profile(sys.argv[1])"
COUNTER = (
    "import sys, onnx, onnx_opcounter as counter; model = onnx.load(sys.argv[1]);"
    "print(counter.calculate_params(model), counter.calculate_macs(model))"
)


@dataclass(frozen=True)
class Taken:
    """What one process took."""

    seconds: float
    processor_seconds: float
    peak_bytes: int
    status: int


def write_files(folder: Path) -> list[Path]:
    """The files that are counted, the smallest first."""
    found = []
    for name in LIGHT_MODELS:
        found.append(folder / f"{name}.onnx")
        found[-1].write_bytes((LIGHT / found[-1].name).read_bytes())
    for blocks in (1000, 5000):
        found.append(folder / f"chain_of_{4 * blocks}_nodes.onnx")
        onnx.save(chain(blocks), found[-1])
    found.append(folder / "vgg16.onnx")
    onnx.save(vgg16(), found[-1])
    return sorted(found, key=lambda path: path.stat().st_size)


def chain(blocks: int) -> onnx.ModelProto:
    """Blocks of a product, a bias, an activation and a sum, one after the other."""
    nodes, weights, value = [], [], "x"
    for number in range(blocks):
        names = [f"{kind}{number}" for kind in "wbmars"]
        matrix, bias, product, sum_, active, last = names
        weights += [numpy_helper.from_array(np.full((8, 8), number, np.float32), matrix)]
        weights += [numpy_helper.from_array(np.full(8, number, np.float32), bias)]
        nodes += [
            helper.make_node("MatMul", [value, matrix], [product], name=product),
            helper.make_node("Add", [product, bias], [sum_], name=sum_),
            helper.make_node("Relu", [sum_], [active], name=active),
            helper.make_node("Add", [active, value], [last], name=last),
        ]
        value = last
    return model(nodes, weights, [1, 8], value, [1, 8])


def vgg16() -> onnx.ModelProto:
    """VGG-16 with 553 MB of weights, which are zeros."""
    nodes, weights, value, channels = [], [], "x", 3
    for stage, widths in enumerate(VGG16):
        for place, width in enumerate(widths):
            name = f"c{stage}{place}"
            weights += [zeros(f"{name}w", width, channels, 3, 3), zeros(f"{name}b", width)]
            nodes.append(
                helper.make_node("Conv", [value, f"{name}w", f"{name}b"], [name], name=name, pads=[1, 1, 1, 1])
            )
            nodes.append(helper.make_node("Relu", [name], [f"{name}r"], name=f"{name}r"))
            value, channels = f"{name}r", width
        nodes.append(
            helper.make_node("MaxPool", [value], [f"p{stage}"], name=f"p{stage}", kernel_shape=[2, 2], strides=[2, 2])
        )
        value = f"p{stage}"
    nodes.append(helper.make_node("Flatten", [value], ["f"], name="f"))
    value = "f"
    for place, (inputs, outputs) in enumerate(HEAD):
        weights += [zeros(f"g{place}w", outputs, inputs), zeros(f"g{place}b", outputs)]
        nodes.append(
            helper.make_node("Gemm", [value, f"g{place}w", f"g{place}b"], [f"g{place}"], name=f"g{place}", transB=1)
        )
        value = f"g{place}"
    return model(nodes, weights, [1, 3, 224, 224], value, [1, 1000])


def zeros(name: str, *shape: int) -> TensorProto:
    return numpy_helper.from_array(np.zeros(shape, np.float32), name)


def model(
    nodes: list[onnx.NodeProto], weights: list[TensorProto], given: list[int], output: str, shape: list[int]
) -> onnx.ModelProto:
    ends = [helper.make_tensor_value_info(name, 1, sizes) for name, sizes in (("x", given), (output, shape))]
    graph = helper.make_graph(nodes, "graph", ends[:1], ends[1:], weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def run(command: list[str]) -> Taken:
    """One process from its start to its end, without its output."""
    start = time.perf_counter()
    quiet = [(os.POSIX_SPAWN_OPEN, stream, os.devnull, os.O_WRONLY, 0) for stream in (1, 2)]
    process = os.posix_spawn(command[0], command, dict(os.environ), file_actions=quiet)
    _, status, usage = os.wait4(process, 0)
    unit = 1 if sys.platform == "darwin" else 1024
    return Taken(
        time.perf_counter() - start,
        usage.ru_utime + usage.ru_stime,
        usage.ru_maxrss * unit,
        os.waitstatus_to_exitcode(status),
    )


def programs(peers: Path | None) -> dict[str, list[str]]:
    """How each program is called; the file comes last."""
    found = {"harness cost": [sys.executable, "-m", "harness", "cost"]}
    if peers is not None:
        found |= {"onnx-tool": [str(peers), "-c", TOOL], "onnx-opcounter": [str(peers), "-c", COUNTER]}
    return found


def describe(taken: list[Taken]) -> str:
    if any(one.status for one in taken):
        return f"ended with {taken[0].status}"
    return (
        f"{statistics.median(one.seconds for one in taken):7.2f} s "
        f"{statistics.median(one.processor_seconds for one in taken):7.2f} s of a processor "
        f"{statistics.median(one.peak_bytes for one in taken) / 1e6:7.0f} MB"
    )


def main() -> int:
    """Measure every program on every file in turns, and print medians."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="default: %(default)s")
    parser.add_argument(
        "--peers", type=Path, metavar="PYTHON", help="of an environment with onnx-tool and onnx-opcounter"
    )
    parser.add_argument("--only", default="", metavar="TEXT", help="files with this in their name")
    args = parser.parse_args()
    if args.peers is not None and not args.peers.is_file():
        raise HarnessError(f"--peers {args.peers}: expected the Python of an environment, found no file.")
    with tempfile.TemporaryDirectory() as folder:
        # Written by a process of its own: a child's peak begins with what its parent holds.
        with ProcessPoolExecutor(1, get_context("spawn")) as writer:
            paths = writer.submit(write_files, Path(folder)).result()
        for path in [path for path in paths if args.only in path.name]:
            calls = programs(args.peers)
            taken: dict[str, list[Taken]] = {name: [] for name in calls}
            for _ in range(args.rounds):
                for name, command in calls.items():
                    taken[name].append(run([*command, str(path)]))
            print(f"{path.name}, {path.stat().st_size / 1e6:.1f} MB")
            for name, found in taken.items():
                print(f"  {name:15s} {describe(found)}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
