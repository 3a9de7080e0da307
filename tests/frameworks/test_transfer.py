"""Transfer learning: what is frozen stays, features computed once change nothing, fine tuning goes on from it."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import torch
from PIL import Image

from harness import cli
from harness.data import datasets, images
from harness.errors import HarnessError
from harness.frameworks import recipes, torch_training, training, weights
from harness.frameworks.training import History
from harness.measurements import rows
from harness.networks import catalog
from harness.networks.architecture import Architecture, Recipe
from harness.pieces import carrying_out, plan, results
from harness.pieces.request import Request
from tests.conftest import Harness

FRAMEWORKS = ("keras", "torch")
SIZE = (32, 32, 3)
SMALL_VGG = replace(
    catalog.get("vgg16_features"),
    input_shape=SIZE,
    options={"blocks": ((4, 1), (4, 1), (4, 1), (4, 1), (8, 2)), "head": "features", "input_shape": SIZE},
)
FROZEN = replace(SMALL_VGG.recipes["quick"], training_images=40, batch=16, epochs=2, features_once=False)


def two_classes(count: int = 60) -> datasets.Dataset:
    """Dark images and bright ones."""
    random = np.random.default_rng(0)
    labels = random.integers(0, 2, count).astype(np.int64)
    pixels = (random.integers(0, 128, (count, *SIZE)) + 100 * labels[:, None, None, None]).astype(np.uint8)
    return datasets.Dataset(
        name="two",
        source="",
        genuine=False,
        license="",
        classes=2,
        x_train=pixels[:40],
        y_train=labels[:40],
        x_test=pixels[40:],
        y_test=labels[40:],
    )


def train(
    framework: str, recipe: Recipe, architecture: Architecture = SMALL_VGG, **more: Any
) -> tuple[weights.Weights, History]:
    data = images.prepare(two_classes(), architecture, recipe)
    return training.train(framework, architecture, recipe, data, seed=1, progress=lambda *_: None, **more)


def first(recipe: Recipe, architecture: Architecture = SMALL_VGG) -> weights.Weights:
    return recipes.first_weights(weights.from_torch(torch_training.build(architecture)), recipe, seed=1)


def changed(before: weights.Weights, after: weights.Weights) -> set[str]:
    return {name for name in before if not np.array_equal(before[name], after[name])}


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_what_is_frozen_stays_and_the_rest_learns(framework: str) -> None:
    head = {f"{layer}.{kind}" for layer in ("dense1", "logits") for kind in ("weight", "bias")}
    found, _ = train(framework, FROZEN)
    assert changed(first(FROZEN), found) == head
    tuning = replace(FROZEN, frozen=SMALL_VGG.recipes["fine_tuning"].frozen)
    last_block = {f"block5_conv{number}.{kind}" for number in (1, 2) for kind in ("weight", "bias")}
    tuned, _ = train(framework, tuning, given=found)
    assert changed(found, tuned) == head | last_block


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_features_computed_once_train_the_same_head(framework: str) -> None:
    whole, history = train(framework, FROZEN)
    head_alone, same_history = train(framework, replace(FROZEN, features_once=True))
    assert set(whole) == set(head_alone)
    for name, array in whole.items():
        assert np.allclose(array, head_alone[name], atol=1e-4), name
    assert history.test_accuracy == pytest.approx(same_history.test_accuracy, abs=0.051)
    assert history.epochs[0].loss == pytest.approx(same_history.epochs[0].loss, rel=1e-3)


def test_either_framework_takes_the_same_steps_of_a_binary_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.nn.Dropout, "forward", lambda _, batch: batch)
    monkeypatch.setattr(keras.layers.Dropout, "call", lambda _, inputs, **__: inputs)
    recipe = replace(FROZEN, frozen=(), scaling="unit")
    (in_keras, one), (in_torch, other) = (train(framework, recipe) for framework in FRAMEWORKS)
    for name, array in in_torch.items():
        assert np.allclose(array, in_keras[name], atol=2e-4), name
    for mine, yours in zip(one.epochs, other.epochs, strict=True):
        assert mine.loss == pytest.approx(yours.loss, rel=1e-3)
        assert mine.validation_loss == pytest.approx(yours.validation_loss, rel=1e-3)
        assert mine.accuracy == pytest.approx(yours.accuracy, abs=0.026)


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_frozen_batch_norm_keeps_its_statistics(framework: str) -> None:
    network = catalog.get("cifar10_bn_elu")
    recipe = replace(network.recipes["quick"], training_images=32, epochs=1, frozen=("conv1", "norm1"))
    data = images.prepare(datasets.load(datasets.SAMPLE), network, recipe)
    found, _ = training.train(framework, network, recipe, data, seed=1, progress=lambda *_: None)
    kept = set(found) - changed(first(recipe, network), found)
    assert kept == {name for name in found if name.split(".")[0] in ("conv1", "norm1")}


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_bfloat16_trains_weights_of_float32(framework: str) -> None:
    recipe = replace(FROZEN, frozen=(), scaling="unit")
    exact, history = train(framework, recipe)
    coarse, coarse_history = train(framework, recipe, precision="bfloat16")
    assert all(array.dtype == np.float32 for array in coarse.values())
    assert changed(exact, coarse) == set(exact)
    assert coarse_history.epochs[0].loss != history.epochs[0].loss
    assert coarse_history.epochs[0].loss == pytest.approx(history.epochs[0].loss, rel=0.05)


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_what_is_held_out_is_what_it_is_validated_on(framework: str) -> None:
    recipe = replace(FROZEN, validation_split=0.25, training_images=None)
    found, history = train(framework, recipe)
    assert history.validated_on == "validation"
    data = images.prepare(two_classes(), SMALL_VGG, recipe)
    network = torch_training.build(SMALL_VGG)
    weights.to_torch(network, found)
    right = (torch_training.logits(network, data.scaled(data.x_validation))[:, 0] > 0) == data.y_validation
    assert len(right) == 10
    assert history.epochs[-1].validation_accuracy == pytest.approx(right.mean())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dozen dark cats and bright dogs."""
    root = tmp_path_factory.mktemp("pets")
    random = np.random.default_rng(0)
    for split, count in (("train", 6), ("validation", 4)):
        for label, name in enumerate(("cats", "dogs")):
            (root / split / name).mkdir(parents=True)
            for number in range(count):
                pixels = (random.integers(0, 128, (40, 50, 3)) + 120 * label).astype(np.uint8)
                Image.fromarray(pixels).save(root / split / name / f"{number}.jpg")
    return root


