"""Train networks by their recipe, in either framework; what was trained before is found again.

Profiles: `quick` trains a few epochs on the embedded sample of Fashion-MNIST; `lecture` follows the
lecture's data set, split, optimizer and epochs. Weights are stored once, framework-neutral, as
.safetensors; their place and the history are printed.

Example:
  harness train lenet5_1x1 --framework keras
  harness train lenet_mnist --profile lecture
"""

import argparse

from harness import catalog, pieces, plan, preparing
from harness.tables import FORMATS, print_table

COLUMNS = ("network", "framework", "dataset", "epoch", "loss", "accuracy", "test_accuracy", "seconds", "weights")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    preparing.add_arguments(parser)
    parser.add_argument(
        "--framework", choices=(*catalog.FRAMEWORKS, "both"), default="torch", help="what trains (default: torch)"
    )
    parser.add_argument("--epochs", action="store_true", help="print every epoch, not only the last")
    parser.add_argument("--format", choices=FORMATS, default="table", help="default: table")


def main(args: argparse.Namespace) -> int:
    """Train, and print what came of it."""
    frameworks = catalog.FRAMEWORKS if args.framework == "both" else (args.framework,)
    plan.check_installed(frameworks)
    trainings = [plan.train(request) for framework in frameworks for request in preparing.requests(args, framework)]
    errors = preparing.carry_out(trainings)
    if errors:
        raise preparing.first_failure(errors)
    lines: list[dict[str, object]] = []
    for piece in trainings:
        history = pieces.history(piece)
        lines += [
            {
                "network": piece.request.architecture.name,
                "framework": piece.framework,
                "dataset": piece.request.recipe.dataset,
                "epoch": epoch.epoch,
                "loss": epoch.loss,
                "accuracy": epoch.accuracy,
                "test_accuracy": epoch.test_accuracy,
                "seconds": epoch.seconds,
                "weights": str(piece.folder / "weights.safetensors"),
            }
            for epoch in (history if args.epochs else history[-1:])
        ]
    print_table(COLUMNS, lines, args.format)
    return 0
