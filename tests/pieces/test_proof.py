"""The twin proof of small networks, written anew in both frameworks: what is one function, what is not, and where."""

import textwrap
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from harness.data import images, probes
from harness.errors import HarnessError
from harness.frameworks import untrained
from harness.frameworks.layer_calls import LayerCall
from harness.measurements.types import Equivalence
from harness.networks import catalog
from harness.networks.architecture import Architecture
from harness.pieces import artifacts, export_keras, export_torch, parting
from harness.pieces.proof import prove_pair

FACTS = """
from harness.architecture import Architecture

ARCHITECTURES = (
    Architecture(
        name="small", family="small", sets=(), source="a test", dataset="fashion_mnist", input_shape={shape},
        outputs={outputs}, params=0, macs=1_000_000, recipes={{}}, output="{output}",
    ),
)
"""
IN_KERAS = """
import keras
from keras import layers, ops


def build():
    image = keras.Input({shape}, name="image")
{body}
    return keras.Model(image, x)
"""
IN_TORCH = """
import torch
from torch import nn
from torch.nn import functional


class Network(nn.Module):
    def __init__(self):
        super().__init__()
{layers}

    def forward(self, image):
{body}
        return x


def build():
    return Network()
"""
Write = Callable[..., Architecture]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """A network of the given lines: of ``build`` in Keras, of ``__init__`` and ``forward`` in PyTorch."""

    def written(
        in_keras: str, layers: str, in_torch: str, *, shape: tuple[int, int, int] = (12, 12, 3), outputs: int = 5,
        output: str = "softmax",
    ) -> Architecture:  # fmt: skip
        folder = tmp_path / "small"
        folder.mkdir()
        (folder / "__init__.py").write_text(FACTS.format(shape=shape, outputs=outputs, output=output))
        (folder / "in_keras.py").write_text(IN_KERAS.format(shape=shape, body=_indented(in_keras, 4)))
        lines = {"layers": _indented(layers, 8), "body": _indented(in_torch, 8)}
        (folder / "in_torch.py").write_text(IN_TORCH.format(**lines))
        return catalog.get(str(folder))

    return written


def _indented(lines: str, by: int) -> str:
    return textwrap.indent(textwrap.dedent(lines).strip("\n"), " " * by)


RELU = "x = layers.ReLU()(x)\n"
CONV = "x = layers.Conv2D(8, 3, padding='same', name='conv')(image)\n"
HEAD = "x = layers.GlobalAveragePooling2D()(x)\nx = layers.Dense(5, name='logits')(x)\n"
LAYERS = "self.conv = nn.Conv2d(3, 8, 3, padding=1)\nself.logits = nn.Linear(8, 5)\n"
FORWARD = "x = self.logits(torch.relu(self.conv(image)).mean((2, 3)))\n"


@pytest.mark.parametrize("size", [12, 64])
def test_an_inexact_mean_over_large_maps_is_no_difference(size: int, write: Write) -> None:
    small = write(CONV + "x = layers.ReLU()(x)\n" + HEAD, LAYERS, FORWARD, shape=(size, size, 3))
    proof = prove_pair(small)
    assert proof.verdict == "yes", proof
    assert not proof.notes


def test_a_convolution_over_volumes_is_one_function(write: Write) -> None:
    in_keras = """
        x = layers.Reshape((12, 12, 3, 1))(image)
        x = layers.Conv3D(4, 3, padding="same", activation="relu", name="conv")(x)
        x = layers.Dense(5, name="logits")(layers.GlobalAveragePooling3D()(x))
    """
    layers = "self.conv = nn.Conv3d(1, 4, 3, padding=1)\nself.logits = nn.Linear(4, 5)"
    in_torch = """
        x = image.permute(0, 2, 3, 1).unsqueeze(1)
        x = self.logits(torch.relu(self.conv(x)).mean((2, 3, 4)))
    """
    assert prove_pair(write(in_keras, layers, in_torch), files=False).verdict == "yes"


