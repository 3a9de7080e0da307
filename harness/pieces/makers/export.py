"""Export a network with its weights to ONNX, from one framework."""

import importlib
from pathlib import Path

from harness.errors import HarnessError
from harness.frameworks import weights
from harness.frameworks.training import Progress
from harness.machine import cache
from harness.networks import catalog
from harness.pieces import artifacts, evaluation, form_outputs
from harness.pieces.piece import Piece

OUTPUTS = "outputs.npz"  # beside the file: what the framework itself gives


def make(piece: Piece, folder: Path, _threads: int, _progress: Progress) -> None:
    """Write the file, and what the framework itself gives on the images that are compared."""
    (made,) = piece.needs
    architecture = piece.request.architecture
    loaded = weights.load(made.weights_file)
    exporter = importlib.import_module(f"harness.pieces.export_{piece.framework}")
    source = catalog.definition_file(architecture, piece.framework)
    facts = {
        "weights": made.digest,
        "trained_in": made.framework if made.kind == "train" else "",
        "definition": cache.digest({"": source.read_text()}),
        "ends_in": architecture.output,
    }
    chosen = {"exporter": piece.request.keras_exporter} if piece.framework == "keras" else {}
    try:
        exporter.export(architecture, loaded, folder / artifacts.FILE, facts, **chosen)
    except HarnessError as error:
        raise HarnessError(f"{architecture.name} cannot be exported from {piece.framework}: {error}") from error
    outputs = form_outputs.of_framework(architecture, piece.framework, loaded, evaluation.load(made))
    form_outputs.save(folder / OUTPUTS, outputs)
