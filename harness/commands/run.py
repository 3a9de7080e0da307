"""Run networks through the harness: train, export from both frameworks, prove equivalent, measure, draw.

Without names it runs eight networks, one of each kind; `--set lectures` runs every network of the
lectures. A NAME that ends in .onnx, or is the path of a file, is measured as it is: any .onnx file,
alone or beside networks, with its accuracy where --data names a data set or FILE.npz with labels
(docs/own_files.md). What was trained and exported before is found again, and
`--resume` goes on with a run that was stopped. --provider measures on a GPU, or by another of onnxruntime's
execution providers, --runtime in the network's own framework beside onnxruntime, and --precision-target goes on until
intervals are narrow enough (docs/measuring.md). --batch, --threads and --image-size take several, for a row each and a
picture of the sweep. The folder it makes holds rows.csv, the raw samples, environment.json, the pictures, and
report.html, a page of it all that opens from a file. `--nodes` adds where the time goes: every node of each file
beside this machine's measured peaks (docs/where_the_time_goes.md).

Example:
  harness run
  harness run lenet5_1x1 'mlp*' --threads 1 --out results/runs/small
  harness run lenet_mnist --nodes
  harness run my.onnx --shape image=1,3,224,224
  harness run my.onnx --data digits.npz --labels digits.txt
  harness run lenet5_1x1 --provider cpu cuda
  harness run lenet5_1x1 --precision-target 1% --time-limit 120
  harness run lenet5_1x1 --batch 1 2 4 8 16 32 64
  harness run lenet5_1x1 --precision float32 float16 int8
  harness run lenet5_1x1 --runtime onnxruntime torch torch.compile keras
"""

import argparse
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path

from harness.commands import _files, _measuring, _preparing, _profiling
from harness.errors import HarnessError, NothingMeasuredError
from harness.machine import environment, installed, processors, progress
from harness.measurements import rows, runtimes
from harness.measurements.providers import Target
from harness.measurements.rows import Row
from harness.networks import catalog
from harness.pieces import plan
from harness.pieces.piece import Pieces
from harness.pieces.plan import MACS_PER_SECOND
from harness.report import page, plots, runs, runtime_plots, runtime_ratios, sweep_tables
from harness.report.run_table import print_run
from harness.report.tables import FORMATS, print_table
from harness.runs import (
    consumption,
    file_accuracy,
    model_files,
    nodes,
    subjects,
)
from harness.runs import (
    folder as run_folder,
)
from harness.runs import (
    measuring as run,
)
from harness.runs.folder import Settings
from harness.runs.model_files import ModelFile
from harness.timing import latency, runtime, small_models, stopping


def add_arguments(parser: argparse.ArgumentParser) -> None:
    _preparing.add_arguments(parser)
    _files.add_arguments(parser)
    _measuring.add_arguments(parser)
    parser.add_argument("--trained-in", choices=catalog.FRAMEWORKS, default="torch", help="default: torch")
    parser.add_argument("--launches", type=int, default=10, metavar="N", help="fresh processes a subject (default: 10)")
    parser.add_argument("--seconds", type=float, default=0.15, help="measured a launch and subject (default: 0.15)")
    parser.add_argument(
        "--nodes", action="store_true", help="then profile each file in a pass of its own: nodes/, peaks.csv"
    )
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
    installed.check_installed(("onnxruntime",))
    settings = _resumed(args) if args.resume else _settings(args)
    requests = {request.architecture.name: request for request in settings.requests()}
    frameworks = {name for request in requests.values() for name in catalog.frameworks(request.architecture)}
    installed.check_installed(tuple(sorted(frameworks)))
    read = model_files.read(settings.files, settings.data, settings.batches[0], requests, settings.image_sizes)
    own = [file_accuracy.prepared(file, settings.files.output) for file in read]
    needed = {name: plan.plan_pieces(request, settings.precisions) for name, request in requests.items()}
    needed, own, left_out = subjects.applicable(needed, own, settings)
    if left_out:
        progress.say(f"left out: {left_out}")
    _announce(needed, own, settings)
    if args.dry_run:
        _print_plan(needed, own, args.format)
        return 0
    folder = _begun(args, settings)
    try:
        absent = _absent(folder, settings)
        for reason in consumption.unreadable(settings):
            progress.say(f"--energy: {reason}")
        there = len(absent) < len(settings.targets)
        anywhere = there or any(name in runtimes.OWN for name in settings.runtimes)  # else nothing is made in vain
        pieces = [piece for of_one in needed.values() for piece in of_one.all] if anywhere else []
        errors = _preparing.carry_out(pieces)
        measured = needed | {file.name: file for file in own}
        _measure(folder, measured, settings, errors, absent)
        if settings.nodes and anywhere:
            _profiling.measure(folder, measured, settings, errors)
        run_folder.note_moment(folder, run_folder.END)
    except KeyboardInterrupt:
        progress.say(f"harness: stopped; go on with: harness run --out {folder} --resume")
        raise
    found = rows.read(folder)
    _show(found, folder, args.format)
    if settings.nodes:
        _profiling.show(folder, measured, settings, table=args.format == "table")
    failed = {row.architecture for row in found if row.status != "ok"}
    progress.say(
        f"{len(found)} rows in {folder} after {time.monotonic() - begun:.0f} s"
        + (f"; not ok: {', '.join(sorted(failed))}" if failed else "")
    )
    _write_page(folder)
    return _exit_code(found)


