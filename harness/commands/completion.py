"""Print what makes a shell complete commands, options and choices by the tab key.

Add it to what your shell reads when it starts.

Example:
  harness completion bash >> ~/.bashrc
  harness completion zsh > ~/.zfunc/_harness
"""

import argparse

import shtab

from harness.commands import _parser


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", choices=shtab.SUPPORTED_SHELLS, help="the shell that completes")


def main(args: argparse.Namespace) -> int:
    """Print the script."""
    print(shtab.complete(_parser.whole_parser(), shell=args.shell))
    return 0
