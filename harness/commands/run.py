"""Run networks through the harness: train, export from both frameworks, prove equivalent, measure, draw.

Without names it runs eight networks, one of each kind. `--set lectures` runs every network of the lectures.

A NAME that ends in .onnx, or is the path of a file, is measured as it is, alone or beside networks. --data names a
data set, or FILE.npz with labels, for its accuracy (docs/own_files.md).

What was trained and exported before is found again. `--resume` goes on with a run that was stopped.

--provider measures on a GPU, or by another of onnxruntime's execution providers. --runtime measures the network in its
own framework beside onnxruntime. --precision-target goes on until intervals are narrow enough (docs/measuring.md).
--batch, --threads and --image-size take several values: a row for each, and a picture of the sweep.

The run's folder holds rows.csv, the raw samples, environment.json and the pictures. Its report.html is one page that
opens from a file. `--nodes` adds where the time goes: every node of each file, beside this machine's measured peaks
(docs/where_the_time_goes.md).

`harness help evidence` explains the options of one group, `harness help batch` one option.

Example:
  harness run
  harness run lenet5_1x1 'mlp*' --threads 1 --out results/runs/small
  harness run lenet_mnist --nodes

With files of your own:
  harness run my.onnx --shape image=1,3,224,224
  harness run my.onnx --data digits.npz --labels digits.txt

Until intervals are narrow:
  harness run lenet5_1x1 --precision-target 1% --time-limit 120

A row for each of several:
  harness run lenet5_1x1 --provider cpu cuda
  harness run lenet5_1x1 --batch 1 2 4 8 16 32 64
  harness run lenet5_1x1 --precision float32 float16 int8
  harness run lenet5_1x1 --runtime onnxruntime torch torch.compile keras
"""

import argparse
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from harness.commands import _files, _measuring, _preparing
from harness.errors import HarnessError
from harness.machine import progress
from harness.measurements import manifest, runtimes
from harness.measurements.rows import Row
from harness.measurements.run_folder import RunFolder
from harness.networks import catalog
from harness.pieces import definitions
from harness.report import page, plots, runs, runtime_plots, runtime_ratios, sweep_tables
from harness.report.run_table import print_run
from harness.report.tables import FORMATS, print_table
from harness.runs import choices, nodes, whole_run
from harness.runs import folder as run_folder
from harness.runs.folder import Settings
from harness.runs.whole_run import PlannedRun


def add_arguments(parser: argparse.ArgumentParser) -> None:
    _preparing.add_arguments(parser, trained_in=True)
    _preparing.add_keras_exporter(parser)
    _files.add_arguments(parser)
    _measuring.add_arguments(parser)
    group = parser.add_argument_group("folder of the run, and what is shown of it")
    group.add_argument(
        "--nodes", action="store_true", help="then profile each file in a pass of its own: nodes/, peaks.csv"
    )
    group.add_argument("--out", type=Path, metavar="DIR", help="default: results/runs/<time>-<commit>")
    group.add_argument("--resume", action="store_true", help="go on with the run in --out")
    group.add_argument(
        "--trust", action="store_true", help="with --resume: run the code of the folders that the run's networks lie in"
    )
    group.add_argument("--dry-run", action="store_true", help="print the plan and its estimate, and stop")
    group.add_argument(
        "--format",
        choices=FORMATS,
        default="table",
        help="of what was found; default: table, else every column of rows.csv",
    )


def main(args: argparse.Namespace) -> int:
    """Carry out a run from its plan to its pictures."""
    started = time.monotonic()
    settings = _resumed(args) if args.resume else _settings(args)
    planned = whole_run.plan_run(settings, dry_run=args.dry_run)
    whole_run.announce(planned)
    if args.dry_run:
        _print_plan(planned, args.format)
        return 0
    definitions.check_definitions(network.pieces.weights.request for network in planned.networks)
    folder = whole_run.begin(settings, args.out, resume=args.resume)
    try:
        found = whole_run.carry_out(planned, folder)
    except KeyboardInterrupt:
        trust = " --trust" if any(map(catalog.is_folder, settings.architectures)) else ""
        progress.say(f"harness: stopped; go on with: harness run --out {folder} --resume{trust}")
        raise
    _show(found, folder, args.format)
    if settings.nodes:
        _show_nodes(folder, planned, table=args.format == "table")
    failed = {row.architecture for row in found if row.status != "ok"}
    progress.say(
        f"{len(found)} row{'s' if len(found) != 1 else ''} in {folder} after {time.monotonic() - started:.0f} s"
        + (f"; not ok: {', '.join(sorted(failed))}" if failed else "")
    )
    _write_page(folder)
    whole_run.check_measured(found)
    return 0


