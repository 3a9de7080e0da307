"""Multiply-accumulates of Fourier transforms, as the products with the matrix of waves that they stand for.

An exporter that lacks the operator writes that very product, as a matrix or a convolution, and costs the same then. A
runtime may be faster, as it may be with any convolution.
"""

import math

from harness.cost.nodes import Node, UncountableError


def transform(node: Node) -> int:
    """DFT of input (..., n, ..., 1 or 2): each number of the output sums over the values along one axis.

    Zeros that the input is filled up with multiply nothing.
    """
    data, result = node.input(0), node.output()
    if len(data) < 2 or len(result) != len(data):
        raise UncountableError(f"data of {len(data)} axes and a result of {len(result)} are no transform's")
    axis = _axis(node) % len(data)
    taken = data[axis]
    onesided = node.attribute("onesided")
    if not (onesided and node.attribute("inverse")):
        taken = min(taken, 2 * result[axis] - 1 if onesided else result[axis])
    return math.prod(result) * taken * data[-1]


def short_time_transform(node: Node) -> int:
    """STFT: each number of the output (batch, frames, waves, 2) sums over one frame."""
    signal, result = node.input(0), node.output()
    length = node.input(2)[0] if node.has(2) else (node.integers(3) or [0])[0]
    if not length:
        raise UncountableError("its frame_length is not known from the file alone")
    components = signal[-1] if len(signal) == 3 else 1
    return math.prod(result) * length * components


def _axis(node: Node) -> int:
    """Opset 20 made an input of the attribute, with another default."""
    if node.opset < 20:
        return node.attribute("axis", 1)
    stated = node.integers(2) if node.has(2) else [-2]
    if not stated:
        raise UncountableError("its axis is not known from the file alone")
    return stated[0]
