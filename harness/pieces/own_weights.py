"""The weights that a piece makes: checked against the facts before, saved after."""

import math
from pathlib import Path

from harness.errors import HarnessError
from harness.frameworks import layers, weights
from harness.networks import catalog
from harness.pieces.piece import WEIGHTS, Piece


def check_facts(piece: Piece) -> None:
    """Compare the facts of a network of the user's own with its definition; this project's tests do so of the rest."""
    architecture = piece.request.architecture
    if not catalog.foreign(architecture):
        return
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


def save(piece: Piece, folder: Path, made: weights.Weights) -> None:
    facts = {"architecture": piece.request.architecture.name, "made_in": piece.framework, "digest": piece.digest}
    weights.save(folder / WEIGHTS, made, facts)
