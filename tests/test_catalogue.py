"""The contract of every network: being in the catalogue is being tested."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from harness import (
    artifacts,
    catalog,
    cost,
    export_keras,
    export_torch,
    plan,
    recipes,
    train_keras,
    train_torch,
    weights,
)
from harness.architecture import Architecture
from harness.errors import HarnessError
from harness.images import native, prepare

ARCHITECTURES = list(catalog.architectures().values())
EXPORTERS = {"keras": export_keras, "torch": export_torch}

# What the lectures' summaries and the worked tables give, written down here a second time.
PUBLIC = {
    "cifar10_bn_elu": (293_034, 29_496_320),
    "convnet_gmp": (179_306, 14_751_104),
    "fcn_1x1": (6_816_010, 39_167_488),
    "fmnist_same": (1_818_890, 90_793_472),
    "lenet5_1x1": (257_546, 658_440),
    "lenet_mnist": (1_256_080, 6_522_000),
    "mlp_fmnist_relu_1": (101_770, 101_632),
    "shallownet": (657_162, 2_424_832),
}


@pytest.fixture(params=ARCHITECTURES, ids=lambda architecture: architecture.name, scope="module")
def architecture(request: pytest.FixtureRequest) -> Architecture:
    found: Architecture = request.param
    return found


def images(architecture: Architecture, count: int = 16) -> np.ndarray:
    """Real images, as the quick recipe feeds them."""
    sample = plan.dataset("fashion_mnist_sample")
    return prepare(sample, architecture, replace(architecture.recipes["quick"], training_images=500)).x_test[:count]


@pytest.fixture(scope="module")
def lively(architecture: Architecture) -> weights.Weights:
    """Weights that hide nothing, without training.

    Zero biases would be merged by the exporters; untouched batch norm would hide a wrong epsilon, and
    lets deep networks give nearly the same output for every image. So biases and batch-norm scales are
    drawn at random, and batch-norm statistics come from a forward pass over real images.
    """
    network = train_torch.build(architecture)
    drawn = recipes.first_weights(weights.shapes(weights.from_torch(network)), architecture.recipes["quick"], seed=1)
    random = np.random.default_rng(2)
    for name, array in drawn.items():
        if array.ndim < 2 and "running_" not in name:
            scale = name.endswith("weight")
            drawn[name] = random.uniform(*((0.5, 1.5) if scale else (-0.3, 0.3)), array.shape).astype(np.float32)
    weights.to_torch(network, drawn)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = 1.0  # the statistics of this pass alone
    with torch.no_grad():
        network.train()(torch.from_numpy(images(architecture, 64)).permute(0, 3, 1, 2))
    return weights.from_torch(network)


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


def test_every_network_can_be_trained_both_ways(architecture: Architecture) -> None:
    assert {"quick", "lecture"} <= set(architecture.recipes)


def test_both_definitions_have_the_parameters(architecture: Architecture) -> None:
    in_torch = sum(parameter.numel() for parameter in train_torch.build(architecture).parameters())
    in_keras = sum(int(np.prod(variable.shape)) for variable in train_keras.build(architecture).trainable_variables)
    assert (in_torch, in_keras) == (architecture.params, architecture.params)


def test_both_files_have_the_macs(architecture: Architecture, exported: dict[str, Path]) -> None:
    counted = {framework: cost.ledger(file).macs for framework, file in exported.items()}
    assert counted == {"keras": architecture.macs, "torch": architecture.macs}


def test_a_file_says_whether_its_parameters_are_folded(
    architecture: Architecture, lively: weights.Weights, exported: dict[str, Path]
) -> None:
    has_batch_norm = any("running_" in name for name in lively)
    for file in exported.values():
        ledger = cost.ledger(file)
        assert ledger.folded_batch_norm == has_batch_norm
        assert ledger.params <= architecture.params
        assert ledger.params == architecture.params or ledger.folded_batch_norm


def test_an_unfolded_export_has_the_parameters(
    architecture: Architecture, lively: weights.Weights, tmp_path: Path
) -> None:
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


def test_the_four_forms_agree(architecture: Architecture, lively: weights.Weights, exported: dict[str, Path]) -> None:
    batch = images(architecture)
    in_torch, in_keras = train_torch.build(architecture), train_keras.build(architecture)
    weights.to_torch(in_torch, lively)
    weights.to_keras(in_keras, lively)
    forms = {"torch": train_torch.logits(in_torch, batch), "keras": train_keras.logits(in_keras, batch)}
    for framework, file in exported.items():
        session = onnxruntime.InferenceSession(artifacts.with_logits(file))
        fed = native(batch, artifacts.read(file).metadata["layout"])
        forms[f"onnx from {framework}"] = session.run(["logits"], {"image": fed})[0].reshape(len(batch), -1)
    exact = train_torch.logits(in_torch.double(), batch)
    scale = np.abs(exact).max()
    assert np.ptp(exact, axis=0).max() > 0.01 * scale, "the images are not told apart: the comparison is blind"
    for name, logits in forms.items():
        assert np.abs(logits - exact).max() <= 1e-5 * scale, name


def test_weights_survive_the_way_through_keras(architecture: Architecture, lively: weights.Weights) -> None:
    model = train_keras.build(architecture)
    weights.to_keras(model, lively)
    back = weights.from_keras(model)
    assert set(back) == set(lively)
    assert all(np.array_equal(back[name], lively[name]) for name in lively)


def test_the_files_say_what_they_are(architecture: Architecture, exported: dict[str, Path]) -> None:
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
            fed = native(images(architecture, count), found.metadata["layout"])
            probabilities = session.run(None, {"image": fed})[0].reshape(count, -1)
            assert probabilities.shape == (count, architecture.outputs)
            assert np.allclose(probabilities.sum(1), 1, atol=1e-5)


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
        catalog.get("lenet5")
    with pytest.raises(HarnessError, match="harness list"):
        catalog.select(["zzz*"])
