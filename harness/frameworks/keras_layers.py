"""The layers of a Keras network that hold weights themselves, by the names that PyTorch's modules would have."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import keras

from harness.frameworks import carried, keras_flow
from harness.frameworks.keras_rules import is_of_keras

OF_KERAS = ("_layers", "_functional", "_metrics", "_self_")  # what attributes begin with that hold layers a second time


@dataclass(frozen=True, kw_only=True)
class Named:
    """A layer, its name, and the variables that are its own and not those of a layer inside it."""

    name: str
    layer: Any
    variables: tuple[Any, ...]


def list_named(model: keras.Model, called: dict[int, Any]) -> list[Named]:
    """The layers with weights, in the order in which they were called first; the others follow.

    The name of a layer inside another one is that of both with an underscore. A layer without a name of its own is
    named by the attribute that holds it. If there is none, its automatic name is counted anew in each network.
    """
    found = list(_walk(model, ""))
    places = {number: place for place, number in enumerate(called)}
    first: dict[int, Named] = {}
    for each in found:
        first.setdefault(id(each.layer), each)
    ordered = sorted(first.values(), key=lambda each: places.get(id(each.layer), len(places)))
    return [each for each in _renumber(ordered) if each.variables]


def _walk(layer: Any, name: str) -> Iterator[Named]:
    inner = list(_inner(layer)) if keras_flow.is_composite(layer) else []
    taken = {id(variable) for _, each in inner for variable in each.weights}
    yield Named(name=name, layer=layer, variables=tuple(each for each in layer.weights if id(each) not in taken))
    for attribute, each in inner:
        own = each.name if not _is_automatic(each) else attribute or each.name
        yield from _walk(each, f"{name}_{own}" if name else own)


def _inner(layer: Any) -> Iterator[tuple[str, Any]]:
    """The layers inside a model or a layer of one's own, each with the attribute that holds it, if any."""
    seen = set()
    if not is_of_keras(type(layer)):
        for attribute, value in vars(layer).items():
            for place, each in _held(value) if not attribute.startswith(OF_KERAS) else ():
                seen.add(id(each))
                yield f"{attribute}{place}", each
    for each in getattr(layer, "layers", ()):
        if id(each) not in seen:
            yield "", each


def _held(value: Any) -> Iterator[tuple[str, Any]]:
    """The layers that an attribute holds: one, or several in a list or dictionary."""
    if isinstance(value, keras.layers.Layer):
        yield "", value
    elif isinstance(value, list | tuple):
        for number, each in enumerate(value):
            for place, layer in _held(each):
                yield f"_{number}{place}", layer
    elif isinstance(value, dict):
        for name, each in value.items():
            for place, layer in _held(each):
                yield f"_{name}{place}", layer


def _is_automatic(layer: Any) -> bool:
    """Whether Keras named the layer: after its class, with a number that counts all of the process."""
    return bool(re.fullmatch(rf"{re.escape(carried.snake_case(type(layer).__name__))}(_\d+)?", layer.name))


def _renumber(layers: list[Named]) -> Iterator[Named]:
    """Automatic names, which differ between two networks of one process, counted in this one."""
    counts: Counter[str] = Counter()
    for each in layers:
        kind = carried.snake_case(type(each.layer).__name__)
        ending = re.search(rf"(^|_){re.escape(kind)}(_\d+)?$", each.name)
        if each.variables and ending is not None and _is_automatic(each.layer) and each.name.endswith(each.layer.name):
            before = each.name[: ending.start()] + ending.group(1)
            number = counts[before + kind]
            counts[before + kind] += 1
            yield Named(
                name=f"{before}{kind}{f'_{number}' if number else ''}", layer=each.layer, variables=each.variables
            )
        else:
            yield each
