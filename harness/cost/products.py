"""Multiply-accumulates of the products that operators hold, from the shapes around a node.

Each rule takes a :class:`harness.cost.nodes.Node` and gives the count for the whole batch of the file.
"""

import math
from collections.abc import Callable
from itertools import chain

from harness.cost.nodes import Node, UncountableError
from harness.cost.shapes import text

Rule = Callable[[Node], int]


def convolution(weight: int) -> Rule:
    """The rule of a convolution whose kernel (M, C/group, k...) is input number ``weight``."""

    def macs(node: Node) -> int:
        data, kernel = node.input(0), node.input(weight)
        _check_ranks(data, kernel)
        _equal("channels of data and kernel", data[1], kernel[1] * node.attribute("group", 1))
        return math.prod(node.output()) * math.prod(kernel[1:])

    return macs


def transposed_convolution(node: Node) -> int:
    data, kernel = node.input(0), node.input(1)  # (N, C, d...), (C, M/group, k...)
    _check_ranks(data, kernel)
    _equal("channels of data and kernel", data[1], kernel[0])
    return math.prod(data) * math.prod(kernel[1:])  # each value is spread over a whole kernel


def general_product(second: int) -> Rule:
    """The rule of Gemm between input 0 and input number ``second``, either transposed or not."""

    def macs(node: Node) -> int:
        left, right = node.input(0), node.input(second)
        if len(left) != 2 or len(right) != 2:
            raise UncountableError(f"expected two matrices, got {text(left)} and {text(right)}")
        rows, inner = left[::-1] if node.attribute("transA") else left
        depth, columns = right[::-1] if node.attribute("transB") else right
        _equal("inner sizes", inner, depth)
        return rows * inner * columns

    return macs


def matrix_product(second: int) -> Rule:
    """The rule of numpy's matmul between input 0 and input number ``second``."""

    def macs(node: Node) -> int:
        left, right = node.input(0), node.input(second)
        if not left or not right:
            raise UncountableError("expected matrices, got a scalar")
        _equal("inner sizes", left[-1], right[-2 if len(right) > 1 else 0])
        return math.prod(node.output()) * left[-1]

    return macs


def einstein_sum(node: Node) -> int:
    """A product of two tensors that sums over indices of both; one tensor alone is only rearranged or added up.

    Of three operands, or where an index of one alone is summed, the count depends on the order of computing.
    """
    equation = node.text("equation").replace(" ", "")
    given, _, result = equation.partition("->")
    operands = given.split(",")
    if len(operands) == 1:
        return 0
    shapes = [node.input(number) for number in range(len(operands))]
    indices = [_indices(operand, shape) for operand, shape in zip(operands, shapes, strict=True)]
    sizes: dict[str, int] = {}
    for index, size in zip(chain(*indices), chain(*shapes), strict=True):
        if 1 not in (size, sizes.setdefault(index, size)):
            _equal(f"sizes of index {index}", sizes[index], size)
        sizes[index] = max(sizes[index], size)
    summed = {index for index in sizes if index.isalpha() and index not in result}
    repeated = any(len(set(names)) < len(names) for names in indices)
    if not summed or repeated or len(operands) > 2 or not all(summed <= set(names) for names in indices):
        raise UncountableError(f"the ledger has no rule for the equation {equation}")
    return math.prod(sizes.values())


def _indices(operand: str, shape: tuple[int, ...]) -> list[str]:
    """The index of each axis; an ellipsis stands for axes numbered from the last: "-1", "-2"."""
    before, dots, after = operand.partition("...")
    rest = len(shape) - len(before) - len(after)
    if rest < 0 or (rest and not dots):
        raise UncountableError(f"its operand {operand!r} has the shape {text(shape)}")
    return [*before, *(str(number) for number in range(-rest, 0)), *after]


def attention(node: Node) -> int:
    """Scores and weighted values; masked (causal) positions are counted as computed."""
    query, key, value = node.input(0), node.input(1), node.input(2)
    if {len(query), len(key), len(value)} == {4}:  # batch, heads, length, width
        batch, heads, length, width = query
        reached, value_width = key[2], value[3]
    elif {len(query), len(key), len(value)} == {3}:  # batch, length, heads × width
        batch, length, _ = query
        heads, key_heads = node.attribute("q_num_heads"), node.attribute("kv_num_heads")
        if not heads or not key_heads:
            raise UncountableError("q_num_heads or kv_num_heads is missing")
        width, reached, value_width = query[2] // heads, key[1], value[2] // key_heads
    else:
        raise UncountableError("expected query, key and value of rank 3 or 4")
    if node.has(4):  # past keys: batch, heads, length, width
        reached += sum(node.input(4)[2:3])
    return int(batch * heads * length * reached * (width + value_width))


def recurrence(node: Node) -> int:
    """Each step multiplies the input by W (directions, gates, in) and the state by R."""
    if node.has(4):
        raise UncountableError("its number of steps comes from the input sequence_lens")
    data, kernel, recurrent = node.input(0), node.input(1), node.input(2)
    if len(data) != 3:
        raise UncountableError(f"expected steps, batch and features, got {text(data)}")
    return data[0] * data[1] * (math.prod(kernel) + math.prod(recurrent))


def fitted(node: Node) -> int:
    """A linear model or a support vector machine of ai.onnx.ml, for each line of features.

    The features meet every support vector (outputs × features where there are none), then its coefficients weigh them.
    """
    held = len(node.attributes("support_vectors")) + len(node.attributes("coefficients"))
    return math.prod(node.input(0)[:-1]) * held


def _equal(what: str, left: int, right: int) -> None:
    if left != right:
        raise UncountableError(f"{what} disagree, {left} and {right}: does the input shape fit the network?")


def _check_ranks(data: tuple[int, ...], kernel: tuple[int, ...]) -> None:
    if len(data) != len(kernel) or len(data) < 3:
        raise UncountableError(f"data {text(data)} and kernel {text(kernel)} are no convolution's")
