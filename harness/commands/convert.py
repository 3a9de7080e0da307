"""Convert an .onnx file to a lower precision: int8, uint8, float16 or bfloat16.

With --data the activations of int8 and uint8 are calibrated: on training images of a data set, or on the examples of
FILE.npz. Without it they are rounded while the file runs, and convolutions stay in float32. What stays in float32 is
told, node by node, with the reason. Each layer of 8 bits is compared with float32. One that the conversion has changed
is named.

`harness run FILE FILE.int8.onnx --data NAME` then measures both (docs/precision.md).

Example:
  harness convert my.onnx --precision float16
  harness convert my.onnx --precision int8 --data fashion_mnist
  harness convert my.onnx --precision int8 --data examples.npz --activations int8 --out small.onnx
"""

import argparse
from pathlib import Path

from harness.cost import input_shapes
from harness.errors import HarnessError
from harness.machine import installed, progress
from harness.report.tables import FORMATS, print_table
from harness.runs import choices, labelled_data, own_conversion
from harness.runs.own_conversion import PRECISIONS, ConvertedFile

COLUMNS = ("file", "precision", "bytes", "share of the original", "max |Δ|", "scale", "in float32", "how")
LEFT = ("node in float32", "why")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE.onnx", help="what to convert")
    parser.add_argument("--precision", required=True, choices=PRECISIONS, help="of weights and arithmetic")
    parser.add_argument("--data", metavar="NAME", help="what to calibrate on, as of `harness run`")
    parser.add_argument(
        "--scaling", choices=labelled_data.SCALINGS, help="of the images of --data (default: unit, x / 255)"
    )
    parser.add_argument(
        "--shape",
        action="append",
        default=[],
        metavar="NAME=1,3,224,224",
        help="an input's whole shape",
    )
    parser.add_argument(
        "--activations",
        choices=("uint8", "int8"),
        default="uint8",
        help="of 8 bits: unsigned (U8S8), or signed (S8S8), which the CPU's provider runs slower (default: uint8)",
    )
    parser.add_argument("--out", type=Path, metavar="FILE", help="default: NAME.PRECISION.onnx in the current folder")
    parser.add_argument("--format", choices=FORMATS, default="table", help="default: table")


def main(args: argparse.Namespace) -> int:
    """Convert, and print what came of it."""
    installed.check_installed(("onnxruntime",))
    path = choices.whole_path(args.file)
    target = args.out or Path(f"{path.stem}.{args.precision}.onnx")
    if target.exists():
        raise HarnessError(f"{target} is there already: choose another --out.")
    calibrated = args.precision in ("int8", "uint8")
    if args.data and not calibrated:
        raise HarnessError(f"--data calibrates int8 and uint8: {args.precision} takes none.")
    shapes = input_shapes.parse_open("--shape", args.shape, smallest=1)
    data = choices.choose_data(args.data, (), (path,))
    file = own_conversion.read(path, shapes)
    if calibrated and data is None:
        progress.say("nothing is calibrated without --data: activations are rounded while the file runs")
    told = own_conversion.write(
        file, args.precision, target, data=data, scaling=args.scaling, activations=args.activations
    )
    _print(told, args.format)
    return 0


def _print(told: ConvertedFile, format: str) -> None:  # noqa: A002
    line = {
        "file": str(told.path),
        "precision": told.precision,
        "bytes": told.file_bytes,
        "share of the original": round(told.file_bytes / told.original_bytes, 3),
        "max |Δ|": told.max_abs,
        "scale": told.scale,
        "in float32": len(told.left),
        "how": told.how,
    }
    print_table(COLUMNS, [line], format)
    if told.left and format == "table":
        print_table(LEFT, [dict(zip(LEFT, pair, strict=True)) for pair in told.left.items()], format)
    if told.fault:
        progress.say(told.fault)
