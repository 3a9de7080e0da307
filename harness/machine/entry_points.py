"""What installed packages declare for others to find: their entry points.

``importlib.metadata`` knows them all, and its import alone is a quarter of what ``harness list`` costs. So the files
that declare them are searched for the group's name first.
"""

import sys
from importlib.machinery import PathFinder
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

DECLARATIONS = ("*.dist-info/entry_points.txt", "*.egg-info/entry_points.txt", "EGG-INFO/entry_points.txt")


def read_group(group: str) -> "list[EntryPoint]":
    """The entry points of the group, by their names."""
    if not _may_be_declared(group):
        return []
    from importlib.metadata import entry_points

    return sorted(entry_points(group=group), key=lambda entry: entry.name)


def _may_be_declared(group: str) -> bool:
    """Whether a file has the group's name, or packages are found in a way that only ``importlib.metadata`` knows."""
    if any(hasattr(finder, "find_distributions") and finder is not PathFinder for finder in sys.meta_path):
        return True
    places = [Path(place) for place in sys.path]
    if any(map(Path.is_file, places)):  # an archive
        return True
    files = (file for place in places for pattern in DECLARATIONS for file in place.glob(pattern))
    try:
        return any(group.encode() in file.read_bytes() for file in files)
    except OSError:  # one that cannot be read
        return True
