"""Show what differs between two runs, without a verdict.

It prints a line for each check of `harness gate` that is not the same in both. --all prints every check. Latencies are
compared as the gate compares them, and only if they can be.

Example:
  harness compare results/reference/quick results/runs/mine
"""

import argparse
from pathlib import Path

from harness.gate import judging, pairs, settings
from harness.gate.findings import Finding
from harness.machine import progress
from harness.report.tables import FORMATS, print_table

COLUMNS = ("subject", "check", "base", "head", "detail")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("base", type=Path, metavar="BASE", help="a run folder or a rows.csv")
    parser.add_argument("head", type=Path, metavar="HEAD", help="another")
    parser.add_argument("--all", action="store_true", help="what is the same, too")
    parser.add_argument("--format", choices=FORMATS, default="table", help="default: table")


def main(args: argparse.Namespace) -> int:
    """Compare, and print the lines."""
    runs = pairs.read(args.base, args.head, any_order=True)
    findings = judging.judge(runs, settings.read(Path.cwd())).findings
    shown = [finding for finding in findings if args.all or _differs(finding)]
    print_table(COLUMNS, [{name: getattr(finding, name) or None for name in COLUMNS} for finding in shown], args.format)
    for note in runs.notes:
        progress.say(note)
    for name, (base, head) in runs.differences.items():
        progress.say(f"differs: {name}: {base}, {head}")
    progress.say(f"{sum(map(_differs, findings))} of {len(findings)} checks differ")
    return 0


def _differs(one: Finding) -> bool:
    return one.base != one.head
