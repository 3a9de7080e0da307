"""Draw random weights."""

from pathlib import Path

from harness.data import images
from harness.frameworks import untrained
from harness.frameworks.training import Progress
from harness.pieces import own_weights
from harness.pieces.piece import Piece


def make(piece: Piece, folder: Path, _threads: int, _progress: Progress) -> None:
    """Save weights that are drawn for the network's first images."""
    architecture, seed = piece.request.architecture, piece.request.seed
    drawn = untrained.draw(architecture, images.sample(architecture, untrained.IMAGES), seed, piece.framework)
    own_weights.save(piece, folder, drawn)
