"""A recipe is one experiment: trained in Keras or in PyTorch, the same steps from the same first weights."""

import json
from dataclasses import replace
from typing import Any

import keras
import numpy as np
import pytest
import torch
from scipy.special import log_softmax

from harness.data import datasets
from harness.data.images import Images, prepare
from harness.frameworks import keras_training, recipes, torch_training, training, weights
from harness.frameworks.training import Epoch, History
from harness.networks import catalog
from harness.networks.architecture import Architecture, Optimizer, Recipe

FRAMEWORKS = ("keras", "torch")
TRAINING_IMAGES = 256
NETWORK = catalog.get("lenet5_1x1")  # no dropout: nothing is drawn but what the recipe draws
WITH_DROPOUT = catalog.get("cifar10_bn_elu")

OPTIMIZERS = {
    "sgd": Optimizer(name="sgd", learning_rate=0.1),
    "sgd with momentum": Optimizer(name="sgd", learning_rate=0.05, momentum=0.9),
    "adam": Optimizer(name="adam", learning_rate=0.001),
    "adam, wide epsilon": Optimizer(name="adam", learning_rate=0.01, beta_1=0.8, beta_2=0.99, epsilon=1e-3),
    "rmsprop": Optimizer(name="rmsprop", learning_rate=0.0005),
    "rmsprop, wide epsilon": Optimizer(name="rmsprop", learning_rate=0.005, decay=0.95, epsilon=1e-3),
    "adadelta": Optimizer(name="adadelta", learning_rate=1.0, decay=0.95),
}


def recipe_of(architecture: Architecture, **changes: object) -> Recipe:
    """The quick recipe on few images; 256 are no multiple of 100, so that the last batch is a short one."""
    return replace(
        architecture.recipes["quick"], **{"training_images": TRAINING_IMAGES, "batch": 100, "epochs": 2, **changes}
    )


def images_of(architecture: Architecture, recipe: Recipe) -> Images:
    sample = datasets.load(datasets.SAMPLE)
    return prepare(replace(sample, x_test=sample.x_test[:100], y_test=sample.y_test[:100]), architecture, recipe)


def train(
    framework: str, architecture: Architecture, recipe: Recipe, seed: int = 3, **more: Any
) -> tuple[weights.Weights, History]:
    images = images_of(architecture, recipe)
    return training.train(framework, architecture, recipe, images, seed=seed, progress=lambda *_: None, **more)


def first(architecture: Architecture, recipe: Recipe, seed: int = 3) -> weights.Weights:
    return recipes.first_weights(weights.from_torch(torch_training.build(architecture)), recipe, seed)


def flat(arrays: weights.Weights) -> np.ndarray:
    return np.concatenate([arrays[name].ravel() for name in sorted(arrays)])


def cross_entropy(logits: np.ndarray, labels: np.ndarray) -> float:
    return float(-log_softmax(logits.astype(float), axis=1)[np.arange(len(labels)), labels].mean())


@pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_either_framework_takes_the_same_steps(optimizer: Optimizer) -> None:
    recipe = recipe_of(NETWORK, optimizer=optimizer)
    (in_keras, keras_history), (in_torch, torch_history) = (train(name, NETWORK, recipe) for name in FRAMEWORKS)
    way = np.linalg.norm(flat(in_torch) - flat(first(NETWORK, recipe)))
    apart = np.linalg.norm(flat(in_torch) - flat(in_keras))
    assert way > 0.1
    # One step of rounding noise that Adam takes for a gradient is a hundredth of this.
    assert apart < 1e-4 * way
    for one, other in zip(keras_history.epochs, torch_history.epochs, strict=True):
        assert one.loss == pytest.approx(other.loss, rel=1e-3)
        assert one.accuracy == pytest.approx(other.accuracy, abs=1.5 / TRAINING_IMAGES)
        assert one.validation_loss == pytest.approx(other.validation_loss, rel=1e-3)
        assert one.validation_accuracy == pytest.approx(other.validation_accuracy, abs=0.011)


