"""Measure two things against each other in one run: files, exporters, environments, commits, options.

Both sides of every subject take turns in the same launches, in random order. What slows one side slows the other.
The effect is the ratio B / A with its interval. It is looked at four times at most. The run stops if every subject
has its verdict. It says first how small a slowdown can be found (docs/ab.md). One of --framework, --environment,
--commit and --options says what is compared; without them two files are. A NAME is a network of the catalogue, or a
glob: each side exports it itself. A FILE is run as it is. The folders DIR/a and DIR/b are runs that every other
command reads.

Example:
  harness ab old.onnx new.onnx --data mnist
  harness ab lenet5_1x1 'mlp*' --framework keras torch
  harness ab my.onnx --environment .venv ../newer/.venv
  harness ab lenet5_1x1 --environment .venv ../newer/.venv --framework torch
  harness ab --commit main HEAD
  harness ab my.onnx --options "threads=1" "threads=2"
  harness ab lenet5_1x1 --options "" "optimization=basic session.intra_op.allow_spinning=0"
"""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from harness.commands import _contests, _files, _measuring
from harness.commands._contests import Contest
from harness.errors import HarnessError, NothingMeasuredError
from harness.gate import settings
from harness.machine import files, installed, locks, progress, temporary
from harness.networks import catalog
from harness.pieces.plan import MACS_PER_SECOND
from harness.report.tables import FORMATS
from harness.runs import comparison_table, kept_launches, output_agreement, paired_run
from harness.runs import folder as run_folder
from harness.runs.measured_file import MeasuredFile
from harness.runs.model_files import ModelFile
from harness.runs.output_agreement import Agreement
from harness.runs.paired_run import Measured, Plan
from harness.timing import latency, sequential


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("names", nargs="*", metavar="NAME|FILE", help="networks or .onnx files; default: of --set")
    parser.add_argument("--set", choices=catalog.SETS, default="default", help="a set of the catalogue's networks")
    kinds = parser.add_argument_group("compared: A, then B")
    kinds.add_argument(
        "--framework",
        nargs="+",
        choices=catalog.FRAMEWORKS,
        metavar="NAME",
        help="two exporters: keras torch; beside --environment, --commit or --options the one whose files are taken "
        "(default: both)",
    )
    kinds.add_argument("--environment", nargs=2, type=Path, metavar="DIR", help="two virtual environments")
    kinds.add_argument("--commit", nargs=2, metavar="COMMIT", help="two commits of this repository")
    kinds.add_argument(
        "--options",
        nargs=2,
        metavar="OPTIONS",
        help='two sets of options, "" for the defaults: threads=N, batch=N, provider=NAME, device=NAME, cuda-graph, '
        "optimization=disable|basic|extended|all, disabled_optimizers=NAME+NAME, and session configuration entries "
        "of onnxruntime like session.intra_op.allow_spinning=0",
    )
    parser.add_argument("--data", metavar="NAME", help="a data set, for the accuracy of files and in place of recipes'")
    _files.add_arguments(parser)
    parser.add_argument("--threads", type=int, nargs="+", metavar="N", help="thread counts (default: 1 and all)")
    parser.add_argument(
        "--launches",
        type=int,
        default=sequential.MOST_LAUNCHES,
        metavar="N",
        help="fresh processes a subject and side at most (default: %(default)s)",
    )
    parser.add_argument("--seconds", type=float, default=0.05, help="measured a launch and subject (default: 0.05)")
    parser.add_argument("--time-limit", metavar="SECONDS", help="after which no launch beyond the first look begins")
    parser.add_argument("--seed", type=int, default=0, help="of training, and of the order of turns (default: 0)")
    _measuring.add_telemetry(parser)
    parser.add_argument("--out", type=Path, metavar="DIR", help="default: results/runs/<time>-ab")
    parser.add_argument(
        "--resume", action="store_true", help="go on with the comparison in --out: the same command, and --resume"
    )
    parser.add_argument("--format", choices=FORMATS, default="table", help="default: table")


