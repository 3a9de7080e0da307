"""Weights as libraries publish them: one file a family, with what each library calls our layers.

In ImageNet's order of classes, as all of these libraries have it.
"""

from harness.frameworks.layouts.inception import INCEPTION_V3, INCEPTION_V4
from harness.frameworks.layouts.layout import Layout
from harness.frameworks.layouts.mobilenet import MOBILENET
from harness.frameworks.layouts.resnet import RESNETS
from harness.frameworks.layouts.vgg import VGG16, VGG19

LAYOUTS: dict[str, tuple[Layout, ...]] = {
    "inception_v3": INCEPTION_V3,
    "inception_v4": INCEPTION_V4,
    "mobilenet": MOBILENET,  # a base alone
    **RESNETS,
    "vgg16": VGG16,
    "vgg19": VGG19,
}
