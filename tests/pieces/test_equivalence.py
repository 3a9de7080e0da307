"""The twin proof must catch what counting parameters cannot: each fault here has equal parameters and shapes."""

from collections import OrderedDict
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

from harness.data import images
from harness.frameworks import torch_training, untrained, weights
from harness.networks.catalog import get
from harness.pieces import equivalence


def relayered(model: nn.Module, change: Callable[[OrderedDict[str, nn.Module]], None]) -> nn.Module:
    layers = OrderedDict(model.named_children())
    change(layers)
    return nn.Sequential(layers)


def loosen_epsilon(layers: OrderedDict[str, nn.Module]) -> None:
    layers["norm4"].eps = 1e-5


def pad_both_sides(layers: OrderedDict[str, nn.Module]) -> None:
    layers["pad2"] = nn.Identity()
    layers["conv2"].padding = (1, 1)


def swap_norm_and_activation(layers: OrderedDict[str, nn.Module]) -> None:
    order = list(layers)
    first = order.index("norm2")
    order[first], order[first + 1] = order[first + 1], order[first]  # activation before batch norm
    for name in order:
        layers.move_to_end(name)


def flatten_channels_last(layers: OrderedDict[str, nn.Module]) -> None:
    class ChannelsLastFlatten(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.permute(0, 2, 3, 1).flatten(1)

    layers["flatten"] = ChannelsLastFlatten()


def average_for_max(layers: OrderedDict[str, nn.Module]) -> None:
    layers["pool1"] = nn.AvgPool2d(2)


def take_the_epsilon_of_keras(layers: OrderedDict[str, nn.Module]) -> None:
    layers["stage3"].block4.bn2.eps = 1e-3  # one of 53


def loosen_the_last_epsilon(layers: OrderedDict[str, nn.Module]) -> None:
    norms = [module for module in nn.Sequential(layers).modules() if isinstance(module, nn.BatchNorm2d)]
    norms[-1].eps = 1e-5  # one of 149


FAULTS = [
    ("cifar10_bn_elu", loosen_epsilon),
    ("cifar10_bn_elu", swap_norm_and_activation),
    ("fmnist_same", pad_both_sides),
    ("fmnist_same", flatten_channels_last),
    ("lenet_mnist", average_for_max),
    ("resnet50", take_the_epsilon_of_keras),
    ("inception_v4", loosen_the_last_epsilon),
]


def proof_of(name: str, change: Callable[[OrderedDict[str, nn.Module]], None]) -> "equivalence.Equivalence":
    """The verdict on a network and its changed copy, with the same weights."""
    architecture = get(name)
    batch = images.sample(architecture, 64 if architecture.macs < 1e9 else 2)
    drawn = untrained.draw(architecture, batch, seed=0)
    model = torch_training.build(architecture)
    weights.to_torch(model, drawn)
    other = torch_training.build(architecture)
    weights.to_torch(other, drawn)
    forms = {
        "torch": torch_training.logits(model, batch),
        "changed": torch_training.logits(relayered(other, change), batch),
    }
    exact = torch_training.logits(model.double(), batch)
    return equivalence.prove(forms, exact, {form: logits.argmax(1) for form, logits in forms.items()})


@pytest.mark.parametrize(("name", "fault"), FAULTS, ids=lambda value: getattr(value, "__name__", value))
def test_a_planted_fault_is_found(name: str, fault: Callable[[OrderedDict[str, nn.Module]], None]) -> None:
    proof = proof_of(name, fault)
    assert not proof.blind
    assert not proof.equivalent
    assert proof.max_abs > proof.tolerance


@pytest.mark.parametrize("name", sorted({name for name, _ in FAULTS}))
def test_an_unchanged_copy_is_equivalent(name: str) -> None:
    assert proof_of(name, lambda _: None).equivalent


def logits(*rows: list[float]) -> np.ndarray:
    return np.array(rows, np.float32)


def test_a_blind_comparison_proves_nothing() -> None:
    same = logits([1.0, 2.0], [1.0, 2.0])
    proof = equivalence.prove({"torch": same, "keras": same}, same.astype(float), {"torch": same.argmax(1)})
    assert proof.blind
    assert not proof.equivalent


def test_nan_in_any_form_is_not_equivalent() -> None:
    good, bad = logits([0.0, 2.0], [3.0, 1.0]), logits([0.0, 2.0], [np.nan, 1.0])
    names = ("keras", "onnx from keras", "torch", "onnx from torch")
    for place in range(len(names)):
        forms = {name: bad if number == place else good for number, name in enumerate(names)}
        proof = equivalence.prove(forms, good.astype(float), {"torch": good.argmax(1)})
        assert not proof.equivalent


def test_a_disagreement_is_excused_only_by_a_tie() -> None:
    torch_form = logits([0.0, 1.0], [0.5, 0.5000001], [2.0, 0.0])
    exact = torch_form.astype(float) + 1e-6
    near = {"torch": np.array([1, 1, 0]), "keras": np.array([1, 0, 0])}  # the second image is a tie
    far = {"torch": np.array([1, 1, 0]), "keras": np.array([0, 1, 0])}
    forms = {"torch": torch_form, "keras": torch_form}
    tied = equivalence.prove(forms, exact, near)
    assert (tied.disagreements, tied.ties, tied.equivalent) == (1, 1, True)
    assert not equivalence.prove(forms, exact, far).equivalent