def main(args: argparse.Namespace) -> int:
    """Prepare both sides, measure them, and print what came out."""
    installed.check_installed(("onnxruntime",))
    plan = _plan(args)
    folder = _folder(args)
    with temporary.folder() as place:
        contest = _contests.parse(args, place)
        agreements = _compare_outputs(contest)
        _announce(contest, plan, agreements)
        _begin(folder, args, paired_run.describe(contest.sides, contest.files, plan))
        try:
            with locks.held(folder):
                files.sweep(folder)
                found = _measured(folder, contest, plan)
        except KeyboardInterrupt:
            _say_how_to_go_on(folder)
            raise
    compared = found.subjects
    comparison_table.print_comparison(compared, contest.sides, agreements, args.format)
    progress.say(comparison_table.correction(plan.thresholds, plan.looks, len(compared)))
    if not any(row.latency_median_s is not None for one in compared for row in (one.a, one.b)):
        first = compared[0]
        raise NothingMeasuredError(f"nothing was measured; the first reason: {first.a.reason or first.b.reason}")
    progress.say(f"harness gate {folder / 'a'} {folder / 'b'}")
    if found.interrupted:
        _say_how_to_go_on(folder)
        raise KeyboardInterrupt
    return 0


def _folder(args: argparse.Namespace) -> Path:
    """Where the comparison lies. Raises :class:`HarnessError` before anything is made for it."""
    if args.resume and args.out is None:
        raise HarnessError("--resume needs --out DIR: the folder of the comparison to go on with.")
    folder = args.out or Path("results/runs") / f"{datetime.now().strftime('%Y%m%d-%H%M%S')}-ab"
    if not args.resume:
        run_folder.check_new(folder, "choose another --out, or go on with that comparison by --resume")
    return Path(folder)


def _begin(folder: Path, args: argparse.Namespace, asked: Mapping[str, object]) -> None:
    if args.resume:
        kept_launches.check_resumable(folder, asked)
    else:
        kept_launches.begin(folder, asked)


def _say_how_to_go_on(folder: Path) -> None:
    progress.say(f"harness: stopped; go on by the same command with: --out {folder} --resume")


def _plan(args: argparse.Namespace) -> Plan:
    if args.launches < 2 or not 0 < args.seconds < 3600:
        raise HarnessError("expected --launches of at least 2 and --seconds between 0 and 3600.")
    return Plan(
        effort=replace(latency.COMPARED, launches=args.launches, seconds=args.seconds),
        looks=sequential.looks(args.launches),
        thresholds=settings.read(Path.cwd()).latency,
        limit_s=_measuring.time_limit_s(args),
        seed=args.seed,
    )


def _compare_outputs(contest: Contest) -> list[Agreement]:
    """Whether the files of each pair compute the same, as closely as the gate asks."""
    tolerance = settings.read(Path.cwd()).outputs
    return [output_agreement.compare_outputs(contest.sides, pair, tolerance) for pair in contest.files]


def _announce(contest: Contest, plan: Plan, agreements: Sequence[Agreement]) -> None:
    """Say what is compared, whether its outputs agree, and how long it may take."""
    a, b = contest.sides
    names = [file.architecture for file, _ in contest.files]
    progress.say(f"A: {a.label}; B: {b.label}; {output_agreement.summary(agreements, names)}")
    calls = [
        MeasuredFile(file=file).macs(way) / MACS_PER_SECOND / way.configuration.threads
        for pair in contest.files
        for side, file in zip(contest.sides, pair, strict=True)
        if isinstance(file, ModelFile)
        for way in side.ways(file)
    ]
    launch_s = sum(map(plan.effort.expected_s, calls))
    first, last = plan.looks[0], plan.looks[-1]
    progress.say(
        f"{len(calls)} files and ways to time in {first} to {last} launches "
        f"(about {first * launch_s:.0f} to {last * launch_s:.0f} s)"
    )


def _measured(folder: Path, contest: Contest, plan: Plan) -> Measured:
    with progress.bars() as bars:
        task = bars.add_task("measuring", total=1.0, note="")

        def control(told: Mapping[str, Mapping[int, float]]) -> None:
            """What the run can find, before it has found anything."""
            lines = comparison_table.smallest(told) or ["  not told: A against A took turns in too few launches"]
            progress.say_above(bars, "The smallest slowdown that is found 95 times in a hundred, by A against A:")
            for line in lines:
                progress.say_above(bars, line)

        def done(share: float) -> None:
            bars.update(task, completed=share)

        return paired_run.measure(folder, contest.sides, contest.files, plan, control, done)
