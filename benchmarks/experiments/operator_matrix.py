"""Which runtime computes which operator as ONNX's own tests have it: onnxruntime at two levels, and onnx's evaluator.

The tests are those that onnx generates for its backends, each with its inputs and outputs.

Usage:
  python -m benchmarks.experiments.operator_matrix --out results/operators.jsonl   # goes on where it was stopped
  python -m benchmarks.experiments.operator_matrix --report results/operators.jsonl
"""

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper
from onnx.reference import ReferenceEvaluator

from benchmarks.experiments import exit_codes, json_lines
from harness.errors import reason
from harness.machine import installed
from harness.measurements.session_options import SessionOptions
from harness.report.tables import print_table
from harness.timing import distances, runtime

SAME, REFUSES, SHAPE, NUMBERS = "same", "refuses", "other shape", "other numbers"
ANSWERS = (SAME, REFUSES, SHAPE, NUMBERS)
MOST_WORDS = 120  # letters of a reason that are kept
RANDOM = ("Bernoulli", "RandomUniformLike")  # operators whose outputs no runtime need give
IR_VERSION = 11  # at most, whatever onnx itself writes: onnxruntime reads no newer file
ROUNDING = 1e-5  # of the largest value of an output
Array = NDArray[Any]
Run = Callable[[onnx.ModelProto, Mapping[str, Array]], Sequence[Array]]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("results/operators.jsonl"))
    parser.add_argument("--report", type=Path, metavar="FILE")
    args = parser.parse_args()
    return exit_codes.carry_out(_report if args.report else _measure, args)


def _onnxruntime(level: str) -> Run:
    def run(model: onnx.ModelProto, feeds: Mapping[str, Array]) -> Sequence[Array]:
        chosen = SessionOptions(optimization=level)
        session = runtime.session(model.SerializeToString(), threads=1, chosen=chosen)
        found: Sequence[Array] = session.run(None, dict(feeds))
        return found

    return run


def _reference(model: onnx.ModelProto, feeds: Mapping[str, Array]) -> Sequence[Array]:
    found: Sequence[Array] = ReferenceEvaluator(model).run(None, dict(feeds))
    return found


RUNTIMES: dict[str, Run] = {
    "onnxruntime": _onnxruntime("all"),
    "onnxruntime, unoptimised": _onnxruntime("disable"),
    "onnx's reference": _reference,
}


def _measure(args: argparse.Namespace) -> None:
    from onnx.backend.test import loader

    versions = {name: installed.version(name) for name in ("onnxruntime", "onnx", "numpy")}
    json_lines.begin(args.out, {"versions": versions})
    done = {line["case"] for line in json_lines.read(args.out)[1:]}
    for case in loader.load_model_tests(kind="node"):
        operators = {node.op_type for node in case.model.graph.node}
        if case.name not in done and not operators & set(RANDOM):
            json_lines.append(args.out, {"case": case.name, **_answers(case)})
    args.report = args.out
    _report(args)


def _answers(case: Any) -> dict[str, Any]:
    """What each runtime makes of one test."""
    operators = sorted({node.op_type for node in case.model.graph.node})
    case.model.ir_version = min(case.model.ir_version, IR_VERSION)
    inputs, expected = (list(map(_array, values)) for values in case.data_sets[0])
    feeds = dict(zip((value.name for value in case.model.graph.input), inputs, strict=False))
    found = {}
    for name, run in RUNTIMES.items():
        try:
            given = run(case.model, feeds)
            found[name] = {"answer": compared(given, expected, case.rtol, case.atol)}
        except Exception as error:  # each runtime refuses in its own way
            found[name] = {"answer": REFUSES, "why": reason(error)[:MOST_WORDS]}
    return {"operators": operators, "found": found}


def _array(value: Any) -> Any:
    """A value of a test as the runtimes take it: some are given as ONNX stores them."""
    if isinstance(value, onnx.TensorProto):
        return numpy_helper.to_array(value)
    if isinstance(value, onnx.SequenceProto):
        return numpy_helper.to_list(value)
    if isinstance(value, onnx.OptionalProto):
        return numpy_helper.to_optional(value)
    return np.asarray(value) if isinstance(value, np.generic) else value


def compared(given: Sequence[Any], expected: Sequence[Any], relative: float, absolute: float) -> str:
    """Whether outputs are those that are expected; what is no array is compared by its parts."""
    answers = []
    for one, other in zip(given, expected, strict=True):
        if isinstance(other, list) and isinstance(one, list) and len(one) == len(other):
            answers.append(compared(one, other, relative, absolute))
            continue
        first, second = np.asarray(one), np.asarray(other)
        if first.shape != second.shape:
            answers.append(SHAPE)
        elif second.dtype.kind in "OUS":
            answers.append(SAME if (first.astype(str) == second.astype(str)).all() else NUMBERS)
        else:
            both = first.astype(np.float64), second.astype(np.float64)
            least = max(absolute, ROUNDING * distances.scale(second))
            close = np.allclose(*both, rtol=relative, atol=least, equal_nan=True)
            answers.append(SAME if close else NUMBERS)
    return next((answer for answer in (SHAPE, NUMBERS) if answer in answers), SAME)


def _report(args: argparse.Namespace) -> None:
    head, *lines = json_lines.read(args.report)
    print(", ".join(f"{name} {version}" for name, version in head["versions"].items()))
    for table in (counted(lines), listed(lines)):
        if table:
            print_table(list(table[0]), table, "table")


def counted(lines: Sequence[Mapping[str, Any]]) -> list[dict[str, object]]:
    """How many tests each runtime answers how."""
    found: list[dict[str, object]] = []
    for name in RUNTIMES:
        counts = Counter(line["found"][name]["answer"] for line in lines)
        found.append({"runtime": name, **{answer: counts[answer] for answer in ANSWERS}})
    return found


def listed(lines: Sequence[Mapping[str, Any]]) -> list[dict[str, object]]:
    """The operators of which some runtime gives other numbers or shapes, with how many tests."""
    counts: Counter[tuple[str, str]] = Counter()
    for line in lines:
        for name, told in line["found"].items():
            if told["answer"] in (SHAPE, NUMBERS):
                counts[" + ".join(line["operators"]), name] += 1
    operators = sorted({operator for operator, _ in counts})
    return [{"operators": operator, **{name: counts[operator, name] for name in RUNTIMES}} for operator in operators]


if __name__ == "__main__":
    sys.exit(main())
