"""The two models that latency itself is tried on: one whose call is short, and one of some milliseconds."""

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from harness.pieces import artifacts
from harness.timing import latency

from .exports import export

NAMES = ("lenet5_1x1", "squeezenet")
SQUEEZENET = "backend/test/data/light/light_squeezenet.onnx"  # in the package onnx


@dataclass(frozen=True, kw_only=True)
class Model:
    """A file, its one input with the shape of one image, and its one output."""

    name: str
    path: Path
    input: str
    output: str
    shape: tuple[int, ...]

    def subject(self, key: str, threads: int) -> latency.Subject:
        """The file as something to time."""
        return latency.Subject(key=key, model=self.path, shapes={self.input: self.shape}, threads=threads)


def get(name: str, folder: Path) -> Model:
    """The model of that name: onnx's light SqueezeNet, or a network of the catalogue, exported from PyTorch."""
    if name == "squeezenet":
        path, shape = Path(str(files("onnx") / SQUEEZENET)), (1, 3, 224, 224)
        return Model(name=name, path=path, input="data_0", output="softmaxout_1", shape=shape)
    artifact = artifacts.read(Path(export([name], folder)[name, "torch"]))
    shape = (1, *artifact.input_shape)
    return Model(name=name, path=artifact.path, input=artifacts.INPUT, output=artifacts.OUTPUT, shape=shape)
