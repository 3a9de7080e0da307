"""The same network in Keras and in PyTorch, exported to ONNX, proved equivalent and measured.

What is public is imported when it is first asked for, so that ``harness --help`` answers at once.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.architecture import Architecture, Augmentation, Optimizer, Published, Recipe

__version__ = "0.1.0"
__all__ = ["Architecture", "Augmentation", "Optimizer", "Published", "Recipe"]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found: object = getattr(importlib.import_module("harness.architecture"), name)
    return found
