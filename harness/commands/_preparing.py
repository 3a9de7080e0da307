"""What the commands that train, export and run share: the arguments that choose networks and their training."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from harness.errors import HarnessError
from harness.frameworks import training
from harness.machine.user_paths import expand_user
from harness.networks import catalog
from harness.networks.architecture import Architecture
from harness.pieces.request import KerasExporter, Request
from harness.runs import choices

MOST_EPOCHS = 100_000
PROFILES = ("quick", "lecture", "fine_tuning")


def add_arguments(parser: argparse.ArgumentParser, *, trained_in: bool = False) -> None:
    """The arguments that choose networks, and how they are trained; if ``trained_in``, in which framework too."""
    parser.add_argument("names", nargs="*", metavar="NAME", help="names, globs, or your own folders; default: of --set")
    parser.add_argument(
        "--set",
        choices=catalog.SETS,
        default="default",
        help=f"a set of the catalogue; default: the {len(catalog.DEFAULT)} networks of the README's picture",
    )
    group = parser.add_argument_group("training and data (docs/training.md)")
    group.add_argument("--profile", choices=PROFILES, default="quick", help="which recipe (default: quick)")
    group.add_argument(
        "--data",
        metavar="NAME",
        help="a data set in place of the recipe's: a name that `harness data` lists, or folder:DIR; "
        "imagenet:DIR, ImageNet's validation images, for networks with imported weights",
    )
    group.add_argument(
        "--base-weights",
        type=Path,
        nargs="+",
        default=[],
        metavar="FILE",
        help="ImageNet weights for networks with a base (.h5 of Keras; .safetensors or .pth of torchvision); "
        "BASE=FILE if the networks have different bases",
    )
    group.add_argument(
        "--training-precision",
        choices=training.PRECISIONS,
        default="float32",
        help="of the arithmetic of training (default: float32, as the lectures)",
    )
    group.add_argument("--epochs", type=_epochs, metavar="N", help="of training (default: as the recipe says)")
    group.add_argument("--seed", type=_seed, default=0, help="of first weights, order and augmentation (default: 0)")
    if trained_in:
        group.add_argument("--trained-in", choices=catalog.FRAMEWORKS, default="torch", help="default: torch")


def add_keras_exporter(parser: argparse.ArgumentParser) -> None:
    """The argument that chooses what exports Keras definitions."""
    parser.add_argument(
        "--keras-exporter",
        choices=get_args(KerasExporter),
        default="auto",
        help="of Keras definitions (docs/exporters.md); default: auto, which is tf2onnx, and torch if that fails",
    )


def _epochs(text: str) -> int:
    epochs = int(text)
    if not 0 < epochs <= MOST_EPOCHS:
        raise argparse.ArgumentTypeError(f"expected a whole number from 1 to {MOST_EPOCHS}, found {text}")
    return epochs


def _seed(text: str) -> int:
    seed = int(text)
    if not 0 <= seed < 2**32:
        raise argparse.ArgumentTypeError(f"expected a whole number from 0 to {2**32 - 1}, found {text}")
    return seed


def chosen(args: argparse.Namespace) -> list[Architecture]:
    """The networks that the arguments choose."""
    return catalog.select(args.names, args.set)


def requests(args: argparse.Namespace, trained_in: str, keras_exporter: KerasExporter = "auto") -> list[Request]:
    """What the arguments ask of each network."""
    networks = chosen(args)
    files = base_weights(args, networks)
    return [
        Request(
            architecture=architecture,
            profile=args.profile,
            trained_in=trained_in,
            seed=args.seed,
            epochs=args.epochs,
            data=choices.choose_data(args.data),
            precision=args.training_precision,
            base_weights=files.get(architecture.base or ""),
            keras_exporter=keras_exporter,
        )
        for architecture in networks
    ]


def base_weights(args: argparse.Namespace, networks: Sequence[Architecture]) -> dict[str, Path]:
    """The file that each ImageNet base of these networks takes its weights from."""
    bases = sorted({architecture.base for architecture in networks if architecture.base is not None})
    files = {}
    for given in map(str, args.base_weights):
        base, separator, file = given.partition("=")
        if separator and base in bases:
            files[base] = expand_user(file).resolve()
        elif len(bases) == 1:
            files[bases[0]] = expand_user(given).resolve()
        else:
            known = " and ".join(bases) or "no ImageNet base"
            raise HarnessError(
                f"--base-weights {given}: the networks have {known}; expected BASE=FILE for one of them."
            )
    return files
