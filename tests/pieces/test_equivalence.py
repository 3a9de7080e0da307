"""The twin proof must catch what counting parameters cannot: each fault here has equal parameters and shapes."""

import copy
import functools
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from harness.data import images
from harness.errors import HarnessError
from harness.frameworks import torch_training, untrained, weights
from harness.measurements.types import Equivalence
from harness.networks.architecture import Output
from harness.networks.catalog import get
from harness.pieces import equivalence, form_outputs


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
SIDES = {"resnet50": 64, "inception_v4": 107}  # of smaller images, on which as many layers are run


def outputs_of(model: nn.Module, batch: np.ndarray) -> form_outputs.FormOutputs:
    """What the network gives in float32, and in float64."""
    found = [torch_training.logits(part, batch)[:, None] for part in (model, model.double())]
    return form(found[0], exact=found[1])


def form(logits: np.ndarray, *, exact: np.ndarray | None = None, **others: np.ndarray) -> form_outputs.FormOutputs:
    """A form that gives these logits (N, places, classes) whatever the batch."""
    several = logits[:3]
    given = {"alone": logits[:1], "several": several, "again": several, "outside": logits[:1]}
    return form_outputs.FormOutputs(
        logits=logits, **{**given, **others}, exact=logits[:0].astype(float) if exact is None else exact
    )


@functools.cache
def drawn_network(name: str) -> tuple[nn.Module, np.ndarray]:
    """A network with weights that hide nothing, and images for it."""
    architecture = get(name)
    side = SIDES.get(name)
    if side is not None:
        architecture = replace(architecture, input_shape=(side, side, architecture.input_shape[2]))
    batch = images.sample(architecture, 64 if side is None else 2)
    model = torch_training.build(architecture)
    weights.to_torch(model, untrained.draw(architecture, batch, seed=0))
    return model, batch


def proof_of(name: str, change: Callable[[OrderedDict[str, nn.Module]], None]) -> Equivalence:
    """The verdict on a network and its changed copy, with the same weights."""
    drawn, batch = drawn_network(name)
    model, other = copy.deepcopy(drawn), relayered(copy.deepcopy(drawn), change)
    return equivalence.prove({"torch": outputs_of(model, batch), "keras": outputs_of(other, batch)})


@pytest.mark.parametrize(("name", "fault"), FAULTS, ids=lambda value: getattr(value, "__name__", value))
def test_a_planted_fault_is_found(name: str, fault: Callable[[OrderedDict[str, nn.Module]], None]) -> None:
    proof = proof_of(name, fault)
    assert proof.verdict == "no"
    assert proof.max_abs > proof.tolerance


@pytest.mark.parametrize("name", sorted({name for name, _ in FAULTS}))
def test_an_unchanged_copy_is_equivalent(name: str) -> None:
    assert proof_of(name, lambda _: None).verdict == "yes"


def drawn(*shape: int, scale: float = 1.0, seed: int = 0) -> np.ndarray:
    return scale * np.random.default_rng(seed).standard_normal(shape)


def rounded(exact: np.ndarray, cost: float = 1e-7) -> np.ndarray:
    """As float32 computes it: each value off by at most so much."""
    noise = np.random.default_rng(7).uniform(-cost, cost, exact.shape)
    return (exact + noise).astype(np.float32)


def pair(exact: np.ndarray, output: Output = "softmax", **others: form_outputs.FormOutputs) -> Equivalence:
    """The proof of four sound forms, some of them others."""
    own = {name: form(rounded(exact), exact=exact) for name in ("keras", "torch")}
    files = {f"onnx from {name}": form(rounded(exact)) for name in ("keras", "torch")}
    named = {name.replace("_", " "): other for name, other in others.items()}
    return equivalence.prove({**own, **files, **named}, output)


def test_sound_forms_are_equivalent_whatever_their_offset_and_size() -> None:
    for exact in (drawn(8, 1, 5), drawn(8, 1, 5) + 500.0, drawn(8, 1, 5, scale=1e6), drawn(8, 28, 6)):
        own = np.abs(rounded(exact, 1e-7 * np.abs(exact).max()) - exact).max()
        assert pair(exact).verdict == "yes", own


def test_a_small_difference_in_float64_is_one_though_float32_hides_it() -> None:
    exact = drawn(8, 1, 5)
    other = exact * (1 + 1e-5)
    proof = pair(exact, keras=form(rounded(other, 1e-4), exact=other))
    assert proof.verdict == "no"
    assert "in float64 Keras and PyTorch are" in proof.difference


def test_what_float32_costs_one_framework_is_no_difference_of_the_networks() -> None:
    exact = drawn(8, 1, 5)
    proof = pair(exact, keras=form(rounded(exact, 3e-5), exact=exact))
    assert proof.verdict == "yes"
    assert proof.tolerance > 1e-4, "ten times what it costs the framework that it costs more"


def test_a_file_that_computes_something_else_widens_no_tolerance() -> None:
    exact = drawn(8, 1, 5)
    for apart in (1e-4, 1e-2, 1.0):
        proof = pair(exact, onnx_from_torch=form(rounded(exact * (1 + apart))))
        assert proof.verdict == "no"
        assert "the file from torch is" in proof.difference
        assert proof.tolerance < 1e-4


