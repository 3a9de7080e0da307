"""List the networks of the catalogue, with the facts that both definitions must show.

Example:
  harness list 'lenet*' --format csv
"""

import argparse

from harness.networks import catalog
from harness.networks.architecture import Architecture
from harness.report.tables import FORMATS, print_table

COLUMNS = (
    "name", "set", "source", "dataset", "input_hwc", "outputs", "params", "macs", "published_accuracy", "published_on",
)  # fmt: skip


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("names", nargs="*", metavar="NAME", help="names, globs or folders; default: all")
    parser.add_argument("--set", choices=catalog.SETS, default="all", help="a set of the catalogue (default: all)")
    parser.add_argument("--format", choices=FORMATS, default="table", help="default: table")


def main(args: argparse.Namespace) -> int:
    """Print the catalogue."""
    chosen = catalog.select(args.names, args.set)
    print_table(COLUMNS, [_line(architecture) for architecture in chosen], args.format)
    return 0


def _line(architecture: Architecture) -> dict[str, object]:
    published = architecture.published
    return {
        "name": architecture.name,
        "set": "+".join(architecture.sets),
        "source": architecture.source,
        "dataset": architecture.dataset,
        "input_hwc": "x".join(str(size) for size in architecture.input_shape),
        "outputs": architecture.outputs,
        "params": architecture.params,
        "macs": architecture.macs,
        "published_accuracy": published.accuracy if published else None,
        "published_on": published.split if published else None,
    }
