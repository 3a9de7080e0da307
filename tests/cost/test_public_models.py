"""The ledger on networks of which others have published the counts: torchvision, Keras Applications, onnx' own."""

import csv
import math
import subprocess
import sys
from pathlib import Path

import keras
import onnx
import pytest
import tensorflow

from harness.cost.ledger import ledger
from harness.pieces import tf2onnx_route
from harness.timing.counted_run import count_run
from tests import ROOT
from tests.public_models import torchvision

LIGHT = Path(onnx.__file__).parent / "backend/test/data/light"
COUNTS = {row["model"]: row for row in csv.DictReader((ROOT / "tests/public_counts.csv").read_text().splitlines())}
AUXILIARY = {"inception_v3": 3_326_696}  # parameters of the head that only training uses; num_params has them
WITH_VALUES = ("mobilenet_v3_small", "resnet18")
# One of each kind: exporting the others takes minutes.
OF_EACH_KIND = {
    "alexnet", "convnext_tiny", "googlenet", "mobilenet_v3_small", "resnet18", "shufflenet_v2_x1_0", "squeezenet1_0",
    "vgg16", "vit_b_16",
}  # fmt: skip


def by_name(names, of_each_kind):
    """The names as parameters of a test, those of a kind that has another at night."""
    return [pytest.param(name, marks=[] if name in of_each_kind else [pytest.mark.nightly]) for name in names]


@pytest.fixture(scope="module")
def exported(request, tmp_path_factory):
    """The folder of the exports that tests ask for, by two processes: torch.export itself uses one core."""
    folder = tmp_path_factory.mktemp("public")
    tests = [
        item for item in request.session.items if "exported" in item.fixturenames and item.module is request.module
    ]
    names = sorted({item.callspec.params["name"] for item in tests}, key=lambda name: int(COUNTS[name]["params"]))
    given = [(name.upper() if name in WITH_VALUES else name, COUNTS[name]["input_size"]) for name in names]
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.public_exports", str(folder), *(word for pair in half for word in pair)],
            cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )
        for half in (given[::2], given[1::2])
        if half
    ]  # fmt: skip
    for process in running:
        _, errors = process.communicate(timeout=600)
        assert process.returncode == 0, errors
    return folder


def test_the_table_is_what_torchvision_publishes():
    for name, row in COUNTS.items():
        published = torchvision().models.get_model_weights(name).DEFAULT.meta
        assert int(row["params"]) == published["num_params"], name
        assert round(int(row["macs"]) / 1e9, 3) == published["_ops"], name


@pytest.mark.parametrize("name", by_name(COUNTS, OF_EACH_KIND))
def test_torchvision(exported, name):
    found = ledger(exported / f"{name}.onnx")
    assert found.unknown_operators == {}
    assert found.macs == int(COUNTS[name]["macs"])
    assert found.params == int(COUNTS[name]["params"]) - AUXILIARY.get(name, 0)
    lists = name.startswith("shufflenet")  # a Split is written as SplitToSequence, whose lists have no size
    assert (found.peak_activation_bytes is None) == lists, found.peak_activation_reason
    if name == "vgg16":  # the first two maps of 64 channels
        assert found.peak_activation_bytes == 2 * 64 * 224 * 224 * 4


@pytest.mark.parametrize("name", WITH_VALUES)
def test_macs_do_not_depend_on_what_the_exporter_folds(exported, name):
    folded, kept = ledger(exported / f"{name}.optimised.onnx"), ledger(exported / f"{name}.onnx")
    assert folded.macs == kept.macs
    assert folded.params < kept.params  # batch norm is in the kernels
    assert len(folded.nodes) < len(kept.nodes)


def by_layers(network: keras.Model) -> int:
    """Each kernel of a layer multiplies once at every position of the layer's output."""
    total = 0
    for layer in network.layers:
        kernels = [math.prod(weight.shape) for weight in layer.trainable_weights if len(weight.shape) > 1]
        total += math.prod(layer.output.shape[1:-1]) * sum(kernels) if kernels else 0
    return total


# Numbers that the exporter writes as Mul and Add and that cannot be told from learned ones: EfficientNet
# normalises the image inside the network, by a mean and a deviation for each channel.
WRITTEN_AS_LEARNED = {"EfficientNetB0": 6}


@pytest.mark.parametrize("name", by_name(["MobileNetV2", "ResNet50V2", "Xception", "EfficientNetB0"], {"MobileNetV2"}))
def test_keras_applications(tmp_path, name):
    """Parameters as `count_params` has them, less the moving statistics; the weights are drawn at random."""
    network = getattr(keras.applications, name)(weights=None)
    fixed = sum(math.prod(weight.shape) for weight in network.non_trainable_weights)
    image = tensorflow.TensorSpec((None, *network.input_shape[1:]), tensorflow.float32, name="image")
    onnx.save(tf2onnx_route.with_weights_as_inputs(network, tensorflow.identity, image), tmp_path / "keras.onnx")
    found = ledger(tmp_path / "keras.onnx")
    assert found.macs == by_layers(network), found.unknown_operators
    assert found.params == network.count_params() - fixed + WRITTEN_AS_LEARNED.get(name, 0)


def test_a_recurrent_layer_of_keras_is_a_loop_that_a_run_counts(tmp_path):
    """Nobody knows from the file how often its body runs; each of 7 steps multiplies 4 features and 5 states."""
    network = keras.Sequential([keras.Input((7, 4)), keras.layers.GRU(5)])
    sequence = tensorflow.TensorSpec((None, 7, 4), tensorflow.float32, name="image")
    onnx.save(tf2onnx_route.with_weights_as_inputs(network, tensorflow.identity, sequence), tmp_path / "gru.onnx")
    assert "Loop" in ledger(tmp_path / "gru.onnx").operators
    found = count_run(tmp_path / "gru.onnx")
    assert found.macs == 7 * 3 * 5 * (4 + 5), found.unknown_operators
    assert found.contradictions == ()
    assert found.params == network.count_params()


# Figures of torchvision 0.28 for densenet121, resnet50 (stride in the 3×3), vgg19 and squeezenet1_1, the same
# networks. densenet121's parameters differ: Caffe's form has a second scale and shift after each batch norm.
LIGHT_MACS = {
    "light_densenet121": 2_834_161_664,
    "light_resnet50": 4_089_184_256,
    "light_vgg19": 19_632_062_464,
    "light_squeezenet": 349_151_936,
}
LIGHT_PARAMS = {"light_resnet50": 25_557_032, "light_vgg19": 143_667_240, "light_squeezenet": 1_235_496}


@pytest.mark.parametrize("path", sorted(LIGHT.glob("*.onnx")), ids=lambda path: path.stem)
def test_real_networks_have_no_unknown_operator(path):
    found = ledger(path)
    assert not found.unknown_operators
    assert found.macs == LIGHT_MACS.get(path.stem, found.macs)
    assert found.params == LIGHT_PARAMS.get(path.stem, found.params)
    assert found.macs > 10_000_000
    assert found.peak_activation_bytes is not None, found.peak_activation_reason


def test_light_networks_are_there():
    assert LIGHT_MACS.keys() <= {path.stem for path in LIGHT.glob("*.onnx")}
