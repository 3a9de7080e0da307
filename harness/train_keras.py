"""Training in Keras: the network, its optimizer and one step of it."""

from typing import TYPE_CHECKING

from harness import catalog, recipes, weights
from harness.architecture import Architecture, Optimizer, Recipe

if TYPE_CHECKING:
    import keras
    import numpy
    from numpy.typing import NDArray


class KerasTrainer:
    """A Keras network in training (:class:`harness.training.Trainer`)."""

    def __init__(self, model: "keras.Model", optimizer: "keras.optimizers.Optimizer") -> None:
        import keras

        self.model = model
        self.compiled = keras.Sequential([model, keras.layers.Flatten()])  # (N, 1, 1, 10) of a convolutional end too
        self.compiled.compile(
            optimizer=optimizer,
            loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            metrics=["accuracy"],
        )

    def step(self, batch: "NDArray[numpy.float32]", labels: "NDArray[numpy.int64]") -> tuple[float, float]:
        self.compiled.reset_metrics()  # train_on_batch gives this batch alone, whether a version keeps means or not
        found = self.compiled.train_on_batch(batch, labels, return_dict=True)
        return float(found["loss"]), float(found["accuracy"])

    def logits(self, images: "NDArray[numpy.float32]") -> "NDArray[numpy.float32]":
        return logits(self.model, images)

    def weights(self) -> weights.Weights:
        return weights.from_keras(self.model)


def begin(architecture: Architecture, recipe: Recipe, seed: int) -> KerasTrainer:
    """The network with its first weights, ready for its first step."""
    import keras

    keras.utils.set_random_seed(seed)  # dropout
    model = build(architecture)
    weights.to_keras(model, recipes.first_weights(weights.shapes(weights.from_keras(model)), recipe, seed))
    return KerasTrainer(model, _optimizer(recipe.optimizer))


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
