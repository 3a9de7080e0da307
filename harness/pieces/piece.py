"""One step of a plan, and the steps that one network takes."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from harness.machine import cache
from harness.measurements.subject_key import FLOAT32
from harness.pieces.request import Request

# "import": made by `harness weights import`
Kind = Literal["check", "draw", "train", "import", "export", "prove", "convert", "compare"]
WEIGHTS = "weights.safetensors"


@dataclass(frozen=True, kw_only=True)
class Piece:
    """One step that makes one entry of the cache from other entries.

    Of kind "import" it is already made: the weights lie in a place of their own.
    """

    kind: Kind
    framework: str
    request: Request
    digest: str
    needs: tuple["Piece", ...]
    estimate_s: float
    precision: str = FLOAT32  # of the file that is made or compared

    @property
    def folder(self) -> Path:
        return cache.root() / self.kind / self.digest

    @property
    def weights_file(self) -> Path:
        """Where the piece leaves weights, or finds those that were imported."""
        if self.kind == "import":
            assert self.request.imported is not None
            return self.request.imported.weights_file
        return self.folder / WEIGHTS

    @property
    def checkpoint(self) -> Path | None:
        """Where the state of a training that may take hours is kept; None of any other piece."""
        if self.kind != "train" or not self.takes_hours:
            return None
        return cache.root() / "checkpoint" / f"{self.digest}.safetensors"

    @property
    def made(self) -> bool:
        return self.weights_file.is_file() if self.kind == "import" else cache.whole(self.folder)

    @property
    def takes_hours(self) -> bool:
        """Whether it may: by a lecture's recipe, or over ImageNet's validation images."""
        if self.kind in ("prove", "compare"):
            return self.request.validation is not None
        return self.kind == "train" and self.request.profile != "quick"

    @property
    def title(self) -> str:
        """In words; of a lower precision, which file it is made from."""
        made = self.framework if self.precision == FLOAT32 else f"{self.source}, {self.precision}"
        return f"{self.kind} {self.request.architecture.name} ({made})"

    @property
    def source(self) -> str:
        """Whose exporter made the file, or the one that it was converted from."""
        return self.needs[0].source if self.kind in ("convert", "compare") else self.framework


@dataclass(frozen=True, kw_only=True)
class Pieces:
    """The pieces of one network: weights made once, exported from its frameworks, proved equivalent.

    ``converted`` are the files of lower precisions, ``compared`` what each differs in from the one it was made from.
    """

    weights: Piece
    exports: dict[str, Piece]  # by framework
    prove: Piece
    converted: dict[tuple[str, str], Piece] = field(default_factory=dict)  # by framework and precision
    compared: dict[tuple[str, str], Piece] = field(default_factory=dict)

    @property
    def exported(self) -> tuple[Piece, ...]:
        """What every row needs, in the order in which it is made."""
        return (*earlier(self.weights), self.weights, *self.exports.values(), self.prove)

    @property
    def all(self) -> tuple[Piece, ...]:
        """In the order in which they are made."""
        return (*self.exported, *self.converted.values(), *self.compared.values())

    @property
    def untrained(self) -> str:
        """Why the weights are random; empty where they are not."""
        return self.weights.request.untrained if self.weights.kind == "draw" else ""


def earlier(piece: Piece) -> tuple[Piece, ...]:
    """The pieces that this one needs, and those that they need."""
    return tuple(each for need in piece.needs for each in (*earlier(need), need))
