"""What is known of each tensor while a network is followed, whatever the framework."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from harness.frameworks import feature_order
from harness.frameworks.feature_order import CHANNEL, Axis, Layout, axis


@dataclass(frozen=True, kw_only=True)
class Call:
    """A call of a function or layer, with the tensors that it read and made. ``where`` is its name for errors."""

    operation: Any
    where: str
    made: Sequence[Any]
    read: Sequence[Any]
    args: Sequence[Any] = ()
    named: Mapping[str, Any] = field(default_factory=dict)

    def argument(self, number: int, name: str, default: Any = None) -> Any:
        """An argument by its place or its name."""
        return self.args[number] if len(self.args) > number else self.named.get(name, default)


class Layouts:
    """The layouts of tensors and weights, by the id of each.

    ``kept`` are the axes that must be in the canonical order as they are, with the layer that needs it. ``placed``
    are the ids of weights that a layer reads as what it has them for; others are read element by element.
    """

    def __init__(self) -> None:
        self.known: dict[int, tuple[Any, Layout]] = {}
        self.kept: list[tuple[Axis, str]] = []
        self.placed: set[int] = set()

    def put(self, tensor: Any, layout: Layout) -> None:
        """Note the layout of a tensor, and keep the tensor, so that no other gets its id."""
        self.known[id(tensor)] = tensor, layout

    def of(self, tensor: Any) -> Layout:
        """The layout of a tensor; one of which nothing is known has axes without a role."""
        if id(tensor) not in self.known:
            self.put(tensor, tuple(axis(length or 2) for length in tensor.shape))
        return self.known[id(tensor)][1]

    def weight(self, tensor: Any) -> Layout:
        """The layout of a layer's weight, which the layer has for what it is; () if there is none."""
        if tensor is None:
            return ()
        self.placed.add(id(tensor))
        return self.of(tensor)

    def bias(self, tensor: Any, outputs: Axis, where: str) -> None:
        """A layer's outputs are channels, unless a reader says otherwise, and its bias has one value for each."""
        name_channels(outputs)
        if tensor is not None:
            feature_order.align(self.weight(tensor)[0], outputs, where)


def name_channels(of: Axis) -> None:
    """What a layer makes are channels, unless a reader says otherwise."""
    for leaf in feature_order.leaves(of):
        if leaf.default is None:
            leaf.default = CHANNEL
