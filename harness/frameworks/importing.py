"""Reading a file of a library's weights into a network of ours, whose definition says which shapes it must have."""

import importlib.util
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from harness.data.preprocessing import Preprocessing
from harness.errors import HarnessError
from harness.frameworks import tensor_files, weights
from harness.frameworks.layouts import LAYOUTS
from harness.frameworks.layouts.layout import Layout, Library, Places, Shape, misfit, places
from harness.frameworks.layouts.unknown import of_keras, of_no_library
from harness.frameworks.tensor_files import Form, Tensors
from harness.frameworks.weights import Weights
from harness.networks import catalog
from harness.networks.architecture import Architecture


@dataclass(frozen=True, kw_only=True)
class Read:
    """The weights of a network by their neutral names, and what is known of the file that they are from."""

    weights: Weights
    layout: Library
    sha256: str
    preprocessing: Preprocessing


def read(path: Path, architecture: Architecture, library: Library | None = None) -> Read:
    """The weights in a file of the given library, or of the one whose names the file has.

    Raises :class:`HarnessError` for a network of which no library publishes weights, for a file of
    another one, with the first tensor that differs, and for one that cannot be read.
    """
    if architecture.name not in LAYOUTS:
        raise HarnessError(f"no weights can be imported for {architecture.name}: {of_no_library(architecture)}")
    sha256, ours = tensor_files.sha256(path), shapes(architecture)
    with tensor_files.opened(path) as (form, tensors):
        candidates = [(each, places(each, form, ours)) for each in _layouts(path, architecture, form, library)]
        layout, expected = max(candidates, key=lambda each: _named(each[1], tensors))  # the first of equals
        if difference := misfit(tensors, expected, layout.beside):
            raise HarnessError(
                f"{path} does not hold {architecture.name} as {layout.library} has it: {difference}. "
                f"Give {_wanted(architecture)}."
            )
        found = {name: place.ours_of(tensors[place.name].read()) for name, place in expected.items()}
    _refuse_not_finite(path, found)
    return Read(weights=found, layout=layout.library, sha256=sha256, preprocessing=layout.preprocessing_of(sha256))


def shapes(architecture: Architecture) -> dict[str, Shape]:
    """The shape of each weight of the network by its neutral name, in its order, as its definition says."""
    if importlib.util.find_spec("torch") is None:
        model = catalog.definition(architecture, "keras").build(**architecture.options)
        return weights.shapes(weights.from_keras(model))
    import torch

    from harness.frameworks import torch_variables

    with torch.device("meta"):  # shapes alone: no weight is drawn
        return torch_variables.names(catalog.definition(architecture, "torch").build(**architecture.options))


def _layouts(path: Path, architecture: Architecture, form: Form, library: Library | None) -> list[Layout]:
    """The layouts that a file of that form may have."""
    fitting = [layout for layout in LAYOUTS[architecture.name] if layout.reads(form)]
    if not fitting:
        raise HarnessError(f"{path} is of Keras, and {of_keras(architecture.name)} Give {_wanted(architecture)}.")
    chosen = [layout for layout in fitting if library in (None, layout.library)]
    if not chosen:
        raise HarnessError(
            f"--layout {library}: {path} is none of its {architecture.name}. Give {_wanted(architecture)}."
        )
    return chosen


def _named(expected: Places, tensors: Tensors) -> int:
    return sum(place.name in tensors for place in expected.values())


def _wanted(architecture: Architecture) -> str:
    """The files that fit, in words."""
    files = {"torchvision": "torchvision (.pth)", "timm": "timm (.safetensors)", "keras": "Keras (.h5)"}
    known = " or of ".join(files[layout.library] for layout in LAYOUTS[architecture.name])
    return f"{architecture.name} of {known}"


def _refuse_not_finite(path: Path, found: Weights) -> None:
    """Such are torchvision's IMAGENET1K_FEATURES of VGG-16, whose classifier is nothing but NaN."""
    for name, array in found.items():
        if not np.isfinite(array).all():
            raise HarnessError(
                f"{path} has values in {name} that are infinite or no numbers: give the weights of a whole network."
            )
