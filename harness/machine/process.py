"""A process that is given commands, one JSON object a line, and answers each by one line."""

import contextlib
import json
import os
import select
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

START_LIMIT_S, REPLY_LIMIT_S = 120.0, 120.0


class WorkerFailedError(Exception):
    """A worker process ended, hung, or answered with an error."""


def exit_status(code: int) -> str:
    """In words, how a process ended."""
    return f"signal {-code} ({signal.strsignal(-code)})" if code < 0 else f"code {code}"


class Worker:
    """A worker process that answers one line to one line. This process sleeps while it waits."""

    def __init__(self, popen: "subprocess.Popen[str]") -> None:
        self.popen = popen

    def ready(self) -> None:
        self._reply(START_LIMIT_S)

    def keep_to(self, core: int) -> None:
        """Let it, and the threads that it starts from now on, run on this core alone."""
        try:
            os.sched_setaffinity(self.popen.pid, [core])
        except OSError as error:
            raise WorkerFailedError(f"the worker process could not be kept to core {core}: {error}") from error

    def ask(self, *, reply_limit_s: float | None = None, **command: Any) -> dict[str, Any]:
        assert self.popen.stdin is not None
        try:
            self.popen.stdin.write(json.dumps(command) + "\n")
            self.popen.stdin.flush()
        except BrokenPipeError:
            raise self._ended() from None
        return self._reply(reply_limit_s)

    def _reply(self, limit_s: float | None = None) -> dict[str, Any]:
        assert self.popen.stdout is not None
        limit_s = REPLY_LIMIT_S if limit_s is None else limit_s
        if not select.select([self.popen.stdout], [], [], limit_s)[0]:
            raise WorkerFailedError(f"the worker process did not answer for {limit_s:.0f} s")
        line = self.popen.stdout.readline()
        if not line.endswith("\n"):
            raise self._ended()
        reply: dict[str, Any] = json.loads(line)
        if "error" in reply:
            raise WorkerFailedError(reply["error"])
        return reply

    def _ended(self) -> WorkerFailedError:
        return WorkerFailedError(f"the worker process ended with {exit_status(self.popen.wait())}")


@contextlib.contextmanager
def started(command: Sequence[str], environment: Mapping[str, str] | None = None) -> Iterator[Worker]:
    """A fresh process, in this one's environment unless told; gone when the block is left, whatever happened in it."""
    popen = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=environment,
    )
    try:
        yield Worker(popen)
    finally:
        popen.kill()
        popen.communicate()
