"""Hold a definition of the user's own against its facts, before anything is made of it."""

import json
import math
from pathlib import Path

from harness.errors import HarnessError
from harness.frameworks import endings, layers
from harness.frameworks.training import Progress
from harness.pieces.piece import Piece

OUTPUT = "output.json"


def make(piece: Piece, folder: Path, _threads: int, _progress: Progress) -> None:
    """Count the definition, and keep how its output lies.

    Raises :class:`HarnessError` if it cannot be built and run, has several outputs, or contradicts its facts.
    """
    architecture = piece.request.architecture
    table, output_shape = layers.inspect_layers(architecture, piece.framework)
    counted = {"params": sum(layer.params for layer in table)}
    if all(layer.macs is not None for layer in table):
        counted["macs"] = sum(layer.macs or 0 for layer in table)
    counted["outputs"] = math.prod(output_shape)
    for name, count in counted.items():
        if count != (stated := getattr(architecture, name)):
            raise HarnessError(
                f"{architecture.name} has {name}={count:_} in {piece.framework}, its facts say {stated:_}: correct "
                f"the __init__.py of {architecture.family}."
            )
    (folder / OUTPUT).write_text(json.dumps(endings.arrange_shape(output_shape, piece.framework)))


def output(checked: Piece) -> tuple[int, int]:
    """The places and the classes of the definition's output."""
    places, classes = json.loads((checked.folder / OUTPUT).read_text())
    return places, classes
