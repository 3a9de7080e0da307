"""The command line: `harness COMMAND`, one sub-command a file of :mod:`harness.commands`.

Exit codes: 0 done, 1 the gate found a regression, 2 bad usage or bad input, 3 the gate cannot tell,
4 nothing was measured, 70 a fault of the harness itself, 130 interrupted.
"""

import argparse
import ast
import importlib
import io
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from harness import __version__, commands
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
    """The parser of the command line: of one command with its arguments, or of all if there is none of that name.

    Only that command is imported, so that `harness --help` answers at once; the help of all is read from their
    source: a command's module docstring.
    """
    top = argparse.ArgumentParser(
        prog="harness",
        description="The same networks in Keras and PyTorch, exported to ONNX, proved equivalent and measured.",
        epilog="Example: harness run lenet5_1x1 fcn_1x1 --out results/runs/mine",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"onnx-harness {__version__}")
    of_command = top.add_subparsers(title="commands", metavar="COMMAND", required=True)
    files = {file.stem: file for file in sorted(Path(commands.__path__[0]).glob("[a-z]*.py"))}
    for file in [files[command]] if command in files else files.values():
        text = _help_of(file)
        one = of_command.add_parser(
            file.stem,
            help=text.splitlines()[0],
            description=text,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        if file.stem == command:
            module = importlib.import_module(f"harness.commands.{file.stem}")
            module.add_arguments(one)
            one.set_defaults(main=module.main)
    return top


def _help_of(file: Path) -> str:
    """The docstring of a command's module; to parse the whole source would be most of what a start costs."""
    source = file.read_text(encoding="utf-8")
    quotes = '"""'
    return ast.get_docstring(ast.parse(source[: source.index(quotes, len(quotes)) + len(quotes)])) or ""


def _fail(message: str, code: int) -> int:
    print(f"harness: {message}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
