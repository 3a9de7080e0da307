"""The parser of the command line: one sub-command a file of this package."""

import argparse
import ast
import importlib
from collections.abc import Collection
from pathlib import Path

FILES = {file.stem: file for file in sorted(Path(__file__).parent.glob("[a-z]*.py"))}


def parser(command: str | None) -> argparse.ArgumentParser:
    """The parser of one command with its arguments, or the overview of all if there is none of that name.

    Only that command is imported, so that `harness --help` answers at once.
    """
    return _build([command] if command in FILES else FILES, with_arguments=command in FILES)


def whole_parser() -> argparse.ArgumentParser:
    """The parser of every command with its arguments."""
    return _build(FILES, with_arguments=True)


def parsers(top: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """Those of the sub-commands and of theirs, by name: ``weights``, ``weights import``."""
    named: dict[str, argparse.ArgumentParser] = {}
    for action in top._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, one in action.choices.items():
                named[name] = one
                named |= {f"{name} {below}": each for below, each in parsers(one).items()}
    return named


def _build(names: Collection[str], *, with_arguments: bool) -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(
        prog="harness",
        description="The same networks in Keras and PyTorch, exported to ONNX, proved equivalent and measured.",
        epilog="Example: harness run lenet5_1x1 fcn_1x1 --out results/runs/mine",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    of_command = top.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name in names:
        text = _help_of(FILES[name])
        one = of_command.add_parser(
            name,
            help=text.splitlines()[0],
            description=text,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        if with_arguments:
            module = importlib.import_module(f"harness.commands.{name}")
            module.add_arguments(one)
            one.set_defaults(main=module.main)
    return top


def _help_of(file: Path) -> str:
    """The docstring of a command's module; to parse the whole source would be most of what a start costs."""
    source = file.read_text(encoding="utf-8")
    quotes = '"""'
    return ast.get_docstring(ast.parse(source[: source.index(quotes, len(quotes)) + len(quotes)])) or ""
