"""Saving the weights that a piece makes."""

from pathlib import Path

from harness.frameworks import weights
from harness.pieces.piece import WEIGHTS, Piece


def save(piece: Piece, folder: Path, made: weights.Weights) -> None:
    facts = {"architecture": piece.request.architecture.name, "made_in": piece.framework, "digest": piece.digest}
    weights.save(folder / WEIGHTS, made, facts)
