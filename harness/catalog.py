"""The catalogue: every architecture by name. A new folder in ``models/`` is in it; nothing else changes."""

import difflib
import fnmatch
import importlib
import pkgutil
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from types import ModuleType

from harness.architecture import Architecture
from harness.errors import HarnessError

FRAMEWORKS = ("keras", "torch")
SETS = ("default", "lectures", "figure", "all")

# What a command takes when no network is named: one of each kind of layer that the lectures use, small
# enough to be trained, exported, proved and timed from both frameworks within minutes on two cores.
DEFAULT = (
    "cifar10_bn_elu",  # batch norm, ELU, dropout, augmentation
    "convnet_gmp",  # global max pooling
    "fcn_1x1",  # any input size, 1×1 convolutions in place of dense layers
    "fmnist_same",  # same padding with stride 2
    "lenet5_1x1",  # average pooling; so small that a call costs more than its arithmetic
    "lenet_mnist",  # convolutions, max pooling, a large dense layer
    "mlp_fmnist_relu_1",  # dense layers alone
    "shallownet",  # nearly all parameters in one dense layer
)


@cache
def architectures() -> dict[str, Architecture]:
    """Every architecture by its name, in alphabetical order. No framework is imported."""
    found: dict[str, Architecture] = {}
    package = importlib.import_module("harness.models")
    for family in sorted(module.name for module in pkgutil.iter_modules(package.__path__)):
        for architecture in importlib.import_module(f"harness.models.{family}").ARCHITECTURES:
            if architecture.name in found:
                raise HarnessError(f"two families of models/ define {architecture.name!r}: expected one.")
            found[architecture.name] = architecture
    return dict(sorted(found.items()))


def get(name: str) -> Architecture:
    """The architecture of that name; a :class:`HarnessError` names the nearest ones where there is none."""
    known = architectures()
    if name in known:
        return known[name]
    if matches := fnmatch.filter(known, name):
        raise HarnessError(f"one name is expected here, and {name!r} matches {', '.join(matches)}.")
    near = difflib.get_close_matches(name.casefold(), known, n=3, cutoff=0.4)
    hint = f"did you mean {', '.join(near)}?" if near else "`harness list` shows them all."
    raise HarnessError(f"no architecture is called {name!r}: {hint}")


def select(patterns: Sequence[str], of_set: str = "all") -> list[Architecture]:
    """The architectures that the names or globs choose, in order and once each; no pattern chooses a whole set.

    ``of_set`` is a set of the catalogue, one of :data:`SETS`; globs choose from it, but from everything
    where it is "default", which only stands for no pattern at all.
    """
    if not patterns and of_set == "default":
        return [get(name) for name in DEFAULT]
    everything = [a for a in architectures().values() if of_set in ("default", "all") or of_set in a.sets]
    if not patterns:
        return everything
    chosen: dict[str, Architecture] = {}
    for pattern in patterns:
        if not any(character in pattern for character in "*?["):
            chosen[pattern] = get(pattern)
            continue
        matches = fnmatch.filter([a.name for a in everything], pattern)
        if not matches:
            raise HarnessError(f"no architecture matches {pattern!r}: `harness list` shows them all.")
        chosen |= {name: get(name) for name in matches}
    return list(chosen.values())


def definition(architecture: Architecture, framework: str) -> ModuleType:
    """The module that defines the network in a framework; imports that framework."""
    name = f"harness.models.{architecture.family}.in_{framework}"
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and error.name.startswith("harness"):
            raise
        raise HarnessError(
            f"{framework} is not installed (no module {error.name!r}): "
            f"pip install 'onnx-harness[{framework}]' in this environment."
        ) from error


def definition_file(architecture: Architecture, framework: str) -> Path:
    """The source file of the definition, found without importing the framework."""
    family = importlib.import_module(f"harness.models.{architecture.family}")
    return Path(family.__path__[0]) / f"in_{framework}.py"
