"""Weights as libraries publish them: one file a family, with what each library calls our layers.

In ImageNet's order of classes, as all of these libraries have it.
"""

from harness.frameworks.layouts.convnext import CONVNEXT_TINY
from harness.frameworks.layouts.densenet import DENSENET121
from harness.frameworks.layouts.inception import INCEPTION_V3, INCEPTION_V4
from harness.frameworks.layouts.inverted import EFFICIENTNET_B0, MOBILENET_V2, MOBILENET_V3_SMALL
from harness.frameworks.layouts.layout import Layout
from harness.frameworks.layouts.mobilenet import MOBILENET
from harness.frameworks.layouts.resnet import RESNETS
from harness.frameworks.layouts.vgg import VGG16, VGG19

LAYOUTS: dict[str, tuple[Layout, ...]] = {
    "convnext_tiny": CONVNEXT_TINY,
    "densenet121": DENSENET121,
    "efficientnet_b0": EFFICIENTNET_B0,
    "inception_v3": INCEPTION_V3,
    "inception_v4": INCEPTION_V4,
    "mobilenet": MOBILENET,  # a base alone
    "mobilenet_v2": MOBILENET_V2,
    "mobilenet_v3_small": MOBILENET_V3_SMALL,
    **RESNETS,
    "vgg16": VGG16,
    "vgg19": VGG19,
}
