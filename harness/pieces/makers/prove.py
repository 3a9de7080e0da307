"""Prove that the forms of a network are one function."""

import json
from dataclasses import asdict
from pathlib import Path

from harness.frameworks import weights
from harness.frameworks.training import Progress
from harness.machine.arrays import save_arrays
from harness.pieces import artifacts, equivalence, evaluation, form_outputs, results
from harness.pieces.explaining import Explanation
from harness.pieces.makers import export
from harness.pieces.piece import Piece


def make(piece: Piece, folder: Path, threads: int, progress: Progress) -> None:
    """Compare the forms, two of each framework, and keep what each file predicts."""
    architecture, (made,) = piece.request.architecture, piece.needs[0].needs
    evaluated = evaluation.load(made)
    files = {each.framework: artifacts.read(each.folder / artifacts.FILE) for each in piece.needs}
    forms = {each.framework: form_outputs.load(each.folder / export.OUTPUTS) for each in piece.needs}
    for framework, file in files.items():
        forms[f"onnx from {framework}"] = form_outputs.of_file(file, evaluated, threads)
    explanation = Explanation(
        architecture=architecture, made=weights.load(made.weights_file), files=files, on=evaluated
    )
    proof = equivalence.prove(forms, architecture.output, explanation)
    kept = evaluation.predictions(files, evaluated, threads, progress)
    save_arrays(folder / results.PREDICTIONS, kept)
    (folder / "equivalence.json").write_text(json.dumps(asdict(proof), indent=1))
