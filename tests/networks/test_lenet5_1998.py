"""LeNet 5 of 1998: its table of connections and its prototypes, against what the paper and scipy say."""

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist

from harness.frameworks import keras_training, torch_training, weights
from harness.models.lenet5_1998.bitmaps import DIGITS
from harness.networks import catalog

LENET = catalog.get("lenet5_1998")

# Table I of the paper: a row a map of S2, a column a map of C3.
TABLE = """
    X...XXX..XXXX.XX
    XX...XXX..XXXX.X
    XXX...XXX..X.XXX
    .XXX..XXXX..X.XX
    ..XXX..XXXX.XX.X
    ...XXX..XXXX.XXX
"""


def test_each_map_reads_what_the_paper_says() -> None:
    """Only connected maps of S2 move a map of C3."""
    network = torch_training.build(LENET).eval()
    connected = np.array([[letter == "X" for letter in row] for row in TABLE.split()])
    assert connected.sum() * 25 + 16 == 1516  # trainable parameters, as the paper prints them
    images = torch.rand(1, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    read = np.zeros_like(connected)
    with torch.no_grad():
        for source in range(6):
            plain = maps_of_c3(network, images)
            before = float(network.s2.bias[source])
            network.s2.bias[source] = before + 1
            moved = maps_of_c3(network, images)
            network.s2.bias[source] = before
            read[source] = np.abs(moved - plain).max((1, 2)) > 1e-6
    assert np.array_equal(read, connected)


def maps_of_c3(network: torch.nn.Module, images: torch.Tensor) -> np.ndarray:
    """(16, 10, 10), before their tanh."""
    kept = []
    handles = [
        convolution.register_forward_hook(lambda *given: kept.append(given[2][0, 0])) for convolution in network.c3
    ]
    network(images)
    for handle in handles:
        handle.remove()
    found: np.ndarray = torch.stack(kept).numpy()
    return found


def test_the_logits_are_minus_the_squared_distances() -> None:
    """With the last dense layer's weights at zero, its biases alone are the features."""
    ink = np.array([[1.0 if letter == "#" else -1.0 for letter in "".join(digit)] for digit in DIGITS])
    features = np.random.default_rng(0).uniform(-0.9, 0.9, 84)
    expected = -cdist(features[None], ink, "sqeuclidean")
    in_torch, in_keras = torch_training.build(LENET), keras_training.build(LENET)
    fixed = weights.from_torch(in_torch)
    fixed["f6.weight"] = np.zeros_like(fixed["f6.weight"])
    fixed["f6.bias"] = np.arctanh(features).astype(np.float32)
    weights.to_torch(in_torch, fixed)
    weights.to_keras(in_keras, fixed)
    image = np.zeros((1, 32, 32, 1), np.float32)
    assert torch_training.logits(in_torch, image) == pytest.approx(expected, rel=1e-5)
    assert keras_training.logits(in_keras, image) == pytest.approx(expected, rel=1e-5)


def test_the_prototypes_can_be_told_apart() -> None:
    assert [(len(digit), {len(row) for row in digit}) for digit in DIGITS] == [(12, {7})] * 10
    ink = np.array([[letter == "#" for letter in "".join(digit)] for digit in DIGITS], int)
    differing = cdist(ink, ink, "cityblock") + 84 * np.eye(10)
    assert differing.min() >= 5