def test_outputs_that_float32_blurs_prove_nothing() -> None:
    exact = drawn(8, 1, 5, scale=1e-3) + 500.0
    blurred = pair(exact, keras=form(rounded(exact, 3e-5), exact=exact))
    assert blurred.verdict == "cannot tell"
    assert "differ by only" in blurred.doubt
    same = np.ones((8, 1, 5))
    assert pair(same).verdict == "cannot tell"
    far = pair(same, keras=form(rounded(same + 1), exact=same + 1))
    assert far.verdict == "no", "float64 tells constants apart"


@pytest.mark.parametrize("name", ["keras", "torch", "onnx from keras", "onnx from torch"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_outputs_that_are_no_finite_numbers_are_named(name: str, value: float) -> None:
    exact = drawn(8, 1, 5)
    bad = rounded(exact)
    bad[3, 0, 2] = value
    proof = pair(exact, **{name: form(bad, exact=None if "onnx" in name else exact)})
    assert proof.verdict == "no"
    assert "1 of 8 images in" in proof.difference
    everywhere = {each: form(bad, exact=None if "onnx" in each else exact) for each in FORMS}
    assert equivalence.prove(everywhere).verdict == "cannot tell"


FORMS = ("keras", "torch", "onnx from keras", "onnx from torch")


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize(
    ("what", "told"),
    [("again", "when it is run twice"), ("several", "in a batch of 3"), ("alone", "in a batch of 1")],
)
def test_a_form_that_differs_from_itself_is_named(name: str, what: str, told: str) -> None:
    exact = drawn(8, 1, 5)
    logits = rounded(exact)
    for apart in (3e-2, 1.0):
        others = {what: logits[: 1 if what == "alone" else 3] + np.float32(apart)}
        if what == "several":
            others["again"] = others["several"]
        noisy = form(logits, exact=None if "onnx" in name else exact + apart, **others)
        proof = pair(exact, **{name: noisy})
        assert proof.verdict == "cannot tell"
        assert told in proof.doubt
        assert proof.doubt.startswith(equivalence.NAMES.get(name, name.replace("onnx", "the file")))


def test_rounding_in_another_batch_is_no_doubt_though_outputs_hardly_differ_across_images() -> None:
    exact = 1.0 + drawn(8, 1, 5, scale=1e-6)
    other = 1.0 + drawn(8, 1, 5, scale=1e-6, seed=1) + 1e-3
    logits = rounded(other)
    proof = pair(exact, keras=form(logits, exact=other, alone=logits[:1] + np.float32(1e-6)))
    assert proof.verdict == "no"
    assert "in float64 Keras and PyTorch are" in proof.difference


def test_a_difference_outside_the_domain_is_told_and_does_not_decide() -> None:
    exact = drawn(8, 1, 5)
    proof = pair(exact, keras=form(rounded(exact), exact=exact, outside=rounded(exact[:1]) + 1))
    assert proof.verdict == "yes"
    assert "outside the domain the forms are 1 apart" in " ".join(proof.notes)
    assert not pair(exact).notes


def test_a_disagreement_is_excused_only_by_a_tie() -> None:
    exact = np.array([[[0.0, 1.0]], [[0.5, 0.5 + 1e-6]], [[2.0, 0.0]], [[-2.0, 0.0]]])
    tied = exact.copy()
    tied[1] = tied[1, :, ::-1]
    proof = pair(exact, keras=form(tied.astype(np.float32), exact=exact))
    assert (proof.disagreements, proof.ties, proof.verdict) == (1, 1, "yes")
    more = np.concatenate([rounded(exact), [[[0.0, 1.0]]]])  # an image that float64 is not run on
    other = np.concatenate([rounded(exact), [[[1.0, 0.0]]]])
    forms = {"torch": form(more, exact=exact), "keras": form(other, exact=exact)}
    proof = equivalence.prove(forms)
    assert (proof.disagreements, proof.ties, proof.verdict) == (1, 0, "no")
    assert equivalence.prove(forms, "none").verdict == "yes", "an embedding has no class"


def test_labels_of_a_sigmoid_are_told_each_by_itself() -> None:
    """A different best label is no other answer as long as each is on the same side of zero."""
    exact = np.array([[[3.0, 3.0 + 1e-3]], [[-1.0, 2.0]], [[1.0, -2.0]]])
    near = exact.copy()
    more, other = (np.concatenate([rounded(exact), [[last]]]) for last in ([3.0, 3.1], [3.1, 3.0]))
    forms = {"torch": form(more, exact=exact), "keras": form(other, exact=near)}
    assert equivalence.prove(forms, "sigmoid").verdict == "yes"
    assert equivalence.prove(forms, "softmax").verdict == "no"


def test_outputs_of_other_shapes_are_refused_by_name() -> None:
    maps, turned = drawn(8, 12, 4), drawn(8, 4, 12)
    with pytest.raises(
        HarnessError, match=r"Keras are 12 classes at 4 places and those of PyTorch are 4 classes at 12"
    ):
        equivalence.prove({"keras": form(turned, exact=turned), "torch": form(maps, exact=maps)})


def test_a_network_that_demands_float32_is_held_against_the_other() -> None:
    exact = drawn(8, 1, 5)
    forms = {"torch": form(rounded(exact), exact=exact), "keras": form(rounded(exact))}
    assert equivalence.prove(forms).verdict == "yes"
    forms["keras"] = form(rounded(exact * 1.001))
    assert equivalence.prove(forms).verdict == "no"
    neither = {name: form(rounded(exact)) for name in ("torch", "keras")}
    assert "float64" in equivalence.prove(neither).doubt
