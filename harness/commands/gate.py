"""Say whether a run is worse than another: PASS, FAIL or CAN'T TELL.

BASE and HEAD are run folders, or their rows.csv. What is deterministic is compared exactly: parameters,
MACs, operators, bytes, equivalence, outputs. Accuracies are compared image by image. Latencies are compared if both
took turns in one measurement (`harness ab`), or by controls in each run (`harness run --control`).

BASE alone is the folder of a comparison by `harness ab`, with both runs.

Exit codes: 0 PASS, 1 FAIL, 3 CAN'T TELL, 4 nothing was measured, 2 bad input. Thresholds and their error rates are in
[tool.harness.gate] of pyproject.toml; docs/regressions.md explains them.

Example:
  harness gate results/reference/quick results/runs/mine --format markdown
  harness gate results/runs/comparison --only latency accuracy
  harness gate results/runs/mine --budget "latency <= 2 ms" "size <= 5 MB" "accuracy >= 90 %"
"""

import argparse
from pathlib import Path

from harness.gate import budgets, formats, judging, pairs
from harness.gate import settings as gate_settings
from harness.measurements import run_folder
from harness.measurements.verdicts import Verdict

EXIT_CODES = {Verdict.PASS: 0, Verdict.FAIL: 1, Verdict.CANT_TELL: 3}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("base", type=Path, metavar="BASE", help="what is compared with: a run folder or a rows.csv")
    parser.add_argument("head", type=Path, nargs="?", metavar="HEAD", help="what is judged: another; default: BASE/b")
    parser.add_argument("--format", choices=formats.FORMATS, default="table", help="default: table")
    for option, what in (
        ("accept", "may differ: the change is meant"),
        ("without", "are not made"),
        ("only", "are made alone, beside status"),
    ):
        parser.add_argument(
            f"--{option}",
            nargs="+",
            choices=gate_settings.CHECKS,
            type=gate_settings.check_name,
            default=[],
            metavar="CHECK",
            help=f"checks that {what}; some of {', '.join(gate_settings.CHECKS)}",
        )
    parser.add_argument(
        "--budget",
        nargs="+",
        default=[],
        metavar="LIMIT",
        help=f"what HEAD must keep: {budgets.EXPECTED.replace('%', '%%')}; BASE alone may then be any one run",
    )
    parser.add_argument("--any-order", action="store_true", help="compare although HEAD was begun before BASE")


def main(args: argparse.Namespace) -> int:
    """Compare, print what was found, and give the verdict's exit code."""
    one_run = bool(args.budget) and args.head is None and (args.base / run_folder.ROWS).is_file()
    kept = () if one_run else (*args.only, "status") if args.only else gate_settings.CHECKS
    left_out = [one for one in gate_settings.CHECKS if one not in kept]
    settings = gate_settings.read(Path.cwd(), args.accept, [*args.without, *left_out], args.budget)
    if one_run:
        base = head = args.base
    else:
        base, head = (args.base, args.head) if args.head else pairs.find_sides(args.base)
    runs = pairs.read(base, head, any_order=args.any_order or one_run)
    found = judging.judge(runs, settings)
    formats.show(runs, found, settings, args.format)
    return EXIT_CODES[found.verdict]
