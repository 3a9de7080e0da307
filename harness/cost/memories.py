"""Multiply-accumulates of layers that carry keys, values or a state from one call to the next."""

import math

from harness.cost.nodes import Node, UncountableError
from harness.cost.shapes import text


def group_query_attention(node: Node) -> int:
    """GroupQueryAttention: each query meets every key of its head's group, the past ones too; masked ones count."""
    query = node.input(0)
    heads, key_heads = node.attribute("num_heads"), node.attribute("kv_num_heads")
    if len(query) != 3 or not heads or not key_heads:
        raise UncountableError(f"its query is {text(query)}, of {heads} heads and {key_heads} of keys")
    batch, length, width = query
    size = width // (heads if node.has(1) else heads + 2 * key_heads)  # query, key and value may be one input
    return batch * heads * length * _reached(node, length) * 2 * size


def _reached(node: Node, length: int) -> int:
    """How many keys there are: as the file says, or else past and new ones."""
    stated = node.integers(6) if node.has(6) else None
    if stated:
        return stated[0]
    new = node.input(1)[1] if node.has(1) else length
    return new + (node.input(3)[2] if node.has(3) else 0)


def linear_attention(node: Node) -> int:
    """LinearAttention: each token writes into a state (keys × values) a head, and reads from it.

    The delta rules read the state once more, to correct the value before it is written.
    """
    query, value = node.input(0), node.input(2)
    heads, key_heads = node.attribute("q_num_heads"), node.attribute("kv_num_heads")
    if len(query) != 3 or len(value) != 3 or not heads or not key_heads:
        raise UncountableError(f"query {text(query)} and value {text(value)} are no attention's")
    state = (query[2] // heads) * (value[2] // key_heads)
    corrects = (node.text("update_rule") or "gated_delta").endswith("delta")
    return query[0] * query[1] * state * (max(heads, key_heads) + key_heads * (2 if corrects else 1))


def causal_convolution(node: Node) -> int:
    """CausalConvWithState: each channel by itself, over the values before it."""
    return math.prod(node.output()) * math.prod(node.input(1)[2:])
