"""ConvNeXt-Tiny as torchvision publishes it."""

from harness.data.preprocessing import Preprocessing
from harness.frameworks.layouts.layout import Layout

_OUTER = {"stem_conv": "features.0.0", "stem_norm": "features.0.1", "norm": "classifier.0", "logits": "classifier.2"}
_IN_BLOCK = {"conv": ".block.0", "norm": ".block.2", "dense1": ".block.3", "dense2": ".block.5", "scale": ""}
_BLOCKS = (3, 3, 9, 3)


def layer(ours: str) -> str:
    """torchvision's name of a layer: of ``stage2_block1_dense1`` ``features.3.0.block.3``."""
    if ours in _OUTER:
        return _OUTER[ours]
    stage, *rest = ours.split("_")
    number = int(stage.removeprefix("stage"))
    if len(rest) == 1:  # between two stages
        return f"features.{2 * number - 2}.{('norm', 'conv').index(rest[0])}"
    block, part = rest
    return f"features.{2 * number - 1}.{int(block.removeprefix('block')) - 1}{_IN_BLOCK[part]}"


_SCALES = [f"stage{stage}_block{block + 1}_scale" for stage, count in enumerate(_BLOCKS, 1) for block in range(count)]

CONVNEXT_TINY = (
    Layout(
        library="torchvision",
        preprocessing=Preprocessing(scaling="imagenet_rgb", resize=236, crop=224, interpolation="bilinear"),
        layer=layer,
        kinds={"gamma": "layer_scale"},
        maps=dict.fromkeys(_SCALES, (1, 1)),  # a factor for each channel of C, H, W
    ),
)
