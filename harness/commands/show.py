"""Show one network: its facts, its recipes, and where its two definitions stand.

Example:
  harness show fcn_1x1
"""

import argparse
import json
from dataclasses import asdict

from harness import catalog
from harness.architecture import Architecture


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME")
    parser.add_argument("--format", choices=("table", "json"), default="table", help="default: table")


def main(args: argparse.Namespace) -> int:
    """Print the facts of the network."""
    facts = _facts(catalog.get(args.name))
    if args.format == "json":
        print(json.dumps(facts, indent=2, ensure_ascii=False))
        return 0
    from rich.console import Console
    from rich.pretty import Pretty
    from rich.table import Table

    table = Table("fact", "value", show_header=False, box=None, padding=(0, 2))
    for name, value in facts.items():
        table.add_row(name, value if isinstance(value, str) else Pretty(value, expand_all=isinstance(value, dict)))
    Console().print(table)
    return 0


def _facts(architecture: Architecture) -> dict[str, object]:
    definitions = {framework: str(catalog.definition_file(architecture, framework)) for framework in catalog.FRAMEWORKS}
    return {**asdict(architecture), "definitions": definitions}
