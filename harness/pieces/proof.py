"""The twin proof of one network in this process, from its definitions to the verdict: for experiments and tests.

A run proves in pieces, each framework in a process of its own (:mod:`harness.pieces.makers`); what is compared, and how
it is judged, is the same.
"""

import importlib
import tempfile
from pathlib import Path

from harness.data import images
from harness.frameworks import untrained, weights
from harness.measurements.types import Equivalence
from harness.networks import catalog
from harness.networks.architecture import Architecture
from harness.pieces import artifacts, equivalence, evaluation, form_outputs


def prove_pair(architecture: Architecture, seed: int = 0, *, files: bool = True) -> Equivalence:
    """Draw weights, run the network in every framework that defines it, export it, and judge.

    The architecture is of the catalogue, of a folder (``catalog.get("./folder")``), or of any importable package that
    its ``family`` names with dots. ``files=False`` compares the definitions alone. Raises :class:`HarnessError` for
    what cannot be built, run or exported.
    """
    on = evaluation.of_sample(architecture)
    reference = catalog.reference_framework(architecture)
    drawn = untrained.draw(architecture, images.sample(architecture, untrained.IMAGES), seed, reference)
    forms = {
        framework: form_outputs.of_framework(architecture, framework, drawn, on)
        for framework in catalog.frameworks(architecture)
    }
    if files:
        forms |= {f"onnx from {framework}": _of_file(architecture, framework, drawn, on) for framework in [*forms]}
    return equivalence.prove(forms, architecture.output)


def _of_file(
    architecture: Architecture, framework: str, drawn: weights.Weights, on: evaluation.Evaluation
) -> form_outputs.FormOutputs:
    exporter = importlib.import_module(f"harness.pieces.export_{framework}")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / artifacts.FILE
        exporter.export(architecture, drawn, path, {"ends_in": architecture.output})
        return form_outputs.of_file(artifacts.read(path), on, threads=1)
