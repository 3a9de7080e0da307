"""The last resort: an error that nobody expected, kept with its traceback for who mends it."""

import contextlib
import os
import sys
import tempfile
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from harness.machine import cache

LOG = "faults.log"


def record(error: BaseException) -> Path | None:
    """Write the traceback to the first log that can be written; None if there is none.

    The log lies in the cache, else in the system's folder for temporary files.
    """
    entry = _entry(error).encode(errors="backslashreplace")
    for place in _places():
        with contextlib.suppress(OSError):
            with place.open("ab") as file:
                file.write(entry)
            return place
    return None


def _entry(error: BaseException) -> str:
    """When it was, what was asked for, and where it happened."""
    time = datetime.now(UTC).isoformat(timespec="seconds")
    return f"{time} {' '.join(sys.argv)}\n{''.join(traceback.format_exception(error))}\n"


def _places() -> Iterator[Path]:
    with contextlib.suppress(Exception):  # the cache's place itself may be the fault
        yield cache.open_log(LOG)
    yield Path(tempfile.gettempdir()) / f"onnx-harness-{os.getuid()}-{LOG}"
