"""What onnxruntime's arenas took from memory, read from its log: no function of its Python interface tells it."""

import contextlib
import os
import re
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator

from harness.timing import runtime

WARNING, INFORMATION = 2, 1  # onnxruntime's severities: its own, and that at which arenas tell of every extension
STANDARD_ERROR = 2
HOST = "Cpu", "CudaPinned"  # arenas of the host's memory, by onnxruntime's names

_TOLD = re.compile(
    r"Reserving memory in BFCArena for (?P<reserving>\w+) size: (?P<reserved>\d+)"
    r"|Extending BFCArena for (?P<extending>\w+)\."
    r"|Extended allocation by (?P<extended>\d+) bytes"
)


@contextlib.contextmanager
def logged() -> Iterator[Callable[[], str]]:
    """A block in which onnxruntime tells what its arenas do; gives what it has told so far.

    Its log goes to standard error, which is a file meanwhile.
    """
    before = os.dup(STANDARD_ERROR)
    with tempfile.TemporaryFile() as log:

        def told() -> str:
            log.seek(0)
            return log.read().decode(errors="replace")

        os.dup2(log.fileno(), STANDARD_ERROR)
        runtime.load().set_default_logger_severity(INFORMATION)
        try:
            yield told
        finally:
            runtime.load().set_default_logger_severity(WARNING)
            os.dup2(before, STANDARD_ERROR)
            os.close(before)


def host_bytes(log: str) -> int | None:
    """The bytes that arenas took from the host; None where the log tells of none.

    An arena reserves what the packed copies of weights take, and extends itself, by powers of two, for what runs take.
    Not all of what it took need have been written to, and so be resident.
    """
    taken: Counter[str] = Counter()
    arena = ""
    for found in _TOLD.finditer(log):
        if found["extending"]:
            arena = found["extending"]
        else:
            taken[found["reserving"] or arena] += int(found["reserved"] or found["extended"])
    return sum(taken[name] for name in HOST) if taken else None
