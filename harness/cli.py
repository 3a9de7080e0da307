"""The command line: `harness COMMAND`, one sub-command a file of :mod:`harness.commands`.

Exit codes: 0 done, 1 the gate found a regression, 2 bad usage or bad input, 3 the gate cannot tell,
4 nothing was measured, 130 interrupted.
"""

import argparse
import ast
import importlib
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from harness import __version__, commands
from harness.errors import CANNOT_WRITE, HarnessError, NothingMeasuredError

DONE, BAD_INPUT, NOTHING_MEASURED, INTERRUPTED = 0, 2, 4, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out one command; give its exit code."""
    for number in (signal.SIGTERM, signal.SIGHUP):  # a closed terminal, a cancelled job: as if interrupted
        signal.signal(number, signal.default_int_handler)
    if sys.stdout is None:  # closed by the caller
        sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115
    given = list(sys.argv[1:] if arguments is None else arguments)
    args = parser(next((word for word in given if not word.startswith("-")), None)).parse_args(given)
    try:
        code: int = args.main(args)
        sys.stdout.flush()
    except BrokenPipeError:  # `harness list | head`: the reader has what it wanted
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except NothingMeasuredError as error:
        return _fail(str(error), NOTHING_MEASURED)
    except HarnessError as error:
        return _fail(str(error), BAD_INPUT)
    except OSError as error:
        if error.errno not in CANNOT_WRITE:
            raise
        place = f" {error.filename}" if error.filename else ""
        return _fail(f"cannot write{place}: {error.strerror}. Free some space, or choose another folder.", BAD_INPUT)
    except KeyboardInterrupt:
        return _fail("interrupted; nothing that was recorded is lost.", INTERRUPTED)
    return code


def parser(command: str | None) -> argparse.ArgumentParser:
    """The parser of the command line, with the arguments of one command.

    Only that command is imported, so that `harness --help` answers at once; of the others their help
    is read from the source: a command's module docstring.
    """
    top = argparse.ArgumentParser(
        prog="harness",
        description="The same networks in Keras and PyTorch, exported to ONNX, proved equivalent and measured.",
        epilog="Example: harness run lenet5_1x1 fcn_1x1 --out results/runs/mine",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"onnx-harness {__version__}")
    of_command = top.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for file in sorted(Path(commands.__path__[0]).glob("[a-z]*.py")):
        text = ast.get_docstring(ast.parse(file.read_bytes())) or ""
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


def _fail(message: str, code: int) -> int:
    print(f"harness: {message}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
