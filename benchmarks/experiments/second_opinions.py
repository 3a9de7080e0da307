"""Does the second opinion find what an independent oracle finds, and nothing else? On random graphs, in one process.

Each graph is run as it is timed, and gets its second opinion. Numpy evaluates it by definition in float64, on the same
inputs. A graph that quantises its activations is rounded anew by every way of running it, so the oracle grants it more.

Usage:
  python -m benchmarks.experiments.second_opinions --graphs 500 --out results/second_opinions.jsonl  # or goes on
  python -m benchmarks.experiments.second_opinions --report results/reference/second_opinions.jsonl
"""

import argparse
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import onnx

from benchmarks.experiments import exit_codes, json_lines, numpy_operators
from benchmarks.experiments.random_graphs import CHANNELS, SIZE, Drawing
from harness.machine import installed, temporary
from harness.report.tables import print_table
from harness.timing import distances
from harness.timing.opinion_worker import Examination
from harness.timing.opinions import OPTIMISED, Question, from_reply

QUANTISED_EACH = 3  # every third graph quantises its activations
EXACT, ROUNDED = 3e-5, 0.05  # of the scale: what the oracle grants float32, and graphs of 8 bits
KINDS = ("found by both", "found by the oracle alone", "found by the opinion alone", "found by neither")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--graphs", type=int, default=500)
    parser.add_argument("--out", type=Path, default=Path("results/second_opinions.jsonl"))
    parser.add_argument("--report", type=Path, metavar="FILE")
    args = parser.parse_args()
    return exit_codes.carry_out(_report if args.report else _measure, args)


def _measure(args: argparse.Namespace) -> None:
    versions = {name: installed.version(name) for name in ("onnxruntime", "onnx", "numpy")}
    json_lines.begin(args.out, {"versions": versions})
    done = {line["seed"] for line in json_lines.read(args.out)[1:]}
    for seed in range(args.graphs):
        if seed not in done:
            json_lines.append(args.out, {"seed": seed, **judge(seed, quantised=seed % QUANTISED_EACH == 0)})
    args.report = args.out
    _report(args)


def judge(seed: int, *, quantised: bool) -> dict[str, Any]:
    """What the opinion and the oracle say of one graph."""
    drawing = Drawing(seed, quantised=quantised)
    model = drawing.model()
    with temporary.folder() as folder:
        path = folder / "drawn.onnx"
        onnx.save(model, path)
        examined = Examination(Question(model=path, shapes={"x": (1, CHANNELS, SIZE, SIZE)}))
        opinions = from_reply(examined.judge())
        timed = examined.run(examined.question.session)
    exact = [numpy_operators.evaluate(model, {"x": feeds["x"].numpy()})["y"] for feeds in examined.draws]
    granted = ROUNDED if quantised else EXACT
    right = dict(zip(("y", "y on normal inputs"), exact, strict=True))
    own = opinions.distances[OPTIMISED]
    return {
        "quantised": quantised,
        "operators": dict(Counter(node.op_type for node in model.graph.node)),
        "opinion": own.beyond,
        "apart": own.max_abs,
        "tolerance": own.tolerance,
        "oracle": _beyond(timed, right, granted),
        "unoptimised": _beyond(examined.expected, right, granted),
        "optimizers": list(opinions.culprit.optimizers) if opinions.culprit else [],
    }


def _beyond(found: distances.Outputs, right: distances.Outputs, granted: float) -> bool:
    """Whether any output is further from the oracle's than is granted."""
    return any(distances.apart(found[name], right[name]) > granted * distances.scale(right[name]) for name in right)


def _report(args: argparse.Namespace) -> None:
    head, *lines = json_lines.read(args.report)
    print(", ".join(f"{name} {version}" for name, version in head["versions"].items()))
    for table in (counted(lines), blamed(lines)):
        print_table(list(table[0]), table, "table")


def counted(lines: Sequence[Mapping[str, Any]]) -> list[dict[str, object]]:
    """How many graphs of each kind were found by whom."""
    found = []
    for name, chosen in (("float32", False), ("8 bits", True)):
        own = [line for line in lines if line["quantised"] == chosen]
        by = Counter((line["oracle"], line["opinion"]) for line in own)
        numbers = [by[pair] for pair in ((True, True), (True, False), (False, True), (False, False))]
        wrong = sum(line["unoptimised"] for line in own)
        found.append(
            {"graphs": name, "of": len(own), **dict(zip(KINDS, numbers, strict=True)), "wrong unoptimised": wrong}
        )
    return found


def blamed(lines: Sequence[Mapping[str, Any]]) -> list[dict[str, object]]:
    """How often each optimiser was found to be the culprit."""
    counts = Counter(" + ".join(line["optimizers"]) or "none named" for line in lines if line["opinion"])
    return [{"culprit": name, "graphs": count} for name, count in counts.most_common()] or [
        {"culprit": "-", "graphs": 0}
    ]


if __name__ == "__main__":
    sys.exit(main())
