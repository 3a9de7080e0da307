"""The contract of every network: being in the catalogue is being tested."""

import functools
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import keras
import numpy as np
import onnx
import onnxruntime
import pytest

from harness.cost.ledger import ledger
from harness.data.images import native, sample
from harness.errors import HarnessError
from harness.frameworks import keras_training, layers, torch_training, untrained, weights
from harness.measurements.types import Cost
from harness.networks import catalog
from harness.networks.architecture import Architecture
from harness.pieces import artifacts, equivalence, evaluation, export_keras, export_torch, form_outputs, tf2onnx_route

ARCHITECTURES = list(catalog.architectures().values())
EXPORTERS = {"keras": export_keras, "torch": export_torch}
each = pytest.mark.parametrize("found", ARCHITECTURES, ids=lambda found: found.name)

# What the lectures' summaries, the worked tables and public models give, written down here a second time.
PUBLIC = {
    "alexnet": (62_378_344, 1_135_256_096),
    "alexnet_two_tower": (60_965_224, 724_406_816),
    "bn_alexnet": (61_119_528, 714_188_480),
    "bn_nin": (8_655_336, 1_259_939_840),
    "cifar10_bn_elu": (293_034, 29_496_320),
    "cifar10_conv1024": (14_682_442, 202_740_736),
    "convnet_150": (3_453_121, 236_095_488),
    "convnet_flatten": (703_594, 15_275_392),
    "convnet_gmp": (179_306, 14_751_104),
    "convnext_tiny": (28_589_128, 4_455_531_264),
    "deeper_vgg_dropout": (1_341_226, 39_687_168),
    "densenet121": (7_978_856, 2_834_161_664),
    "efficientnet_b0": (5_288_548, 385_814_752),
    "efficientnet_lite0": (4_652_008, 385_187_552),
    "enet": (5_861_476, 779_341_568),
    "fcn_1x1": (6_816_010, 39_167_488),
    "fmnist_conv7": (2_150_410, 92_320_896),
    "fmnist_maxpool": (1_588_490, 41_797_760),
    "fmnist_same": (1_818_890, 90_793_472),
    "fmnist_strided": (1_588_490, 19_679_360),
    "googlenet": (6_998_552, 1_582_671_872),
    "inception_v3": (23_834_568, 5_713_216_096),
    "inception_v4": (42_679_816, 12_253_974_624),
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
    "mobilenet_v2": (3_504_872, 300_774_272),
    "mobilenet_v3_small": (2_542_856, 56_510_400),
    "resnet101": (44_549_160, 7_801_405_440),
    "resnet152": (60_192_808, 11_513_626_624),
    "resnet18": (11_689_512, 1_814_073_344),
    "resnet34": (21_797_672, 3_663_761_408),
    "resnet50": (25_557_032, 4_089_184_256),
    "resnext50_32x4d": (25_028_904, 4_230_479_872),
    "shallow_vgg": (2_168_362, 26_579_968),
    "shallow_vgg_dropout": (2_168_362, 26_579_968),
    "shallownet": (657_162, 2_424_832),
    "vgg16": (138_357_544, 15_470_264_320),
    "vgg16_features": (17_992_001, 9_742_404_864),
    "vgg19": (143_667_240, 19_632_062_464),
    "vit_tiny": (5_717_416, 1_253_683_200),
}

MODERN = {found.name for found in ARCHITECTURES if "modern" in found.sets}
# Deep networks and large ones. As they are, with their files, they are tested every night; otherwise one of each family
# is, on images of the side given here, and its structure is what is proved. Maps are halved as often as at the full
# size, and the last are larger than one pixel. None: at their own size.
SIDES = {
    "alexnet": None,
    "alexnet_two_tower": None,
    "bn_alexnet": None,
    "inception_v3": 107,
    "inception_v4": 107,
    "resnet18": 64,
    "resnet50": 64,
    "vgg16": 64,
    "vgg16_features": 64,
    **dict.fromkeys(sorted(MODERN)),
}
EXPORTED = {"resnet18", "resnet50", "vgg16"}  # their files are tested at the smaller side, too
DEEPER = {"resnet34", "resnet101", "resnet152", "vgg19"}  # the same blocks, and more of them
UNFOLDED_ENOUGH = DEEPER | MODERN | {"inception_v3", "inception_v4"}  # the layers of smaller ones


