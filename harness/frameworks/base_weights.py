"""ImageNet weights of a convolutional base, from a file as Keras or torchvision publishes it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from harness.errors import HarnessError
from harness.frameworks import tensor_files
from harness.frameworks.layouts import LAYOUTS
from harness.frameworks.layouts.layout import Layout, Library, Shape, misfit, places
from harness.frameworks.tensor_files import Form, Tensors
from harness.frameworks.weights import Weights
from harness.networks.architecture import Scaling

_SOURCES = {
    "vgg16": "keras.applications.VGG16 or torchvision.models.vgg16",
    "mobilenet": "keras.applications.MobileNet with alpha 1",
}

# What follows the base in the whole network, by the beginning of its names: ignored.
_CLASSIFIERS: Mapping[tuple[str, Form], tuple[str, ...]] = {
    ("vgg16", "keras 2"): ("fc1/", "fc2/", "predictions/"),
    ("vgg16", "keras 3"): ("layers/dense/", "layers/dense_1/", "layers/dense_2/"),
    ("vgg16", "torch"): ("classifier.",),
    ("mobilenet", "keras 2"): ("conv_preds/",),
    ("mobilenet", "keras 3"): ("layers/conv2d_14/",),
}

# Stated here, so that a plan reads a base without importing a framework.
_VGG16_CHANNELS = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))
_MOBILENET_CHANNELS = (64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 512, 1024, 1024)
_OF_NORMALISATION = ("weight", "bias", "running_mean", "running_var")


@dataclass(frozen=True, kw_only=True)
class BaseWeights:
    """The weights of a base, by neutral name, and how they expect images to be scaled."""

    weights: Weights
    layout: Library
    scaling: Scaling
    file_name: str
    sha256: str  # of the file

    @property
    def description(self) -> str:
        """Which file they came from, for a row."""
        return f"{self.file_name} ({self.layout} layout, sha256 {self.sha256[:8]}…)"


def read(path: Path, base: str) -> BaseWeights:
    """The weights of the base ("vgg16" or "mobilenet") in a file; a classifier after it is ignored.

    Raises :class:`HarnessError` for a file that cannot be read without executing what it holds, and
    for one that does not fit, with the first tensor that differs.
    """
    if base not in _SOURCES:
        raise HarnessError(f"no ImageNet weights are known for a base {base!r}: expected one of {', '.join(_SOURCES)}.")
    sha256 = tensor_files.sha256(path)
    with tensor_files.opened(path) as (form, tensors):
        layout = _layout(path, base, form)
        expected = places(layout, form, _shapes(base))
        if difference := misfit(tensors, expected, _CLASSIFIERS[base, form]):
            raise HarnessError(f"{path} is no {base} base: {difference}. Give a file of {_SOURCES[base]}.")
        _refuse_other_scaling(path, tensors)
        weights = {name: place.ours_of(tensors[place.name].read()) for name, place in expected.items()}
    return BaseWeights(
        weights=weights,
        layout=layout.library,
        scaling=layout.preprocessing.scaling,
        file_name=path.name,
        sha256=sha256,
    )


def _layout(path: Path, base: str, form: Form) -> Layout:
    """The first layout of the base that is written in that form."""
    for layout in LAYOUTS[base]:
        if layout.reads(form):
            return layout
    raise HarnessError(
        f"{path}: torchvision has no MobileNet v1, its later versions are other networks. "
        f"Give an .h5 file of {_SOURCES[base]}."
    )


def _refuse_other_scaling(path: Path, tensors: Tensors) -> None:
    """Refuse torchvision's IMAGENET1K_FEATURES, known by a classifier of nothing but NaN.

    They are of another source than IMAGENET1K_V1, and expect images less their mean, not divided by its deviation.
    """
    last = tensors.get("classifier.6.bias")
    if last and (last.shape, last.dtype) == ((1000,), "float32") and np.isnan(last.read()).all():
        raise HarnessError(
            f"{path} holds torchvision's IMAGENET1K_FEATURES, which expect images scaled in a way that no recipe has. "
            "Give its IMAGENET1K_V1."
        )


def _shapes(base: str) -> dict[str, Shape]:
    """The shape of each weight of the base, by neutral name, in the network's order."""
    return _vgg16_shapes() if base == "vgg16" else _mobilenet_shapes()


def _vgg16_shapes() -> dict[str, Shape]:
    shapes: dict[str, Shape] = {}
    inputs = 3
    for block, channels in enumerate(_VGG16_CHANNELS, 1):
        for place, outputs in enumerate(channels, 1):
            shapes[f"block{block}_conv{place}.weight"] = (outputs, inputs, 3, 3)
            shapes[f"block{block}_conv{place}.bias"] = (outputs,)
            inputs = outputs
    return shapes


def _mobilenet_shapes() -> dict[str, Shape]:
    inputs = 32
    shapes: dict[str, Shape] = {"conv1.weight": (inputs, 3, 3, 3), **_normalisation_shapes("conv1_bn", inputs)}
    for block, outputs in enumerate(_MOBILENET_CHANNELS, 1):
        shapes[f"conv_dw_{block}.weight"] = (inputs, 1, 3, 3)
        shapes |= _normalisation_shapes(f"conv_dw_{block}_bn", inputs)
        shapes[f"conv_pw_{block}.weight"] = (outputs, inputs, 1, 1)
        shapes |= _normalisation_shapes(f"conv_pw_{block}_bn", outputs)
        inputs = outputs
    return shapes


def _normalisation_shapes(layer: str, channels: int) -> dict[str, Shape]:
    return {f"{layer}.{kind}": (channels,) for kind in _OF_NORMALISATION}
