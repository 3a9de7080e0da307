"""The catalogue's networks as .onnx files, untrained: neither cost nor latency hangs on what a network has learned."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

FRAMEWORKS = ("keras", "torch")


def export(names: Sequence[str], folder: Path) -> dict[tuple[str, str], str]:
    """Export the networks from both frameworks; the path of each (network, framework)."""
    from harness import catalog, export_keras, export_torch, recipes, train_torch, weights

    files = {}
    for name in names:
        architecture = catalog.get(name)
        shapes = weights.shapes(weights.from_torch(train_torch.build(architecture)))
        first = recipes.first_weights(shapes, architecture.recipes["quick"], seed=0)
        random = np.random.default_rng(0)
        for array in first.values():
            if array.ndim < 2:  # equal biases would be merged into one by the exporters
                array += random.uniform(0, 0.1, array.shape).astype(np.float32)
        for framework, exporter in zip(FRAMEWORKS, (export_keras, export_torch), strict=True):
            path = folder / f"{name}.{framework}.onnx"
            exporter.export(architecture, first, path, {})
            files[name, framework] = str(path.resolve())
    return files
