"""Explain a command, an option of any command, or a topic; list the topics without one.

A topic is a group of options that belong together, such as evidence or sweeps.

Example:
  harness help sweeps
  harness help precision-target
  harness help gate
"""

import argparse
import difflib
from collections.abc import Iterator

from harness.commands import _parser
from harness.errors import HarnessError

_Group = argparse._ArgumentGroup


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("topic", nargs="?", metavar="TOPIC", help="a command, an option without dashes, or a topic")


def main(args: argparse.Namespace) -> int:
    """Print the help of the topic, or which there are."""
    if args.topic in _parser.FILES:
        print(_parser.parsers(_parser.parser(args.topic))[args.topic].format_help())
        return 0
    commands = _parser.parsers(_parser.whole_parser())
    if args.topic in commands:
        print(commands[args.topic].format_help())
        return 0
    if args.topic is None:
        _print_topics(commands)
        return 0
    wanted = args.topic.strip("-").casefold()
    parts = list(_explain(commands, wanted))
    if not parts:
        raise HarnessError(_unknown(commands, args.topic))
    print("\n".join(parts))
    return 0


def topic(group: _Group) -> str:
    """The word that a group of options is found by: the first of its title."""
    return (group.title or "").split()[0].strip(":,").casefold()


def _groups(command: argparse.ArgumentParser) -> list[_Group]:
    return [group for group in command._action_groups[2:] if group.title and _options(group._group_actions)]


def _options(actions: list[argparse.Action]) -> bool:
    return any(action.option_strings for action in actions)


def _explain(commands: dict[str, argparse.ArgumentParser], wanted: str) -> Iterator[str]:
    """The help of what has that name, once per command that has it."""
    for name, command in commands.items():
        for group in _groups(command):
            if topic(group) == wanted:
                yield _format(f"harness {name}: {group.title}", group.description, group._group_actions)
        options = [action for action in command._actions if f"--{wanted}" in action.option_strings]
        if options:
            yield _format(f"harness {name}", None, options)


def _format(title: str, description: str | None, actions: list[argparse.Action]) -> str:
    formatter = argparse.RawDescriptionHelpFormatter(prog="harness")
    formatter.start_section(title)
    formatter.add_text(description)
    formatter.add_arguments(actions)
    formatter.end_section()
    return formatter.format_help()


def _print_topics(commands: dict[str, argparse.ArgumentParser]) -> None:
    print("commands:")
    for name in _parser.FILES:
        print(f"  {name:16}{(commands[name].description or '').splitlines()[0]}")
    print("\ntopics:")
    found = {topic(group): (group.title, name) for name, command in commands.items() for group in _groups(command)}
    for word, (title, name) in found.items():
        print(f"  {word:16}`harness {name}`: {title}")
    print("\nharness help TOPIC explains one, and harness help OPTION one option.")


def _unknown(commands: dict[str, argparse.ArgumentParser], asked: str) -> str:
    known = {topic(group) for command in commands.values() for group in _groups(command)} | set(commands)
    for command in commands.values():
        known |= {option.strip("-") for action in command._actions for option in action.option_strings}
    near = difflib.get_close_matches(asked.strip("-").casefold(), known, n=3, cutoff=0.5)
    hint = f"did you mean {', '.join(near)}?" if near else "`harness help` lists them all."
    return f"no command, option or topic is called {asked!r}: {hint}"