def _write_page(folder: Path) -> None:
    """Write the report and say where it is; what was measured stands without it."""
    try:
        progress.say(f"the report is {page.write(runs.load([folder]), folder)}")
    except (HarnessError, OSError) as error:
        progress.say(f"no report: {error}")


def _absent(folder: Path, settings: Settings) -> dict[Target, str]:
    """The providers that cannot be had here, each said in one line."""
    absent = run.unavailable(folder, settings)
    for target, reason in absent.items():
        progress.say(f"--provider {target.provider} is skipped: {reason}")
    return absent


def _begun(args: argparse.Namespace, settings: Settings) -> Path:
    """The folder of the run, made or found again."""
    moment = datetime.now().strftime("%Y%m%d-%H%M%S")
    folder = args.out or Path("results/runs") / f"{moment}-{environment.commit() or 'release'}"
    facts = {**environment.collect(), "session_config": runtime.SESSION_CONFIG}
    if args.resume:
        run_folder.check_same_machine(folder, facts)
        run_folder.go_on(folder, settings)
    else:
        run_folder.begin(folder, settings, facts)
    progress.say(f"the run is {folder}")
    return Path(folder)


def _resumed(args: argparse.Namespace) -> Settings:
    """The settings of the run in --out; what else the command line says must not contradict them."""
    if args.out is None:
        raise HarnessError("--resume needs --out DIR: the folder of the run to go on with.")
    settings = run_folder.resumed(args.out)
    run_folder.check_same_files(args.out, settings)
    unasked = argparse.ArgumentParser()
    add_arguments(unasked)
    asked, default = asdict(_settings(args)), asdict(_settings(unasked.parse_args([])))
    settings = replace(settings, nodes=settings.nodes or args.nodes)  # a pass that can be added
    for name, begun in asdict(settings).items():
        if asked[name] != default[name] and asked[name] != begun:
            shown = ", ".join(settings.files.models) or "none" if name == "files" else begun
            raise HarnessError(
                f"{args.out} was begun with other settings ({name.replace('_', ' ')}: {shown}): "
                f"harness run --out {args.out} --resume is enough."
            )
    return settings


def _settings(args: argparse.Namespace) -> Settings:
    if args.launches < 1 or not 0 < args.seconds < 3600:
        raise HarnessError("expected --launches of at least 1 and --seconds between 0 and 3600.")
    names, own = _files.split(args.names)
    networks = [] if own and not names and args.set == "default" else catalog.select(names, args.set)
    data = _files.data(args, networks, own)
    return Settings(
        architectures=tuple(map(catalog.reference, networks)),
        profile=args.profile,
        trained_in=args.trained_in,
        data=data,
        training_precision=args.training_precision,
        base_weights={base: str(file) for base, file in _preparing.base_weights(args, networks).items()},
        seed=args.seed,
        threads=_measuring.threads(args),
        providers=tuple(target.provider for target in _measuring.targets(args)),
        device=args.device,
        cuda_graph=args.cuda_graph,
        batches=_measuring.batches(args),
        image_sizes=_measuring.image_sizes(args, networks),
        energy=args.energy,
        control=args.control,
        precisions=_measuring.precisions(args, own),
        runtimes=runtimes.check(args.runtime),
        nodes=args.nodes,
        effort=replace(latency.Effort(), launches=args.launches, seconds=args.seconds),
        precision_target=_measuring.precision_target(args),
        time_limit_s=_measuring.time_limit_s(args),
        files=_files.settings(args, own, data),
    )


