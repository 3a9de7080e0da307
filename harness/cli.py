"""The command line: `harness COMMAND`, one sub-command a file of :mod:`harness.commands`.

Exit codes: 0 done, 1 `gate` found a regression or `diff` a difference, 2 bad usage or bad input, 3 the gate cannot
tell, 4 nothing was measured, 70 a fault of the harness itself, 130 interrupted.
"""

import argparse
import io
import os
import signal
import sys
from collections.abc import Sequence

from harness import __version__
from harness.commands import _parser
from harness.errors import SYSTEM_REFUSES, HarnessError, NothingMeasuredError, first_line, system_refusal

DONE, BAD_INPUT, NOTHING_MEASURED, FAULT, INTERRUPTED = 0, 2, 4, 70, 130  # 70: EX_SOFTWARE of sysexits.h


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out one command; give its exit code. Nothing but argparse's own exit leaves it as an exception."""
    _prepare_signals()
    _prepare_output()
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        args = parser(given[0] if given else None).parse_args(given)
        code: int = args.main(args)
        sys.stdout.flush()
    except BrokenPipeError:  # `harness list | head`: the reader has what it wanted
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except KeyboardInterrupt:
        return _fail("interrupted; nothing that was recorded is lost.", INTERRUPTED)
    except Exception as error:
        return _report(error)
    return code


def _prepare_signals() -> None:
    """A closed terminal and a cancelled job are as if interrupted, unless who started us ignores them: `nohup`."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler)


def _prepare_output() -> None:
    """Output that the caller closed goes nowhere; a sign that its encoding lacks is written as its number."""
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def _report(error: Exception) -> int:
    """Say in one line what went wrong; give the exit code. What nobody expected leaves its traceback in a log."""
    if isinstance(error, NothingMeasuredError):
        return _fail(str(error), NOTHING_MEASURED)
    if isinstance(error, HarnessError):
        return _fail(str(error), BAD_INPUT)
    if isinstance(error, OSError) and error.errno in SYSTEM_REFUSES:
        return _fail(system_refusal(error), BAD_INPUT)
    from harness.machine import fault_log  # what it imports would slow every start

    log = fault_log.record(error)
    if log is None:
        import traceback

        traceback.print_exception(error)
    place = f"The traceback is at the end of {log}." if log else "No log can be written: the traceback is above."
    return _fail(f"{type(error).__name__}: {first_line(error)}. This is a fault of onnx-harness. {place}", FAULT)


def parser(command: str | None) -> argparse.ArgumentParser:
    """The parser of one command with its arguments, or the overview of all if there is none of that name."""
    top = _parser.parser(command)
    top.add_argument("--version", action="version", version=f"onnx-harness {__version__}")
    return top


def _fail(message: str, code: int) -> int:
    print(f"harness: {message}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
