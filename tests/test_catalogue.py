"""The contract of every network: being in the catalogue is being tested."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

from harness import (
    artifacts,
    catalog,
    cost,
    equivalence,
    export_keras,
    export_torch,
    layers,
    train_keras,
    train_torch,
    untrained,
    weights,
)
from harness.accuracy import classes
from harness.architecture import Architecture
from harness.errors import HarnessError
from harness.images import native, sample

ARCHITECTURES = list(catalog.architectures().values())
EXPORTERS = {"keras": export_keras, "torch": export_torch}

# What the lectures' summaries and the worked tables give, written down here a second time.
PUBLIC = {
    "alexnet": (62_378_344, 1_135_256_096),
    "cifar10_bn_elu": (293_034, 29_496_320),
    "cifar10_conv1024": (14_682_442, 202_740_736),
    "convnet_150": (3_453_121, 236_095_488),
    "convnet_flatten": (703_594, 15_275_392),
    "convnet_gmp": (179_306, 14_751_104),
    "deeper_vgg_dropout": (1_341_226, 39_687_168),
    "fcn_1x1": (6_816_010, 39_167_488),
    "fmnist_conv7": (2_150_410, 92_320_896),
    "fmnist_maxpool": (1_588_490, 41_797_760),
    "fmnist_same": (1_818_890, 90_793_472),
    "fmnist_strided": (1_588_490, 19_679_360),
    "lenet5": (61_706, 416_520),
    "lenet5_1998": (60_000, 325_680),
    "lenet5_1x1": (257_546, 658_440),
    "lenet_28": (61_706, 416_520),
    "lenet_32_cifar10": (83_126, 886_440),
    "lenet_mnist": (1_256_080, 6_522_000),
    "lenet_mnist_nopool": (4_931_080, 10_197_000),
    "mlp_cifar10_relu_1": (394_634, 394_496),
    "mlp_cifar10_relu_2": (411_146, 410_880),
    "mlp_cifar10_relu_5": (460_682, 460_032),
    "mlp_fmnist_relu_1": (101_770, 101_632),
    "mlp_fmnist_relu_3": (134_794, 134_400),
    "mlp_fmnist_sigmoid_2": (118_282, 118_016),
    "mlp_fmnist_sigmoid_3": (134_794, 134_400),
    "mlp_fmnist_sigmoid_5": (167_818, 167_168),
    "mlp_fmnist_sigmoid_6": (184_330, 183_552),
    "mlp_fmnist_sigmoid_sgd": (101_770, 101_632),
    "mlp_fmnist_sigmoid_sgd_normal": (101_770, 101_632),
    "mnist_cnn": (305_194, 5_798_656),
    "mobilenet_features": (9_761_089, 296_205_056),
    "shallow_vgg": (2_168_362, 26_579_968),
    "shallow_vgg_dropout": (2_168_362, 26_579_968),
    "shallownet": (657_162, 2_424_832),
    "vgg16": (138_357_544, 15_470_264_320),
    "vgg16_features": (17_992_001, 9_742_404_864),
}


@pytest.fixture(params=ARCHITECTURES, ids=lambda architecture: architecture.name, scope="module")
def architecture(request: pytest.FixtureRequest) -> Architecture:
    found: Architecture = request.param
    return found


@pytest.fixture(scope="module")
def images(architecture: Architecture) -> np.ndarray:
    """Real images (N, H, W, C), fitted to the network's input."""
    return sample(architecture, untrained.IMAGES)


@pytest.fixture(scope="module")
def lively(architecture: Architecture, images: np.ndarray) -> weights.Weights:
    """Weights that hide nothing, without training."""
    return untrained.draw(architecture, images, seed=1)


