"""Train by the recipe of the request."""

import json
from pathlib import Path

from harness.data import images
from harness.frameworks import training, untrained, weights
from harness.frameworks.training import Progress
from harness.pieces import own_weights
from harness.pieces.piece import Piece


def make(piece: Piece, folder: Path, _threads: int, progress: Progress) -> None:
    """Save the trained weights, and the history of each epoch."""
    request = piece.request
    data = images.prepare(request.dataset, request.architecture, request.recipe)
    trained, history = training.train(
        piece.framework,
        request.architecture,
        request.recipe,
        data,
        seed=request.seed,
        progress=progress,
        given=_given(piece, data),
        precision=request.precision,
        checkpoint=piece.checkpoint,
    )
    own_weights.save(piece, folder, trained)
    (folder / "history.json").write_text(json.dumps(history.to_json(), indent=1))


def _given(piece: Piece, data: images.Images) -> weights.Weights:
    """Weights that training begins with in place of first ones: of an earlier training, or of an ImageNet base.

    A base that nobody gives weights for gets random ones, through which images still differ.
    """
    for earlier in piece.needs:
        return weights.load(earlier.weights_file)
    request = piece.request
    if request.base is not None:
        return dict(request.base.weights)
    if request.architecture.base is None:
        return {}
    scaled = data.scaled(data.x_train[: untrained.IMAGES])
    drawn = untrained.draw(request.architecture, scaled, request.seed, piece.framework)
    return {name: array for name, array in drawn.items() if training.frozen(name.partition(".")[0], request.recipe)}