@dataclass(frozen=True, kw_only=True)
class Variant:
    """A network in one way of testing it: at its own size or for smaller images, with its files or without."""

    architecture: Architecture
    has_files: bool

    @property
    def side(self) -> int | None:
        """Of the images, if they are smaller than the network's own."""
        side = self.architecture.input_shape[0]
        return side if side < catalog.get(self.architecture.name).input_shape[0] else None

    @property
    def is_slow(self) -> bool:
        """Whether each image costs a second."""
        return self.side is None and self.architecture.macs > 1e9

    @property
    def macs(self) -> int:
        """The facts' number, or for smaller images what the layers say: both are held against each other below."""
        if self.side is None:
            return self.architecture.macs
        return sum(layer.macs or 0 for layer in layers.list_layers(self.architecture, "torch"))


def with_side(found: Architecture, side: int | None) -> Architecture:
    """The network for images of that side; its facts are those of its own size."""
    shape = found.input_shape if side is None else (side, side, found.input_shape[2])
    options = {"input_shape": shape} if "input_shape" in found.options else {}
    return replace(found, input_shape=shape, options={**found.options, **options})


AS_THEY_ARE = [
    pytest.param(
        Variant(architecture=found, has_files=True),
        id=found.name,
        marks=[pytest.mark.nightly] * (found.name in SIDES.keys() | DEEPER),
    )
    for found in ARCHITECTURES
]
SMALLER = [
    pytest.param(
        Variant(architecture=with_side(catalog.get(name), side), has_files=name in EXPORTED),
        id=f"{name}-{side or 'definitions'}",
    )
    for name, side in SIDES.items()
]


@pytest.fixture(params=[*AS_THEY_ARE, *SMALLER], scope="module")
def tested(request: pytest.FixtureRequest) -> Iterator[Variant]:
    """A network; while it is one for smaller images, Keras' definitions get inputs of their size."""
    found: Variant = request.param
    with pytest.MonkeyPatch.context() as patch:
        if found.side is not None:
            given = functools.partial(keras.Input, found.architecture.input_shape)
            patch.setattr(keras, "Input", lambda _, **others: given(**others))
        yield found


@pytest.fixture(scope="module")
def architecture(tested: Variant) -> Architecture:
    return tested.architecture


@pytest.fixture(scope="module")
def images(tested: Variant) -> np.ndarray:
    """Real images (N, H, W, C), fitted to the network's input; few where each costs a second."""
    return sample(tested.architecture, 2 if tested.is_slow else untrained.IMAGES)


@pytest.fixture(scope="module")
def lively(architecture: Architecture, images: np.ndarray) -> weights.Weights:
    """Weights that hide nothing, without training."""
    return untrained.draw(architecture, images, seed=1)


@pytest.fixture(scope="module")
def exported(tested: Variant, lively: weights.Weights) -> Iterator[dict[str, Path]]:
    if not tested.has_files:
        pytest.skip("its files are tested at night")
    with tempfile.TemporaryDirectory() as folder:  # two files of a VGG fill a gigabyte
        files = {framework: Path(folder) / f"{framework}.onnx" for framework in EXPORTERS}
        for framework, exporter in EXPORTERS.items():
            exporter.export(tested.architecture, lively, files[framework], {})
        yield files


@pytest.fixture(scope="module")
def counted(exported: dict[str, Path]) -> dict[str, Cost]:
    """The ledger of each file."""
    return {framework: ledger(file) for framework, file in exported.items()}


@pytest.mark.parametrize("name", PUBLIC)
def test_facts_are_the_public_ones(name: str) -> None:
    found = catalog.get(name)
    assert (found.params, found.macs) == PUBLIC[name]


def test_every_network_of_the_lectures_of_the_figure_and_of_today_is_here() -> None:
    lectures, figure, modern = (
        {found.name for found in ARCHITECTURES if of in found.sets} for of in ("lectures", "figure", "modern")
    )
    assert set(PUBLIC) == lectures | figure | modern
    assert (len(lectures), len(figure), len(modern)) == (37, 14, 8)


@each
def test_a_network_has_its_lectures_recipe_unless_it_is_of_imagenet(found: Architecture) -> None:
    expected = set() if found.dataset == "imagenet" else {"quick", "lecture"}
    assert expected <= set(found.recipes)
    assert all(recipe.source for profile, recipe in found.recipes.items() if profile != "quick")


@each
def test_both_definitions_have_the_parameters_and_macs(found: Architecture) -> None:
    for framework in catalog.FRAMEWORKS:
        table = layers.list_layers(found, framework)
        assert sum(layer.params for layer in table) == found.params, framework
        assert sum(layer.macs or 0 for layer in table) == found.macs, framework
        assert not [layer for layer in table if layer.macs is None], framework


