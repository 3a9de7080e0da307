"""DenseNet-121 as torchvision publishes it: its module has ``norm1`` where the published file has ``norm.1``."""

import re

from harness.data.preprocessing import Preprocessing
from harness.frameworks.layouts.layout import Layout

_PREPROCESSING = Preprocessing(scaling="imagenet_rgb", resize=256, crop=224, interpolation="bilinear")
_OUTER = {"stem_conv": "features.conv0", "stem_bn": "features.norm0", "bn": "features.norm5", "logits": "classifier"}


def layer(ours: str) -> str:
    """torchvision's name of a layer: of ``stage1_layer2_bn1`` ``features.denseblock1.denselayer2.norm1``."""
    if ours in _OUTER:
        return _OUTER[ours]
    stage, inner, part = ours.split("_")
    number, kind = int(stage.removeprefix("stage")), part.replace("bn", "norm")
    if inner == "transition":  # which stands before a stage here, and behind the one before there
        return f"features.transition{number - 1}.{kind}"
    return f"features.denseblock{number}.dense{inner}.{kind}"


def published_layer(ours: str) -> str:
    """The same in the published file: ``features.denseblock1.denselayer2.norm.1``."""
    return re.sub(r"(denselayer\d+\.(?:norm|conv))(\d)", r"\1.\2", layer(ours))


DENSENET121 = (
    Layout(library="torchvision", preprocessing=_PREPROCESSING, layer=layer),
    Layout(library="torchvision", preprocessing=_PREPROCESSING, layer=published_layer),
)
