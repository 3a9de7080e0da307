"""Export networks to ONNX from both frameworks, with the same trained weights.

Writes NAME.keras.onnx and NAME.torch.onnx into the folder; what is not yet trained is trained first.
A network whose data set is not at hand is exported with random weights, and a message says so.
Each file is run at batches of 1 and 3 before it is called made; one that does not run so is refused with the cause.

Example:
  harness export lenet5_1x1 --out exported
"""

import argparse
from pathlib import Path

from harness.commands import _preparing
from harness.machine import files, installed, progress
from harness.networks import catalog
from harness.pieces import artifacts, bars, carrying_out, definitions, plan
from harness.report.tables import FORMATS, print_table


def add_arguments(parser: argparse.ArgumentParser) -> None:
    _preparing.add_arguments(parser, trained_in=True)
    _preparing.add_keras_exporter(parser)
    parser.add_argument("--framework", choices=(*catalog.FRAMEWORKS, "both"), default="both", help="default: both")
    parser.add_argument("--out", type=Path, default=Path("exported"), metavar="DIR", help="default: exported")
    parser.add_argument("--format", choices=FORMATS, default="table", help="default: table")


def main(args: argparse.Namespace) -> int:
    """Export, and print where the files are."""
    asked = catalog.FRAMEWORKS if args.framework == "both" else (args.framework,)
    requests = _preparing.requests(args, args.trained_in, args.keras_exporter)
    installed.check_installed(tuple({"onnxruntime", *asked, *(request.framework for request in requests)}))
    definitions.check_definitions(requests, {*asked, *(request.framework for request in requests)})
    needed = [plan.plan_pieces(request) for request in requests]
    exports = [piece for pieces in needed for framework, piece in pieces.exports.items() if framework in asked]
    weights = [piece for pieces in needed for piece in pieces.all if piece.kind in ("draw", "train")]
    errors = bars.make_pieces([*weights, *exports])
    if errors:
        raise carrying_out.first_failure(errors)
    for pieces in needed:
        if pieces.untrained:
            progress.say(f"{pieces.weights.request.architecture.name}: random weights, since {pieces.untrained}")
    lines: list[dict[str, object]] = []
    for piece in exports:
        name = piece.request.architecture.name
        target = args.out / f"{name}.{piece.framework}.onnx"
        files.copy(piece.folder / artifacts.FILE, target)
        made = artifacts.read(target).metadata
        if artifacts.EXPORTER_REASON in made:
            progress.say(f"{target}: exported by {made['exporter']}, since {made[artifacts.EXPORTER_REASON]}")
        lines.append({"network": name, "framework": piece.framework, "exporter": made["exporter"], "file": str(target)})
    print_table(("network", "framework", "exporter", "file"), lines, args.format)
    return 0
