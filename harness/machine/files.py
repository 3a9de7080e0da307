"""Files that are whole or not there, written under another name and then renamed; and what identifies one."""

import contextlib
import csv
import errno
import hashlib
import io
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from harness.errors import HarnessError
from harness.machine import csv_cells

PARTIAL = ".partial"


def make_folder(folder: Path) -> None:
    """Make the folder and those above it. Raises :class:`HarnessError` where that is not allowed."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise HarnessError(f"cannot make the folder {folder}: {error.strerror}. Choose another --out.") from error


@contextlib.contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """A path to write to; it becomes the target when the block ends well and it is on the disk, else it is gone."""
    partial = target.with_name(f"{target.name}.{os.getpid()}{PARTIAL}")
    try:
        yield partial
        with partial.open("rb") as file:
            os.fsync(file.fileno())
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


def sweep(folder: Path, names: str = f"**/*{PARTIAL}") -> None:
    """Remove what processes that were killed had begun to write. None may be at work in the folder."""
    for partial in sorted(folder.glob(names)):
        if partial.is_dir() and not partial.is_symlink():
            shutil.rmtree(partial, ignore_errors=True)
        else:
            partial.unlink(missing_ok=True)


def copy(source: Path, target: Path) -> None:
    """A copy of a file, in a folder that is made where it is missing."""
    make_folder(target.parent)
    with replacing(target) as partial:
        shutil.copyfile(source, partial)


def write(target: Path, text: str) -> None:
    """Write a text, in a folder that is made where it is missing."""
    make_folder(target.parent)
    with replacing(target) as partial:
        partial.write_text(text, encoding="utf-8")


def write_table(target: Path, columns: Sequence[str], lines: Sequence[Mapping[str, object]]) -> None:
    """Write lines as CSV, the header first; None is an empty field. A line has no other columns than these."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: csv_cells.guard(value) for name, value in line.items()} for line in lines)
    write(target, text.getvalue())


def sha256(path: Path) -> str:
    """What identifies the content of a file. Raises :class:`OSError` if it cannot be read, or is no regular file."""
    if path.exists() and not path.is_file():  # a pipe would be waited for without end
        raise OSError(errno.EINVAL, "it is no regular file", str(path))
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
