"""Weights as libraries publish them: one file a family, with what each library calls our layers.

In ImageNet's order of classes, as all of these libraries have it.
"""

from harness.layouts.inception import INCEPTION_V3, INCEPTION_V4
from harness.layouts.layout import Layout
from harness.layouts.mobilenet import MOBILENET
from harness.layouts.resnet import RESNETS
from harness.layouts.vgg import VGG16, VGG19

LAYOUTS: dict[str, tuple[Layout, ...]] = {
    "inception_v3": INCEPTION_V3,
    "inception_v4": INCEPTION_V4,
    "mobilenet": MOBILENET,  # a base alone
    **RESNETS,
    "vgg16": VGG16,
    "vgg19": VGG19,
}