@pytest.mark.parametrize(("last", "output"), [("* 20.0", "sigmoid"), ("+ 500.0", "softmax"), ("", "none")])
def test_saturated_labels_offsets_and_embeddings_are_one_function(last: str, output: str, write: Write) -> None:
    in_keras, in_torch = (f"{lines}x = x {last}\n" for lines in (CONV + "x = layers.ReLU()(x)\n" + HEAD, FORWARD))
    proof = prove_pair(write(in_keras, LAYERS, in_torch, output=output))
    assert proof.verdict == "yes", proof


SEQUENCE = (
    "x = layers.Dense(8, activation='relu', name='hidden')(layers.Reshape((28, 28))(image))\n"
    "x = layers.Dense(6, name='logits')(x)",
    "self.hidden = nn.Linear(28, 8)\nself.logits = nn.Linear(8, 6)",
    "x = self.logits(torch.relu(self.hidden(image.squeeze(1))))",
)
MAPS = (
    CONV + "x = layers.Conv2D(4, 1, name='logits')(layers.ReLU()(x))",
    "self.conv = nn.Conv2d(3, 8, 3, padding=1)\nself.logits = nn.Conv2d(8, 4, 1)",
    "x = self.logits(torch.relu(self.conv(image)))",
)


@pytest.mark.parametrize(
    ("lines", "shape", "outputs", "axes"), [(SEQUENCE, (28, 28, 1), 168, (2, 2)), (MAPS, (12, 9, 3), 432, (3, 1))]
)
def test_sequences_and_maps_are_compared_and_end_in_a_softmax_over_classes(
    lines: tuple[str, str, str], shape: tuple[int, int, int], outputs: int, axes: tuple[int, int], write: Write,
    tmp_path: Path,
) -> None:  # fmt: skip
    network = write(*lines, shape=shape, outputs=outputs)
    proof = prove_pair(network)
    assert proof.verdict == "yes", proof
    batch = images.sample(network, 2)
    drawn = untrained.draw(network, batch, seed=0)
    for exporter, layout, axis in ((export_keras, "NHWC", axes[0]), (export_torch, "NCHW", axes[1])):
        file = tmp_path / f"{layout}.onnx"
        exporter.export(network, drawn, file, {"ends_in": "softmax"})
        session = onnxruntime.InferenceSession(artifacts.with_logits(file))
        probabilities, logits = session.run(None, {"image": images.native(batch, layout)})
        assert np.allclose(probabilities.sum(axis), 1, atol=1e-5)
        expected = np.exp(logits - logits.max(axis, keepdims=True))
        assert np.allclose(probabilities, expected / expected.sum(axis, keepdims=True), atol=1e-5)


def test_a_file_without_an_activation_gives_no_probabilities(write: Write, tmp_path: Path) -> None:
    network = write(CONV + "x = layers.ReLU()(x)\n" + HEAD, LAYERS, FORWARD, output="none")
    batch = images.sample(network, 2)
    drawn = untrained.draw(network, batch, seed=0)
    for exporter, layout in ((export_keras, "NHWC"), (export_torch, "NCHW")):
        file = tmp_path / f"{layout}.onnx"
        exporter.export(network, drawn, file, {"ends_in": "none"})
        (output,) = onnxruntime.InferenceSession(file).get_outputs()
        assert output.name == "outputs"
        outputs, logits = onnxruntime.InferenceSession(artifacts.with_logits(file)).run(
            None, {"image": images.native(batch, layout)}
        )
        assert (outputs == logits).all()
        assert outputs.min() < 0


def test_outputs_in_other_orders_are_refused_by_name(write: Write) -> None:
    keras, layers, torch = MAPS
    with pytest.raises(
        HarnessError, match="Keras are 4 classes at 108 places and those of PyTorch are 432 classes at 1"
    ):
        prove_pair(write(keras, layers, torch + ".flatten(1)", shape=(12, 9, 3), outputs=432), files=False)


def test_several_outputs_are_refused_by_name(write: Write) -> None:
    network = write(CONV + HEAD + "x = [x, x * 2]", LAYERS, FORWARD + "x = (x, x * 2)")
    with pytest.raises(HarnessError, match=r"small in (Keras|PyTorch) gives 2 outputs: expected one"):
        prove_pair(network, files=False)


