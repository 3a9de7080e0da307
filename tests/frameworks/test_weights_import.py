"""Weights of libraries, imported without a download: random models of the libraries, and ours that compute the same."""

import hashlib
import json
import math
import re
from dataclasses import dataclass, replace
from pathlib import Path

import keras
import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from harness import cli
from harness.data import images
from harness.data.preprocessing import Preprocessing
from harness.errors import HarnessError
from harness.frameworks import imported, importing, layouts, weights
from harness.frameworks.layouts.layout import Layout, places
from harness.machine import cache
from harness.networks import catalog
from tests.conftest import Harness
from tests.public_models import timm, torchvision

pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:The default weight initialization of inception_v3:FutureWarning"),
]

IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
TOLERANCE = 1e-3  # of the largest logit; float32 in other orders of summation
HALF = ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
PUBLISHED = [(name, layout) for name, known in layouts.LAYOUTS.items() if name != "mobilenet" for layout in known]
OF_TORCH = [(name, layout) for name, layout in PUBLISHED if layout.library != "keras"]


def named(published: tuple[str, Layout]) -> str:
    return f"{published[0]} of {published[1].library}"


@pytest.fixture(autouse=True)
def _own_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARNESS_WEIGHTS", str(tmp_path / "imported"))


def pictures(side: int) -> np.ndarray:
    """Two images of coarse patches, uint8: noise pixel by pixel would look all alike to an average pooling."""
    patches = np.random.default_rng(1).integers(0, 256, (2, 9, 9, 3), np.uint8)
    return patches.repeat(math.ceil(side / 9), axis=1).repeat(math.ceil(side / 9), axis=2)[:, :side, :side]


def of_library(name: str, library: str) -> nn.Module:
    """The model as the library makes it."""
    if library == "timm":
        return timm().create_model(name)
    # transform_input is what torchvision itself sets where it loads weights.
    options = {"transform_input": True, "init_weights": False} if name == "inception_v3" else {}
    return getattr(torchvision().models, name)(weights=None, **options)


@torch.no_grad()
def enlivened(model: nn.Module, inputs: torch.Tensor) -> nn.Module:
    """With random biases and scales, and the statistics of the images at half their size: they stay distinct."""
    torch.manual_seed(0)
    norms = [module for module in model.eval().modules() if isinstance(module, nn.BatchNorm2d)]
    for module in model.modules():
        if getattr(module, "bias", None) is not None:
            module.bias.uniform_(-0.05, 0.05)
    for norm in norms:
        norm.weight.uniform_(0.5, 1.5)
        norm.bias.uniform_(-0.3, 0.3)
        norm.train()
        norm.momentum = 1.0
    if norms:
        model(inputs[:, :, ::2, ::2])
    return model.eval()


def inputs_of(name: str) -> torch.Tensor:
    """The images as the library's own pipeline feeds them to its model."""
    side = catalog.get(name).input_shape[0]
    unit = torch.from_numpy(pictures(side)).permute(0, 3, 1, 2).float() / 255
    mean, deviation = HALF if name == "inception_v4" else IMAGENET
    return (unit - torch.tensor(mean)[:, None, None]) / torch.tensor(deviation)[:, None, None]


def computed(name: str, found: weights.Weights, preprocessing: Preprocessing) -> np.ndarray:
    """The logits of our definition in PyTorch for the pictures, scaled as the weights expect."""
    architecture = catalog.get(name)
    model = catalog.definition(architecture, "torch").build(**architecture.options).eval()
    weights.to_torch(model, found)
    inputs = images.scaled(pictures(architecture.input_shape[0]), preprocessing.scaling).transpose(0, 3, 1, 2)
    with torch.no_grad():
        return model(torch.from_numpy(np.ascontiguousarray(inputs))).numpy()


def error(found: np.ndarray, expected: np.ndarray) -> float:
    """The largest difference as a share of the largest logit; the images must be told apart by much more."""
    scale = np.abs(expected).max()
    assert np.abs(expected[0] - expected[1]).max() > 0.05 * scale, "blind: the images look alike to the network"
    return float(np.abs(found - expected).max() / scale)


def saved(path: Path, model: nn.Module) -> Path:
    if path.suffix == ".safetensors":
        save_file(model.state_dict(), path)
    else:
        torch.save(model.state_dict(), path)
    return path


