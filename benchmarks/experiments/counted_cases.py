"""Does a run ever contradict what the ledger tells from the file? All node tests that onnx generates are counted twice.

onnx makes each case itself: a model of an operator or two, with what it is fed. Each is counted from the file, and on
a run of onnxruntime. What onnxruntime has no kernel for, or cannot be fed as an array, is listed with the reason.

Example:
  python -m benchmarks.experiments.counted_cases --out results/reference/counted_cases.csv
"""

import argparse
import contextlib
import csv
import tempfile
import warnings
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx.backend.test import loader

from harness.cost import ledger
from harness.errors import HarnessError
from harness.timing import counted_run, profile_worker, profiles
from harness.timing.profiles import RanNode

COLUMNS = ("case", "verdict", "operator", "macs_of_file", "macs_of_run", "reason")
FREE, AGREE, RUN_ALONE, FILE_ALONE = "both nothing", "both alike", "the run alone", "the file alone"
NEITHER, CONTRADICTION, NOT_RUN = "neither", "contradiction", "not run"


def trace(model: Path, inputs: Path, data_folder: Path) -> list[RanNode]:
    """The worker's work in this process, which has the libraries already."""
    with contextlib.chdir(model.parent):
        try:
            told = profile_worker.trace(model=str(model), inputs=str(inputs), data_folder=str(data_folder))
        except Exception as error:  # onnxruntime's own errors share no base class
            raise HarnessError(f"onnxruntime cannot run the model: {error}") from error
    return profiles.read_trace(told)


def judge(case: Any, folder: Path) -> dict[str, Any]:
    """Count one case twice."""
    path = folder / "case.onnx"
    onnx.save(case.model, path)
    operators = ", ".join(dict.fromkeys(node.op_type for node in case.model.graph.node))
    row = {"case": case.name, "operator": operators, "macs_of_file": None, "macs_of_run": None, "reason": ""}
    names = [given.name for given in case.model.graph.input]
    arrays = dict(zip(names, case.data_sets[0][0], strict=False))
    if not all(isinstance(array, np.ndarray) and array.dtype.kind != "O" for array in arrays.values()):
        return {**row, "verdict": NOT_RUN, "reason": "it is fed lists or texts"}
    try:
        on_run = counted_run.count_run(path, arrays, trace=trace)
        of_file = count_file(path, arrays)
    except HarnessError as error:
        return {**row, "verdict": NOT_RUN, "reason": str(error).splitlines()[0][:120]}
    row |= {"macs_of_file": of_file, "macs_of_run": on_run.macs}
    return {**row, "verdict": verdict(of_file, on_run.macs, on_run.contradictions), **why(on_run)}


def count_file(path: Path, arrays: Mapping[str, Any]) -> int | None:
    """What the file tells at the shapes of the arrays; None also if it says that these do not fit."""
    try:
        return ledger.ledger(path, {name: array.shape for name, array in arrays.items()}).macs
    except HarnessError:
        return None


def verdict(of_file: int | None, of_run: int | None, contradictions: tuple[str, ...]) -> str:
    """What the two counts say of each other."""
    if contradictions:
        return CONTRADICTION
    if of_file is None or of_run is None:
        return NEITHER if of_file == of_run else RUN_ALONE if of_file is None else FILE_ALONE
    return AGREE if of_run else FREE


def why(on_run: Any) -> dict[str, str]:
    """What the run says of its contradictions, or of what it could not count."""
    return {"reason": "; ".join([*on_run.contradictions, *on_run.unknown_operators.values()])[:120]}


def main() -> int:
    """Count every case, write a line of each, and print how many there are of each verdict."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.csv", help="a line for each case")
    parser.add_argument("--only", default="", metavar="TEXT", help="cases with this in their name")
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    cases = sorted(
        (case for case in loader.load_model_tests(kind="node") if args.only in case.name), key=lambda c: c.name
    )
    args.out.parent.mkdir(parents=True, exist_ok=True)
    found: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder, args.out.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        for case in cases:
            row = judge(case, Path(folder))
            found[row["verdict"]] += 1
            writer.writerow(row)
            file.flush()
    for kind, number in found.most_common():
        print(f"{number:5d} {kind}")
    return 1 if found[CONTRADICTION] else 0


if __name__ == "__main__":
    raise SystemExit(main())
