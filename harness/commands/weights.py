"""Import weights that others have trained, list what was imported, or remove it.

A file is read without executing anything in it: a state dict (.pth, .pt), .safetensors, or .h5 of
Keras. It must be of the same network. Another one is refused, with the first tensor that differs.
Weights lie in HARNESS_WEIGHTS or the system's place for data, and `cache clean` leaves them alone.

How images are made ready for the network goes with its weights. What the library says of its own weights is
taken. If your file was trained otherwise, say so by the options of `import`.

Example:
  harness weights import resnet50 resnet50-0676ba61.pth
  harness weights import resnet50 model.safetensors --layout timm --resize 256
  harness weights list
"""

import argparse
from dataclasses import replace
from pathlib import Path
from typing import get_args

from harness.data.preprocessing import INTERPOLATIONS, Preprocessing
from harness.errors import HarnessError
from harness.frameworks import imported, importing
from harness.frameworks.imported import Imported
from harness.frameworks.layouts.layout import Library
from harness.machine.user_paths import expand_user
from harness.networks import catalog
from harness.networks.architecture import Architecture, Scaling
from harness.report.tables import FORMATS, print_table

COLUMNS = ("network", "layout", "file", "sha256", "scaling", "resize", "crop", "interpolation", "digest")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``harness weights``: an action, and those of the action."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    one = actions.add_parser("import", help="read a file into the network of that name, in place of earlier weights")
    one.add_argument("name", metavar="NAME", help="a network of the catalogue, such as resnet50")
    one.add_argument("file", metavar="FILE", type=Path, help=".pth, .pt, .safetensors or .h5")
    one.add_argument("--layout", choices=get_args(Library), help="whose file it is; default: told by its names")
    one.add_argument("--resize", type=int, metavar="PIXELS", help="what the shorter side of an image is brought to")
    one.add_argument("--crop", type=int, metavar="PIXELS", help="the side of the square cut from its middle")
    one.add_argument("--interpolation", choices=INTERPOLATIONS, help="how an image is resized")
    scalings = [scaling for scaling in get_args(Scaling) if scaling != "standard"]  # which is of a data set here
    one.add_argument("--scaling", choices=scalings, help="what becomes of a pixel")
    every = actions.add_parser("list", help="what was imported, and how images are made ready for it")
    other = actions.add_parser("remove", help="delete the imported weights of a network")
    other.add_argument("name", metavar="NAME", help="a network that `harness weights list` shows")
    for action in (one, every, other):
        action.add_argument("--format", choices=FORMATS, default="table", help="default: table")


def main(args: argparse.Namespace) -> int:
    """Carry out the action; print what was imported, what there is, or what was deleted."""
    if args.action == "remove":
        removed = {"network": args.name, "removed": str(imported.remove(args.name))}
        print_table(("network", "removed"), [removed], args.format)
        return 0
    names = [_import(args)] if args.action == "import" else imported.names()
    found = {name: imported.find(name) for name in names}
    print_table(COLUMNS, [_line(name, weights) for name, weights in found.items() if weights], args.format)
    return 0


def _import(args: argparse.Namespace) -> str:
    """Read the file and keep its weights; give the name of the network."""
    architecture = catalog.get(args.name)
    path = expand_user(args.file)
    read = importing.read(path, architecture, args.layout)
    preprocessing = _overridden(read.preprocessing, args, architecture)
    imported.store(
        architecture.name,
        read.weights,
        layout=read.layout,
        file_name=path.name,
        sha256=read.sha256,
        preprocessing=preprocessing,
    )
    return architecture.name


def _overridden(preprocessing: Preprocessing, args: argparse.Namespace, architecture: Architecture) -> Preprocessing:
    """With what the options say. Raises :class:`HarnessError` where the network could not take such images."""
    given = {name: getattr(args, name) for name in ("scaling", "resize", "crop", "interpolation")}
    chosen = replace(preprocessing, **{name: value for name, value in given.items() if value is not None})
    side = architecture.input_shape[0]
    if chosen.crop != side and not architecture.any_size:
        raise HarnessError(f"--crop {chosen.crop}: {architecture.name} takes images of {side} pixels and no others.")
    if not 0 < chosen.crop <= chosen.resize:
        raise HarnessError(
            f"--resize {chosen.resize}: expected at least the {chosen.crop} pixels that are cropped from it."
        )
    return chosen


def _line(name: str, weights: Imported) -> dict[str, object]:
    return {
        "network": name,
        "layout": weights.layout,
        "file": weights.file_name,
        "sha256": weights.sha256,
        **vars(weights.preprocessing),
        "digest": weights.digest,
    }
