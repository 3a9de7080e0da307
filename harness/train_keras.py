"""Training in Keras, by the recipe."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from harness import catalog, recipes, weights
from harness.architecture import Architecture, Optimizer, Recipe
from harness.images import Images
from harness.recipes import Epoch

if TYPE_CHECKING:
    import keras
    import numpy
    from numpy.typing import NDArray


def train(
    architecture: Architecture,
    recipe: Recipe,
    images: Images,
    *,
    seed: int,
    progress: Callable[[float, Epoch | None], None],
) -> "tuple[weights.Weights, list[Epoch]]":
    """Train the network from its first weights; give the last ones and the history.

    Repeatable for a seed, a version of Keras, a processor and a number of threads. ``progress``
    is told the share done and, after each epoch, what came of it.
    """
    import keras

    keras.utils.set_random_seed(seed)  # dropout
    model = build(architecture)
    flat = keras.Sequential([model, keras.layers.Flatten()])  # (N, 1, 1, 10) of a convolutional end too
    weights.to_keras(model, recipes.first_weights(weights.shapes(weights.from_keras(model)), recipe, seed))
    flat.compile(
        optimizer=_optimizer(recipe.optimizer),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    history = []
    for epoch in range(recipe.epochs):
        start = time.perf_counter()
        loss, accuracy = _one_epoch(flat, recipe, images, seed, epoch, progress)
        found = logits(model, images.x_test).argmax(1)
        history.append(
            Epoch(
                epoch=epoch + 1,
                loss=loss,
                accuracy=accuracy,
                test_accuracy=float((found == images.y_test).mean()),
                seconds=time.perf_counter() - start,
            )
        )
        progress((epoch + 1) / recipe.epochs, history[-1])
    return weights.from_keras(model), history


def set_threads(threads: int) -> None:
    """How many threads TensorFlow uses in this process; it takes the number once, before its first operation."""
    import tensorflow

    config = tensorflow.config.threading
    if config.get_intra_op_parallelism_threads() != threads:
        config.set_intra_op_parallelism_threads(threads)
        config.set_inter_op_parallelism_threads(1)


def build(architecture: Architecture) -> "keras.Model":
    """The untrained network, ending in logits."""
    model: keras.Model = catalog.definition(architecture, "keras").build(**architecture.options)
    return model


def logits(model: "keras.Model", images: "NDArray[numpy.float32]", batch: int = 250) -> "NDArray[numpy.float32]":
    """The model's logits (N, outputs) for images (N, H, W, C)."""
    found: NDArray[numpy.float32] = model.predict(images, batch_size=batch, verbose=0)
    return found.reshape(len(images), -1)


def _one_epoch(
    model: "keras.Model",
    recipe: Recipe,
    images: Images,
    seed: int,
    epoch: int,
    progress: Callable[[float, Epoch | None], None],
) -> tuple[float, float]:
    """Mean loss and accuracy over one pass."""
    total_loss = right = seen = 0.0
    for batch, labels in recipes.batches(images, recipe, seed, epoch):
        model.reset_metrics()  # train_on_batch gives this batch alone, whether a version keeps means or not
        results = model.train_on_batch(batch, labels, return_dict=True)
        seen += len(labels)
        total_loss += float(results["loss"]) * len(labels)
        right += float(results["accuracy"]) * len(labels)
        progress((epoch + seen / len(images.x_train)) / recipe.epochs, None)
    return total_loss / seen, right / seen


def _optimizer(optimizer: Optimizer) -> "keras.optimizers.Optimizer":
    import keras

    rate = optimizer.learning_rate
    match optimizer.name:
        case "sgd":
            return keras.optimizers.SGD(rate, momentum=optimizer.momentum)
        case "adam":
            return keras.optimizers.Adam(
                rate, beta_1=optimizer.beta_1, beta_2=optimizer.beta_2, epsilon=optimizer.epsilon
            )
        case "rmsprop":
            return keras.optimizers.RMSprop(rate, rho=optimizer.decay, epsilon=optimizer.epsilon)
        case "adadelta":
            return keras.optimizers.Adadelta(rate, rho=optimizer.decay, epsilon=optimizer.epsilon)
