"""The twin proof of one network in this process, from its definitions to the verdict: for experiments and tests.

A run proves in pieces, each framework in a process of its own (:mod:`harness.pieces.makers`); what is compared, and how
it is judged, is the same.
"""

import importlib
import tempfile
from pathlib import Path

from harness.data import images
from harness.frameworks import endings, layers, untrained, weights
from harness.measurements.types import Artifact, Equivalence
from harness.networks import catalog
from harness.networks.architecture import Architecture
from harness.pieces import artifacts, equivalence, evaluation, form_outputs
from harness.pieces.explaining import Explanation


def prove_pair(architecture: Architecture, seed: int = 0, *, files: bool = True) -> Equivalence:
    """Draw weights, run the network in every framework that defines it, export it, and judge.

    The architecture is of the catalogue, of a folder (``catalog.get("./folder")``), or of any importable package that
    its ``family`` names with dots. ``files=False`` compares the definitions alone. Raises :class:`HarnessError` for
    what cannot be built, run or exported.
    """
    inspected = {name: layers.inspect_layers(architecture, name) for name in catalog.frameworks(architecture)}
    endings.check_orders(
        {equivalence.NAMES[name]: endings.arrange_shape(shape, name) for name, (_, shape) in inspected.items()}
    )
    on = evaluation.of_sample(architecture)
    reference = catalog.reference_framework(architecture)
    drawn = untrained.draw(architecture, images.sample(architecture, untrained.IMAGES), seed, reference)
    forms = {
        framework: form_outputs.of_framework(architecture, framework, drawn, on)
        for framework in catalog.frameworks(architecture)
    }
    with tempfile.TemporaryDirectory() as folder:
        exported = {name: _exported(architecture, name, drawn, Path(folder)) for name in forms} if files else {}
        forms |= {f"onnx from {name}": form_outputs.of_file(file, on, threads=1) for name, file in exported.items()}
        explanation = Explanation(architecture=architecture, made=drawn, files=exported, on=on)
        return equivalence.prove(forms, architecture.output, explanation)


def _exported(architecture: Architecture, framework: str, drawn: weights.Weights, folder: Path) -> Artifact:
    exporter = importlib.import_module(f"harness.pieces.export_{framework}")
    path = folder / f"{framework}.onnx"
    exporter.export(architecture, drawn, path, {"ends_in": architecture.output})
    return artifacts.read(path)
