"""Which modules of this package a module depends on, read from the import statements of the source."""

import re
from collections.abc import Callable
from functools import cache as remember
from pathlib import Path

from harness.machine.installed import ROOT

# Ten times as fast as to parse each file; the tests hold it against a library's graph.
STATEMENT = re.compile(
    rf"^[ \t]*(?:from|import)[ ]+({ROOT.name}(?:\.\w+)*)(?:[ ]+import[ ]+(\([^)]*\)|[^\n#]*))?", re.MULTILINE
)
NAME = re.compile(r"(\w+)(?:[ ]+as[ ]+\w+)?")


def closure(modules: tuple[str, ...], *, without: Callable[[str], bool] = lambda _: False) -> tuple[Path, ...]:
    """The files of these modules and of all that they import in turn, in the order of their paths.

    Imports inside functions count. ``without`` says which modules are left out, with what they alone import. A module
    that is imported by a name that the source computes must be among ``modules``.
    """
    found: set[str] = set()
    todo = list(modules)
    while todo:
        module = todo.pop()
        if module not in found and not without(module):
            found.add(module)
            todo += imports(module)
    return tuple(sorted(file(module) for module in found))


@remember
def imports(module: str) -> tuple[str, ...]:
    """The modules of this package that one imports, and the packages that they lie in.

    The root's own are left out: it imports what is public only for whoever asks for it.
    """
    if module == ROOT.name:
        return ()
    found: set[str] = set()
    for package, names in STATEMENT.findall(file(module).read_text(encoding="utf-8")):
        for name in ("", *NAME.findall(names)):
            parts = f"{package}.{name}".rstrip(".").split(".")
            found |= {".".join(parts[:end]) for end in range(1, len(parts) + 1)}
    return tuple(sorted(name for name in found if file(name).is_file()))


def file(module: str) -> Path:
    """The source file of a module of this package, that of a package being its ``__init__.py``."""
    place = ROOT.joinpath(*module.split(".")[1:])
    return place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
