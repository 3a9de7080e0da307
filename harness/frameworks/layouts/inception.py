"""Inception-v3 as torchvision and timm publish it (the same names and the same graph), and Inception-v4 as timm does.

torchvision's weights are TF-Slim's, trained on x / 127.5 - 1. Its model computes that itself from
images scaled by ImageNet's mean and deviation (``transform_input``); ours is given it.
"""

import re

from harness.data.preprocessing import Preprocessing
from harness.frameworks.layouts.layout import Layout

_TORCHVISION = Preprocessing(scaling="minus_one_to_one", resize=342, crop=299, interpolation="bilinear")
_TIMM = Preprocessing(scaling="minus_one_to_one", resize=341, crop=299, interpolation="bicubic")  # 299 / 0.875

# mixed_5b_double_3x3_1_conv: module, branch, place in the branch, which of two flat convolutions, and layer.
_BRANCH = re.compile(r"mixed_(\d[a-h])_(double_)?(\dx\d|pool)(?:_(\d))?(?:_(1x3|3x1))?_(conv|bn)")
_FLAT = {"1x3": "a", "3x1": "b", None: ""}

_V3_STEM = {
    "conv_1a": "Conv2d_1a_3x3",
    "conv_2a": "Conv2d_2a_3x3",
    "conv_2b": "Conv2d_2b_3x3",
    "conv_3b": "Conv2d_3b_1x1",
    "conv_4a": "Conv2d_4a_3x3",
}
_V4_STEM = ("conv_1a", "conv_2a", "conv_2b")
_V4_FORKED = ("7b", "7c", "7d")  # whose branches fork once more
_V4_MODULES = ("3a", "4a", *(f"5{each}" for each in "abcde"), *(f"6{each}" for each in "abcdefgh"), "7a", *_V4_FORKED)


def v3_layer(ours: str) -> str:
    """The library's name of a layer: of ``mixed_5b_double_3x3_1_conv`` ``Mixed_5b.branch3x3dbl_2.conv``."""
    if ours == "logits":
        return "fc"
    found = _BRANCH.fullmatch(ours)
    if found is None:
        stem, _, part = ours.rpartition("_")
        return f"{_V3_STEM[stem]}.{part}"
    module, double, size, place, flat, part = found.groups()
    if size == "pool":
        return f"Mixed_{module}.branch_pool.{part}"
    size = "7x7x3" if (module, size) == ("7a", "7x7") else size
    number = "" if place is None else f"_{int(place) + 1}{_FLAT[flat]}"
    return f"Mixed_{module}.branch{size}{'dbl' * bool(double)}{number}.{part}"


def v4_layer(ours: str) -> str:
    """timm's name, which counts modules and branches: of ``mixed_5b_3x3_1_conv`` ``features.6.branch1.1.conv``."""
    if ours == "logits":
        return "last_linear"
    found = _BRANCH.fullmatch(ours)
    if found is None:
        stem, _, part = ours.rpartition("_")
        return f"features.{_V4_STEM.index(stem)}.{part}"
    module, double, size, place, flat, part = found.groups()
    block = f"features.{len(_V4_STEM) + _V4_MODULES.index(module)}"
    if module in ("3a", "5a"):  # a convolution beside a pooling
        return f"{block}.conv.{part}"
    branch = _v4_branch(module, bool(double), size)
    if place is None:
        return f"{block}.{branch}.{part}"
    dot = "_" if module in _V4_FORKED and size == "3x3" else "."  # no sequence, where it forks
    return f"{block}.{branch}{dot}{place}{_FLAT[flat]}.{part}"


def _v4_branch(module: str, double: bool, size: str) -> str:
    if module in ("4a", "6a", "7a"):  # which have no 1×1
        return "branch0" if size == "3x3" and not double else "branch1"
    if size in ("1x1", "pool"):
        return "branch0" if size == "1x1" else "branch3"
    return "branch2" if double else "branch1"


INCEPTION_V3 = (
    Layout(library="torchvision", preprocessing=_TORCHVISION, layer=v3_layer, beside=("AuxLogits.",)),
    Layout(library="timm", preprocessing=_TIMM, layer=v3_layer, beside=("AuxLogits.",)),
)
INCEPTION_V4 = (Layout(library="timm", preprocessing=_TIMM, layer=v4_layer),)