@pytest.mark.parametrize(
    ("name", "library", "file"),
    [
        ("resnet50", "torchvision", "mine.pth"),
        ("inception_v3", "torchvision", "mine.pt"),
        ("inception_v4", "timm", "mine.safetensors"),
        ("convnext_tiny", "torchvision", "mine.pth"),
        ("densenet121", "torchvision", "mine.pth"),
        ("efficientnet_b0", "torchvision", "mine.pth"),
        ("mobilenet_v2", "torchvision", "mine.pth"),
        ("mobilenet_v3_small", "torchvision", "mine.pth"),
        ("resnext50_32x4d", "torchvision", "mine.pth"),
    ],
)
def test_our_network_computes_what_the_library_does(name: str, library: str, file: str, tmp_path: Path) -> None:
    inputs = inputs_of(name)
    model = enlivened(of_library(name, library), inputs)
    read = importing.read(saved(tmp_path / file, model), catalog.get(name))
    assert read.layout == library
    with torch.no_grad():
        expected = model(inputs).numpy()
    assert error(computed(name, read.weights, read.preprocessing), expected) < TOLERANCE


def test_vgg16_of_torchvision_and_of_timm_is_ours(tmp_path: Path) -> None:
    inputs = inputs_of("vgg16")
    model = enlivened(of_library("vgg16", "torchvision"), inputs)
    read = importing.read(saved(tmp_path / "vgg16.pth", model), catalog.get("vgg16"))
    with torch.no_grad():
        expected = model(inputs).numpy()
    assert error(computed("vgg16", read.weights, read.preprocessing), expected) < TOLERANCE
    # timm's own conversion of these weights: what it publishes.
    save_file(timm().models.vgg._filter_fn(model.state_dict()), tmp_path / "model.safetensors")
    other = importing.read(tmp_path / "model.safetensors", catalog.get("vgg16"))
    assert (read.layout, other.layout) == ("torchvision", "timm")
    assert weights.digest(other.weights) == weights.digest(read.weights)


def test_vgg16_of_keras_is_ours(tmp_path: Path) -> None:
    model = keras.applications.VGG16(weights=None, classifier_activation=None)
    random = np.random.default_rng(0)
    for layer in model.layers:
        if layer.weights:
            layer.kernel.assign(layer.kernel * math.sqrt(2))  # Glorot's weights halve what a ReLU lets through
            layer.bias.assign(random.uniform(-0.05, 0.05, layer.bias.shape))
    model.save_weights(tmp_path / "vgg16.weights.h5")
    read = importing.read(tmp_path / "vgg16.weights.h5", catalog.get("vgg16"))
    expected = model.predict(keras.applications.vgg16.preprocess_input(pictures(224).astype(np.float32)), verbose=0)
    assert error(computed("vgg16", read.weights, read.preprocessing), expected) < TOLERANCE
    # The files that Keras downloads name the layers; the order of a layer's weights is the same.
    by_name = {
        f"{layer.name}/{position}": tuple(variable.shape)
        for layer in model.layers
        for position, variable in enumerate(layer.weights)
    }
    expected = places(layouts.LAYOUTS["vgg16"][2], "keras 2", importing.shapes(catalog.get("vgg16"))).values()
    assert {place.name: place.shape for place in expected} == by_name


@dataclass(frozen=True)
class Resnet18:
    """torchvision's, with random weights in a file, and its logits for the pictures."""

    model: nn.Module
    file: Path
    logits: np.ndarray


@pytest.fixture(scope="module")
def resnet18(tmp_path_factory: pytest.TempPathFactory) -> Resnet18:
    inputs = inputs_of("resnet18")
    model = enlivened(of_library("resnet18", "torchvision"), inputs)
    with torch.no_grad():
        logits = model(inputs).numpy()
    return Resnet18(model, saved(tmp_path_factory.mktemp("library") / "resnet18.pth", model), logits)


