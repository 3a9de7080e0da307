"""ResNet-18 to -152 and ResNeXt-50 as torchvision and timm publish them: the same names and the same graph."""

from collections.abc import Mapping

from harness.data.preprocessing import Preprocessing
from harness.frameworks.layouts.layout import Layout

_TORCHVISION = Preprocessing(scaling="imagenet_rgb", resize=256, crop=224, interpolation="bilinear")
_TORCHVISION_V2 = Preprocessing(scaling="imagenet_rgb", resize=232, crop=224, interpolation="bilinear")
# timm resizes to 224 / 0.95. Its weights of other recipes differ in this: what it lists first is taken.
_TIMM = Preprocessing(scaling="imagenet_rgb", resize=235, crop=224, interpolation="bicubic")

_OUTER = {"stem_conv": "conv1", "stem_bn": "bn1", "logits": "fc"}
_SHORTCUT = {"shortcut_conv": "downsample.0", "shortcut_bn": "downsample.1"}


def layer(ours: str) -> str:
    """The library's name of a layer: of ``stage1_block2_conv3`` ``layer1.1.conv3``."""
    if ours in _OUTER:
        return _OUTER[ours]
    stage, block, part = ours.split("_", 2)
    number = int(block.removeprefix("block")) - 1
    return f"layer{stage.removeprefix('stage')}.{number}.{_SHORTCUT.get(part, part)}"


def layouts(v2: str | None = None) -> tuple[Layout, ...]:
    """The layouts of one depth; ``v2`` begins the SHA-256 of torchvision's file IMAGENET1K_V2."""
    editions: Mapping[str, Preprocessing] = {v2: _TORCHVISION_V2} if v2 else {}
    return (
        Layout(library="torchvision", preprocessing=_TORCHVISION, layer=layer, editions=editions),
        Layout(library="timm", preprocessing=_TIMM, layer=layer),
    )


RESNETS = {
    "resnet18": layouts(),
    "resnet34": layouts(),
    "resnet50": layouts("11ad3fa6"),
    "resnet101": layouts("cd907fc2"),
    "resnet152": layouts("f82ba261"),
    "resnext50_32x4d": layouts("1a0047aa"),
}
