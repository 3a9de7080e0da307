"""Inception-v3 with another average pooling has the same parameters, shapes and operations: the twin proof sees it."""

import numpy as np
import torch

from harness.data.images import sample
from harness.frameworks import torch_training, untrained, weights
from harness.networks import catalog
from harness.pieces import equivalence


def test_the_proof_sees_another_average_in_a_single_module() -> None:
    architecture = catalog.get("inception_v3")
    images = sample(architecture, 3)
    network = torch_training.build(architecture)
    weights.to_torch(network, untrained.draw(architecture, images, seed=1))
    right = torch_training.logits(network, images)
    pool = network.get_submodule("mixed_7c.pool.0")  # the last of nine
    assert pool.count_include_pad
    pool.count_include_pad = False  # as TF-Slim and Keras divide
    wrong = torch_training.logits(network, images)
    pool.count_include_pad = True
    exact = torch_training.logits(network.to(torch.float64), images)
    same = {form: np.zeros(len(images), np.int64) for form in ("torch", "other")}
    found = equivalence.prove({"torch": right, "other": wrong}, exact, same)
    assert not found.blind
    assert not found.equivalent
    assert found.max_abs > 10 * found.tolerance
