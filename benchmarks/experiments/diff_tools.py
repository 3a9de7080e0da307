"""Five pairs of files, each with one known difference: what `harness diff` and three other tools say of them.

Needs PyTorch, and beside the harness `pip install diffonnx==1.0.2 onnx-diagnostic==0.9.3`. A tool that is not installed
is left out. docs/diff.md quotes the table.

Run: python -m benchmarks.experiments.diff_tools
"""

import importlib.metadata
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import onnx
import onnx_ir
import torch
from onnx import numpy_helper
from torch import nn

FILES = Path(__file__).parents[1] / "files"
PAIRS = ("one weight", "one operator", "one node dropped", "all names", "another exporter")


def exported() -> torch.onnx.ONNXProgram:
    """Two convolutions and a dense layer."""
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 8 * 8, 10)
    ).eval()
    program = torch.onnx.export(network, (torch.rand(1, 3, 12, 12),), dynamo=True, verbose=False)
    assert program is not None
    return program


def planted(pair: str, base: onnx.ModelProto) -> onnx.ModelProto:
    """The second model of a pair."""
    model = onnx.ModelProto()
    model.CopyFrom(base)
    graph = model.graph
    second = [node for node in graph.node if node.op_type == "Relu"][1]
    if pair == "one weight":
        name = [node for node in graph.node if node.op_type == "Conv"][1].input[1]
        (tensor,) = [tensor for tensor in graph.initializer if tensor.name == name]
        array = numpy_helper.to_array(tensor).copy()
        array.flat[0] += 0.5
        tensor.CopyFrom(numpy_helper.from_array(array, name))
    elif pair == "one operator":
        second.op_type = "Sigmoid"
    elif pair == "one node dropped":
        for node in graph.node:
            node.input[:] = [second.input[0] if name == second.output[0] else name for name in node.input]
        graph.node.remove(second)
    else:
        rename(graph)
    del graph.value_info[:]
    return model


def rename(graph: onnx.GraphProto) -> None:
    """Give every node, value and tensor inside another name."""
    kept = {value.name for value in (*graph.input, *graph.output)}
    new: dict[str, str] = {}

    def other(name: str) -> str:
        return name if not name or name in kept else new.setdefault(name, f"other_{len(new)}")

    for node in graph.node:
        node.name = f"node_{other(node.output[0])}"
        node.input[:], node.output[:] = map(other, node.input), map(other, node.output)
    for tensor in graph.initializer:
        tensor.name = other(tensor.name)


def by_harness(a: Path, b: Path, _: torch.onnx.ONNXProgram) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "harness", "diff", a, b, "--json"], capture_output=True, text=True, check=False
    )
    found = json.loads(done.stdout)
    nodes, run = found["nodes"], found["run"]
    names = [one["name_a"] for one in nodes["changed"]] + [one["name"] for one in (*nodes["only_a"], *nodes["only_b"])]
    named = [*dict.fromkeys(names), *(one["name_a"] or one["name_b"] for one in found["tensors"])]
    largest = max(one["distance"]["largest"] for one in run["outputs"])
    place = f"; parts at {run['parting']['node_a']}" if run["parting"] else ""
    return f"{'same' if found['same'] else 'differs'}: {shown(named)}; outputs {largest:.2g} apart{place}"


def by_diffonnx(a: Path, b: Path, _: torch.onnx.ONNXProgram) -> str:
    command = [sys.executable, "-c", "import sys; from diffonnx.cli import main; sys.exit(main())", "-v", a, b]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        return f"fails: {done.stderr.strip().splitlines()[-1]}"
    table = done.stdout.partition("Mismatched Items")[2]
    rows = re.findall(r"^\| *(Graph\.Nodes|Graph\.Initializers)? *\|([^|]*)\|([^|]*)\|$", table, re.MULTILINE)
    named = [name for _, *sides in rows for side in sides for name in side.split() if name not in ("A", "B", "Diff")]
    error = re.search(
        r"\| probabilities.*\| *([\d.e-]+) \|$|\|[^|]*\([\d, ]+\) *\| float32 \|.*\| *([\d.e-]+) \|$", done.stdout, re.M
    )
    apart = next(filter(None, error.groups()), "?") if error else "equal"
    return f"{shown(list(dict.fromkeys(named)))}; outputs {apart}"


def by_onnx_diagnostic(a: Path, b: Path, _: torch.onnx.ONNXProgram) -> str:
    from onnx_diagnostic.torch_onnx.compare import ObsCompare, ObsComparePair

    one, other = (ObsCompare.obs_sequence_from_model(onnx.load(path)) for path in (a, b))
    distance, _path, pairs = ObsComparePair.distance_sequence(one, other)
    apart = [pair for pair in pairs if pair.side1 is None or pair.side2 is None or pair.distance > 0]
    named = [str((pair.side1 or pair.side2).name_or_outputs[0]) for pair in apart]
    return f"distance {distance:.3g}: {shown(named)}; values not compared"


def by_verification(_: Path, b: Path, program: torch.onnx.ONNXProgram) -> str:
    """PyTorch compares an export with the program that it was made of: the planted model takes the export's place."""
    from torch.onnx import verification

    program.model = onnx_ir.serde.deserialize_model(onnx.load(b))
    found = verification.verify_onnx_program(program, compare_intermediates=True)
    named = [one.name for one in found if one.max_abs_diff > 1e-4]
    return f"{len(found)} values compared; apart: {shown(named)}; {max(one.max_abs_diff for one in found):.2g} at most"


def shown(names: list[str]) -> str:
    return (", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")) or "nothing"


TOOLS: dict[str, tuple[str, Callable[[Path, Path, torch.onnx.ONNXProgram], str]]] = {
    "harness diff": ("onnx-harness", by_harness),
    "diffonnx": ("diffonnx", by_diffonnx),
    "onnx-diagnostic": ("onnx-diagnostic", by_onnx_diagnostic),
    "torch.onnx.verification": ("torch", by_verification),
}


def main() -> None:
    """Print what each tool says of each pair."""
    program = exported()
    base = onnx_ir.serde.serialize_model(program.model)
    with tempfile.TemporaryDirectory() as folder:
        for pair in PAIRS:
            a, b = Path(folder) / "a.onnx", Path(folder) / "b.onnx"
            if pair == PAIRS[-1]:
                a, b = FILES / "convnet_gmp.keras.onnx", FILES / "convnet_gmp.torch.onnx"
            else:
                onnx.save(base, a)
                onnx.save(planted(pair, base), b)
            for tool, (distribution, ask) in TOOLS.items():
                if ask is by_verification and pair == PAIRS[-1]:
                    continue  # neither is an export of a program that is at hand
                try:
                    said = f"{importlib.metadata.version(distribution)}: {ask(a, b, program)}"
                except Exception as error:  # what a tool raises is what it says
                    said = f"{type(error).__name__}: {error}".splitlines()[0]
                print(f"{pair} | {tool} {said}", flush=True)


if __name__ == "__main__":
    main()
