"""Which layer of its network each node of a file belongs to, as the exporter names it.

PyTorch writes the names of the modules beside each node. Others write them into the names of nodes, as a path
("block1/conv/BiasAdd"), or into those of weights ("block1.conv.weight"). A node that tells nothing, like an activation,
belongs to the layer that it reads from.
"""

import ast
from collections.abc import Collection, Mapping, Sequence
from typing import Any

SCOPES = "pkg.torch.onnx.name_scopes"  # the modules around a node, outermost first, and the node's own name
PATH, WEIGHT = "/", "."


def read_layers(model: Any) -> dict[str, str]:
    """By the name of a node (else that of its first output): its layer; empty where nothing tells.

    What all names begin with, the name of the network, is left out.
    """
    graph = model.graph
    stored = {tensor.name for tensor in graph.initializer}
    layers: dict[str, str] = {}
    of_value: dict[str, str] = {}
    for node in graph.node:
        read = (of_value[name] for name in node.input if of_value.get(name))
        layer = _own_layer(node, stored) or next(read, "")
        layers[node.name or next(iter(node.output), "")] = layer
        of_value |= dict.fromkeys(node.output, layer)
    return _shortened(layers)


def _own_layer(node: Any, stored: Collection[str]) -> str:
    """The layer that a node tells of itself."""
    scopes = next((_listed(entry.value) for entry in node.metadata_props if entry.key == SCOPES), [])
    named = [scope for scope in scopes[:-1] if scope]
    if named:
        return named[-1]
    if PATH in node.name.strip(PATH):
        return str(node.name.strip(PATH).rpartition(PATH)[0])
    weights = (name.rpartition(WEIGHT)[0] for name in node.input if name in stored and WEIGHT in name)
    return next(weights, "")


def _listed(text: str) -> list[str]:
    """A list of texts as Python writes it; none if it is anything else."""
    try:
        found = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return []
    return [str(one) for one in found] if isinstance(found, list) else []


def _shortened(layers: Mapping[str, str]) -> dict[str, str]:
    """The layers without the parts that all of them begin with, as long as each keeps one."""
    for separator in (PATH, WEIGHT):
        parts = [layer.split(separator) for layer in layers.values() if layer]
        common = _common(parts)
        if common:
            return {name: separator.join(layer.split(separator)[common:]) for name, layer in layers.items()}
    return dict(layers)


def _common(parts: Sequence[Sequence[str]]) -> int:
    """How many parts all begin with, none of which is all of one."""
    if len({tuple(each) for each in parts}) < 2:
        return 0
    shortest = min(map(len, parts))
    return next((place for place in range(shortest) if len({each[place] for each in parts}) > 1), shortest - 1)
