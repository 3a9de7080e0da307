"""The catalogue: every architecture by name. A new folder in ``models/`` is in it; nothing else changes.

A folder of the user's own is none of it; where a name is expected, its path is taken as well.
"""

import fnmatch
import os
from collections.abc import Sequence
from pathlib import Path

from harness.errors import HarnessError
from harness.networks import families
from harness.networks.architecture import Architecture
from harness.networks.families import FRAMEWORKS, definition, definition_file, frameworks

__all__ = ["FRAMEWORKS", "definition", "definition_file", "frameworks"]

SETS = ("default", "lectures", "figure", "modern", "today", "all")
JOINED = {"today": ("figure", "modern")}  # sets of sets

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


def architectures() -> dict[str, Architecture]:
    """Every architecture by its name, in alphabetical order. No framework is imported."""
    return families.architectures()


def get(name: str) -> Architecture:
    """The architecture of that name, or of a folder: DIR, or DIR:NAME where it has several.

    A :class:`HarnessError` names the nearest ones where there is none.
    """
    known = architectures()
    if name in known:
        return known[name]
    if is_folder(name):
        (found, *others) = _of_folder(name)
        if others:
            names = ", ".join(f"{name}:{member.name}" for member in (found, *others))
            raise HarnessError(f"one network is expected here, and {name} has several: {names}.")
        return found
    if matches := fnmatch.filter(known, name):
        raise HarnessError(f"one name is expected here, and {name!r} matches {', '.join(matches)}.")
    import difflib

    near = difflib.get_close_matches(name.casefold(), known, n=3, cutoff=0.4)
    hint = f"did you mean {', '.join(near)}?" if near else "`harness list` shows them all."
    raise HarnessError(f"no architecture is called {name!r}: {hint}")


def select(patterns: Sequence[str], of_set: str = "all") -> list[Architecture]:
    """The architectures that the names or globs choose, in order and once each; no pattern chooses a whole set.

    ``of_set`` is a set of the catalogue, one of :data:`SETS`; names and globs choose from it, but from everything
    where it is "default", which only stands for no pattern at all. A folder of the user's is in no set.
    """
    if not patterns and of_set == "default":
        return [get(name) for name in DEFAULT]
    members = {of_set, *JOINED.get(of_set, ())}
    everything = [a for a in architectures().values() if of_set in ("default", "all") or not members.isdisjoint(a.sets)]
    if not patterns:
        return everything
    chosen: dict[str, Architecture] = {}
    for pattern in patterns:
        if is_folder(pattern):
            chosen |= {reference(architecture): architecture for architecture in _of_folder(pattern)}
            continue
        if not any(character in pattern for character in "*?["):
            chosen[pattern] = get(pattern)
            if chosen[pattern] not in everything:
                raise HarnessError(f"{pattern} is not in the set {of_set}: leave out --set, or the name.")
            continue
        matches = fnmatch.filter([a.name for a in everything], pattern)
        if not matches:
            where = "" if of_set in ("default", "all") else f" in the set {of_set}"
            raise HarnessError(f"no architecture matches {pattern!r}{where}: `harness list` shows them all.")
        chosen |= {name: get(name) for name in matches}
    return list(chosen.values())


def foreign(architecture: Architecture) -> bool:
    """Whether the network is none of this project: of an installed package, or of a folder of the user's own."""
    return "." in architecture.family or os.sep in architecture.family


def reference(architecture: Architecture) -> str:
    """What :func:`get` finds the architecture by, in any process."""
    if Path(architecture.family).is_absolute():
        return f"{architecture.family}:{architecture.name}"
    return architecture.name


def is_folder(name: str) -> bool:
    """Whether a folder is meant and not a name of the catalogue."""
    return name not in architectures() and (os.sep in name or Path(name).is_dir())


def _of_folder(name: str) -> tuple[Architecture, ...]:
    """The networks of DIR, or the one of DIR:NAME. None of them may have the name of one in the catalogue."""
    folder, member = (name, "") if Path(name).is_dir() else name.rpartition(":")[::2]
    found = families.of_folder(Path(folder or name))
    chosen = tuple(architecture for architecture in found if member in ("", architecture.name))
    if not chosen:
        raise HarnessError(f"{folder} has no {member!r}: it has {', '.join(each.name for each in found)}.")
    for architecture in chosen:
        if architecture.name in architectures():
            raise HarnessError(f"{folder}: {architecture.name!r} is a network of the catalogue: choose another name.")
    return chosen


def reference_framework(architecture: Architecture) -> str:
    """The framework whose form the others are held against: PyTorch, if the network is defined in it."""
    known = frameworks(architecture)
    return "torch" if "torch" in known else known[0]
