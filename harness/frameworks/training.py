"""Training by a recipe, in either framework: the loop is one, the frameworks' steps differ."""

import fnmatch
import importlib
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, get_args

import numpy as np
from numpy.typing import NDArray

from harness.data.images import Images
from harness.frameworks import checkpoints, recipes
from harness.frameworks.checkpoints import Checkpoint, State
from harness.frameworks.weights import Weights
from harness.measurements import answers
from harness.networks.architecture import Architecture, Recipe, Split

# What the arithmetic of training is done in; weights and optimizer stay in float32. The lectures train in float32.
Precision = Literal["float32", "bfloat16"]
PRECISIONS: tuple[Precision, ...] = get_args(Precision)


@dataclass(frozen=True, kw_only=True)
class Epoch:
    """One pass over the training images, as the history keeps it. Accuracies are shares of 1."""

    epoch: int
    loss: float  # while training: mean over the epoch's images
    accuracy: float
    validation_loss: float
    validation_accuracy: float
    seconds: float


@dataclass(frozen=True, kw_only=True)
class History:
    """What became of a training, epoch by epoch; ``validated_on`` names the split of the validation figures."""

    validated_on: Split
    epochs: tuple[Epoch, ...]
    test_loss: float
    test_accuracy: float

    def to_json(self) -> dict[str, Any]:
        """As a file keeps it."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "History":
        """As :meth:`to_json` gave it."""
        return cls(**{**content, "epochs": tuple(Epoch(**epoch) for epoch in content["epochs"])})


Progress = Callable[[float, Epoch | None], None]  # told the share done and, after each epoch, what came of it


class Trainer(Protocol):
    """A network in training, in one framework; images are float32 (N, H, W, C) in both."""

    def step(self, batch: NDArray[np.float32], labels: NDArray[np.int64]) -> tuple[float, float]:
        """One step of the optimizer; the loss before it and the share of right answers."""

    def logits(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """Logits (N, outputs), as after training."""

    def features(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """What the frozen first layers make of the images: (N, H, W, C) or (N, F)."""

    def train_on_features(self) -> None:
        """From now on steps and logits begin behind the frozen first layers, from their features."""

    def weights(self) -> Weights:
        """The weights of the whole network as they are now."""

    def state(self) -> State:
        """Everything that the next steps depend on: weights, optimizer, random numbers."""

    def restore(self, state: State) -> None:
        """Go on as the trainer would that gave this state."""


def train(
    framework: str,
    architecture: Architecture,
    recipe: Recipe,
    images: Images,
    *,
    seed: int,
    progress: Progress,
    given: Weights | None = None,
    precision: Precision = "float32",
    checkpoint: Path | None = None,
) -> tuple[Weights, History]:
    """Train the network from its first weights; give the last ones and the history.

    ``given`` are weights to begin with in place of those that the recipe draws, by name. Repeatable
    for a seed, a version of the framework, a processor and a number of threads. ``checkpoint`` is a file
    that the state is kept in after each epoch; one that an earlier process left is gone on with.
    """
    module = importlib.import_module(f"harness.frameworks.{framework}_training")
    trainer: Trainer = module.begin(architecture, recipe, seed, given or {}, precision)
    if recipe.features_once:
        images = images.mapped(trainer.features)
        trainer.train_on_features()
    epochs = _restored(trainer, checkpoint) if checkpoint else []
    for number in range(len(epochs), recipe.epochs):
        start = time.perf_counter()
        loss, accuracy = _one_epoch(trainer, recipe, images, seed, number, progress)
        validation_loss, validation_accuracy = _judged(
            recipe, trainer.logits(images.scaled(images.x_validation)), images.y_validation
        )
        epochs.append(
            Epoch(
                epoch=number + 1,
                loss=loss,
                accuracy=accuracy,
                validation_loss=validation_loss,
                validation_accuracy=validation_accuracy,
                seconds=time.perf_counter() - start,
            )
        )
        if checkpoint:
            checkpoints.save(checkpoint, Checkpoint(state=trainer.state(), epochs=list(map(asdict, epochs))))
        progress((number + 1) / recipe.epochs, epochs[-1])
    test_loss, test_accuracy = _judged(recipe, trainer.logits(images.scaled(images.x_test)), images.y_test)
    history = History(
        validated_on=images.validated_on, epochs=tuple(epochs), test_loss=test_loss, test_accuracy=test_accuracy
    )
    return trainer.weights(), history


def _restored(trainer: Trainer, checkpoint: Path) -> list[Epoch]:
    """The epochs that an earlier process trained, with the trainer in the state behind them."""
    found = checkpoints.load(checkpoint)
    if found is None:
        return []
    trainer.restore(found.state)
    return [Epoch(**epoch) for epoch in found.epochs]


def batch_of(images: NDArray[np.float32]) -> int:
    """How many of the images (N, ...) go through a network at once where it is not trained.

    Fewer of large ones: of one image of 180×180, VGG 16 makes 0.2 GB of maps in float64.
    """
    return int(min(250, max(1, 1_500_000 // images[0].size)))


def frozen(layer: str, recipe: Recipe) -> bool:
    """Whether the recipe keeps the weights of the layer of that name as they are."""
    return any(fnmatch.fnmatchcase(layer, pattern) for pattern in recipe.frozen)


def _one_epoch(
    trainer: Trainer, recipe: Recipe, images: Images, seed: int, number: int, progress: Progress
) -> tuple[float, float]:
    """Mean loss and accuracy over one pass."""
    total_loss = right = seen = 0.0
    for batch, labels in recipes.batches(images, recipe, seed, number):
        loss, accuracy = trainer.step(batch, labels)
        seen += len(labels)
        total_loss += loss * len(labels)
        right += accuracy * len(labels)
        progress((number + seen / len(images.x_train)) / recipe.epochs, None)
    return total_loss / seen, right / seen


def _judged(recipe: Recipe, logits: NDArray[np.float32], labels: NDArray[np.int64]) -> tuple[float, float]:
    """Mean loss and share of right answers of logits (N, outputs)."""
    from scipy.special import logsumexp  # takes longer to import than all else together

    exact = logits.astype(np.float64)
    if recipe.loss == "binary_cross_entropy":
        loss = np.logaddexp(0, exact[:, 0]) - exact[:, 0] * labels
    else:
        loss = logsumexp(exact, axis=1) - exact[np.arange(len(labels)), labels]
    return float(loss.mean()), answers.measure_accuracy(answers.classes(logits, threshold=0.0), labels).value
