"""The errors that a user can mend: one or two lines, no traceback, exit code 2."""

import errno
import re

# What the system answers where a file cannot be written: no space, no permission, no folder.
CANNOT_WRITE = (errno.EACCES, errno.EDQUOT, errno.ENOSPC, errno.ENOTDIR, errno.EPERM, errno.EROFS)
FULL = (errno.EDQUOT, errno.ENOSPC, errno.EFBIG)
# What the system answers to a path or a disk that the user must change; anything else is a fault of ours.
SYSTEM_REFUSES = (
    *CANNOT_WRITE,
    *(errno.EFBIG, errno.EIO, errno.EISDIR, errno.ELOOP, errno.EMFILE, errno.ENAMETOOLONG, errno.ENFILE, errno.ENXIO),
)


class HarnessError(Exception):
    """An expected failure; its message says what was expected, what came and what to do."""


class CannotWriteError(HarnessError):
    """The place that everything is made in cannot be written: going on would fail again and again."""


class RunFileError(HarnessError):
    """A file of a run is there, and is not what the harness writes."""


class NothingMeasuredError(HarnessError):
    """A run that measured nothing at all: exit code 4, so that no one takes it for a result."""


def first_line(error: BaseException) -> str:
    """The first line of what an error says; the name of its class where it says nothing.

    Keras says first which layer it was in, and then what happened, in bold.
    """
    lines = [re.sub(r"\x1b\[\d+m", "", line).strip() for line in str(error).splitlines()]
    said = [line for line in lines if line] or [type(error).__name__]
    return said[1] if said[0].startswith("Exception encountered when calling ") and len(said) > 1 else said[0]


def reason(error: BaseException) -> str:
    """The first line of what an error says; after the name of its class where it was not expected."""
    said = first_line(error)
    return said if isinstance(error, HarnessError) else f"{type(error).__name__}: {said}"


def system_refusal(error: OSError) -> str:
    """In one line, what the system refuses, and of which path."""
    place = f"{error.filename}: " if error.filename else ""
    advice = " Free some space, or choose another folder." if error.errno in FULL else " Choose another path."
    return f"{place}{error.strerror or error}.{advice if place or error.errno in FULL else ''}"
