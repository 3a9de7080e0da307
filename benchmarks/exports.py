"""The catalogue's networks as .onnx files, untrained: neither cost nor latency hangs on what a network has learned."""

from collections.abc import Sequence
from pathlib import Path

FRAMEWORKS = ("keras", "torch")


def export(names: Sequence[str], folder: Path) -> dict[tuple[str, str], str]:
    """Export the networks from both frameworks; the path of each (network, framework)."""
    from harness import catalog, export_keras, export_torch, recipes, train_torch, weights

    files = {}
    for name in names:
        architecture = catalog.get(name)
        shapes = weights.shapes(weights.from_torch(train_torch.build(architecture)))
        first = recipes.first_weights(shapes, architecture.recipes["quick"], seed=0)
        for framework, exporter in zip(FRAMEWORKS, (export_keras, export_torch), strict=True):
            path = folder / f"{name}.{framework}.onnx"
            exporter.export(architecture, first, path, {})
            files[name, framework] = str(path.resolve())
    return files
