"""How the command of an experiment ends: with 0, or with 2 and one line on what was refused."""

import argparse
import sys
from collections.abc import Callable

from harness.errors import HarnessError


def carry_out(command: Callable[[argparse.Namespace], None], args: argparse.Namespace) -> int:
    """Carry out what the arguments ask for, and give the exit code."""
    try:
        command(args)
    except HarnessError as error:
        print(error, file=sys.stderr)
        return 2
    return 0
