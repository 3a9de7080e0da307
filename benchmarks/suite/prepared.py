"""Networks of the catalogue made ready once for several benchmarks: weights, a file from each framework, the proof."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from . import outcomes

FRAMEWORKS = ("keras", "torch")

# One of each kind of layer, each exported from both frameworks within seconds.
NETWORKS = (
    "cifar10_bn_elu",
    "convnet_flatten",
    "convnet_gmp",
    "deeper_vgg_dropout",
    "fcn_1x1",
    "fmnist_conv7",
    "fmnist_maxpool",
    "fmnist_same",
    "fmnist_strided",
    "lenet5",
    "lenet5_1998",
    "lenet5_1x1",
    "lenet_32_cifar10",
    "lenet_mnist",
    "mlp_cifar10_relu_5",
    "mlp_fmnist_relu_1",
    "mlp_fmnist_sigmoid_6",
    "mnist_cnn",
    "mobilenet_features",
    "resnet18",
    "shallow_vgg",
    "shallownet",
)
TRAINED = ("lenet5_1998", "lenet5_1x1", "mlp_fmnist_relu_1")  # within a quarter of a minute each
TIMED = ("lenet5_1x1", "mlp_fmnist_relu_1", "shallow_vgg")


def make(names: Sequence[str], *, trained: bool = False) -> dict[str, outcomes.Outcomes]:
    """Make the networks in a cache that begins empty, in the working folder: what this commit makes, and nothing older.

    Gives "files" and "errors" (1 - accuracy) by (network, framework), and "proofs" by (network,). The weights are
    random, and there are no errors, unless they are to be trained by the quick recipe.
    """
    import harness

    os.environ["HARNESS_CACHE"] = str(Path("cache").absolute())
    os.environ["HARNESS_WEIGHTS"] = str(Path("imported").absolute())  # none of the user's own
    known = outcomes.of([(name,) for name in names], harness.get_network)
    there = [name for (name,), each in known.items() if not isinstance(each, outcomes.Failed)]
    made = harness.prepare_networks(there, trained=trained)

    def network(name: str) -> Any:
        outcomes.result(known, name)
        return made[name]

    def file(name: str, framework: str) -> str:
        return str(_there(network(name), framework).files[framework])

    def proof(name: str) -> Any:
        return _there(network(name), "proof").equivalence

    def error_of(name: str, framework: str) -> float:
        found = _there(network(name), "proof").accuracies[framework]
        return (found.total - found.correct) / found.total

    each = [(name, framework) for name in names for framework in FRAMEWORKS]
    return {
        "files": outcomes.of(each, file),
        "proofs": outcomes.of(known, proof),
        "errors": outcomes.of(each, error_of) if trained else {},
    }


def _there(network: Any, part: str) -> Any:
    """The network, if that part of it was made: the file of a framework, or the proof."""
    if why := network.failures.get(part):
        raise outcomes.BenchmarkFailedError(why)
    return network


def drawn() -> dict[str, Any]:
    """Of each network with random weights: the counts of its two files, and the proof that they are one network."""
    made = make(NETWORKS)
    costs = outcomes.of(made["files"], lambda *key: _cost(outcomes.result(made["files"], *key)))
    return {"costs": costs, "proofs": made["proofs"]}


def _cost(file: str) -> dict[str, int | None]:
    import harness

    found = harness.count_cost(file)
    return {
        "macs": found.macs,
        "params": found.params,
        "nodes": len(found.nodes),
        "stored_bytes": found.stored_bytes,
        "file_bytes": Path(file).stat().st_size,
    }
