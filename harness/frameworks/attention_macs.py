"""The multiply-accumulates of an attention layer, from its own sizes and the lengths of what it is called with."""

import math
from collections.abc import Sequence
from typing import Any

Shape = tuple[int, ...]

LAYERS = {"MultiHeadAttention", "MultiheadAttention"}  # of Keras and of PyTorch


def count(layer: Any, called_with: Sequence[Shape]) -> int | None:
    """Projections, scores and weighted values of one image; masked places are counted as computed.

    ``called_with`` are the shapes (T, C) of the query and (S, C) of key and value, without their batch axis. None if
    the layer has more parts than these, or reads anything but sequences with the batch first.
    """
    query, other = called_with[0], called_with[min(1, len(called_with) - 1)]
    sizes = _sizes_in_torch(layer) if hasattr(layer, "embed_dim") else _sizes_in_keras(layer)
    if sizes is None or len(query) != 2 or len(other) != 2:
        return None
    of_query, of_others, heads = sizes
    return query[0] * of_query + other[0] * of_others + query[0] * other[0] * heads


def _sizes_in_torch(layer: Any) -> tuple[int, int, int] | None:
    """Weights that each place of the query meets, those that each place of the others meets, and features attended."""
    if not layer.batch_first or layer.bias_k is not None or layer.add_zero_attn:
        return None
    width = layer.embed_dim
    return 2 * width * width, (layer.kdim + layer.vdim) * width, 2 * width


def _sizes_in_keras(layer: Any) -> tuple[int, int, int] | None:
    """The same of a layer of Keras, whose kernels are (in, heads, features), and (heads, features, out) the last."""
    kernels = [tuple(weight.shape) for weight in layer.weights if weight.name == "kernel"]
    if len(kernels) != 4:  # with a gate
        return None
    query, key, value, output = kernels
    attended = math.prod(query[1:]) + math.prod(output[:-1])  # to tell scores, and to be summed
    return math.prod(query) + math.prod(output), math.prod(key) + math.prod(value), attended
