"""Write the report of a run, draw its pictures, and print its table.

Without a RUN it takes the reference results of this repository. The report is report.html, one page that opens from a
file and fetches nothing. The page and the pictures (PNG, SVG, PDF, and a CSV of what each shows) go into the run's
folder, or to --out. Several runs can be put together, of several machines or before and after a change; docs/report.md
says when. The report of one run checks the lectures' claims, which takes seconds; --no-claims leaves them out.

With --figure 2016 it draws the figure of Canziani, Paszke and Culurciello: accuracy against operations of
fourteen ImageNet networks, and against the latency that the run measured. --figure today has eight later networks
beside them. docs/figure.md explains both.

Example:
  harness report results/runs/mine --out pictures
  harness report results/runs/mine --format latex > table.tex
  harness report results/runs/cpu results/runs/gpu --out both
  harness report results/runs/mine --format bencher > metrics.json
  harness report --figure 2016 results/runs/figure --framework keras --threads 1
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from harness.commands.claims import checked
from harness.errors import HarnessError
from harness.machine import files, locks, progress
from harness.measurements import manifest, run_folder
from harness.networks.catalog import FRAMEWORKS
from harness.report import (
    benchmark_formats,
    figure,
    figure_plots,
    markup,
    page,
    paper_table,
    plots,
    runtime_plots,
    runtime_ratios,
    sweep_tables,
)
from harness.report import (
    dark as dark_pictures,
)
from harness.report import (
    runs as combined_runs,
)
from harness.report.run_table import print_run
from harness.report.runs import CombinedRuns
from harness.report.tables import FORMATS, print_table

OWN_PARTIALS = f"*.[0-9]*{files.PARTIAL}"  # in a folder that may hold other things, too
REFERENCE, FIGURE_REFERENCE = Path("results/reference/quick"), Path("results/reference/figure")
FIGURE_COLUMNS: tuple[str, ...] = ("architecture", "params", "giga_operations", "latency_ms")
FIGURE_COLUMNS += ("measured_accuracy", "published_accuracy", "operations_front_share", "latency_front_share")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    default = f"run folders; default: {REFERENCE}, with --figure {FIGURE_REFERENCE}"
    parser.add_argument("runs", nargs="*", type=Path, metavar="RUN", help=default)
    parser.add_argument("--out", type=Path, metavar="DIR", help="the folder for both; default: the run's")
    parser.add_argument("--no-claims", action="store_true", help="leave the lectures' claims out of the report")
    parser.add_argument(
        "--format",
        choices=(*FORMATS, *markup.FORMATS, *benchmark_formats.FORMATS),
        default="table",
        help="default: table; markdown and latex are that for a README and for a paper; csv and json have every "
        "column; bencher and github-action-benchmark are for those that keep a history",
    )
    parser.add_argument("--dark", action="store_true", help="write each PNG for dark pages, too (NAME_dark.png)")
    of_figure = parser.add_argument_group("figures of 2016 and of today")
    of_figure.add_argument(
        "--figure", choices=tuple(figure.EDITIONS), help="draw it in place of the run's own pictures"
    )
    of_figure.add_argument("--framework", choices=FRAMEWORKS, help="whose files' latency it shows; default: torch")
    of_figure.add_argument("--threads", type=int, metavar="N", help="at how many threads; default: the most of the run")


def main(args: argparse.Namespace) -> int:
    """Draw, name the pictures, and print the table."""
    if not args.figure and (args.framework or args.threads is not None):
        raise HarnessError("--framework and --threads choose what --figure shows: expected --figure 2016 with them.")
    runs = args.runs or [reference(Path.cwd(), FIGURE_REFERENCE if args.figure else REFERENCE)]
    if args.out is None and len(runs) > 1:
        raise HarnessError("Several runs have no folder in common: say with --out DIR where the pictures go.")
    combined = combined_runs.load(runs)
    if args.format in benchmark_formats.FORMATS:
        print(benchmark_formats.written(combined.rows, args.format))
        return 0
    for note in (*combined.notes, *(run.unsealed for run in combined.runs if run.unsealed)):
        progress.say(note)
    folder = args.out or (runs[0] if runs[0].is_dir() else runs[0].parent)
    files.make_folder(folder)
    with locks.held(folder):
        files.sweep(folder, OWN_PARTIALS)
        manifest.begin_drawing(folder)
        (_report_figure if args.figure else _report)(combined, runs, folder, args)
    return 0


def _report(combined: CombinedRuns, runs: Sequence[Path], folder: Path, args: argparse.Namespace) -> None:
    """Draw the runs' own pictures, print their table, and write the page."""
    found = combined.rows
    _note_drawn(folder, plots.draw(found, folder), args.dark)
    ratios = runtime_ratios.gather(runs[0], found) if len(runs) == 1 else []  # of several runs they are not one picture
    if ratios:
        _note_drawn(folder, runtime_plots.draw(ratios, folder), args.dark)
    if args.format in markup.FORMATS:
        print(markup.written(paper_table.tabulate(combined), args.format), end="")
        return
    print_run(found, args.format)
    sweep_tables.print_sweeps(found, args.format)
    claims = None if args.no_claims or len(runs) > 1 else _claims(runs[0])  # a claim is of one run
    written = page.write(combined, folder, claims)
    manifest.add(folder, [written])
    progress.say(f"the report is {written}")


def _claims(run: Path) -> list[dict[str, object]] | None:
    """What the run shows of the lectures' claims; None, and why in one line, where they cannot be checked."""
    try:
        return checked(run)[0]
    except HarnessError as error:
        progress.say(f"no claims in the report: {error}")
        return None


def reference(start: Path, results: Path = REFERENCE) -> Path:
    """The reference results of the repository that a folder lies in."""
    for folder in (start, *start.parents):
        if (folder / results / run_folder.ROWS).is_file():
            return folder / results
    raise HarnessError(f"No {results} here or in a folder above: name a RUN, a folder made by `harness run`.")


def _report_figure(combined: CombinedRuns, _: Sequence[Path], folder: Path, args: argparse.Namespace) -> None:
    """Draw the figure, say what it leaves out, and print what it shows; for programs, every column of its CSV."""
    shown = figure.gather(combined.rows, args.framework or "torch", args.threads, args.figure)
    _note_drawn(folder, figure_plots.draw(shown, folder), args.dark)
    for name, reason in shown.left_out.items():
        progress.say(f"left out: {name}: {reason}")
    if shown.counted:
        progress.say(f"not in the run, shown by what their definitions cost: {', '.join(shown.counted)}")
    if shown.setting:
        progress.say(f"latency: {shown.setting.text}, of run {shown.setting.run}")
    untimed = [point.name for point in shown.points if point.latency_s is None and point.name not in shown.counted]
    if untimed:
        progress.say(f"no latency: {', '.join(untimed)}")
    if args.format in markup.FORMATS:
        print(markup.written(paper_table.tabulate_figure(shown, combined), args.format), end="")
        return
    lines = figure_plots.table(shown)
    print_table(FIGURE_COLUMNS if args.format == "table" else tuple(lines[0]), lines, args.format)


def _note_drawn(folder: Path, paths: Sequence[Path], dark: bool) -> None:
    """Name what was drawn, with the dark forms if they are asked for, to the user and in the run's manifest."""
    also = [dark_pictures.write(path) for path in paths if dark and path.suffix == ".png"]
    manifest.add(folder, (*paths, *also))
    for path in (*paths, *also):
        progress.say(f"drawn: {path}")
