"""Train networks by their recipe, in either framework; what was trained before is found again.

Profiles: `quick` trains a few epochs on the embedded sample of Fashion-MNIST. `lecture` follows the
lecture's data set, split, optimizer and epochs. `fine_tuning` goes on from the lecture's weights with
the last layers of an ImageNet base set free. Weights are stored once, framework-neutral, as
.safetensors; their place and the history are printed. The network is validated on the split that the recipe holds
out. If it holds none out, that is the test split.

Example:
  harness train lenet5_1x1 --framework keras --epochs 3 --history
  harness train lenet_mnist --profile lecture
  harness train vgg16_features --profile lecture --data folder:cats_vs_dogs --base-weights vgg16_notop.h5
"""

import argparse
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from harness.commands import _preparing
from harness.errors import HarnessError
from harness.machine import installed, progress
from harness.networks import catalog
from harness.networks.architecture import Architecture
from harness.pieces import bars, carrying_out, definitions, plan, results
from harness.pieces.piece import Piece, earlier
from harness.pieces.request import Request
from harness.report.tables import FORMATS, print_table

COLUMNS = (
    "network", "framework", "dataset", "base_weights", "precision", "epoch", "loss", "accuracy", "validated_on",
    "validation_loss", "validation_accuracy", "test_accuracy", "seconds", "weights",
)  # fmt: skip


def add_arguments(parser: argparse.ArgumentParser) -> None:
    _preparing.add_arguments(parser)
    parser.add_argument(
        "--framework", choices=(*catalog.FRAMEWORKS, "both"), default="torch", help="what trains (default: torch)"
    )
    parser.add_argument("--history", action="store_true", help="print every epoch, not only the last")
    parser.add_argument("--format", choices=FORMATS, default="table", help="default: table")


def main(args: argparse.Namespace) -> int:
    """Train, and print what came of it."""
    frameworks = catalog.FRAMEWORKS if args.framework == "both" else (args.framework,)
    asked = [request for framework in frameworks for request in _preparing.requests(args, framework)]
    installed.check_installed(tuple({request.framework for request in asked}))
    definitions.check_definitions(asked, {request.framework for request in asked})
    trainings = [
        plan.train(request)
        for request in asked
        if _can_be_trained(request, named=_is_named(request.architecture, args.names))
    ]
    errors = bars.make_pieces([each for piece in trainings for each in (*earlier(piece), piece)])
    if errors:
        raise carrying_out.first_failure(errors)
    lines = [line for piece in trainings for line in _lines(piece, every=args.history)]
    print_table(COLUMNS, lines, args.format)
    return 0


def _is_named(architecture: Architecture, names: Sequence[str]) -> bool:
    """Whether it is one of these names, or of a folder, which nothing but its path chooses."""
    return architecture.name in names or Path(architecture.family).is_absolute()


def _can_be_trained(request: Request, *, named: bool) -> bool:
    """Whether it can; what was named and cannot is refused, what a glob or a set brought is left out in sight."""
    if not (reason := request.untrained):
        return True
    message = f"{request.architecture.name} cannot be trained here: {reason}"
    if named:
        raise HarnessError(f"{message}.")
    progress.say(message)
    return False


def _lines(piece: Piece, *, every: bool) -> list[dict[str, object]]:
    """A line an epoch, or of the last one alone; the test accuracy is that of the last."""
    history, request = results.history(piece), piece.request
    common = {
        "network": request.architecture.name,
        "framework": piece.framework,
        "dataset": request.dataset.name,
        "base_weights": plan.origin(piece),
        "precision": request.precision,
        "validated_on": history.validated_on,
        "weights": str(piece.weights_file),
    }
    last = history.epochs[-1]
    return [
        {**common, **asdict(epoch), "test_accuracy": history.test_accuracy if epoch is last else None}
        for epoch in (history.epochs if every else (last,))
    ]
