"""Run networks through the harness: train, export from both frameworks, prove equivalent, measure, draw.

Without names it runs eight networks, one of each kind; `--set lectures` runs every network of the
lectures. What was trained and exported before is found again, and
`--resume` goes on with a run that was stopped. The folder it makes holds rows.csv, the raw samples,
environment.json and the pictures.

Example:
  harness run
  harness run lenet5_1x1 'mlp*' --threads 1 --out results/runs/small
"""

import argparse
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path

from harness import catalog, environment, latency, plan, plots, preparing, progress, rows, run, run_folder, runtime
from harness.errors import HarnessError, NothingMeasuredError
from harness.plan import Pieces
from harness.rows import Row
from harness.run_folder import Settings
from harness.tables import FORMATS, print_run, print_table


def add_arguments(parser: argparse.ArgumentParser) -> None:
    preparing.add_arguments(parser)
    parser.add_argument("--trained-in", choices=catalog.FRAMEWORKS, default="torch", help="default: torch")
    parser.add_argument(
        "--threads", type=int, nargs="+", metavar="N", help="thread counts to measure (default: 1 and all)"
    )
    parser.add_argument("--launches", type=int, default=10, metavar="N", help="fresh processes a subject (default: 10)")
    parser.add_argument("--seconds", type=float, default=0.15, help="measured a launch and subject (default: 0.15)")
    parser.add_argument("--out", type=Path, metavar="DIR", help="default: results/runs/<time>-<commit>")
    parser.add_argument("--resume", action="store_true", help="go on with the run in --out")
    parser.add_argument("--dry-run", action="store_true", help="print the plan and its estimate, and stop")
    parser.add_argument(
        "--format",
        choices=FORMATS,
        default="table",
        help="of what was found; default: table, else every column of rows.csv",
    )


def main(args: argparse.Namespace) -> int:
    """Carry out a run from its plan to its pictures."""
    begun = time.monotonic()
    plan.check_installed((*catalog.FRAMEWORKS, "onnxruntime"))
    settings = _resumed(args) if args.resume else _settings(args)
    needed = {request.architecture.name: plan.of(request) for request in settings.requests(catalog.architectures())}
    _announce(needed, settings)
    if args.dry_run:
        _print_plan(needed, args.format)
        return 0
    folder = _begun(args, settings)
    try:
        errors = preparing.carry_out([piece for pieces in needed.values() for piece in pieces.all])
        _measure(folder, needed, settings, errors)
    except KeyboardInterrupt:
        progress.say(f"harness: stopped; go on with: harness run --out {folder} --resume")
        raise
    found = rows.read(folder)
    _show(found, folder, args.format)
    failed = {row.architecture for row in found if row.status != "ok"}
    progress.say(
        f"{len(found)} rows in {folder} after {time.monotonic() - begun:.0f} s"
        + (f"; not ok: {', '.join(sorted(failed))}" if failed else "")
    )
    return _exit_code(found)


def _begun(args: argparse.Namespace, settings: Settings) -> Path:
    """The folder of the run, made or found again."""
    moment = datetime.now().strftime("%Y%m%d-%H%M%S")
    folder = args.out or Path("results/runs") / f"{moment}-{environment.commit() or 'release'}"
    facts = environment.collect()
    if args.resume:
        run_folder.check_same_machine(folder, facts)
    else:
        run_folder.begin(folder, settings, facts)
    progress.say(f"the run is {folder}")
    return Path(folder)


def _resumed(args: argparse.Namespace) -> Settings:
    """The settings of the run in --out; what else the command line says must not contradict them."""
    if args.out is None:
        raise HarnessError("--resume needs --out DIR: the folder of the run to go on with.")
    settings = run_folder.resumed(args.out)
    unasked = argparse.ArgumentParser()
    add_arguments(unasked)
    asked, default = asdict(_settings(args)), asdict(_settings(unasked.parse_args([])))
    for name, begun in asdict(settings).items():
        if asked[name] != default[name] and asked[name] != begun:
            raise HarnessError(
                f"{args.out} was begun with other settings ({name.replace('_', ' ')}: {begun}): "
                f"harness run --out {args.out} --resume is enough."
            )
    return settings


def _settings(args: argparse.Namespace) -> Settings:
    available = runtime.threads_available()
    threads = tuple(sorted(set(args.threads or (1, available))))
    if threads[0] < 1 or threads[-1] > available:
        raise HarnessError(f"--threads {' '.join(map(str, threads))}: this process may use 1 to {available}.")
    if args.launches < 1 or not 0 < args.seconds < 3600:
        raise HarnessError("expected --launches of at least 1 and --seconds between 0 and 3600.")
    networks = preparing.chosen(args)
    return Settings(
        architectures=tuple(architecture.name for architecture in networks),
        profile=args.profile,
        trained_in=args.trained_in,
        data=preparing.data(args),
        training_precision=args.training_precision,
        base_weights={base: str(file) for base, file in preparing.base_weights(args, networks).items()},
        seed=args.seed,
        threads=threads,
        effort=replace(latency.Effort(), launches=args.launches, seconds=args.seconds),
    )


def _announce(needed: dict[str, Pieces], settings: Settings) -> None:
    """Say what is planned and how long it may take."""
    todo = [piece for pieces in needed.values() for piece in pieces.all if not piece.made]
    subjects = len(needed) * (len(catalog.FRAMEWORKS) * len(settings.threads) + 1)
    preparation = sum(piece.estimate_s for piece in todo) / runtime.threads_available()
    measuring = subjects * settings.effort.launches * (settings.effort.seconds + 0.2)
    progress.say(
        f"{len(needed)} networks, {len(todo)} pieces to prepare (about {preparation:.0f} s), "
        f"{subjects} subjects to time in {settings.effort.launches} launches each (about {measuring:.0f} s)"
    )


def _print_plan(needed: dict[str, Pieces], format: str) -> None:  # noqa: A002
    lines: list[dict[str, object]] = [
        {
            "piece": piece.kind,
            "network": piece.request.architecture.name,
            "framework": piece.framework,
            "digest": piece.digest,
            "made": piece.made,
            "estimate_s": round(piece.estimate_s, 1),
        }
        for pieces in needed.values()
        for piece in pieces.all
    ]
    print_table(tuple(lines[0]), lines, format)


def _measure(folder: Path, needed: dict[str, Pieces], settings: Settings, errors: dict[str, BaseException]) -> None:
    run_folder.note_moment(folder, "measuring")
    with progress.bars() as bars:
        task = bars.add_task("measuring", total=len(needed), note="")
        names = list(needed)

        def report(name: str, share: float) -> None:
            bars.update(task, completed=names.index(name) + share, note=name)

        def finished(name: str) -> None:
            report(name, 1.0)
            progress.say_above(bars, f"  measured {name}")

        run.measure(folder, needed, settings, errors, report, finished)


def _show(found: list[Row], folder: Path, format: str) -> None:  # noqa: A002
    print_run(found, format)
    try:
        drawn = plots.draw(found, folder)
    except (HarnessError, OSError) as error:  # what was measured stands without its pictures
        progress.say(f"no pictures: {error}")
    else:
        progress.say(f"drawn: {', '.join(str(path) for path in drawn)}")


def _exit_code(found: Sequence[Row]) -> int:
    measured = [row for row in found if row.latency_median_s is not None]
    if not measured:
        raise NothingMeasuredError(f"nothing was measured; the first reason: {found[0].reason}")
    return 0
