"""Check the numbered claims of the lectures on a run, and on the definitions themselves.

Without a RUN it checks what the definitions decide. The rest is "not measured", with what would measure it. The
verdicts are holds, does not hold, cannot tell, not measured. They are findings: the exit code is 0 whatever they are.
docs/claims.md says how each is decided, and how to add a claim.

Example:
  harness claims results/runs/lecture --only 5 22 31
"""

import argparse
import re
import shutil
import sys
import textwrap
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.machine import installed, progress
from harness.report.tables import FORMATS, plain, print_table

COLUMNS = ("claim", "lecture", "says", "verdict", "measured")
TABLE_WIDTH = 120  # of a terminal, in columns, from which on a table of five columns breaks no name and no number
BLOCK_WIDTH = 100  # of the blocks, where there is no terminal to fit
# A number, its unit and its interval, which stay on one line.
_NUMBER = re.compile(r"\d(?: [^\s\d\[]+)?(?: \[[^\]]*\])?")
_TIED = "\N{NO-BREAK SPACE}"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", nargs="?", type=Path, metavar="RUN", help="a run folder; default: the definitions alone")
    parser.add_argument("--only", type=int, nargs="+", default=[], metavar="N", help="claims by number (default: all)")
    parser.add_argument("--format", choices=FORMATS, default="table", help="default: table; json has the numbers too")


def main(args: argparse.Namespace) -> int:
    """Check the claims and print what was found."""
    lines, notes = checked(args.run, args.only)
    _print(lines, args.format)
    for note in notes:
        progress.say(note)
    counts = Counter(line["verdict"] for line in lines)
    progress.say(", ".join(f"{verdict}: {count}" for verdict, count in counts.most_common()))
    return 0


def checked(run: Path | None, only: Sequence[int] = ()) -> tuple[list[dict[str, object]], tuple[str, ...]]:
    """What the run shows of the claims, a line each, under a bar; and what a reader must know of the run.

    Raises :class:`HarnessError` if it is no run.
    """
    from harness import claims

    installed.check_installed(("torch",))
    chosen, evidence = claims.select(only), claims.Evidence(run)
    notes = evidence.notes  # before anything is counted: a folder that is no run is bad input
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
    return lines, notes


def _print(lines: Sequence[Mapping[str, object]], format: str) -> None:  # noqa: A002
    """A table where it fits a terminal, else a block a claim: what is folded into narrow columns cannot be read."""
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else 0
    if format != "table" or width >= TABLE_WIDTH:
        print_table((*COLUMNS, "numbers") if format == "json" else COLUMNS, lines, format)
        return
    print("\n\n".join(_block(line, width or BLOCK_WIDTH) for line in lines))


def _block(line: Mapping[str, object], width: int) -> str:
    """One claim: its number and verdict, what is said by whom, and what was measured."""
    parts = {"says": f"{line['says']} ({line['lecture']})", "measured": f"{line['measured']}"}
    return "\n".join([f"{line['claim']}  {line['verdict']}", *(_wrapped(*part, width) for part in parts.items())])


def _wrapped(name: str, text: str, width: int) -> str:
    """A text of a block; lines end between words, never inside a name or between a number and its interval."""
    tied = _NUMBER.sub(lambda number: number[0].replace(" ", _TIED), plain(text))
    wrapped = textwrap.fill(
        tied,
        width,
        initial_indent=f"    {name:<10}",
        subsequent_indent=" " * 14,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return wrapped.replace(_TIED, " ")