def test_both_files_have_the_macs(tested: Variant, counted: dict[str, Cost]) -> None:
    assert {framework: cost.macs for framework, cost in counted.items()} == dict.fromkeys(EXPORTERS, tested.macs)


def test_a_file_says_whether_its_parameters_are_folded(lively: weights.Weights, counted: dict[str, Cost]) -> None:
    has_batch_norm = any("running_" in name for name in lively)
    params = sum(array.size for name, array in lively.items() if "running_" not in name)
    for cost in counted.values():
        assert cost.folded_batch_norm == has_batch_norm
        assert cost.params <= params
        assert cost.params == params or cost.folded_batch_norm


def test_an_unfolded_export_has_the_parameters(tested: Variant, lively: weights.Weights) -> None:
    architecture = tested.architecture
    if not any("running_" in name for name in lively):
        return  # nothing is folded: the test before has counted the parameters of the file itself
    if architecture.name in UNFOLDED_ENOUGH or not tested.has_files:
        pytest.skip("exported are smaller networks, which have the same layers")
    for framework, convert in {"keras": tf2onnx_route.convert, "torch": export_torch.convert}.items():
        model = convert(architecture, lively, fold=False)
        # Of a batch norm, the running statistics are stored beside what is learned.
        statistics = sum(array.size for name, array in lively.items() if "running_" in name)
        # A number that an activation needs is stored as an array of one, too.
        least = min(array.size for array in lively.values())
        stored = sum(
            int(np.prod(tensor.dims))
            for tensor in model.graph.initializer
            if tensor.data_type == onnx.TensorProto.FLOAT and len(tensor.dims) > 0 and np.prod(tensor.dims) >= least
        )
        assert stored - statistics == architecture.params, framework


def test_the_forms_agree(tested: Variant, lively: weights.Weights, request: pytest.FixtureRequest) -> None:
    architecture = tested.architecture
    on = evaluation.of_sample(architecture)
    if tested.is_slow:
        on = replace(on, compared=on.compared[:4], exact=2)
    forms = {
        framework: form_outputs.of_framework(architecture, framework, lively, on) for framework in catalog.FRAMEWORKS
    }
    files = request.getfixturevalue("exported") if tested.has_files else {}
    for framework, file in files.items():
        forms[f"onnx from {framework}"] = form_outputs.of_file(artifacts.read(file), on, threads=1)
    found = equivalence.prove(forms, architecture.output)
    assert found.verdict == "yes", found
    assert found.tolerance < 1e-3 * found.scale


def test_weights_survive_the_way_through_keras(architecture: Architecture, lively: weights.Weights) -> None:
    model = keras_training.build(architecture)
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
        for count in (1, 2):
            fed = native(images[:count], found.metadata["layout"])
            probabilities = session.run(["probabilities"], {"image": fed})[0].reshape(count, -1)
            assert probabilities.shape == (count, architecture.outputs)
            assert ((probabilities >= 0) & (probabilities <= 1)).all()
            assert architecture.output == "sigmoid" or np.allclose(probabilities.sum(1), 1, atol=1e-5)


@pytest.mark.parametrize("size", [28, 29, 41, 64])
def test_a_network_of_any_size_takes_any_size(size: int, tmp_path: Path) -> None:
    chosen = [architecture for architecture in ARCHITECTURES if architecture.any_size]
    assert chosen
    for architecture in chosen:
        in_torch, in_keras = torch_training.build(architecture), keras_training.build(architecture)
        weights.to_keras(in_keras, weights.from_torch(in_torch))
        batch = np.random.default_rng(0).random((2, size, size, architecture.input_shape[2]), np.float32)
        maps = in_keras.predict(batch, verbose=0).transpose(0, 3, 1, 2).reshape(2, -1)
        assert np.allclose(torch_training.logits(in_torch, batch), maps, atol=1e-5)


def test_an_unknown_name_gives_the_nearest() -> None:
    with pytest.raises(HarnessError, match="lenet5_1x1"):
        catalog.get("lenet5_1x2")
    with pytest.raises(HarnessError, match="harness list"):
        catalog.select(["zzz*"])


def test_names_and_a_set_choose_what_is_in_both() -> None:
    assert {found.name for found in catalog.select(["vgg*", "enet"], "figure")} == {"vgg16", "vgg19", "enet"}
    for pattern in ("lenet5_1x1", "mlp*"):
        with pytest.raises(HarnessError, match="set figure"):
            catalog.select([pattern], "figure")
    assert [found.name for found in catalog.select(["resnet18"], "default")] == ["resnet18"]