def test_a_softmax_of_one_output_is_refused(write: Write) -> None:
    with pytest.raises(HarnessError, match=r"'small' has one output, and a softmax of one value is 1 .*sigmoid"):
        write(CONV + HEAD, LAYERS, FORWARD, outputs=1)


def test_a_dropout_that_is_left_on_is_named(write: Write) -> None:
    in_torch = "x = self.logits(functional.dropout(torch.relu(self.conv(image)), 0.5).mean((2, 3)))"
    proof = prove_pair(write(CONV + "x = layers.ReLU()(x)\n" + HEAD, LAYERS, in_torch), files=False)
    assert proof.verdict == "cannot tell"
    assert proof.doubt.startswith("PyTorch differs from itself")
    assert "run twice" in proof.doubt


def test_a_form_that_depends_on_the_other_images_of_a_batch_is_named(write: Write) -> None:
    in_torch = FORWARD + "x = x - x.mean(0)"
    proof = prove_pair(write(CONV + "x = layers.ReLU()(x)\n" + HEAD, LAYERS, in_torch), files=False)
    assert proof.verdict == "cannot tell"
    assert "PyTorch differs from itself" in proof.doubt
    assert "in a batch of" in proof.doubt


def test_a_form_of_one_size_of_batch_is_refused_by_name(write: Write) -> None:
    network = write(CONV + RELU + HEAD, LAYERS, "assert image.shape[0] != 3, 'no three'\n" + FORWARD)
    with pytest.raises(HarnessError, match="PyTorch cannot be run in a batch of 3: AssertionError: no three"):
        prove_pair(network, files=False)


def test_a_definition_that_cannot_be_run_is_told_with_its_place(write: Write) -> None:
    network = write(CONV + RELU + HEAD, LAYERS, FORWARD.replace("(2, 3)", "(2, 3, 4)"))
    with pytest.raises(HarnessError, match=r"small cannot be built and run on an input of .* in torch: .*in_torch\.py"):
        prove_pair(network, files=False)


