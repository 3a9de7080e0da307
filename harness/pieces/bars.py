"""What is shown of pieces in work: a bar for each, and a line for each that is finished."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from harness.frameworks.training import Epoch
from harness.machine import progress
from harness.pieces import carrying_out
from harness.pieces.piece import Piece

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID


def make_pieces(plan: Sequence[Piece]) -> dict[str, BaseException]:
    """Make the pieces that are missing, with live bars; give the errors by digest."""
    todo = [piece for piece in plan if not piece.made]
    if not todo:
        return {}
    with progress.bars() as shown:
        return carrying_out.carry_out(todo, PieceBars(shown, todo).report)


class PieceBars:
    """A bar for each piece in work, one for the plan, and a line for each piece that is finished."""

    def __init__(self, bars: "Progress", plan: list[Piece]) -> None:
        self.bars = bars
        self.total = bars.add_task("preparing", total=sum(piece.estimate_s for piece in plan), note="")
        self.tasks: dict[str, TaskID] = {}
        self.notes: dict[str, str] = {}

    def report(self, piece: Piece, share: float | None, epoch: Epoch | None) -> None:
        """Show how far a piece is, and what its last epoch came to; a share of None is its last word."""
        key = piece.digest
        if share is None:
            self._finish(piece)
            return
        if key not in self.tasks:
            self.tasks[key] = self.bars.add_task(piece.title, total=1, note="")
        if epoch is not None:
            self.notes[key] = (
                f"epoch {epoch.epoch}: loss {epoch.loss:.3f}, validation accuracy {epoch.validation_accuracy:.1%}"
            )
        self.bars.update(self.tasks[key], completed=share, note=self.notes.get(key, ""))

    def _finish(self, piece: Piece) -> None:
        if piece.digest in self.tasks:
            self.bars.remove_task(self.tasks[piece.digest])
        self.bars.advance(self.total, piece.estimate_s)
        note = f": {self.notes[piece.digest]}" if piece.digest in self.notes else ""
        progress.say_above(self.bars, f"  {piece.title}{note}")