def test_the_command_imports_for_both_frameworks(resnet18: Resnet18, harness: Harness, tmp_path: Path) -> None:
    place = {"HARNESS_WEIGHTS": str(tmp_path / "imported")}
    done = harness("weights", "import", "resnet18", str(resnet18.file), "--resize", "240", "--format", "json", **place)
    assert done.returncode == 0, done.stderr
    found = imported.find("resnet18")
    assert found is not None
    assert found.sha256 == hashlib.sha256(resnet18.file.read_bytes()).hexdigest()
    assert found.description == f"resnet18.pth (torchvision layout, sha256 {found.sha256[:8]}…)"
    assert found.preprocessing == Preprocessing(scaling="imagenet_rgb", resize=240, crop=224, interpolation="bilinear")
    (line,) = json.loads(done.stdout)
    listed = harness("weights", "list", "--format", "json", **place)
    assert json.loads(listed.stdout) == [line]
    assert (line["network"], line["resize"], line["digest"]) == ("resnet18", 240, found.digest)

    read = imported.load(found)
    assert error(computed("resnet18", read, found.preprocessing), resnet18.logits) < TOLERANCE
    architecture = catalog.get("resnet18")
    model = catalog.definition(architecture, "keras").build(**architecture.options)
    weights.to_keras(model, read)
    logits = model.predict(images.scaled(pictures(224), found.preprocessing.scaling), verbose=0)
    assert error(logits, resnet18.logits) < TOLERANCE

    removed = harness("weights", "remove", "resnet18", **place)
    assert removed.returncode == 0, removed.stderr
    assert imported.find("resnet18") is None
    for arguments, message in (
        (("remove", "resnet18"), "no weights of 'resnet18' were imported"),
        (("import", "resnet18", "absent.pth"), "cannot read absent.pth: No such file"),
    ):
        done = harness("weights", *arguments, **place)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith("harness: ")
        assert message in done.stderr


