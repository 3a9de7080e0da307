"""Temporary folders that go with their process: what one that was killed left is swept by the next."""

import contextlib
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from harness.errors import HarnessError
from harness.machine import locks

PREFIX = "onnx-harness-"
NEW_S = 60.0  # a folder this young may not be locked yet by who made it


@contextlib.contextmanager
def folder() -> Iterator[Path]:
    """An empty folder, gone when the block is left."""
    _sweep_once()
    with tempfile.TemporaryDirectory(prefix=PREFIX) as name, locks.held(Path(name)):
        yield Path(name)


def sweep(place: Path, new_s: float = NEW_S) -> None:
    """Remove from the place the folders of this user's processes that have ended without doing so."""
    for left in place.glob(f"{PREFIX}*"):
        with contextlib.suppress(HarnessError, OSError):  # its process is alive, or another sweeps it
            found = left.lstat()
            old = found.st_mtime < time.time() - new_s
            if stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and old:
                with locks.held(left):
                    shutil.rmtree(left, ignore_errors=True)


@cache
def _sweep_once() -> None:
    sweep(Path(tempfile.gettempdir()))
