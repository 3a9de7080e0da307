"""Show what differs between two .onnx files, or between the two files of one network.

It compares inputs, outputs, versions of operators and metadata; stored tensors, value by value; and nodes, by an
alignment of the graphs: names and the order in a file do not matter. Then it runs both files on the same inputs. It
tells how far the outputs are apart. It names the first node whose output is further apart than the tolerance, with the
values of both files there (docs/diff.md). NAME is a network of the catalogue: A is the file that Keras exports, B that
of PyTorch.

Exit codes: 0 the same, 1 something differs, 2 bad input.

Example:
  harness diff old.onnx new.onnx
  harness diff old.onnx new.onnx --inputs examples.npz --json
  harness diff old.onnx new.onnx --only outputs --tolerance 1e-3
  harness diff lenet5_1x1
"""

import argparse
import json
import sys
from pathlib import Path

from harness.commands import _difference_text, _files
from harness.cost import input_shapes
from harness.diff import difference
from harness.diff.difference import Difference, Run
from harness.errors import HarnessError
from harness.machine import installed, progress, temporary
from harness.machine.arrays import read_arrays
from harness.measurements.session_options import SessionOptions
from harness.networks import catalog
from harness.runs import exports_elsewhere
from harness.runs.exports_elsewhere import Asked
from harness.timing import runtime

SAME, DIFFERENT = 0, 1
GRAPH, OUTPUTS = "graph", "outputs"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("names", nargs="+", metavar="FILE|NAME", help="two .onnx files, or one network")
    parser.add_argument(
        "--inputs", type=Path, metavar="FILE.npz", help="arrays by input of A, fed to both (default: random, or zeros)"
    )
    parser.add_argument(
        "--shape",
        action="append",
        default=[],
        metavar="NAME=1,3,224,224",
        help="an input's whole shape, batch axis included; again for each input (default: the file's; what is open is "
        "guessed as `harness run` does)",
    )
    parser.add_argument("--seed", type=int, default=0, help="of random inputs (default: 0)")
    parser.add_argument(
        "--tolerance",
        type=float,
        default=difference.TOLERANCE,
        metavar="SHARE",
        help="how far values may be apart, as a share of the largest value of their array (default: %(default)g)",
    )
    parser.add_argument(
        "--optimization",
        choices=tuple(runtime.LEVELS),
        default="all",
        help="how far onnxruntime rewrites the graphs whose outputs are compared (default: all, as `harness run`)",
    )
    parser.add_argument(
        "--only",
        choices=(GRAPH, OUTPUTS),
        help="graph: run nothing; outputs: the exit code tells of the outputs alone (default: both)",
    )
    parser.add_argument("--format", choices=("table", "json"), default="table", help="default: %(default)s")
    parser.add_argument("--json", dest="format", action="store_const", const="json", help="the same as --format json")


def main(args: argparse.Namespace) -> int:
    """Compare, print what differs, and say by the exit code whether anything does."""
    run = None if args.only == GRAPH else _run(args)
    with temporary.folder() as place:
        a, b = _pair(args.names, place)
        found = difference.compare_files(a, b, run)
    if args.format == "json":
        json.dump(_difference_text.as_json(found), sys.stdout, indent=2, ensure_ascii=False)
        sys.stdout.write("\n")
    else:
        _difference_text.print_difference(found)
    return SAME if _is_same(found, args.only) else DIFFERENT


def _is_same(found: Difference, only: str | None) -> bool:
    if only != OUTPUTS:
        return found.same
    if found.run is None:
        raise HarnessError(f"the outputs cannot be compared: {found.not_run}")
    return found.run.agree


def _run(args: argparse.Namespace) -> Run | None:
    """How the files are run; None if there is nothing to run them by."""
    if not 0 <= args.tolerance < 1:
        raise HarnessError(f"--tolerance {args.tolerance:g}: expected a share of one, like 1e-4.")
    if args.seed < 0:
        raise HarnessError(f"--seed {args.seed}: expected a whole number from 0 on.")
    given = read_arrays(args.inputs) if args.inputs else {}
    shapes = input_shapes.parse("--shape", args.shape, smallest=1)
    if args.only is None and not installed.onnxruntimes():
        progress.say(
            "onnxruntime is not installed: the files are compared and not run. pip install 'onnx-harness[cpu]'"
        )
        return None
    installed.check_installed(("onnxruntime",))
    options = SessionOptions(optimization=args.optimization)
    return Run(given=given, shapes=shapes, seed=args.seed, tolerance=args.tolerance, options=options)


def _pair(names: list[str], place: Path) -> tuple[Path, Path]:
    """The two files that are compared; those of a network are exported into the folder."""
    networks, own = _files.split(names)
    if len(names) == 2 and not networks:
        return Path(names[0]), Path(names[1])
    if len(names) != 1 or own:
        raise HarnessError(f"expected two .onnx files, or one network of the catalogue, found {' '.join(names)}.")
    (network,) = catalog.select(names, "all")
    made = exports_elsewhere.exported(Asked(names=[catalog.reference(network)]), place)
    a, b = (made.get((network.name, framework)) for framework in catalog.FRAMEWORKS)
    if not isinstance(a, Path) or not isinstance(b, Path):
        raise HarnessError(
            f"{network.name} has no two files: it is exported from {' and '.join(of for _, of in made)} alone."
        )
    return a, b
