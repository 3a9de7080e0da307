"""The libraries whose models are public counts and layouts to test with: torchvision, and timm on top of it."""

import importlib
from functools import cache
from types import ModuleType

import torch

# Declarations of operators live as long as this does.
_OPERATORS = torch.library.Library("torchvision", "FRAGMENT")


@cache
def torchvision() -> ModuleType:
    """torchvision, also where its C++ operators do not load: its wheel is of CUDA, PyTorch's may be of the CPU.

    Its import registers shapes for two of those operators, and fails where nobody has declared them.
    """
    try:
        return importlib.import_module("torchvision")
    except RuntimeError as error:
        if "does not exist" not in str(error):
            raise
    for operator in ("nms", "qnms"):
        _OPERATORS.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    return importlib.import_module("torchvision")


def timm() -> ModuleType:
    """timm, whose models take torchvision for granted."""
    torchvision()
    return importlib.import_module("timm")
