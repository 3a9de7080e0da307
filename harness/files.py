"""Files that are whole or not there: written under another name, then renamed."""

import shutil
from pathlib import Path

from harness.errors import HarnessError


def make_folder(folder: Path) -> None:
    """Make the folder and those above it. Raises :class:`HarnessError` where that is not allowed."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise HarnessError(f"cannot make the folder {folder}: {error.strerror}. Choose another --out.") from error


def copy(source: Path, target: Path) -> None:
    """A copy of a file, in a folder that is made where it is missing."""
    make_folder(target.parent)
    partial = target.with_name(target.name + ".partial")
    shutil.copyfile(source, partial)
    partial.replace(target)


def write(target: Path, text: str) -> None:
    """Write a text, in a folder that is made where it is missing."""
    make_folder(target.parent)
    partial = target.with_name(target.name + ".partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(target)
