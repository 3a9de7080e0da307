"""VGG-16 and -19 as Keras, torchvision and timm publish them."""

from collections.abc import Sequence

from harness.data.preprocessing import Preprocessing
from harness.frameworks.layouts.layout import Layout

RGB = Preprocessing(scaling="imagenet_rgb", resize=256, crop=224, interpolation="bilinear")
BGR = Preprocessing(scaling="imagenet_bgr", resize=256, crop=224, interpolation="bilinear")

_MAPS = {"fc1": (512, 7, 7)}


def layouts(convolutions: Sequence[int]) -> tuple[Layout, ...]:
    """The layouts of the network whose blocks have so many convolutions."""
    features = _features(convolutions)
    torchvision = {**features, "fc1": "classifier.0", "fc2": "classifier.3", "logits": "classifier.6"}
    timm = {**features, "fc1": "pre_logits.fc1", "fc2": "pre_logits.fc2", "logits": "head.fc"}
    return (
        Layout(library="torchvision", preprocessing=RGB, layer=torchvision.__getitem__),
        Layout(library="timm", preprocessing=RGB, layer=timm.__getitem__, maps={**_MAPS, "fc2": (4096, 1, 1)}),
        Layout(library="keras", preprocessing=BGR, layer=_in_keras, maps=_MAPS),
    )


def _features(convolutions: Sequence[int]) -> dict[str, str]:
    """Convolutions by their number in ``features``, which counts their ReLUs and the pooling of each block too."""
    names, number = {}, 0
    for block, count in enumerate(convolutions, 1):
        for place in range(1, count + 1):
            names[f"block{block}_conv{place}"] = f"features.{number}"
            number += 2
        number += 1
    return names


def _in_keras(layer: str) -> str:
    return "predictions" if layer == "logits" else layer


VGG16 = layouts((2, 2, 3, 3, 3))
VGG19 = layouts((2, 2, 4, 4, 4))