NORM = "self.norm = nn.BatchNorm2d(8, eps={})\n"
PLANTED = {
    "the order of channels": (
        "x = image[..., ::-1]\n" + CONV.replace("(image)", "(x)") + RELU + HEAD, LAYERS, FORWARD,
        "between the input and layer 'conv': what it reads is", "the order of axes, channels or features",
    ),
    "another activation": (
        CONV + "x = layers.Activation('tanh')(x)\n" + HEAD, LAYERS, FORWARD,
        "between layer 'conv' and layer 'logits'", "another activation",
    ),
    "another form of an activation": (
        CONV + "x = layers.LeakyReLU(negative_slope=0.3, name='act')(x)\n" + HEAD,
        LAYERS + "self.act = nn.LeakyReLU(0.01)", "x = self.logits(self.act(self.conv(image)).mean((2, 3)))",
        "in layer 'act'", "slope",
    ),
    "the form of GELU": (
        CONV + "x = layers.Activation('gelu', name='act')(x)\n" + HEAD, LAYERS + "self.act = nn.GELU('tanh')",
        "x = self.logits(self.act(self.conv(image)).mean((2, 3)))", "in layer 'act'", "tanh against erf",
    ),
    "an activation inside a layer": (
        CONV.replace("padding='same'", "padding='same', activation='tanh'") + HEAD, LAYERS, FORWARD,
        "between layer 'conv' and layer 'logits'", "another activation",
    ),
    "another epsilon": (
        CONV + "x = layers.BatchNormalization(epsilon=1e-3, name='norm')(x)\n" + HEAD, LAYERS + NORM.format("1e-5"),
        "x = self.logits(self.norm(self.conv(image)).mean((2, 3)))",
        "in layer 'norm'", "another epsilon",
    ),
    "the side that is padded": (
        "x = layers.Conv2D(8, 3, strides=2, padding='same', name='conv')(image)\n" + RELU + HEAD,
        LAYERS.replace("padding=1", "stride=2, padding=1"), FORWARD,
        "in layer 'conv'", "the side that is padded",
    ),
    "what is padded": (
        "x = layers.Conv2D(8, 3, padding='same', name='conv')(image)\n" + RELU + HEAD,
        LAYERS.replace("padding=1", "padding=1, padding_mode='replicate'"), FORWARD,
        "in layer 'conv'", "edges alone",
    ),
    "a factor at the end": (
        CONV + RELU + HEAD + "x = x * 1.001", LAYERS, FORWARD, "behind layer 'logits'", "another activation",
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", PLANTED)
def test_a_difference_is_found_and_its_place_and_cause_are_told(fault: str, write: Write) -> None:
    in_keras, layers, in_torch, place, cause = PLANTED[fault]
    proof = prove_pair(write(in_keras, layers, in_torch), files=False)
    assert proof.verdict == "no", proof
    assert f"they part {place}" in proof.difference
    assert cause in proof.difference.partition("the usual cause is ")[2]


def test_other_orders_of_features_part_in_the_layer_that_reads_them() -> None:
    read = np.random.default_rng(0).random((2, 12))

    def calls(kind: str, output: np.ndarray) -> list[LayerCall]:
        return [LayerCall(name="logits", kind=kind, read=read, output=output)]

    told = parting.describe(calls("Dense", read[:, :5]), calls("Linear", read[:, 5:10]))
    assert "they part in layer 'logits': 0 of the largest value apart before it" in told
    assert told.endswith(f"the usual cause is {parting.FEATURES}")


def test_a_difference_of_the_optimiser_is_not_the_networks(tmp_path: Path) -> None:
    """onnxruntime folds a padding by zeros into the maximum behind it, which then sees no zeros."""
    folder = tmp_path / "small"
    folder.mkdir()
    (folder / "__init__.py").write_text(FACTS.format(shape=(12, 12, 3), outputs=5, output="softmax"))
    layers = "self.conv = nn.Conv2d(3, 8, 3)\nself.norm = nn.BatchNorm2d(8)\nself.logits = nn.Linear(8, 5)"
    body = """
        x = functional.pad(self.norm(self.conv(image)) - 5.0, (1, 1, 1, 1))
        x = self.logits(functional.max_pool2d(x, 3, 2).mean((2, 3)))
    """
    (folder / "in_torch.py").write_text(IN_TORCH.format(layers=_indented(layers, 8), body=_indented(body, 8)))
    proof = prove_pair(catalog.get(str(folder)))
    assert (proof.verdict, proof.difference, proof.changed) == ("yes", "", ("torch",)), proof
    assert proof.optimiser.startswith("the forms are equal without onnxruntime's optimisations, and with them not:")
    assert "the file from torch is" in proof.optimiser


def test_probes_have_different_channels_and_one_in_four_is_random() -> None:
    grey = np.repeat(np.random.default_rng(1).integers(0, 99, (8, 6, 5, 1), np.uint8), 3, axis=3)
    found = probes.choose(grey, 8)
    assert found.shape == grey.shape
    for number, image in enumerate(found):
        assert not (image[..., 0] == image[..., 1]).all()
        if number % 4 < 3:
            assert all((image[..., c] == grey[(number + c) % 8, ..., 0]).all() for c in range(3))
        else:
            assert image.max() > 200, "over the whole domain"
    colours = np.random.default_rng(1).integers(0, 99, (4, 6, 5, 3), np.uint8)
    assert (probes.mix_channels(colours) == colours).all(), "what is coloured stays as it is"
    outside = probes.choose_outside((6, 5, 3), images.scaled_by("unit", colours))
    assert outside.min() < -0.5
    assert outside.max() > 1.5


def test_a_verdict_is_the_proofs_alone() -> None:
    numbers = {"max_abs": 0.0, "scale": 1.0, "tolerance": 1e-5, "spread": 1.0}
    found = [Equivalence(**numbers, **told) for told in ({}, {"doubt": "noise"}, {"difference": "epsilon"})]  # type: ignore[arg-type]
    assert [proof.verdict for proof in found] == ["yes", "cannot tell", "no"]
    assert [proof.equivalent for proof in found] == [True, False, False]
