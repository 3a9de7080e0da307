"""The networks of inverted residuals as torchvision publishes them: MobileNetV2, MobileNetV3-Small, EfficientNet-B0."""

import re
from collections.abc import Callable, Mapping, Sequence

from harness.data.preprocessing import Preprocessing
from harness.frameworks.layouts.layout import Layout

_V1 = Preprocessing(scaling="imagenet_rgb", resize=256, crop=224, interpolation="bilinear")
_V2 = Preprocessing(scaling="imagenet_rgb", resize=232, crop=224, interpolation="bilinear")
_BICUBIC = Preprocessing(scaling="imagenet_rgb", resize=256, crop=224, interpolation="bicubic")

_NUMBER = {"conv": 0, "bn": 1}


def _mobilenet_v2() -> dict[str, str]:
    """torchvision's name of each block, in a row with the stem before them and the head behind."""
    blocks = [f"stage{stage}_block{number}" for stage, count in enumerate((1, 2, 3, 4, 3, 3, 1), 1)
              for number in range(1, count + 1)]  # fmt: skip
    return {name: f"features.{place}" for place, name in enumerate(("stem", *blocks, "head"))}


_BLOCKS_V2 = _mobilenet_v2()


def v2_layer(ours: str) -> str:
    """torchvision's name of a layer of MobileNetV2: of ``stage2_block1_project_bn`` ``features.2.conv.3``."""
    if ours == "logits":
        return "classifier.1"
    name, part = _split(ours)
    if name in _BLOCKS_V2:
        return f"{_BLOCKS_V2[name]}.{_NUMBER[part]}"
    block, _, step = name.rpartition("_")
    steps = ("depthwise", "project") if block == "stage1_block1" else ("expand", "depthwise", "project")
    place = steps.index(step)
    if step == "project":  # which stands in the row of the others, without a group of its own
        return f"{_BLOCKS_V2[block]}.conv.{place + _NUMBER[part]}"
    return f"{_BLOCKS_V2[block]}.conv.{place}.{_NUMBER[part]}"


def v3_layer(ours: str) -> str:
    """torchvision's name of a layer of MobileNetV3-Small: of ``block4_squeeze_conv1`` ``features.4.block.2.fc1``."""
    outer = {"stem": "features.0", "head": "features.12", "dense": "classifier.0", "logits": "classifier.3"}
    return _in_block(ours, outer, _v3_steps, lambda block: f"features.{block.removeprefix('block')}")


def b0_layer(ours: str) -> str:
    """torchvision's name of a layer of EfficientNet-B0: of ``stage2_block1_expand_bn`` ``features.2.0.block.0.1``."""
    outer = {"stem": "features.0", "head": "features.8", "logits": "classifier.1"}
    return _in_block(ours, outer, _b0_steps, _b0_block)


def _in_block(
    ours: str, outer: Mapping[str, str], steps: Callable[[str], Sequence[str]], named: Callable[[str], str]
) -> str:
    if ours in outer:
        return outer[ours]
    name, part = _split(ours)
    if name in outer:
        return f"{outer[name]}.{_NUMBER[part]}"
    block, _, step = name.rpartition("_")
    last = f"fc{part[-1]}" if step == "squeeze" else str(_NUMBER[part])
    return f"{named(block)}.block.{steps(block).index(step)}.{last}"


def _v3_steps(block: str) -> Sequence[str]:
    if block == "block1":
        return ("depthwise", "squeeze", "project")
    squeezes = block not in ("block2", "block3")
    return ("expand", "depthwise", *(["squeeze"] if squeezes else []), "project")


def _b0_steps(block: str) -> Sequence[str]:
    steps = ("expand", "depthwise", "squeeze", "project")
    return steps[1:] if block == "stage1_block1" else steps


def _b0_block(block: str) -> str:
    stage, number = re.findall(r"\d+", block)
    return f"features.{stage}.{int(number) - 1}"


def _split(ours: str) -> tuple[str, str]:
    """A layer's name without its last part, and that part."""
    name, _, part = ours.rpartition("_")
    return name, part


MOBILENET_V2 = (Layout(library="torchvision", preprocessing=_V1, layer=v2_layer, editions={"7ebf99e0": _V2}),)
MOBILENET_V3_SMALL = (Layout(library="torchvision", preprocessing=_V1, layer=v3_layer),)
EFFICIENTNET_B0 = (Layout(library="torchvision", preprocessing=_BICUBIC, layer=b0_layer),)
