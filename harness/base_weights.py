"""ImageNet weights of a convolutional base, from a file as Keras or torchvision publishes it."""

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from harness import tensor_files
from harness.architecture import Scaling
from harness.errors import HarnessError
from harness.tensor_files import Form, Tensors
from harness.weights import Weights

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

Layout = Literal["keras", "torchvision"]
Shape = tuple[int, ...]

_SCALINGS: Mapping[tuple[str, Layout], Scaling] = {
    ("vgg16", "keras"): "imagenet_bgr",
    ("vgg16", "torchvision"): "imagenet_rgb",
    ("mobilenet", "keras"): "minus_one_to_one",
}
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

_VGG16_CHANNELS = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))
_MOBILENET_CHANNELS = (64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 512, 1024, 1024)
_TORCHVISION_VGG16 = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)  # where its features are convolutions
_KERAS_POSITIONS = {"weight": 0, "bias": 1, "running_mean": 2, "running_var": 3}  # among a layer's weights


@dataclass(frozen=True, kw_only=True)
class BaseWeights:
    """The weights of a base, by neutral name, and how they expect images to be scaled."""

    weights: Weights
    layout: Layout
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
    sha256 = _sha256(path)
    with tensor_files.opened(path) as (form, tensors):
        layout: Layout = "torchvision" if form == "torch" else "keras"
        if (base, layout) not in _SCALINGS:
            raise HarnessError(
                f"{path}: torchvision has no MobileNet v1, its later versions are other networks. "
                f"Give an .h5 file of {_SOURCES[base]}."
            )
        weights = _fitted(path, base, form, tensors)
    return BaseWeights(
        weights=weights, layout=layout, scaling=_SCALINGS[base, layout], file_name=path.name, sha256=sha256
    )


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise HarnessError(f"cannot read {path}: {error.strerror}. Name a file of ImageNet weights.") from error


def _fitted(path: Path, base: str, form: Form, tensors: Tensors) -> Weights:
    """The weights in PyTorch's layout; all tensors are compared before the first is read."""
    names = _names(base, form)
    axes = {name: None if form == "torch" else _keras_axes(name) for name in names}
    refusal = f"{path} is no {base} base: {{}}. Give a file of {_SOURCES[base]}."
    for name, shape in _shapes(base).items():
        stored = tensors.get(names[name])
        expected = f"float32 of shape {_permuted(shape, axes[name])}"
        found = f"{stored.dtype} of shape {stored.shape}" if stored else "missing"
        if found != expected:
            raise HarnessError(refusal.format(f"{names[name]!r} ({name}) must be {expected}, and is {found}"))
    for name in sorted(set(tensors) - set(names.values())):
        if not name.startswith(_CLASSIFIERS[base, form]):
            raise HarnessError(refusal.format(f"it has {name!r} as well"))
    _refuse_other_scaling(path, tensors)
    return {name: _transposed(tensors[stored].read(), axes[name]) for name, stored in names.items()}


def _refuse_other_scaling(path: Path, tensors: Tensors) -> None:
    """Refuse torchvision's IMAGENET1K_FEATURES, known by a classifier of nothing but NaN.

    They are of another source than IMAGENET1K_V1, and expect images less their mean, not divided by its deviation.
    """
    import numpy as np

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
    return {f"{layer}.{kind}": (channels,) for kind in _KERAS_POSITIONS}


def _names(base: str, form: Form) -> dict[str, str]:
    """What the file calls each weight of the base, by neutral name."""
    split = {name: name.split(".") for name in _shapes(base)}
    layers = list(dict.fromkeys(layer for layer, _ in split.values()))
    if form == "torch":
        places = dict(zip(layers, _TORCHVISION_VGG16, strict=True))
        return {name: f"features.{places[layer]}.{kind}" for name, (layer, kind) in split.items()}
    groups = _keras_3_groups(layers) if form == "keras 3" else {layer: layer for layer in layers}
    return {name: f"{groups[layer]}/{_KERAS_POSITIONS[kind]}" for name, (layer, kind) in split.items()}


def _keras_3_groups(layers: list[str]) -> dict[str, str]:
    """The group of each layer: its class, numbered in the network's order; the first has no number."""
    counts: Counter[str] = Counter()
    groups = {}
    for layer in layers:
        kind = _keras_class(layer)
        groups[layer] = f"layers/{kind}_{counts[kind]}/vars" if counts[kind] else f"layers/{kind}/vars"
        counts[kind] += 1
    return groups


def _keras_class(layer: str) -> str:
    if layer.endswith("_bn"):
        return "batch_normalization"
    return "depthwise_conv2d" if layer.startswith("conv_dw") else "conv2d"


def _keras_axes(name: str) -> Shape | None:
    """Keras' axes among PyTorch's: (H, W, in, out) of (out, in, H, W); depthwise, (H, W, C, 1) of (C, 1, H, W)."""
    layer, kind = name.split(".")
    if kind != "weight" or layer.endswith("_bn"):
        return None
    return (2, 3, 0, 1) if _keras_class(layer) == "depthwise_conv2d" else (2, 3, 1, 0)


def _permuted(shape: Shape, axes: Shape | None) -> Shape:
    return shape if axes is None else tuple(shape[axis] for axis in axes)


def _transposed(array: "NDArray[numpy.float32]", axes: Shape | None) -> "NDArray[numpy.float32]":
    import numpy as np

    return np.ascontiguousarray(array if axes is None else array.transpose(np.argsort(axes)))
