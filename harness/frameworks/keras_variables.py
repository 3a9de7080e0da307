"""The weights of a Keras network as they are carried, and its constants."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

import keras
import numpy as np

from harness.frameworks import carried, feature_order, keras_flow, vocabulary
from harness.frameworks.carried import Array, Carried
from harness.frameworks.keras_layers import Named, list_named
from harness.frameworks.keras_rules import kind_of
from harness.frameworks.vocabulary import Map

STATISTICS = ("moving_mean", "moving_variance")


def variables(model: keras.Model) -> list[Carried]:
    """Each trainable variable and running statistic, in the order of first use; random seeds are none.

    Raises :class:`HarnessError` if two have the same neutral name, or the order of features cannot be followed.
    """
    flow = _flow(model)
    feature_order.refuse_reordered(flow.at.kept)
    layers = list_named(model, flow.read)
    learned = _learned(layers)
    found = [
        (each, variable.path)
        for named in layers
        for variable in named.variables
        if id(variable) in learned or _is_statistic(named, variable)
        for each in _carried(named, variable, flow)
    ]
    carried.refuse_collisions([(each.name, path) for each, path in found])
    return [each for each, _ in found]


def constants(model: keras.Model) -> dict[str, Array]:
    """The variables that are neither learned nor running statistics: what the definition makes, by neutral name."""
    layers = list_named(model, {})
    learned = _learned(layers)
    return {
        f"{named.name}.{variable.name}": variable.numpy()
        for named in layers
        for variable in named.variables
        if id(variable) not in learned and not _is_statistic(named, variable)
    }


def _flow(model: keras.Model) -> keras_flow.Flow:
    shape = model.inputs[0].shape if getattr(model, "inputs", None) else _built_shape(model)
    if shape is None:
        return keras_flow.Flow()
    # An input of any size is followed at one: which axes it has is all that counts.
    return keras_flow.follow(model, (2, *(32 if length is None else length for length in shape[1:])))


def _built_shape(model: keras.Model) -> Sequence[int | None] | None:
    found = (model.get_build_config() or {}).get("input_shape")
    return found if isinstance(found, list | tuple) else None


def _learned(layers: Sequence[Named]) -> set[int]:
    """The variables that training changes, also of layers that are frozen now."""
    found: set[int] = set()
    for named in layers:
        before = named.layer.trainable
        named.layer.trainable = True
        found |= {id(variable) for variable in named.layer.trainable_weights}
        named.layer.trainable = before
    return found


def _is_statistic(named: Named, variable: Any) -> bool:
    return variable.name in STATISTICS and kind_of(named.layer) == "BatchNormalization"


def _carried(named: Named, variable: Any, flow: keras_flow.Flow) -> Iterator[Carried]:
    maps = [(each, suffix) for each, suffix in _maps(named.layer, variable)]
    if not maps:
        yield _by_role(f"{named.name}.{variable.name}", variable, flow, named.name)
    for each, suffix in maps:
        layer = f"{named.name}_{each.inner}" if each.inner else named.name
        name = f"{layer}.{each.torch}{suffix}"
        if each.from_axes == "c":
            yield _by_role(name, variable, flow, named.name)
        else:
            yield _mapped(name, variable, each, flow, named)


def _maps(layer: Any, variable: Any) -> list[tuple[Map, str]]:
    """Each neutral weight that the variable holds, with what its name ends in."""
    kind = kind_of(layer)
    if kind == "Bidirectional":
        forward = any(variable is each for each in layer.forward_layer.weights)
        inner = layer.forward_layer if forward else layer.backward_layer
        return [(each, "" if forward else "_reverse") for each, _ in _maps(inner, variable)]
    if kind == "EinsumDense":
        return [(found, "") for found in [_einsum_map(layer, variable)] if found is not None]
    pair = vocabulary.BY_KERAS.get(kind)
    if kind == "GRU" and not layer.reset_after:
        pair = vocabulary.RESET_BEFORE
    names = (variable.name, "/".join(variable.path.split("/")[-2:]))
    return [] if pair is None else [(each, "") for each in pair.maps if each.keras in names]


def _einsum_map(layer: Any, variable: Any) -> Map | None:
    """A dense layer by Einstein's notation is one of PyTorch: outputs, then what is summed over."""
    read, kernel, made = re.split(r",|->", layer.equation.replace(".", ""))
    inputs = [each for each in kernel if each in read]
    outputs = [each for each in kernel if each in made and each not in read]
    if len(inputs) + len(outputs) < len(kernel) or not inputs or not outputs or any(e in made for e in inputs):
        return None
    if variable.name == "kernel":
        target = f"({' '.join(outputs)}) ({' '.join(inputs)})"
        return Map(keras="kernel", torch="weight", from_axes=" ".join(kernel), to_axes=target)
    axes = made[len(made) - len(variable.shape) :]
    if set(axes) != set(outputs):
        return None
    return Map(keras="bias", torch="bias", from_axes=" ".join(axes), to_axes=f"({' '.join(outputs)})")


def _mapped(name: str, variable: Any, how: Map, flow: keras_flow.Flow, named: Named) -> Carried:
    pattern = how.from_axes.removeprefix("t ") if how.take is not None else how.from_axes
    layout = flow.at.of(variable)[1:] if how.take is not None else flow.at.of(variable)
    shape = tuple(variable.shape)[1:] if how.take is not None else tuple(variable.shape)
    known = {"g": len(how.gates)} if how.gates else {}
    sizes = vocabulary.measure(pattern, shape, known)
    arrangement = carried.arrange(layout, pattern, how.to_axes, sizes, named.name)

    def read() -> Array:
        array = variable.numpy()
        taken = array if how.take is None else array[how.take]
        return _gates(arrangement.neutral(taken), how.gates)

    def write(array: Array) -> None:
        inverse = tuple(int(place) for place in np.argsort(how.gates))
        found = arrangement.own(_gates(array, inverse))
        if how.take is not None:
            whole = variable.numpy().copy()
            whole[how.take] = found
            found = whole
        variable.assign(found)

    return Carried(name=name, shape=arrangement.shape, read=read, write=write)


def _by_role(name: str, variable: Any, flow: keras_flow.Flow, layer: str) -> Carried:
    arrangement = carried.arrange_by_role(flow.at.of(variable), tuple(variable.shape), layer)
    return Carried(
        name=name,
        shape=arrangement.shape,
        read=lambda: arrangement.neutral(variable.numpy()),
        write=lambda array: variable.assign(arrangement.own(array)),
    )


def _gates(array: Array, order: tuple[int, ...]) -> Array:
    """The gates, which are one after another along the first axis, in that order."""
    if len(order) < 2:
        return array
    return np.ascontiguousarray(array.reshape(len(order), -1, *array.shape[1:])[list(order)].reshape(array.shape))
