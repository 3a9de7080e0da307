"""What is shown while something takes long: on standard error, and nothing where that is no terminal."""

import contextlib
import sys
from collections.abc import Iterator
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress


_shown = ContextVar("shown", default=True)


@contextlib.contextmanager
def shown(wanted: bool) -> Iterator[None]:
    """Within this context, whether anything is shown: a library is silent unless it is asked."""
    token = _shown.set(wanted)
    try:
        yield
    finally:
        _shown.reset(token)


def say(text: str) -> None:
    """One line for people, on standard error."""
    if _shown.get():
        print(text, file=sys.stderr, flush=True)


@contextlib.contextmanager
def bars() -> "Iterator[Progress]":
    """Live bars; where standard error is no terminal they are not drawn."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TextColumn("{task.percentage:>3.0f}%"),
        TimeElapsedColumn(),
        TextColumn("{task.fields[note]}"),
        console=console,
        disable=not (console.is_terminal and _shown.get()),
    ) as progress:
        yield progress


def say_above(progress: "Progress", text: str) -> None:
    """One line for people, above the live bars."""
    if progress.disable:
        say(text)
    else:
        progress.console.print(text, markup=False, highlight=False)
