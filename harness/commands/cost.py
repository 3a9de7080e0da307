"""Count the parameters and multiply-accumulates of .onnx files, without running them, or on one run.

It prints one JSON object per file (a list for several). `macs` are of one image. They are null if a node cannot be
counted: `unknown_operators` then says which and why. Sizes that the file leaves open are guessed as `harness run`
guesses them, and `inputs` says which. Give them with --input, the batch axis included. `checker_refuses` says why
ONNX's own checker refuses the file, if it does. --run counts what the nodes multiply on one run in onnxruntime, bodies
of If, Loop and Scan as often as they ran. docs/cost.md says what each number counts.

Example:
  harness cost resnet50.onnx --input image=1x3x224x224 --nodes
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.cost import input_shapes
from harness.errors import HarnessError
from harness.measurements.types import ON_A_RUN, Cost, CountedInput

COLUMNS = (
    "file",
    "params",
    "macs",
    "nodes",
    "stored_bytes",
    "peak_activation_bytes",
    "stored_values",
    "folded_batch_norm",
    "unknown_operators",
    "batch",
    "guessed",
    "counted",
    "checker_refuses",
)
OF_MACHINES = (
    "batch",
    "guessed",
    "counted",
    "checker_refuses",
)  # people read them below the table, if there is something to say
UNKNOWN_COLUMNS = ("file", "not counted", "nodes", "reason")
NODE_COLUMNS = ("file", "name", "operator", "macs", "reason", "runs")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE.onnx", help="models to count")
    parser.add_argument(
        "--input",
        "--shape",
        dest="input",
        action="append",
        default=[],
        metavar="NAME=1x3x224x224",
        help="an input's whole shape, batch axis included (1,3,224,224 is read too); again for each input",
    )
    parser.add_argument(
        "--batch",
        type=int,
        metavar="N",
        help="images that one call takes, which counts are divided by (default: 1 if it is open, else the file's)",
    )
    parser.add_argument("--run", action="store_true", help="count on one run in onnxruntime, not from the file alone")
    parser.add_argument(
        "--inputs", type=Path, metavar="FILE.npz", help="with --run: arrays by input (default: random, or zeros)"
    )
    parser.add_argument("--nodes", action="store_true", help="list every node's count too")
    parser.add_argument("--format", choices=("json", "table", "csv"), default="json", help="default: %(default)s")


def main(args: argparse.Namespace) -> int:
    """Count each file and print; 0, or HarnessError where a file or a shape is no good."""
    from harness.cost import checker

    shapes = input_shapes.parse("--input", args.input)
    if args.inputs and not args.run:
        raise HarnessError("--inputs: arrays are fed to files that run: expected --run beside it.")
    costs = [(str(path), _count(path, shapes, args)) for path in args.files]
    refused = {str(path): checker.refusal(path) for path in args.files}
    if args.format == "json":
        found = [summary(file, cost, refused[file], nodes=args.nodes) for file, cost in costs]
        json.dump(found[0] if len(found) == 1 else found, sys.stdout, indent=2, ensure_ascii=False)
        sys.stdout.write("\n")
    else:
        _print_rows(costs, refused, nodes=args.nodes, format=args.format)
    return 0


def _count(path: Path, shapes: Mapping[str, Sequence[int]], args: argparse.Namespace) -> Cost:
    if not args.run:
        from harness.cost.ledger import ledger

        return ledger(path, shapes, batch=args.batch)
    from harness.machine.arrays import read_arrays
    from harness.timing.counted_run import count_run

    return count_run(path, read_arrays(args.inputs) if args.inputs else {}, shapes, batch=args.batch)


def summary(file: str, cost: Cost, refused: str = "", *, nodes: bool = False) -> dict[str, Any]:
    """The ledger of one file as JSON holds it, with why the checker refuses it; ``nodes`` adds ``node_costs``."""
    found = {
        "file": file,
        "counted": cost.counted,
        "batch": cost.batch,
        "inputs": [_input(each) for each in cost.inputs],
        "params": cost.params,
        "macs": cost.macs,
        "macs_by_operator": cost.macs_by_operator,
        "unknown_operators": cost.unknown_operators,
        "nodes": len(cost.nodes),
        "operators": cost.operators,
        "stored_bytes": cost.stored_bytes,
        "peak_activation_bytes": cost.peak_activation_bytes,
        "peak_activation_reason": cost.peak_activation_reason,
        "stored_values": cost.stored_values,
        "folded_batch_norm": cost.folded_batch_norm,
        "checker_refuses": refused,
    }
    if cost.counted == ON_A_RUN:
        found["contradictions"] = list(cost.contradictions)
    if nodes:
        found["node_costs"] = _node_rows(cost)
    return found


def _input(of: CountedInput) -> dict[str, Any]:
    found = {"name": of.name, "type": of.type, "shape": of.shape, "guessed": of.guessed}
    return {**found, "fed": of.fed} if of.fed else found


def _node_rows(cost: Cost) -> list[dict[str, object]]:
    return [
        {
            "name": node.name,
            "operator": node.operator,
            "macs": node.macs,
            "reason": node.reason,
            **({} if node.runs is None else {"runs": node.runs}),
        }
        for node in cost.nodes
    ]


def _print_rows(costs: list[tuple[str, Cost]], refused: Mapping[str, str], *, nodes: bool, format: str) -> None:  # noqa: A002
    from harness.report.tables import print_table

    if nodes:
        rows = [{"file": file, **row} for file, cost in costs for row in _node_rows(cost)]
        print_table(NODE_COLUMNS if rows and "runs" in rows[0] else NODE_COLUMNS[:-1], rows, format)
        return
    summaries = [summary(file, cost, refused[file]) for file, cost in costs]
    for found, (_, cost) in zip(summaries, costs, strict=True):
        found["unknown_operators"] = ", ".join(found["unknown_operators"])
        found["guessed"] = "; ".join(_guesses(cost))
    shown = tuple(column for column in COLUMNS if format == "csv" or column not in OF_MACHINES)
    print_table(shown, summaries, format)
    if format == "table":
        _print_below(costs, refused)


def _print_below(costs: list[tuple[str, Cost]], refused: Mapping[str, str]) -> None:
    """What people must know of the table: what was not counted, what was guessed, what ONNX' checker says."""
    from harness.report.tables import print_table

    unknown = [
        dict(zip(UNKNOWN_COLUMNS, (file, *line), strict=True)) for file, cost in costs for line in _not_counted(cost)
    ]
    guessed = [{"file": file, "guessed sizes": "; ".join(_guesses(cost))} for file, cost in costs if _guesses(cost)]
    told = [{"file": file, "ONNX's checker refuses it": why} for file, why in refused.items() if why]
    others = [
        {"file": file, "the file and the run contradict each other": found}
        for file, cost in costs
        for found in cost.contradictions
    ]
    for rows in (unknown, guessed, told, others):
        if rows:
            print()
            print_table(tuple(rows[0]), rows, "table")


def _guesses(cost: Cost) -> list[str]:
    """The sizes that nobody told, by input: "image batch 1, height 224"."""
    named = {each.name: ", ".join(f"{axis} {size}" for axis, size in each.guessed.items()) for each in cost.inputs}
    return [f"{name} {sizes}" for name, sizes in named.items() if sizes]


def _not_counted(cost: Cost) -> list[tuple[str, int | None, str]]:
    """What is unknown, for people: how many nodes of each operator, and why."""
    lines: list[tuple[str, int | None, str]] = [
        (operator, cost.unknown_nodes[operator], reason) for operator, reason in cost.unknown_operators.items()
    ]
    if cost.peak_activation_bytes is None:
        lines.append(("peak_activation_bytes", None, cost.peak_activation_reason))
    return lines