@pytest.mark.parametrize(
    "swapped",
    [
        ("stage1_block1_conv1", "stage1_block1_conv2"),
        ("stage4_block2_bn1", "stage4_block2_bn2"),
        ("stage2_block1_bn2", "stage2_block1_shortcut_bn"),
    ],
)
def test_tensors_of_equal_shape_that_a_map_swaps_are_caught(
    swapped: tuple[str, str], resnet18: Resnet18, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = layouts.LAYOUTS["resnet18"][0]
    other = dict(zip(swapped, reversed(swapped), strict=True))
    planted = replace(known, layer=lambda layer: known.layer(other.get(layer, layer)))
    monkeypatch.setitem(layouts.LAYOUTS, "resnet18", (planted,))
    read = importing.read(resnet18.file, catalog.get("resnet18"))
    found = computed("resnet18", read.weights, read.preprocessing)
    assert error(found, resnet18.logits) > 10 * TOLERANCE


@pytest.mark.parametrize("published", OF_TORCH, ids=named)
def test_a_layout_names_every_tensor_of_the_library_once(published: tuple[str, Layout]) -> None:
    name, layout = published
    with torch.device("meta"):
        state = of_library(name, layout.library).state_dict()
    expected = places(layout, "torch", importing.shapes(catalog.get(name))).values()
    beside = ("AuxLogits.",) if name == "inception_v3" else ()
    if layout is layouts.LAYOUTS["densenet121"][1]:  # the names in the file, which torchvision changes as it reads it
        state = {re.sub(r"(denselayer\d+\.\w+)(\d)", r"\1.\2", key): tensor for key, tensor in state.items()}
    assert sorted((place.name, place.shape) for place in expected) == sorted(
        (name, tuple(tensor.shape))
        for name, tensor in state.items()
        if not name.startswith(beside) and not name.endswith("num_batches_tracked")
    )


def test_shapes_are_the_same_where_keras_alone_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    architecture = catalog.get("resnet18")
    expected = importing.shapes(architecture)
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    assert importing.shapes(architecture) == expected


@pytest.mark.parametrize("published", OF_TORCH, ids=named)
def test_images_are_made_ready_as_the_library_does(published: tuple[str, Layout]) -> None:
    name, layout = published
    if layout.library == "timm":
        facts = timm().models.get_pretrained_cfg(name)
        expected = [("", math.floor(facts.input_size[1] / facts.crop_pct), facts.input_size[1], facts.interpolation)]
        assert (facts.mean, facts.std) == (HALF if layout.preprocessing.scaling == "minus_one_to_one" else IMAGENET)
    else:
        editions = [edition for edition in torchvision().models.get_model_weights(name) if edition.name[-1].isdigit()]
        transforms = [(edition.url.rpartition("-")[2][:8], edition.transforms()) for edition in editions]
        expected = [(sha, t.resize_size[0], t.crop_size[0], t.interpolation.value) for sha, t in transforms]
        assert all((tuple(t.mean), tuple(t.std)) == IMAGENET for _, t in transforms)
    for sha256, *facts in expected:
        found = layout.preprocessing_of(sha256)
        assert [found.resize, found.crop, found.interpolation] == facts


def test_a_checkpoint_of_a_training_is_read(resnet18: Resnet18, tmp_path: Path) -> None:
    state = {f"module.{name}": tensor for name, tensor in resnet18.model.state_dict().items()}
    torch.save({"epoch": 90, "state_dict": state}, tmp_path / "checkpoint.pth")
    read, plain = (
        importing.read(file, catalog.get("resnet18")) for file in (tmp_path / "checkpoint.pth", resnet18.file)
    )
    assert weights.digest(read.weights) == weights.digest(plain.weights)


def test_weights_of_another_precision_or_no_numbers_are_refused(resnet18: Resnet18, tmp_path: Path) -> None:
    state, path = resnet18.model.state_dict(), tmp_path / "mine"
    for dtype in (torch.float16, torch.bfloat16):
        changed = {name: tensor.to(dtype) for name, tensor in state.items()}
        torch.save(changed, path.with_suffix(".pth"))
        save_file(changed, path.with_suffix(".safetensors"))
        for suffix in (".pth", ".safetensors"):
            with pytest.raises(HarnessError, match=r"'conv1\.weight' .* must be float32 .* and is \w*16 of shape"):
                importing.read(path.with_suffix(suffix), catalog.get("resnet18"))
    torch.save({**state, "fc.bias": torch.full((1000,), torch.nan)}, path.with_suffix(".pth"))
    with pytest.raises(HarnessError, match=r"values in logits\.bias that are infinite or no numbers"):
        importing.read(path.with_suffix(".pth"), catalog.get("resnet18"))


def carried_out(*arguments: str) -> int:
    """The command in this process; its errors are raised."""
    args = cli.parser("weights").parse_args(["weights", *arguments])
    return args.main(args)


def test_the_place_keeps_whole_weights_alone(
    resnet18: Resnet18, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert carried_out("import", "resnet18", str(resnet18.file)) == 0
    first = imported.find("resnet18")
    assert first is not None
    for options, message in (
        (("--crop", "288"), "--crop 288: resnet18 takes images of 224 pixels and no others"),
        (("--resize", "200"), "--resize 200: expected at least the 224 pixels"),
        (("--layout", "keras"), "--layout keras: .*Give resnet18 of torchvision"),
    ):
        with pytest.raises(HarnessError, match=message):
            carried_out("import", "resnet18", str(resnet18.file), *options)
    (tmp_path / "file").touch()
    with monkeypatch.context() as patch:
        patch.setenv("HARNESS_WEIGHTS", str(tmp_path / "file" / "folder"))
        with pytest.raises(HarnessError, match=r"Set HARNESS_WEIGHTS to another"):
            carried_out("import", "resnet18", str(resnet18.file))
    assert imported.find("resnet18") == first

    content = bytearray(first.weights_file.read_bytes())
    content[-1] ^= 1
    first.weights_file.write_bytes(content)
    with pytest.raises(HarnessError, match=r"has changed since resnet18 was imported"):
        imported.load(first)
    first.weights_file.write_bytes(content[:-1])
    with pytest.raises(HarnessError, match=r"is no whole \.safetensors file .* weights remove resnet18"):
        imported.find("resnet18")
    facts = {"digest": "", "layout": "", "file_name": "", "sha256": "", "resize": "256", "crop": "224"}
    for metadata in ({}, {**facts, "scaling": "of another version", "interpolation": "bilinear"}):
        save_file({"fc.bias": torch.zeros(2)}, first.weights_file, metadata)
        with pytest.raises(HarnessError, match=r"was not written by `harness weights import`"):
            imported.find("resnet18")


def test_emptying_the_cache_leaves_imported_weights_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HARNESS_WEIGHTS")
    monkeypatch.delenv("HARNESS_CACHE")
    assert not imported.folder().is_relative_to(cache.root())
    assert not cache.root().is_relative_to(imported.folder())
