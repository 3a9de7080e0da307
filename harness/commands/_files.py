"""The arguments of `harness run` that say what .onnx files of the user's are, and what they are tested on."""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from harness.commands import _preparing
from harness.cost import input_shapes
from harness.errors import HarnessError
from harness.machine.user_paths import expand_user
from harness.networks import catalog
from harness.runs import labelled_data, model_files
from harness.runs.model_files import FileSettings

OPTIONS = ("shape", "inputs", "labels", "scaling", "output")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments that are for files alone."""
    group = parser.add_argument_group("for .onnx files", "refused where none is named; docs/own_files.md has examples")
    group.add_argument(
        "--shape",
        action="append",
        default=[],
        metavar="NAME=1,3,224,224",
        help="an input's whole shape, batch axis included, which may be the word batch: what --batch says; again for "
        "each input (default: the file's, open sizes are guessed and said so)",
    )
    group.add_argument(
        "--inputs", type=Path, metavar="FILE.npz", help="arrays by input, fed while timing (default: random, or zeros)"
    )
    group.add_argument(
        "--labels",
        type=Path,
        metavar="FILE",
        help="classes of --data FILE.npz: .npy, or .txt or .csv with one number a line (default: its array 'labels')",
    )
    group.add_argument(
        "--scaling",
        choices=labelled_data.SCALINGS,
        help="of the images of --data (default: unit, x / 255; raw for inputs of whole numbers)",
    )
    group.add_argument(
        "--output", metavar="NAME", help="the output that classes are told from (default: the first [batch, classes])"
    )


def split(names: Sequence[str]) -> tuple[list[str], list[Path]]:
    """The names that are of networks, and the files among them: what ends in .onnx, or is no network and a file."""
    files = [
        name
        for name in names
        if name.casefold().endswith(".onnx") or (name not in catalog.architectures() and Path(name).is_file())
    ]
    whole = dict.fromkeys(expand_user(name).absolute() for name in files)
    return [name for name in names if name not in files], list(whole)


def data(args: argparse.Namespace, networks: Sequence[object], files: Sequence[Path]) -> str | None:
    """What --data names: a data set for networks and files, or an .npz file of arrays for files alone."""
    if not (files and labelled_data.are_arrays(args.data)):
        return _preparing.data(args)
    if networks:
        raise HarnessError(f"--data {args.data} is for .onnx files, and networks of the catalogue are named too.")
    return str(expand_user(args.data).absolute())


def settings(args: argparse.Namespace, files: Sequence[Path], data: str | None) -> FileSettings:
    """What the arguments say of the files, with the digests of all that is read."""
    _check(args, files, data)
    found = FileSettings(
        models=tuple(map(str, files)),
        shapes=input_shapes.parse_open("--shape", args.shape, smallest=1),
        inputs=_whole(args.inputs),
        labels=_whole(args.labels),
        scaling=args.scaling,
        output=args.output,
    )
    return replace(found, digests=model_files.digests(found, data)) if files else found


def _check(args: argparse.Namespace, files: Sequence[Path], data: str | None) -> None:
    """Raise :class:`HarnessError` for an option that would have no effect."""
    given = [option for option in OPTIONS if getattr(args, option)]
    if given and not files:
        raise HarnessError(f"--{given[0]} is for .onnx files: name one, harness run my.onnx --{given[0]} ...")
    arrays = labelled_data.are_arrays(data)
    if args.labels and not arrays:
        raise HarnessError("--labels are the classes of arrays: expected --data FILE.npz beside it.")
    if args.scaling and (arrays or data is None):
        raise HarnessError("--scaling is of images: expected --data with a data set or folder:DIR beside it.")
    if args.output and data is None:
        raise HarnessError("--output is what an accuracy is told from: expected --data beside it.")


def _whole(path: Path | None) -> str | None:
    return str(expand_user(path).absolute()) if path else None