def test_batch_norm_takes_the_same_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """But for one thing that cannot be set: PyTorch keeps the unbiased variance of a batch, Keras the biased one."""
    monkeypatch.setattr(torch.nn.Dropout, "forward", lambda _, batch: batch)
    monkeypatch.setattr(keras.layers.Dropout, "call", lambda _, inputs, **__: inputs)
    count, optimizer = 32, Optimizer(name="sgd", learning_rate=0.01)
    recipe = recipe_of(WITH_DROPOUT, training_images=count, batch=count, epochs=1, optimizer=optimizer)
    (in_keras, one), (in_torch, other) = (train(name, WITH_DROPOUT, recipe) for name in FRAMEWORKS)
    assert one.epochs[0].loss == pytest.approx(other.epochs[0].loss, rel=1e-4)
    before = first(WITH_DROPOUT, recipe)
    learned = [name for name in before if "running_var" not in name]
    way = flat({name: in_torch[name] - before[name] for name in learned})
    apart = flat({name: in_torch[name] - in_keras[name] for name in learned})
    assert np.linalg.norm(apart) < 0.01 * np.linalg.norm(way)  # at the ties of a maximum pooling, either side is right
    for layer, side in (("norm1", 32), ("norm6", 4)):
        values = count * side**2
        added = [weights_[f"{layer}.running_var"].astype(float) - 0.99 for weights_ in (in_torch, in_keras)]
        assert np.allclose(added[0] / added[1], values / (values - 1), rtol=0, atol=3e-4)


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_the_history_is_the_mean_over_all_images(framework: str) -> None:
    standing = Optimizer(name="sgd", learning_rate=0.0)
    recipe = recipe_of(NETWORK, optimizer=standing, epochs=1)
    images = images_of(NETWORK, recipe)
    network = torch_training.build(NETWORK)
    weights.to_torch(network, first(NETWORK, recipe))
    logits = torch_training.logits(network, images.scaled(images.x_train))
    _, history = train(framework, NETWORK, recipe)
    (epoch,) = history.epochs
    assert epoch.epoch == 1
    assert epoch.loss == pytest.approx(cross_entropy(logits, images.y_train), rel=1e-5)
    assert epoch.accuracy == pytest.approx((logits.argmax(1) == images.y_train).mean(), abs=1e-6)
    found = torch_training.logits(network, images.scaled(images.x_test))
    assert epoch.validation_accuracy == history.test_accuracy == (found.argmax(1) == images.y_test).mean()
    assert history.validated_on == "test"
    assert history.test_loss == pytest.approx(cross_entropy(found, images.y_test), rel=1e-5)


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_training_learns_and_tells(framework: str) -> None:
    recipe = recipe_of(NETWORK, batch=32, epochs=4)
    images = images_of(NETWORK, recipe)
    told: list[tuple[float, Epoch | None]] = []
    trained, history = training.train(
        framework, NETWORK, recipe, images, seed=0, progress=lambda share, epoch: told.append((share, epoch))
    )
    epochs = history.epochs
    assert [epoch.epoch for epoch in epochs] == [1, 2, 3, 4]
    assert epochs[0].loss > epochs[1].loss > epochs[-1].loss
    assert epochs[-1].loss < 0.7 * epochs[0].loss
    assert history.test_accuracy > 0.5
    assert all(epoch.seconds > 0 for epoch in epochs)
    shares = [share for share, _ in told]
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (32 / (4 * TRAINING_IMAGES), 1)
    assert [epoch for _, epoch in told if epoch is not None] == list(epochs)
    assert History.from_json(json.loads(json.dumps(history.to_json()))) == history
    # The weights that are given are those that the last accuracy was measured with.
    network = torch_training.build(NETWORK)
    weights.to_torch(network, trained)
    found = torch_training.logits(network, images.scaled(images.x_test)).argmax(1)
    assert (found == images.y_test).mean() == pytest.approx(history.test_accuracy, abs=0.011)


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_seed_gives_the_same_weights(framework: str) -> None:
    recipe = recipe_of(WITH_DROPOUT, training_images=64, batch=32, epochs=1)
    assert recipe.augmentation is not None
    once, again, other = (train(framework, WITH_DROPOUT, recipe, seed) for seed in (3, 3, 4))
    assert all(np.array_equal(once[0][name], again[0][name]) for name in once[0])
    first_epochs, same_epochs = ([replace(epoch, seconds=0) for epoch in found[1].epochs] for found in (once, again))
    assert first_epochs == same_epochs
    assert not np.array_equal(flat(once[0]), flat(other[0]))


def test_logits_do_not_depend_on_how_images_are_batched() -> None:
    prepared = images_of(WITH_DROPOUT, recipe_of(WITH_DROPOUT))
    images = prepared.scaled(prepared.x_test[:30])
    drawn = first(WITH_DROPOUT, recipe_of(WITH_DROPOUT))
    in_torch, in_keras = torch_training.build(WITH_DROPOUT), keras_training.build(WITH_DROPOUT)
    weights.to_torch(in_torch, drawn)
    weights.to_keras(in_keras, drawn)
    for logits, model in ((torch_training.logits, in_torch), (keras_training.logits, in_keras)):
        whole, parts = logits(model, images), logits(model, images, batch=7)
        assert whole.shape == (30, 10)
        assert np.allclose(whole, parts, atol=1e-4 * np.abs(whole).max())
