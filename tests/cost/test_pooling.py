"""Pooling that an exporter wrote as a convolution is neither a product nor parameters; a depthwise one is."""

import numpy as np
import pytest
from onnx import numpy_helper

from tests.onnx_models import count, integers, node, ones, weight

IMAGE = {"x": ["N", 4, 6, 6]}
DIMS = integers("dims", [4, 1, 3, 3])
ONE = ones("one", 1)


def pooling(kernel):
    return node("Conv", f"x {kernel}", group=4, pads=[1, 1, 1, 1])


@pytest.mark.parametrize(
    ("makers", "stored"),
    [
        pytest.param([], [ones("k", 4, 1, 3, 3)], id="stored"),
        pytest.param([node("ConstantOfShape", "dims", "k")], [DIMS], id="filled"),
        pytest.param([node("Expand", "one dims", "k")], [ONE, DIMS], id="expanded"),
        pytest.param([node("Constant", "", "k", value=ones("k", 4, 1, 3, 3))], [], id="constant"),
        pytest.param(
            [node("Transpose", "t", "u", perm=[3, 2, 0, 1]), node("Div", "u nine", "k")],
            [ones("t", 3, 3, 1, 4), numpy_helper.from_array(np.float32(9), "nine")],
            id="turned and divided",
        ),
    ],
)
def test_a_kernel_that_is_all_alike_pools(makers, stored):
    found = count([*makers, pooling("k")], IMAGE, stored)
    assert (found.macs, found.params) == (0, 0), found.unknown_operators


def test_average_pooling_of_padding_same_as_keras_writes_it_on_jax():
    """The values under the window are added by one convolution, and counted by another: of ones with ones."""
    nodes = [
        node("Conv", "x k", "sums", group=4, pads=[1, 1, 1, 1]),
        node("Expand", "one map", "ones"),
        node("Conv", "ones k", "counts", group=4, pads=[1, 1, 1, 1]),
        node("Div", "sums counts", "pooled"),
        node("Conv", "pooled w"),
    ]
    stored = [ones("k", 4, 1, 3, 3), ONE, integers("map", [1, 4, 6, 6]), weight("w", 8, 4, 1, 1)]
    found = count(nodes, IMAGE, stored)
    assert (found.macs, found.params) == (8 * 4 * 36, 32)
    assert found.peak_activation_bytes == 4 * 36 * (4 + 8)


@pytest.mark.parametrize("channels", [4, 512])
def test_large_kernels_that_pool_are_seen_too(channels):
    nodes = [node("Conv", "x k", group=channels)]
    image = {"x": ["N", channels, 6, 6]}
    assert count(nodes, image, [ones("k", channels, 1, 3, 3)]).macs == 0
    assert count(nodes, image, [weight("k", channels, 1, 3, 3)]).macs == channels * 16 * 9


@pytest.mark.parametrize(
    ("made", "stored", "macs"),
    [
        pytest.param(pooling("k"), [weight("k", 4, 1, 3, 3)], 4 * 36 * 9, id="depthwise"),
        pytest.param(node("Conv", "x k"), [ones("k", 4, 4, 3, 3)], 4 * 16 * 36, id="over channels"),
        pytest.param(node("Conv", "x k", group=4), [ones("k", 4, 1, 1, 1)], 4 * 36, id="a scale"),
        pytest.param(node("Conv", "x k", group=4), [ones("k", 8, 1, 3, 3)], 8 * 16 * 9, id="two maps a channel"),
    ],
)
def test_other_convolutions_count(made, stored, macs):
    found = count([made], IMAGE, stored)
    assert (found.macs, found.params) == (macs, found.stored_values)


def test_a_convolution_with_a_bias_is_no_pooling():
    found = count([node("Conv", "x k b", group=4)], IMAGE, [ones("k", 4, 1, 3, 3), weight("b", 4)])
    assert (found.macs, found.params) == (4 * 16 * 9, 40)
