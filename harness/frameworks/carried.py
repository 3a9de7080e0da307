"""A weight of a network as it is carried: its neutral name and shape, and how it is read and written there."""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.errors import HarnessError
from harness.frameworks import feature_order, vocabulary
from harness.frameworks.feature_order import Layout

Array = NDArray[np.float32]
Weights = dict[str, Array]


@dataclass(frozen=True, kw_only=True)
class Carried:
    """A weight by its neutral name. ``write`` takes an array of that shape."""

    name: str
    shape: tuple[int, ...]
    read: Callable[[], Array]
    write: Callable[[Array], None]


@dataclass(frozen=True, kw_only=True)
class Arrangement:
    """How an array of a definition lies, and how the neutral one does.

    Along each axis the features are taken in the canonical ``orders``. Then the axes are those of ``pattern``,
    and become those of ``target`` (:func:`harness.frameworks.vocabulary.rearrange`); ``sizes`` are by letter.
    """

    orders: tuple[NDArray[np.intp] | None, ...]
    pattern: str
    target: str
    sizes: Mapping[str, int]

    @property
    def shape(self) -> tuple[int, ...]:
        """The neutral shape."""
        return vocabulary.shape(self.target, self.sizes)

    def neutral(self, array: Array) -> Array:
        """The neutral array of one as it lies in the definition."""
        for number, order in enumerate(self.orders):
            array = array if order is None else array.take(order, number)
        return vocabulary.rearrange(array, self.pattern, self.target, self.sizes)

    def own(self, array: Array) -> Array:
        """The array as it lies in the definition, of a neutral one."""
        array = vocabulary.rearrange(array, self.target, self.pattern, self.sizes)
        for number, order in enumerate(self.orders):
            array = array if order is None else array.take(np.argsort(order), number)
        return array


def arrange(layout: Layout, pattern: str, target: str, sizes: Mapping[str, int], layer: str) -> Arrangement:
    """An array whose axes are those of the pattern. Raises :class:`HarnessError` if the order of one is not known."""
    return Arrangement(
        orders=tuple(feature_order.order(each, layer) for each in layout), pattern=pattern, target=target, sizes=sizes
    )


def arrange_by_role(layout: Layout, shape: Sequence[int], layer: str) -> Arrangement:
    """An array that is read element by element: its axes go channels first, and those of size one go away.

    If nobody says what an axis is, all stay as they are.
    """
    names = [f"a{number}" for number in range(len(shape))]
    sizes = dict(zip(names, shape, strict=True))
    roles = [feature_order.main_role(each) for each in layout]
    counting = [number for number, length in enumerate(shape) if length > 1]
    target = names
    if counting and all(roles[number] is not None for number in counting):
        target = [names[number] for number in sorted(counting, key=lambda number: roles[number] or 0)]
    return arrange(layout, " ".join(names), " ".join(target), sizes, layer)


def refuse_collisions(names: Sequence[tuple[str, str]]) -> None:
    """Raise :class:`HarnessError` if two weights, given by neutral name and by their own, have one neutral name."""
    for name, count in Counter(neutral for neutral, _ in names).items():
        if count > 1:
            own = " and ".join(repr(each) for neutral, each in names if neutral == name)
            raise HarnessError(
                f"{count} weights are called {name!r}: {own}. A dot or a slash in a name becomes an underscore, so "
                "that both frameworks have the same names. Give one of the layers another name."
            )


def match(weights: Weights, variables: Sequence[Carried]) -> Weights:
    """The weights by the names of the variables.

    Layers are matched by name. If the rest have automatic names in either framework, they are matched in their order,
    with shapes checked. Raises :class:`HarnessError` if weights are missing, left over, or of other shapes.
    """
    expected = {each.name: each.shape for each in variables}
    renamed = dict(weights)
    if set(weights) != set(expected):
        ours, theirs = _by_layer(expected, set(weights)), _by_layer(weights, set(expected))
        if _fits(ours, theirs, expected, weights):
            for mine, other in zip(ours, theirs, strict=True):
                for kind in ours[mine]:
                    renamed[f"{mine}.{kind}"] = renamed.pop(f"{other}.{kind}")
    check(renamed, expected)
    return renamed


def check(weights: Weights, expected: Mapping[str, tuple[int, ...]]) -> None:
    """Raise :class:`HarnessError` unless each expected weight is there, has its shape, and there is no other."""
    for name, shape in expected.items():
        if name not in weights:
            raise HarnessError(f"the weights lack {name!r}, which the network has with shape {shape}.{_remedy(name)}")
        if weights[name].shape != shape:
            raise HarnessError(f"{name!r} has shape {weights[name].shape}, the network expects {shape}.")
    extra = sorted(set(weights) - set(expected))
    if extra:
        raise HarnessError(f"the weights hold {extra[0]!r}, which the network does not have.{_remedy(extra[0])}")


def is_automatic(layer: str) -> bool:
    """Whether a framework named the layer: by its class in Keras, or by its place in a Sequential of PyTorch."""
    return bool(_AUTOMATIC.search(layer))


def snake_case(name: str) -> str:
    """A class as Keras names its layers: Conv2D becomes conv2d, BatchNormalization batch_normalization."""
    name = re.sub(r"(.)([A-Z][a-z0-9]+)", r"\1_\2", re.sub(r"\W+", "", name))
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()


_AUTOMATIC = re.compile(
    rf"^(.*_)?\d+$|(^|_)({'|'.join(snake_case(pair.keras) for pair in vocabulary.PAIRS)}|bidirectional)(_\d+)?$"
)


def _by_layer(names: Mapping[str, object], others: set[str]) -> dict[str, set[str]]:
    """The kinds of weights of each layer, in order, of which the other side has none by that name."""
    found: dict[str, set[str]] = {}
    for name in names:
        layer, _, kind = name.rpartition(".")
        found.setdefault(layer, set()).add(kind)
    known = {other.rpartition(".")[0] for other in others}
    return {layer: kinds for layer, kinds in found.items() if layer not in known}


def _fits(
    ours: dict[str, set[str]],
    theirs: dict[str, set[str]],
    expected: Mapping[str, tuple[int, ...]],
    weights: Weights,
) -> bool:
    return len(ours) == len(theirs) and all(
        (is_automatic(mine) or is_automatic(other))
        and ours[mine] == theirs[other]
        and all(expected[f"{mine}.{kind}"] == weights[f"{other}.{kind}"].shape for kind in ours[mine])
        for mine, other in zip(ours, theirs, strict=True)
    )


def _remedy(name: str) -> str:
    """What to do about a weight that one framework's layer has and the other's has not."""
    if name.endswith((".bias_hh_l0", ".bias_hh_l0_reverse")):
        return " PyTorch's GRU resets after the product with the hidden units: use `reset_after=True` in Keras."
    return ""
