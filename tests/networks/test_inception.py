"""Inception-v3 with another average pooling has the same parameters, shapes and operations: the twin proof sees it."""

from harness.data.images import sample
from harness.frameworks import torch_training, untrained, weights
from harness.networks import catalog
from harness.pieces import equivalence
from tests.pieces.test_equivalence import outputs_of


def test_the_proof_sees_another_average_in_a_single_module() -> None:
    architecture = catalog.get("inception_v3")
    images = sample(architecture, 3)
    network = torch_training.build(architecture)
    weights.to_torch(network, untrained.draw(architecture, images, seed=1))
    right = outputs_of(network, images)
    pool = network.get_submodule("mixed_7c.pool.0")  # the last of nine
    assert pool.count_include_pad
    pool.count_include_pad = False  # as TF-Slim and Keras divide
    found = equivalence.prove({"torch": right, "keras": outputs_of(network.float(), images)})
    assert found.verdict == "no"
    assert found.max_abs > 10 * found.tolerance
