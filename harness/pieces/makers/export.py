"""Export a network with its weights to ONNX, from one framework."""

import importlib
from pathlib import Path
from typing import Any

import numpy as np

from harness.frameworks import weights
from harness.frameworks.training import Progress
from harness.machine import cache
from harness.networks import catalog
from harness.networks.architecture import Architecture
from harness.pieces import artifacts, equivalence, evaluation
from harness.pieces.piece import Piece


def make(piece: Piece, folder: Path, _threads: int, _progress: Progress) -> None:
    """Write the file, and the logits that the framework itself gives on the images that are compared."""
    (made,) = piece.needs
    architecture = piece.request.architecture
    loaded = weights.load(made.weights_file)
    exporter = importlib.import_module(f"harness.pieces.export_{piece.framework}")
    source = catalog.definition_file(architecture, piece.framework)
    exporter.export(
        architecture,
        loaded,
        folder / artifacts.FILE,
        {
            "weights": made.digest,
            "trained_in": made.framework if made.kind == "train" else "",
            "definition": cache.digest({"": source.read_text()}),
        },
    )
    test = evaluation.load(made).compared
    logits = _torch_logits if piece.framework == "torch" else _keras_logits
    np.savez(folder / "logits.npz", **logits(architecture, loaded, test))


def _torch_logits(architecture: Architecture, loaded: weights.Weights, test: Any) -> dict[str, Any]:
    """Logits in float32 on every test image, and in float64 on those of the proof."""
    from harness.frameworks import torch_training

    model = torch_training.build(architecture)
    weights.to_torch(model, loaded)
    single = torch_training.logits(model, test)
    return {"logits": single, "exact": torch_training.logits(model.double(), test[: equivalence.PROOF_IMAGES])}


def _keras_logits(architecture: Architecture, loaded: weights.Weights, test: Any) -> dict[str, Any]:
    from harness.frameworks import keras_training

    model = keras_training.build(architecture)
    weights.to_keras(model, loaded)
    found: dict[str, Any] = {"logits": keras_training.logits(model, test)}
    if catalog.reference_framework(architecture) == "keras":
        found["exact"] = keras_training.exact_logits(architecture, loaded, test[: equivalence.PROOF_IMAGES])
    return found
