"""Networks of the catalogue made ready once for several benchmarks: weights, a file from each framework, the proof."""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import outcomes

if TYPE_CHECKING:
    from harness.measurements.types import Equivalence
    from harness.pieces.piece import Piece, Pieces

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
    from harness.pieces import carrying_out, results

    os.environ["HARNESS_CACHE"] = str(Path("cache").absolute())
    os.environ["HARNESS_WEIGHTS"] = str(Path("imported").absolute())  # none of the user's own
    planned = outcomes.of([(name,) for name in names], lambda name: _plan(name, trained=trained))
    wanted = [piece for each in planned.values() if not isinstance(each, outcomes.Failed) for piece in each.all]
    errors = carrying_out.carry_out(wanted, lambda *_: None)

    def checked(piece: "Piece") -> "Piece":
        if error := errors.get(piece.digest):  # of the piece, or of one that it needs
            raise error
        return piece

    def file(name: str, framework: str) -> str:
        return str(results.artifact(checked(outcomes.result(planned, name).exports[framework])).path)

    def proof(name: str) -> "Equivalence":
        network: Pieces = outcomes.result(planned, name)
        checked(network.prove)
        return results.verdict(network)

    def error_of(name: str, framework: str) -> float:
        network: Pieces = outcomes.result(planned, name)
        checked(network.prove)
        found = results.accuracies(network)[framework]
        return (found.total - found.correct) / found.total

    each = [(name, framework) for name in names for framework in FRAMEWORKS]
    return {
        "files": outcomes.of(each, file),
        "proofs": outcomes.of(planned, proof),
        "errors": outcomes.of(each, error_of) if trained else {},
    }


def _plan(name: str, *, trained: bool) -> "Pieces":
    from harness.networks import catalog
    from harness.pieces import plan
    from harness.pieces.request import Request

    architecture = catalog.get(name)
    if not trained:
        architecture = replace(architecture, recipes={})
    return plan.plan_pieces(Request(architecture=architecture, profile="quick", trained_in="torch", seed=0))


def drawn() -> dict[str, Any]:
    """Of each network with random weights: the counts of its two files, and the proof that they are one network."""
    made = make(NETWORKS)
    costs = outcomes.of(made["files"], lambda *key: _cost(outcomes.result(made["files"], *key)))
    return {"costs": costs, "proofs": made["proofs"]}


def _cost(file: str) -> dict[str, int | None]:
    from harness.cost import ledger

    found = ledger.ledger(Path(file))
    return {
        "macs": found.macs,
        "params": found.params,
        "nodes": len(found.nodes),
        "stored_bytes": found.stored_bytes,
        "file_bytes": Path(file).stat().st_size,
    }
