"""Check the numbered claims of the lectures on a run, and on the definitions themselves.

Without a RUN, what the definitions decide; the rest is "not measured", with what would measure it. The
verdicts are holds, does not hold, cannot tell, not measured; they are findings, so that the exit
code is 0 whatever they are. docs/claims.md says how each is decided, and how to add a claim.

Example:
  harness claims results/runs/lecture --only 5 22 31
"""

import argparse
from collections import Counter
from pathlib import Path

from harness import plan, progress
from harness.tables import FORMATS, print_table

COLUMNS = ("claim", "lecture", "says", "verdict", "measured")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", nargs="?", type=Path, metavar="RUN", help="a run folder; default: the definitions alone")
    parser.add_argument("--only", type=int, nargs="+", default=[], metavar="N", help="claims by number (default: all)")
    parser.add_argument("--format", choices=FORMATS, default="table", help="default: table; json has the numbers too")


def main(args: argparse.Namespace) -> int:
    """Check the claims and print what was found."""
    from harness import claims

    plan.check_installed(("torch",))
    chosen, evidence = claims.select(args.only), claims.Evidence(args.run)
    evidence.rows  # noqa: B018 - a folder that is no run is bad input, before anything is counted
    found = []
    with progress.bars() as bars:
        task = bars.add_task("checking", total=len(chosen), note="")
        for claim, finding in claims.check(chosen, evidence):
            found.append((claim, finding))
            bars.update(task, advance=1, note=f"claim {claim.number}")
    lines: list[dict[str, object]] = [
        {
            "claim": claim.number,
            "lecture": claim.lecture,
            "says": claim.says,
            "verdict": finding.verdict,
            "measured": finding.measured,
            "numbers": dict(finding.numbers),
        }
        for claim, finding in found
    ]
    print_table((*COLUMNS, "numbers") if args.format == "json" else COLUMNS, lines, args.format)
    counts = Counter(finding.verdict for _, finding in found)
    progress.say(", ".join(f"{verdict}: {count}" for verdict, count in counts.most_common()))
    return 0
