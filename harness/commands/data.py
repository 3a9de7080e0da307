"""Show where each data set would come from, or load the named ones (fetching what is not here).

Without a name nothing is read or fetched, so whether the content is genuine, and its digest, are
left open. "genuine" means: byte for byte the published data set.

Example:
  harness data                    what is here, and what a download would fetch
  harness data mnist 'fashion*'   load these, fetched if need be, and print their digests

A data set is looked for in HARNESS_DATA (a folder of NAME.npz), in the caches of Keras and
torchvision, among Debian's packages, and then downloaded below HARNESS_CACHE.
"""

import argparse
from fnmatch import fnmatchcase

from harness import datasets
from harness.tables import FORMATS, print_table

COLUMNS = ("name", "training_images", "test_images", "genuine", "digest", "found", "download", "license")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``harness data``."""
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"{', '.join(datasets.NAMES)}; globs work")
    parser.add_argument("--format", choices=FORMATS, default="table", help="default: table")


def main(args: argparse.Namespace) -> int:
    """Print one line a data set; 0 when all of them could be shown."""
    if args.names:
        rows = [_loaded(name) for name in _selected(args.names)]
    else:
        rows = [_expected(place) for place in datasets.available()]
    print_table(COLUMNS, rows, args.format)
    return 0


def _selected(patterns: list[str]) -> list[str]:
    """The names in the order asked for, each once; a pattern that fits none stays, for ``load`` to refuse."""
    names: list[str] = []
    for pattern in patterns:
        names += [name for name in datasets.NAMES if fnmatchcase(name, pattern)] or [pattern]
    return list(dict.fromkeys(names))


def _expected(place: datasets.Availability) -> dict[str, object]:
    facts = datasets.FACTS[place.name]
    return {
        "name": place.name,
        "training_images": facts.training_images,
        "test_images": facts.test_images,
        "found": _found(place),
        "download": f"{place.download_bytes / 1e6:.0f} MB from {place.source}" if place.download_bytes else None,
        "license": facts.license,
    }


def _loaded(name: str) -> dict[str, object]:
    dataset = datasets.load(name)
    return {
        "name": dataset.name,
        "training_images": len(dataset.x_train),
        "test_images": len(dataset.x_test),
        "genuine": dataset.genuine,
        "digest": dataset.digest,
        "found": _found(datasets.availability(name)),
        "license": dataset.license,
    }


def _found(place: datasets.Availability) -> str | None:
    return f"{place.source}: {place.path}" if place.path else None
