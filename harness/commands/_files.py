"""The arguments of `harness run` that say what .onnx files of the user's are, and what they are tested on."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from harness.cost import input_shapes
from harness.networks import catalog
from harness.runs import choices, labelled_data
from harness.runs.model_files import FileSettings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments that are for files alone."""
    group = parser.add_argument_group(
        "files of your own, .onnx", "refused if none is named; docs/own_files.md has examples"
    )
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
    return [name for name in names if name not in files], list(dict.fromkeys(map(choices.whole_path, files)))


def settings(args: argparse.Namespace, files: Sequence[Path], data: str | None) -> FileSettings:
    """What the arguments say of the files, with the digests of all that is read."""
    return choices.choose_files(
        files,
        data,
        shapes=input_shapes.parse_open("--shape", args.shape, smallest=1),
        inputs=args.inputs,
        labels=args.labels,
        scaling=args.scaling,
        output=args.output,
    )