@pytest.fixture(scope="module")
def exported(
    architecture: Architecture, lively: weights.Weights, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp(architecture.name)
    files = {}
    for framework, exporter in EXPORTERS.items():
        files[framework] = folder / f"{framework}.onnx"
        exporter.export(architecture, lively, files[framework], {})
    return files


@pytest.mark.parametrize("name", PUBLIC)
def test_facts_are_the_public_ones(name: str) -> None:
    found = catalog.get(name)
    assert (found.params, found.macs) == PUBLIC[name]


def test_every_network_of_the_lectures_is_here() -> None:
    assert set(PUBLIC) == {architecture.name for architecture in ARCHITECTURES if "lectures" in architecture.sets}
    assert len(PUBLIC) == 37


def test_a_network_has_its_lectures_recipe_unless_it_is_of_imagenet(architecture: Architecture) -> None:
    expected = set() if architecture.dataset == "imagenet" else {"quick", "lecture"}
    assert expected <= set(architecture.recipes)
    assert all(recipe.source for profile, recipe in architecture.recipes.items() if profile != "quick")


def test_both_definitions_have_the_parameters_and_macs(architecture: Architecture) -> None:
    for framework in catalog.FRAMEWORKS:
        table = layers.of(architecture, framework)
        assert sum(layer.params for layer in table) == architecture.params, framework
        assert sum(layer.macs or 0 for layer in table) == architecture.macs, framework
        assert not [layer for layer in table if layer.macs is None], framework


def test_both_files_have_the_macs(architecture: Architecture, exported: dict[str, Path]) -> None:
    counted = {framework: cost.ledger(file).macs for framework, file in exported.items()}
    assert counted == {"keras": architecture.macs, "torch": architecture.macs}


def test_a_file_says_whether_its_parameters_are_folded(
    architecture: Architecture, lively: weights.Weights, exported: dict[str, Path]
) -> None:
    has_batch_norm = any("running_" in name for name in lively)
    for framework, file in exported.items():
        ledger = cost.ledger(file)
        kept = framework == "keras" and architecture.large
        assert ledger.folded_batch_norm == (has_batch_norm and not kept)
        assert ledger.params <= architecture.params
        assert ledger.params == architecture.params or ledger.folded_batch_norm


def test_an_unfolded_export_has_the_parameters(
    architecture: Architecture, lively: weights.Weights, tmp_path: Path
) -> None:
    if not any("running_" in name for name in lively):
        return  # nothing is folded: the test before has counted the parameters of the file itself
    for framework, exporter in EXPORTERS.items():
        model = exporter.convert(architecture, lively, fold=False)
        # Of a batch norm, the running statistics are stored beside what is learned.
        statistics = sum(array.size for name, array in lively.items() if "running_" in name)
        stored = sum(
            int(np.prod(tensor.dims))
            for tensor in model.graph.initializer
            if tensor.data_type == onnx.TensorProto.FLOAT and len(tensor.dims) > 0
        )
        assert stored - statistics == architecture.params, framework


def test_the_four_forms_agree(
    architecture: Architecture, lively: weights.Weights, exported: dict[str, Path], images: np.ndarray
) -> None:
    in_torch, in_keras = train_torch.build(architecture), train_keras.build(architecture)
    weights.to_torch(in_torch, lively)
    weights.to_keras(in_keras, lively)
    forms = {"torch": train_torch.logits(in_torch, images), "keras": train_keras.logits(in_keras, images)}
    for framework, file in exported.items():
        session = onnxruntime.InferenceSession(artifacts.with_logits(file))
        fed = native(images, artifacts.read(file).metadata["layout"])
        forms[f"onnx from {framework}"] = session.run(["logits"], {"image": fed})[0].reshape(len(images), -1)
    exact = train_torch.logits(in_torch.double(), images)
    found = equivalence.prove(forms, exact, {name: classes(logits, threshold=0) for name, logits in forms.items()})
    assert not found.blind
    assert found.equivalent, found


def test_weights_survive_the_way_through_keras(architecture: Architecture, lively: weights.Weights) -> None:
    model = train_keras.build(architecture)
    weights.to_keras(model, lively)
    back = weights.from_keras(model)
    assert set(back) == set(lively)
    assert all(np.array_equal(back[name], lively[name]) for name in lively)


def test_the_files_say_what_they_are(architecture: Architecture, exported: dict[str, Path], images: np.ndarray) -> None:
    for framework, file in exported.items():
        model = onnx.load(file)
        onnx.checker.check_model(model, full_check=True)
        assert [value.name for value in model.graph.input] == ["image"]
        assert [value.name for value in model.graph.output] == ["probabilities"]
        assert model.graph.input[0].type.tensor_type.shape.dim[0].dim_param == "batch"
        assert next(entry.version for entry in model.opset_import if entry.domain == "") == artifacts.OPSET
        found = artifacts.read(file)
        assert (found.architecture, found.framework) == (architecture.name, framework)
        assert {"exporter", "versions", "opset", "layout"} <= set(found.metadata)
        session = onnxruntime.InferenceSession(file)
        for count in (1, 3):
            fed = native(images[:count], found.metadata["layout"])
            probabilities = session.run(None, {"image": fed})[0].reshape(count, -1)
            assert probabilities.shape == (count, architecture.outputs)
            assert ((probabilities >= 0) & (probabilities <= 1)).all()
            assert architecture.output == "sigmoid" or np.allclose(probabilities.sum(1), 1, atol=1e-5)


@pytest.mark.parametrize("size", [28, 29, 41, 64])
def test_a_network_of_any_size_takes_any_size(size: int, tmp_path: Path) -> None:
    chosen = [architecture for architecture in ARCHITECTURES if architecture.any_size]
    assert chosen
    for architecture in chosen:
        in_torch, in_keras = train_torch.build(architecture), train_keras.build(architecture)
        weights.to_keras(in_keras, weights.from_torch(in_torch))
        batch = np.random.default_rng(0).random((2, size, size, architecture.input_shape[2]), np.float32)
        maps = in_keras.predict(batch, verbose=0).transpose(0, 3, 1, 2).reshape(2, -1)
        assert np.allclose(train_torch.logits(in_torch, batch), maps, atol=1e-5)


def test_an_unknown_name_gives_the_nearest() -> None:
    with pytest.raises(HarnessError, match="lenet5_1x1"):
        catalog.get("lenet5_1x2")
    with pytest.raises(HarnessError, match="harness list"):
        catalog.select(["zzz*"])
