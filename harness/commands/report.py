"""Write the report of a run, draw its pictures, and print its table.

Without a RUN, the reference results of this repository. The report is report.html, one page that opens from a
file and fetches nothing; it and the pictures (PNG, SVG, and a CSV of what each shows) go into the run's folder, or
to --out. The lectures' claims are checked for it, which takes seconds; --no-claims leaves them out. Several runs
are put together where they were tested on the same images.

With --figure 2016, the figure of Canziani, Paszke and Culurciello: accuracy against operations of
fourteen ImageNet networks, and against the latency that the run measured; docs/figure.md tells of it.

Example:
  harness report results/runs/mine --out pictures
  harness report --figure 2016 results/runs/figure --framework keras --threads 1
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from harness import figure, figure_plots, page, plots, progress, rows, runtime_plots, runtime_ratios, sweep_tables
from harness.catalog import FRAMEWORKS
from harness.commands.claims import checked
from harness.errors import HarnessError
from harness.rows import Row
from harness.run_table import print_run
from harness.tables import FORMATS, print_table

FIGURES = ("2016",)
REFERENCE, FIGURE_REFERENCE = Path("results/reference/quick"), Path("results/reference/figure")
FIGURE_COLUMNS: tuple[str, ...] = ("architecture", "params", "giga_operations", "latency_ms")
FIGURE_COLUMNS += ("measured_accuracy", "published_accuracy", "operations_front_share", "latency_front_share")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    default = f"run folders; default: {REFERENCE}, with --figure {FIGURE_REFERENCE}"
    parser.add_argument("runs", nargs="*", type=Path, metavar="RUN", help=default)
    parser.add_argument("--out", type=Path, metavar="DIR", help="where they go; default: the run's folder")
    parser.add_argument("--no-claims", action="store_true", help="leave the lectures' claims out of the report")
    parser.add_argument(
        "--format", choices=FORMATS, default="table", help="default: table; else every column of rows.csv"
    )
    of_figure = parser.add_argument_group("the figure of 2016")
    of_figure.add_argument("--figure", choices=FIGURES, help="draw it in place of the run's own pictures")
    of_figure.add_argument("--framework", choices=FRAMEWORKS, help="whose files' latency it shows; default: torch")
    of_figure.add_argument("--threads", type=int, metavar="N", help="at how many threads; default: the most of the run")


def main(args: argparse.Namespace) -> int:
    """Draw, name the pictures, and print the table."""
    if not args.figure and (args.framework or args.threads is not None):
        raise HarnessError("--framework and --threads choose what --figure shows: expected --figure 2016 with them.")
    runs = args.runs or [reference(Path.cwd(), FIGURE_REFERENCE if args.figure else REFERENCE)]
    if args.out is None and len(runs) > 1:
        raise HarnessError("Several runs have no folder in common: say with --out DIR where the pictures go.")
    found = together(runs)
    folder = args.out or (runs[0] if runs[0].is_dir() else runs[0].parent)
    if args.figure:
        _report_figure(figure.of(found, args.framework or "torch", args.threads), folder, args.format)
        return 0
    _say_drawn(plots.draw(found, folder))
    ratios = runtime_ratios.of(runs[0], found) if len(runs) == 1 else []  # of several runs they are not one picture
    if ratios:
        _say_drawn(runtime_plots.draw(ratios, folder))
    print_run(found, args.format)
    sweep_tables.print_sweeps(found, args.format)
    claims = None if args.no_claims or len(runs) > 1 else _claims(runs[0])  # a claim is of one run
    progress.say(f"the report is {page.write(runs, folder, claims)}")
    return 0


def _claims(run: Path) -> list[dict[str, object]] | None:
    """What the run shows of the lectures' claims; None, and why in one line, where they cannot be checked."""
    try:
        return checked(run)
    except HarnessError as error:
        progress.say(f"no claims in the report: {error}")
        return None


def reference(start: Path, results: Path = REFERENCE) -> Path:
    """The reference results of the repository that a folder lies in."""
    for folder in (start, *start.parents):
        if (folder / results / rows.FILE_NAME).is_file():
            return folder / results
    raise HarnessError(f"No {results} here or in a folder above: name a RUN, a folder made by `harness run`.")


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


def _report_figure(shown: figure.Figure, folder: Path, format: str) -> None:  # noqa: A002
    """Draw the figure, say what it leaves out, and print what it shows; for programs, every column of its CSV."""
    _say_drawn(figure_plots.draw(shown, folder))
    for name, reason in shown.left_out.items():
        progress.say(f"left out: {name}: {reason}")
    if shown.setting:
        progress.say(f"latency: {shown.setting.text}, of run {shown.setting.run}")
    untimed = [point.name for point in shown.points if point.latency_s is None]
    if untimed:
        progress.say(f"no latency: {', '.join(untimed)}")
    lines = figure_plots.table(shown)
    print_table(FIGURE_COLUMNS if format == "table" else tuple(lines[0]), lines, format)


def _say_drawn(paths: Sequence[Path]) -> None:
    for path in paths:
        progress.say(f"drawn: {path}")
