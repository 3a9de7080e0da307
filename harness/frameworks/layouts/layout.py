"""How a library lays a network out in a file: what it calls each layer there, and how its weights lie."""

import math
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from harness.data.preprocessing import Preprocessing
from harness.frameworks.tensor_files import Form, Tensors

Library = Literal["torchvision", "timm", "keras"]
Shape = tuple[int, ...]

_KERAS_POSITIONS = {"weight": 0, "bias": 1, "running_mean": 2, "running_var": 3}  # among a layer's weights
_COUNTERS = ".num_batches_tracked"  # what PyTorch counts in training


@dataclass(frozen=True, kw_only=True)
class Layout:
    """One network as one library publishes it.

    ``layer`` gives the library's name of each of our layers, and ``kinds`` of a kind of weight, if it has another.
    ``maps`` holds what a library's array has beyond our first axis: the (C, H, W) of the maps that a dense layer
    reads flattened (Keras flattens them as H, W, C, and timm has a convolution in its place), or axes of size one.
    Names that begin with one of ``beside`` are of what our network does not have. ``editions`` says how images
    are made ready for certain published files, by the first digits of their SHA-256.
    """

    library: Library
    preprocessing: Preprocessing
    layer: Callable[[str], str]
    kinds: Mapping[str, str] = field(default_factory=dict)
    maps: Mapping[str, Shape] = field(default_factory=dict)
    beside: tuple[str, ...] = ()
    editions: Mapping[str, Preprocessing] = field(default_factory=dict)

    def reads(self, form: Form) -> bool:
        """Whether the library writes files of that form."""
        return (self.library == "keras") == form.startswith("keras")

    def preprocessing_of(self, sha256: str) -> Preprocessing:
        """How images are made ready for the weights of a file."""
        return next((found for begin, found in self.editions.items() if sha256.startswith(begin)), self.preprocessing)


@dataclass(frozen=True, kw_only=True)
class LayerPlace:
    """Where a file has one of our weights, and in which shape.

    It is reshaped to ``split``, its axes are taken in the order ``axes``, and then merged to ``ours``.
    """

    name: str
    shape: Shape
    split: Shape
    axes: Shape
    ours: Shape

    def ours_of(self, array: NDArray[np.float32]) -> NDArray[np.float32]:
        """The array of the file as PyTorch lays it out in our network."""
        return np.ascontiguousarray(array.reshape(self.split).transpose(self.axes).reshape(self.ours))


Places = dict[str, LayerPlace]  # by the neutral name of the weight


def places(layout: Layout, form: Form, shapes: Mapping[str, Shape]) -> Places:
    """Where a file of that form has each weight, whose shapes are given in the network's order."""
    layers: dict[str, dict[str, Shape]] = {}
    for name, shape in shapes.items():
        layer, _, kind = name.rpartition(".")
        layers.setdefault(layer, {})[kind] = shape
    counts: Counter[str] = Counter()
    found = {}
    for layer, kinds in layers.items():
        group = _numbered(_keras_class(kinds), counts) if form == "keras 3" else layout.layer(layer)
        for kind, shape in kinds.items():
            maps = layout.maps.get(layer) if kind in ("weight", "gamma") else None
            if form == "torch":
                found[f"{layer}.{kind}"] = _in_torch(f"{group}.{layout.kinds.get(kind, kind)}", shape, maps)
            else:
                found[f"{layer}.{kind}"] = _in_keras(f"{group}/{_KERAS_POSITIONS[kind]}", shape, maps)
    return found


def misfit(tensors: Tensors, expected: Places, beside: tuple[str, ...]) -> str:
    """In words, the first tensor of a file that is not as expected; empty where all are. No value is read."""
    for ours, place in expected.items():
        stored = tensors.get(place.name)
        wanted = f"float32 of shape {place.shape}"
        found = f"{stored.dtype} of shape {stored.shape}" if stored else "missing"
        if found != wanted:
            return f"{place.name!r} ({ours}) must be {wanted}, and is {found}"
    for name in sorted(set(tensors) - {place.name for place in expected.values()}):
        if not name.startswith(beside) and not name.endswith(_COUNTERS):
            return f"it has {name!r} as well"
    return ""


def _in_torch(name: str, ours: Shape, maps: Shape | None) -> LayerPlace:
    shape = (ours[0], *maps) if maps else ours
    return LayerPlace(name=name, shape=shape, split=shape, axes=tuple(range(len(shape))), ours=ours)


def _in_keras(name: str, ours: Shape, maps: Shape | None) -> LayerPlace:
    """Dense kernels are (in, out), convolutions (H, W, in, out), depthwise ones (H, W, C, 1) for our (C, 1, H, W)."""
    if maps:
        channels, height, width = maps
        split = (height, width, channels, ours[0])
        return LayerPlace(name=name, shape=(math.prod(maps), ours[0]), split=split, axes=(3, 2, 0, 1), ours=ours)
    to_keras = tuple(reversed(range(len(ours))))
    if len(ours) == 4:
        to_keras = (2, 3, 0, 1) if ours[1] == 1 else (2, 3, 1, 0)
    shape = tuple(ours[axis] for axis in to_keras)
    back = tuple(to_keras.index(axis) for axis in range(len(ours)))
    return LayerPlace(name=name, shape=shape, split=shape, axes=back, ours=ours)


def _numbered(kind: str, counts: Counter[str]) -> str:
    """The group of the next layer of a class: the first has no number."""
    counts[kind] += 1
    return f"layers/{kind}/vars" if counts[kind] == 1 else f"layers/{kind}_{counts[kind] - 1}/vars"


def _keras_class(kinds: Mapping[str, Shape]) -> str:
    """The class of a layer, told by the shapes of its weights."""
    if "running_mean" in kinds:
        return "batch_normalization"
    if len(kinds["weight"]) == 2:
        return "dense"
    return "depthwise_conv2d" if kinds["weight"][1] == 1 else "conv2d"
