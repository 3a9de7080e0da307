"""Training by a recipe, in either framework: the loop is one, the frameworks' steps differ."""

import importlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from harness import recipes
from harness.architecture import Architecture, Recipe
from harness.images import Images
from harness.weights import Weights

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class Epoch:
    """One pass over the training images, as the history keeps it. Accuracies are shares of 1."""

    epoch: int
    loss: float
    accuracy: float  # while training: mean over the epoch's batches
    test_accuracy: float
    seconds: float


Progress = Callable[[float, Epoch | None], None]  # told the share done and, after each epoch, what came of it


class Trainer(Protocol):
    """A network in training, in one framework; images are (N, H, W, C) in both."""

    def step(self, batch: "NDArray[numpy.float32]", labels: "NDArray[numpy.int64]") -> tuple[float, float]:
        """One step of the optimizer; the loss before it and the share of right answers."""

    def logits(self, images: "NDArray[numpy.float32]") -> "NDArray[numpy.float32]":
        """Logits (N, outputs), as after training."""

    def weights(self) -> Weights:
        """The weights as they are now."""


def train(
    framework: str, architecture: Architecture, recipe: Recipe, images: Images, *, seed: int, progress: Progress
) -> tuple[Weights, list[Epoch]]:
    """Train the network from its first weights; give the last ones and the history.

    Repeatable for a seed, a version of the framework, a processor and a number of threads.
    """
    trainer: Trainer = importlib.import_module(f"harness.train_{framework}").begin(architecture, recipe, seed)
    history = []
    for number in range(recipe.epochs):
        start = time.perf_counter()
        loss, accuracy = _one_epoch(trainer, recipe, images, seed, number, progress)
        right = trainer.logits(images.x_test).argmax(1) == images.y_test
        history.append(
            Epoch(
                epoch=number + 1,
                loss=loss,
                accuracy=accuracy,
                test_accuracy=float(right.mean()),
                seconds=time.perf_counter() - start,
            )
        )
        progress((number + 1) / recipe.epochs, history[-1])
    return trainer.weights(), history


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
