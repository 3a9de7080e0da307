"""Show or empty the cache: what was trained, exported, proved and downloaded before.

It stands in the system's place for caches, or where HARNESS_CACHE says.

Example:
  harness cache size
"""

import argparse

from harness.machine import cache
from harness.report.tables import FORMATS, print_table


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=("size", "clean"), help="size: what it holds; clean: remove all of it")
    parser.add_argument("--format", choices=FORMATS, default="table", help="default: table")


def main(args: argparse.Namespace) -> int:
    """Print what the cache holds, or what emptying it freed."""
    if args.action == "size":
        lines: list[dict[str, object]] = [
            {"kind": kind, "entries": entries, "bytes": size, "folder": str(cache.root() / kind)}
            for kind, (entries, size) in cache.sizes().items()
        ]
        print_table(("kind", "entries", "bytes", "folder"), lines, args.format)
    else:
        print_table(
            ("folder", "bytes_freed"), [{"folder": str(cache.root()), "bytes_freed": cache.clean()}], args.format
        )
    return 0
