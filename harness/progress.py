"""What is shown while something takes long: on standard error, and nothing where that is no terminal."""

import contextlib
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from harness.plan import Piece
from harness.training import Epoch

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID


def say(text: str) -> None:
    """One line for people, on standard error."""
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
        disable=not console.is_terminal,
    ) as progress:
        yield progress


class Pieces:
    """A bar for each piece in work, one for the plan, and a line for each piece that is finished."""

    def __init__(self, progress: "Progress", plan: list[Piece]) -> None:
        self.progress = progress
        self.total = progress.add_task("preparing", total=sum(piece.estimate_s for piece in plan), note="")
        self.tasks: dict[str, TaskID] = {}
        self.notes: dict[str, str] = {}

    def report(self, piece: Piece, share: float | None, epoch: Epoch | None) -> None:
        """Show how far a piece is, and what its last epoch came to; a share of None is its last word."""
        key = piece.digest
        if share is None:
            self._finish(piece)
            return
        if key not in self.tasks:
            self.tasks[key] = self.progress.add_task(piece.title, total=1, note="")
        if epoch is not None:
            self.notes[key] = (
                f"epoch {epoch.epoch}: loss {epoch.loss:.3f}, validation accuracy {epoch.validation_accuracy:.1%}"
            )
        self.progress.update(self.tasks[key], completed=share, note=self.notes.get(key, ""))

    def _finish(self, piece: Piece) -> None:
        if piece.digest in self.tasks:
            self.progress.remove_task(self.tasks[piece.digest])
        self.progress.advance(self.total, piece.estimate_s)
        note = f": {self.notes[piece.digest]}" if piece.digest in self.notes else ""
        say_above(self.progress, f"  {piece.title}{note}")


def say_above(progress: "Progress", text: str) -> None:
    """One line for people, above the live bars."""
    if progress.disable:
        say(text)
    else:
        progress.console.print(text, markup=False, highlight=False)
