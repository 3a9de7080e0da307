"""Show where each data set would come from, or load the named ones (fetching what is not here).

Without a name nothing is read or fetched, so whether the content is genuine, and its digest, are
left open. "genuine" means: byte for byte the published data set. Of image files in a folder those
of each class are counted, and none is read: what they are at a network's input is its digest.

Example:
  harness data                    what is here, and what a download would fetch
  harness data mnist 'fashion*'   load these, fetched if need be, and print their digests
  harness data folder:~/flowers   count the images of train/, validation/ and test/

A data set is looked for in HARNESS_DATA (a folder of NAME.npz, and of cats_vs_dogs/), in the caches
of Keras and torchvision, among Debian's packages, and then downloaded below HARNESS_CACHE.
"""

import argparse
from fnmatch import fnmatchcase

from harness.data import datasets
from harness.data.places import is_image_folder
from harness.report.tables import FORMATS, print_table

COLUMNS = (
    "name",
    "training_images",
    "validation_images",
    "test_images",
    "classes",
    "genuine",
    "digest",
    "found",
    "download",
    "license",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``harness data``."""
    known = ", ".join(datasets.NAMES)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"{known} (globs work), or folder:DIR")
    parser.add_argument("--format", choices=FORMATS, default="table", help="default: table")


def main(args: argparse.Namespace) -> int:
    """Print one line a data set; 0 when all of them could be shown."""
    if args.names:
        rows = [_counted(name) if is_image_folder(name) else _loaded(name) for name in _selected(args.names)]
    else:
        rows = [_expected(place) for place in datasets.available()]
    print_table(COLUMNS, rows, args.format)
    return 0


def _selected(patterns: list[str]) -> list[str]:
    """The names in the order asked for, each once, without those that a glob fits but that cannot be had.

    A pattern that fits none stays, for ``load`` to refuse.
    """
    names: list[str] = []
    for pattern in patterns:
        fitting = [name for name in datasets.NAMES if fnmatchcase(name, pattern)]
        names += [name for name in fitting if datasets.obtainable(name)] or fitting or [pattern]
    return list(dict.fromkeys(names))


def _expected(place: datasets.Availability) -> dict[str, object]:
    row: dict[str, object] = {"name": place.name, "found": _found(place), "download": _download(place)}
    if facts := datasets.FACTS.get(place.name):
        row |= {
            "training_images": facts.training_images,
            "test_images": facts.test_images,
            "classes": datasets.CLASSES,
            "license": facts.license,
        }
    return row


def _loaded(name: str) -> dict[str, object]:
    dataset = datasets.load(name)
    return {
        "name": dataset.name,
        "training_images": len(dataset.x_train),
        "test_images": len(dataset.x_test),
        "classes": dataset.classes,
        "genuine": dataset.genuine,
        "digest": dataset.digest,
        "found": _found(datasets.availability(name)),
        "license": dataset.license,
    }


def _counted(name: str) -> dict[str, object]:
    files = datasets.image_files(name)
    return {
        "name": name,
        "training_images": len(files.splits["train"]),
        "validation_images": len(files.splits.get("validation", ())) or None,
        "test_images": len(files.splits["test"]),
        "classes": len(files.class_names),
        "genuine": False,
        "found": _found(datasets.availability(name)),
    }


def _download(place: datasets.Availability) -> str | None:
    if place.download_bytes:
        return f"{place.download_bytes / 1e6:.0f} MB from {place.source}"
    return None if place.path else f"none: put it into {place.source}/{place.name}"


def _found(place: datasets.Availability) -> str | None:
    return f"{place.source}: {place.path}" if place.path else None
