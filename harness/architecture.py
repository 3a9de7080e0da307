"""The types of a network's facts, at the place from which definitions of version 0.1 import them."""

from harness.networks.architecture import Architecture, Augmentation, Optimizer, Published, Recipe

__all__ = ["Architecture", "Augmentation", "Optimizer", "Published", "Recipe"]
