"""The catalogue's networks as .onnx files, untrained: neither cost nor latency hangs on what a network has learned."""

from collections.abc import Sequence
from pathlib import Path

FRAMEWORKS = ("keras", "torch")


def export(names: Sequence[str], folder: Path) -> dict[tuple[str, str], str]:
    """Export the networks from both frameworks; the path of each (network, framework)."""
    from harness.data import images
    from harness.frameworks import untrained
    from harness.networks import catalog
    from harness.pieces import export_keras, export_torch

    files = {}
    for name in names:
        architecture = catalog.get(name)
        drawn = untrained.draw(architecture, images.sample(architecture, untrained.IMAGES), seed=0)
        for framework, exporter in zip(FRAMEWORKS, (export_keras, export_torch), strict=True):
            path = folder / f"{name}.{framework}.onnx"
            exporter.export(architecture, drawn, path, {})
            files[name, framework] = str(path.resolve())
    return files
