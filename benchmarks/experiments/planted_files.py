"""Pairs of files for the gate: one as it was exported, and one with a planted change, of the same name."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from harness.data import images
from harness.frameworks import untrained
from harness.networks import catalog
from harness.pieces import artifacts, export_torch, tf2onnx_route
from harness.timing import small_models

from . import planted_changes as plants

WITH_RELU, WITH_BATCH_NORM = "lenet5_1x1", "cifar10_bn_elu"

Write = Callable[[Path], object]


@dataclass(frozen=True, kw_only=True)
class Planted:
    """A change by its name, and what writes the file without and with it."""

    name: str
    network: str
    base: Write
    head: Write

    def write(self, folder: Path) -> tuple[Path, Path]:
        """Both files, in folders of their own: a gate takes files of one name for versions of one."""
        paths = tuple(folder / self.name / side / f"{self.network}.onnx" for side in ("base", "head"))
        for path, write in zip(paths, (self.base, self.head), strict=True):
            path.parent.mkdir(parents=True, exist_ok=True)
            write(path)
        return paths[0], paths[1]


def of(folder: Path) -> list[Planted]:
    """Every planted change; what several of them start from is exported to the folder."""
    relu, batch_norm = _Exports(WITH_RELU), _Exports(WITH_BATCH_NORM)
    source = relu.torch(folder / "source.onnx")
    kept = batch_norm.torch(folder / "kept.onnx", fold=False)

    def changed(name: str, head: Callable[[Path, Path], None]) -> Planted:
        return Planted(name=name, network=WITH_RELU, base=_same(source), head=partial(head, source))

    def epsilon(value: float, folded: bool) -> Write:
        def write(path: Path) -> None:
            plants.with_epsilon(kept, path, value)
            if folded:
                plants.folded(path, path)

        return write

    def loosened(name: str, folded: bool) -> Planted:
        base, head = (epsilon(value, folded) for value in (plants.TIGHT, plants.LOOSE))
        return Planted(name=name, network=WITH_BATCH_NORM, base=base, head=head)

    def unfolded(name: str, export: Callable[..., Path]) -> Planted:
        return Planted(name=name, network=WITH_BATCH_NORM, base=export, head=partial(export, fold=False))

    return [
        Planted(name="a layer more", network="chain", base=_chain(plants.LAYERS), head=_chain(plants.LAYERS + 1)),
        changed("transposed input", plants.transposed_input),
        changed("transposed kernels", plants.transposed_kernels),
        loosened("epsilon 1e-3", folded=False),
        loosened("epsilon 1e-3, folded", folded=True),
        changed("1 % noise in the weights", plants.noisy_weights),
        changed("weights rounded to 8 bits", plants.rounded_weights),
        changed("8 bits", partial(plants.eight_bits, batches=[relu.batch])),
        changed("dropped fusion", plants.unfused),
        unfolded("PyTorch's exporter, optimize=False", batch_norm.torch),
        unfolded("Keras, batch norm not folded", batch_norm.keras),
    ]


def _same(source: Path) -> Write:
    return lambda path: shutil.copyfile(source, path)


def _chain(layers: int) -> Write:
    return lambda path: small_models.save_convolutions(path, layers, *plants.SHORT)


class _Exports:
    """The exports of one network with the same random weights."""

    def __init__(self, name: str) -> None:
        self.architecture = catalog.get(name)
        self.images = images.sample(self.architecture, untrained.IMAGES)
        self.weights = untrained.draw(self.architecture, self.images, seed=0)

    @property
    def batch(self) -> Any:
        return np.ascontiguousarray(self.images.transpose(0, 3, 1, 2))

    def torch(self, path: Path, fold: bool = True) -> Path:
        artifacts.finish(export_torch.convert(self.architecture, self.weights, fold=fold), path, {})
        return path

    def keras(self, path: Path, fold: bool = True) -> Path:
        artifacts.finish(tf2onnx_route.convert(self.architecture, self.weights, fold=fold), path, {})
        return path