def test_fine_tuning_begins_with_the_weights_of_the_lectures_training(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(catalog, "architectures", lambda: {"vgg16_features": SMALL_VGG})
    asked = ["--profile", "fine_tuning", "--data", f"folder:{folder}", "--format", "csv"]
    assert cli.main(["train", "vgg16_features", *asked]) == 0, "what it begins with is trained first"
    assert "fine" not in capsys.readouterr().err
    request = Request(
        architecture=SMALL_VGG, profile="fine_tuning", trained_in="torch", seed=0, data=f"folder:{folder}"
    )
    piece = plan.train(request)
    assert piece.made
    assert piece.needs == (plan.train(replace(request, profile="lecture")),)
    before, after = (weights.load(each.weights_file) for each in (*piece.needs, piece))
    learned = {name.partition(".")[0] for name in changed(before, after)}
    assert learned == {"block5_conv1", "block5_conv2", "dense1", "logits"}


def test_images_differ_behind_a_base_of_random_weights(folder: Path) -> None:
    request = Request(architecture=SMALL_VGG, profile="quick", trained_in="torch", seed=0, data=f"folder:{folder}")
    found = plan.plan_pieces(request)
    assert carrying_out.carry_out(found.all, lambda *_: None) == {}
    proof = results.verdict(found)
    assert proof.equivalent
    assert plan.origin(found.weights) == "random"


def test_a_plan_that_lacks_what_a_piece_needs_is_no_success(folder: Path) -> None:
    request = Request(
        architecture=SMALL_VGG, profile="fine_tuning", trained_in="torch", seed=5, data=f"folder:{folder}"
    )
    piece = plan.train(request)
    errors = carrying_out.carry_out([piece], lambda *_: None)
    assert "what it takes to train vgg16_features" in str(errors[piece.digest])


def test_images_that_fit_no_network_are_a_reason_and_not_the_end_of_the_run(harness: Harness, tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    np.savez(
        tmp_path / "cifar10.npz",
        **{f"x_{split}": random.integers(0, 256, (20, 32, 32, 3)).astype(np.uint8) for split in ("train", "test")},
        **{f"y_{split}": np.arange(20, dtype=np.uint8) % 10 for split in ("train", "test")},
    )
    asked = (
        "--data",
        "cifar10",
        "--launches",
        "1",
        "--seconds",
        "0.01",
        "--threads",
        "1",
        "--out",
        str(tmp_path / "r"),
    )
    done = harness("run", "lenet5_1x1", "mlp_cifar10_relu_1", *asked, HARNESS_DATA=str(tmp_path))
    assert done.returncode == 0, done.stderr
    reasons = {row.architecture: row.reason or "" for row in rows.read(tmp_path / "r")}
    assert "random weights: cifar10: expected images with 1 channel, found 3" in reasons["lenet5_1x1"]
    assert "random" not in reasons["mlp_cifar10_relu_1"]


def test_a_run_is_resumed_with_its_own_settings_and_data(harness: Harness, folder: Path, tmp_path: Path) -> None:
    out = ("--out", str(tmp_path / "run"))
    begun = harness("run", "convnet_150", "--launches", "1", "--seconds", "0.01", "--threads", "1", *out)
    assert begun.returncode == 0, begun.stderr
    for other in (("--seed", "7"), ("--data", f"folder:{folder}"), ("--training-precision", "bfloat16")):
        done = harness("run", "--resume", *other, *out)
        assert done.returncode == 2
        assert other[0].strip("-").replace("-", " ") in done.stderr
    assert harness("run", "--resume", *out).returncode == 0
    # The same command finds the data set now, and would train: those rows would not belong together.
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "cats_vs_dogs").symlink_to(folder)
    done = harness("run", "--resume", *out, HARNESS_DATA=str(tmp_path / "data"))
    assert done.returncode == 2
    assert "other data or code for convnet_150" in done.stderr


@pytest.mark.filterwarnings("ignore:__array__ implementation")  # of Keras' own saving
def test_a_base_takes_its_weights_from_a_file(
    folder: Path, harness: Harness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = keras.applications.MobileNet(weights=None, include_top=False, input_shape=(32, 32, 3))
    file = tmp_path / "mobilenet.weights.h5"
    base.save_weights(file)
    asked = ("mobilenet_features", "--data", f"folder:{folder}", "--format", "json")
    done = harness("train", *asked, "--base-weights", str(file))
    assert done.returncode == 0, done.stderr
    assert "mobilenet.weights.h5" in done.stdout
    assert "sha256" in done.stdout
    alone = harness("train", *asked)
    assert alone.returncode == 0, alone.stderr
    assert '"base_weights": "random"' in alone.stdout
    trained = sorted(Path(line.split('"')[3]) for line in done.stdout.splitlines() if '"weights"' in line)
    kernel = weights.load(trained[0])["conv1.weight"]
    assert np.array_equal(kernel, base.get_layer("conv1").kernel.numpy().transpose(3, 2, 0, 1))
    wrong = tmp_path / "other.h5"
    wrong.write_bytes(b"no weights")
    refused = harness("train", *asked, "--base-weights", str(wrong))
    assert refused.returncode == 2
    assert "other.h5" in refused.stderr
    unused = harness("train", "lenet5_1x1", "--base-weights", str(file))
    assert unused.returncode == 2
    assert "no ImageNet base" in unused.stderr


def test_what_cannot_be_trained_here_is_measured_with_random_weights(harness: Harness, tmp_path: Path) -> None:
    out = tmp_path / "run"
    done = harness("run", "convnet_150", "--launches", "1", "--seconds", "0.01", "--threads", "1", "--out", str(out))
    assert done.returncode == 0, done.stderr
    for row in rows.read(out):
        assert (row.status, row.equivalent, row.profile, row.accuracy) == ("ok", True, None, None)
        assert "random weights: cats_vs_dogs is not on this machine" in (row.reason or "")
        assert row.latency_median_s is not None
    on_ten = harness("run", "convnet_150", "--data", "fashion_mnist_sample", "--dry-run", "--format", "csv")
    assert "draw,convnet_150" in on_ten.stdout, "one output on ten classes is not trained"


def test_training_what_has_no_recipe_or_no_data_is_refused(harness: Harness) -> None:
    cases = (("alexnet", "no training on imagenet"), ("convnet_150", "HARNESS_DATA"), ("lenet_mnist", "fine_tuning"))
    for name, expected in cases:
        profile = "fine_tuning" if name == "lenet_mnist" else "quick"
        done = harness("train", name, "--profile", profile)
        assert done.returncode == 2
        assert expected in done.stderr
        assert "Traceback" not in done.stderr
    several = harness("train", "mlp_fmnist_relu_1", "alex*", "--format", "csv")
    assert several.returncode == 0, "what a glob brought and cannot be trained is left out"
    assert "alexnet cannot be trained here" in several.stderr
    for nonsense in ("", "nosuch", "folder:/no/such/folder", "folder:" + "x" * 300):
        assert harness("run", "vgg16", "mlp_fmnist_relu_1", "--data", nonsense, "--dry-run").returncode == 2
    with pytest.raises(HarnessError, match="no recipe"):
        _ = Request(architecture=catalog.get("vgg16"), profile="lecture", trained_in="torch", seed=0).recipe