def _announce(needed: dict[str, Pieces], own: Sequence[ModelFile], settings: Settings) -> None:
    """Say what is planned and how long it may take."""
    todo = [piece for pieces in needed.values() for piece in pieces.all if not piece.made]
    measured: list[Pieces | ModelFile] = [*needed.values(), *own]
    timed = [(one, way) for one in measured for way in subjects.ways(one, settings)]
    calls = [subjects.macs(one, way) / MACS_PER_SECOND / way.configuration.threads for one, way in timed]
    calls += [0.0] * len({(id(one), way.configuration.place) for one, way in timed})  # the call floors
    if settings.control:
        calls += [small_models.CONTROL_MACS / MACS_PER_SECOND] * len(
            {(id(one), way.configuration.control) for one, way in timed}
        )
    preparation = sum(piece.estimate_s for piece in todo) / processors.threads_available()
    measuring = settings.effort.launches * sum(map(settings.effort.expected_s, calls))
    measuring += consumption.expected_s(calls, settings)
    measuring += (settings.effort.launches + 2) * sum(runtimes.start_s(way.configuration.runtime) for _, way in timed)
    profiling = nodes.expected_s(measured, settings, MACS_PER_SECOND) if settings.nodes else 0.0
    parts = [f"{len(own)} {'file' if len(own) == 1 else 'files'}"] if own else []
    if needed:
        parts = [f"{len(needed)} networks", f"{len(todo)} pieces to prepare (about {preparation:.0f} s)", *parts]
    further = stopping.announced(settings.precision_target, settings.time_limit_s, len(measured), measuring)
    progress.say(
        f"{', '.join(parts)}, {len(calls)} subjects to time in {settings.effort.launches} launches each "
        f"(about {measuring:.0f} s{further})" + (f", then to profile (about {profiling:.0f} s)" if profiling else "")
    )
    for file in own:
        progress.say(f"  {file.name} ({file.path}): {file.described}")


def _print_plan(needed: dict[str, Pieces], own: Sequence[ModelFile], format: str) -> None:  # noqa: A002
    lines: list[dict[str, object]] = [
        {
            "piece": piece.kind,
            "network": piece.request.architecture.name,
            "framework": piece.source if piece.kind in ("convert", "compare") else piece.framework,
            "precision": piece.precision,
            "digest": piece.digest,
            "made": piece.made,
            "estimate_s": round(piece.estimate_s, 1),
        }
        for pieces in needed.values()
        for piece in pieces.all
    ]
    lines += [
        {
            "piece": "file",
            "precision": file.precision,
            "network": file.name,
            "framework": file.framework,
            "digest": file.sha256,
            "made": True,
        }
        for file in own
    ]
    print_table(("piece", "network", "framework", "precision", "digest", "made", "estimate_s"), lines, format)


def _measure(
    folder: Path,
    measured: Mapping[str, Pieces | ModelFile],
    settings: Settings,
    errors: dict[str, BaseException],
    absent: Mapping[Target, str],
) -> None:
    run_folder.note_moment(folder, "measuring")
    done = "measured" if len(absent) < len(settings.targets) else "skipped"
    with progress.bars() as bars:
        task = bars.add_task("measuring", total=len(measured), note="")
        names = list(measured)

        def report(name: str, share: float) -> None:
            bars.update(task, completed=names.index(name) + share, note=name)

        def finished(name: str) -> None:
            report(name, 1.0)
            progress.say_above(bars, f"  {done} {name}")

        run.measure(folder, measured, settings, errors, absent, report, finished)


def _show(found: list[Row], folder: Path, format: str) -> None:  # noqa: A002
    print_run(found, format)
    sweep_tables.print_sweeps(found, format)
    ratios = runtime_ratios.gather(folder, found)
    if ratios and format == "table":
        print_table(runtime_ratios.COLUMNS, runtime_ratios.for_people(ratios), format)
    try:
        drawn = plots.draw(found, folder) + (runtime_plots.draw(ratios, folder) if ratios else [])
    except (HarnessError, OSError) as error:  # what was measured stands without its pictures
        progress.say(f"no pictures: {error}")
    else:
        progress.say(f"drawn: {', '.join(str(path) for path in drawn)}")


def _exit_code(found: Sequence[Row]) -> int:
    measured = [row for row in found if row.latency_median_s is not None]
    if not measured:
        raise NothingMeasuredError(f"nothing was measured; the first reason: {found[0].reason}")
    return 0