def _show_nodes(folder: Path, planned: PlannedRun, *, table: bool) -> None:
    """Print the most expensive nodes, for people alone: programs read the tables in the folder."""
    threads = planned.settings.threads[0]
    for lines in (
        nodes.most_expensive(folder, planned.measured, threads),
        nodes.grouped(folder, planned.measured, threads),
    ):
        if lines and table:
            print_table(list(lines[0]), lines, "table")
    progress.say(f"where the time goes: {RunFolder(folder).nodes_folder}, {RunFolder(folder).peaks_file}")


def _write_page(folder: Path) -> None:
    """Write the report and say where it is; what was measured stands without it."""
    try:
        written = page.write(runs.load([folder]), folder)
        manifest.add(folder, [written])
        progress.say(f"the report is {written}")
    except (HarnessError, OSError) as error:
        progress.say(f"no report: {error}")


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
    _check_trusted(args, settings, asked["architectures"])
    return settings


def _check_trusted(args: argparse.Namespace, settings: Settings, named: Sequence[str]) -> None:
    """Raise :class:`HarnessError` if the run would import a folder that the command line does not name.

    A run folder may come from elsewhere, and its settings name code anywhere on this machine.
    """
    unnamed = [one for one in settings.architectures if catalog.is_folder(one) and one not in named]
    if unnamed and not args.trust:
        raise HarnessError(
            f"{args.out} would run the code of {', '.join(unnamed)}: add --trust if it is yours, or name it again, "
            f"harness run {unnamed[0]} --out {args.out} --resume."
        )


def _settings(args: argparse.Namespace) -> Settings:
    effort = choices.choose_effort(args.launches, args.seconds)
    names, own = _files.split(args.names)
    networks = [] if own and not names and args.set == "default" else catalog.select(names, args.set)
    targets = choices.choose_targets(args.provider or (), args.device, cuda_graph=args.cuda_graph)
    data = choices.choose_data(args.data, networks, own)
    return Settings(
        architectures=tuple(map(catalog.reference, networks)),
        profile=args.profile,
        trained_in=args.trained_in,
        data=data,
        training_precision=args.training_precision,
        base_weights={base: str(file) for base, file in _preparing.base_weights(args, networks).items()},
        keras_exporter=args.keras_exporter,
        seed=args.seed,
        epochs=args.epochs,
        threads=choices.choose_threads(args.threads),
        providers=tuple(target.provider for target in targets),
        device=args.device,
        cuda_graph=args.cuda_graph,
        batches=choices.choose_batches(args.batch),
        image_sizes=_measuring.image_sizes(args, networks),
        second_opinion=not args.no_second_opinion,
        energy=args.energy,
        control=args.control,
        precisions=choices.choose_precisions(args.precision),
        runtimes=runtimes.check(args.runtime),
        nodes=args.nodes,
        effort=effort,
        precision_target=_measuring.precision_target(args),
        time_limit_s=_measuring.time_limit_s(args),
        files=_files.settings(args, own, data),
    )


def _print_plan(planned: PlannedRun, format: str) -> None:  # noqa: A002
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
        for network in planned.networks
        for piece in network.pieces.all
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
        for file in (measured.file for measured in planned.files)
    ]
    print_table(("piece", "network", "framework", "precision", "digest", "made", "estimate_s"), lines, format)


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
        manifest.add(folder, drawn)
        progress.say(f"drawn: {', '.join(str(path) for path in drawn)}")
