"""Prove that the forms of a network are one function."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from harness.errors import HarnessError
from harness.frameworks.training import Progress
from harness.machine.arrays import read_arrays, save_arrays
from harness.measurements import answers
from harness.networks import catalog
from harness.pieces import artifacts, equivalence, evaluation, results
from harness.pieces.piece import Piece


def make(piece: Piece, folder: Path, threads: int, progress: Progress) -> None:
    """Compare the forms, two of each framework, and keep what each file predicts."""
    evaluated = evaluation.load(piece.needs[0].needs[0])
    forms: dict[str, Any] = {}  # logits
    classes: dict[str, Any] = {}
    exact = None
    for export in piece.needs:
        framework, found = export.framework, artifacts.read(export.folder / artifacts.FILE)
        logits = read_arrays(export.folder / "logits.npz")
        forms[framework], exact = logits["logits"], logits.get("exact", exact)
        forms[f"onnx from {framework}"] = evaluation.logits(found, evaluated.compared, threads)
        classes[framework] = answers.classes(forms[framework], threshold=0.0)
    if exact is None:
        raise HarnessError("the proof needs logits in float64, which no export has left.")
    files = {export.framework: artifacts.read(export.folder / artifacts.FILE) for export in piece.needs}
    kept = evaluation.predictions(files, evaluated, threads, progress)
    compared = {f"onnx from {export.framework}": kept[export.framework] for export in piece.needs}
    classes |= {form: found[: len(evaluated.compared)] for form, found in compared.items()}
    proof = equivalence.prove(forms, exact, classes, catalog.reference_framework(piece.request.architecture))
    save_arrays(folder / results.PREDICTIONS, kept)
    (folder / "equivalence.json").write_text(json.dumps(asdict(proof), indent=1))
