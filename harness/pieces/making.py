"""Making a piece by the maker of its kind, as an entry of the cache that is whole or absent. Runs in a worker."""

import importlib

from harness.frameworks.training import Progress
from harness.machine import cache
from harness.networks import catalog
from harness.pieces.piece import Piece


def make(piece: Piece, threads: int, progress: Progress) -> None:
    """Make the piece, unless the cache has it already."""
    if piece.made:
        return
    if piece.framework in catalog.FRAMEWORKS:
        importlib.import_module(f"harness.frameworks.{piece.framework}_training").set_threads(threads)
    maker = importlib.import_module(f"harness.pieces.makers.{piece.kind}")
    with cache.building(piece.folder) as folder:
        maker.make(piece, folder, threads, progress)
    if piece.checkpoint:
        piece.checkpoint.unlink(missing_ok=True)
