"""What is asked of one network, and what it takes: its recipe, its data, its weights."""

from dataclasses import dataclass, replace
from functools import cache as remember
from pathlib import Path
from typing import Literal

from harness.data import datasets, imagenet, images
from harness.errors import HarnessError
from harness.frameworks import base_weights, imported, training
from harness.frameworks.base_weights import BaseWeights
from harness.frameworks.imported import Imported
from harness.networks import catalog
from harness.networks.architecture import Architecture, Recipe

# What exports a Keras definition; "auto": tf2onnx, and torch if that fails or writes a loop.
KerasExporter = Literal["auto", "tf2onnx", "torch"]


@dataclass(frozen=True, kw_only=True)
class Request:
    """What was asked for of one network."""

    architecture: Architecture
    profile: str
    trained_in: str
    seed: int
    data: str | None = None  # a data set in place of the recipe's, or ImageNet's validation images
    precision: training.Precision = "float32"  # of training
    epochs: int | None = None  # in place of the recipe's
    base_weights: Path | None = None  # a file of ImageNet weights, for networks with a base
    keras_exporter: KerasExporter = "auto"

    @property
    def recipe(self) -> Recipe:
        """How the network is trained. Raises :class:`HarnessError` where it has no such recipe."""
        recipe = self.architecture.recipes.get(self.profile)
        if recipe is None:
            known = ", ".join(self.architecture.recipes) or "none: its data set is not at hand"
            raise HarnessError(f"{self.architecture.name} has no recipe {self.profile!r}; it has {known}.")
        if self.base is not None:
            recipe = replace(recipe, scaling=self.base.scaling)
        if self.epochs:
            recipe = replace(recipe, epochs=self.epochs)
        return replace(recipe, dataset=self.data) if self.data else recipe

    @property
    def described_profile(self) -> str:
        """The profile, and what is not as its recipe says: such a row is none of the recipe's."""
        recipe = self.architecture.recipes.get(self.profile)
        if recipe is None or self.epochs in (None, recipe.epochs):
            return self.profile
        return f"{self.profile}, epochs {self.epochs}"

    @property
    def framework(self) -> str:
        """What trains it: the framework that was asked for, or the only one that it is defined in."""
        known = catalog.frameworks(self.architecture)
        return self.trained_in if self.trained_in in known else known[0]

    @property
    def base(self) -> BaseWeights | None:
        """The weights of the network's ImageNet base, read once; None where it takes random ones."""
        if self.base_weights is None or self.architecture.base is None:
            return None
        return _base(self.base_weights, self.architecture.base)

    @property
    def imported(self) -> Imported | None:
        """The weights that were imported for the network, where it has no training of its own."""
        return None if self.architecture.recipes else _imported(self.architecture.name)

    @property
    def validation(self) -> imagenet.Validation | None:
        """ImageNet's validation images, where they were named and imported weights expect such."""
        if self.imported is None or self.data is None or not self.data.startswith(imagenet.PREFIX):
            return None
        return _validation(self.data)

    @property
    def dataset(self) -> datasets.Dataset:
        """The data set that the network is trained on, read once a process."""
        return datasets.loaded(self.recipe.dataset, self.architecture.input_shape)

    @property
    def untrained(self) -> str:
        """Why the network cannot be trained here; empty where it can.

        No recipe, a data set that nobody may fetch, or one of other classes than the network's outputs.
        """
        architecture = self.architecture
        if not architecture.recipes:
            return f"no training on {architecture.dataset} is known here, and no weights were imported"
        recipe = self.recipe
        if recipe.dataset.startswith(imagenet.PREFIX):
            return f"{recipe.dataset} holds validation images, which nothing is trained on"
        if not datasets.obtainable(recipe.dataset):
            return (
                f"{recipe.dataset} is not on this machine; put it into HARNESS_DATA, or name a folder of images by "
                "--data folder:DIR"
            )
        if reason := images.misfit(recipe.dataset, datasets.classes(recipe.dataset), architecture):
            return reason
        try:
            images.adaptation(self.dataset, architecture, recipe)
        except HarnessError as error:  # of other channels, or too large to be padded
            return f"{recipe.dataset}: {error}"
        return ""


def sample_digest() -> str:
    """The digest of the embedded images, which a network without training is run on."""
    return datasets.loaded(datasets.SAMPLE).digest


@remember
def _base(path: Path, base: str) -> BaseWeights:
    return base_weights.read(path, base)


@remember
def _imported(name: str) -> Imported | None:
    return imported.find(name)


@remember
def _validation(name: str) -> imagenet.Validation:
    return imagenet.find(Path(name.removeprefix(imagenet.PREFIX)))
