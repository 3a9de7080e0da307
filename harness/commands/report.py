"""Draw the pictures of a run and print its table.

Without a RUN, the reference results of this repository. The pictures (PNG, SVG, and a CSV of what
each shows) go into the run's folder, or to --out. Several runs are put together where they were
tested on the same images.

Example:
  harness report results/runs/mine --out pictures
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from harness import plots, rows
from harness.errors import HarnessError
from harness.rows import Row
from harness.tables import FORMATS, print_run

REFERENCE = Path("results/reference/quick")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("runs", nargs="*", type=Path, metavar="RUN", help=f"run folders; default: {REFERENCE}")
    parser.add_argument("--out", type=Path, metavar="DIR", help="where the pictures go; default: the run's folder")
    parser.add_argument(
        "--format", choices=FORMATS, default="table", help="default: table; else every column of rows.csv"
    )


def main(args: argparse.Namespace) -> int:
    """Draw, name the pictures, and print the table."""
    runs = args.runs or [reference(Path.cwd())]
    if args.out is None and len(runs) > 1:
        raise HarnessError("Several runs have no folder in common: say with --out DIR where the pictures go.")
    found = together(runs)
    folder = args.out or (runs[0] if runs[0].is_dir() else runs[0].parent)
    for path in plots.draw(found, folder):
        print(f"drawn: {path}", file=sys.stderr)
    print_run(found, args.format)
    return 0


def reference(start: Path) -> Path:
    """The reference results of the repository that a folder lies in."""
    for folder in (start, *start.parents):
        if (folder / REFERENCE / rows.FILE_NAME).is_file():
            return folder / REFERENCE
    raise HarnessError(f"No {REFERENCE} here or in a folder above: name a RUN, a folder made by `harness run`.")


def together(runs: Sequence[Path]) -> list[Row]:
    """The rows of some runs. Raises :class:`HarnessError` where their test images differ."""
    found = [row for run in runs for row in rows.read(run)]
    digests: dict[str, str | None] = {}
    for row in found:
        if row.dataset is not None and digests.setdefault(row.dataset, row.dataset_digest) != row.dataset_digest:
            raise HarnessError(
                f"The runs hold different test images under the name {row.dataset!r}, so that their accuracies "
                "cannot be compared: report them one by one."
            )
    return found
