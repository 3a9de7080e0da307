"""One process at a time in a folder, by a lock that dies with its process, however that ends."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from harness.errors import HarnessError


@contextlib.contextmanager
def held(folder: Path) -> Iterator[None]:
    """Keep other processes out of the folder, which must be there, until the block is left.

    The folder itself is locked: no file is left behind. Raises :class:`HarnessError` if another process has it.
    A file system without locks (some network mounts) has none here either.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        _lock(descriptor, folder)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, folder: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise HarnessError(f"another process is at work in {folder}: wait until it has ended, or stop it.") from error
    except OSError:  # not supported here
        return
