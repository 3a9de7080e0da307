"""Training in Keras: the network, its optimizer and one step of it."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any, Literal

import keras
import numpy as np
from numpy.typing import NDArray

from harness.data.images import in_precision
from harness.frameworks import recipes, training, weights
from harness.frameworks.checkpoints import State
from harness.networks import catalog
from harness.networks.architecture import Architecture, Optimizer, Recipe


class KerasTrainer:
    """A Keras network in training (:class:`harness.frameworks.training.Trainer`)."""

    def __init__(self, model: keras.Model, recipe: Recipe) -> None:
        self.model = model
        self.recipe = recipe
        for layer in model.layers:
            layer.trainable = not training.frozen(layer.name, recipe)
        self._train(model)

    def step(self, batch: NDArray[np.float32], labels: NDArray[np.int64]) -> tuple[float, float]:
        self.compiled.reset_metrics()  # train_on_batch gives this batch alone, whether a version keeps means or not
        found = self.compiled.train_on_batch(batch, labels, return_dict=True)
        return float(found["loss"]), float(found["right"])

    def logits(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        return logits(self.compiled, images)

    def features(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        base = keras.Sequential([self.model.inputs[0], *self.model.layers[: self._behind()]])
        found: NDArray[np.float32] = base.predict(images, batch_size=training.batch_of(images), verbose=0)
        return found.astype("float32")

    def train_on_features(self) -> None:
        behind = self.model.layers[self._behind() :]
        self._train(keras.Sequential([keras.Input(behind[0].input.shape[1:]), *behind]))

    def weights(self) -> weights.Weights:
        return weights.from_keras(self.model)

    def state(self) -> State:
        return {name: np.array(variable.numpy()) for name, variable in self._variables().items()}

    def restore(self, state: State) -> None:
        for name, variable in self._variables().items():
            variable.assign(state[name])

    def _variables(self) -> dict[str, Any]:
        """Everything that changes in training, by its place: weights, statistics, random numbers, the optimizer's."""
        optimizer = self.compiled.optimizer
        if not optimizer.built:
            optimizer.build(self.compiled.trainable_variables)
        kinds = {"model": self.model.variables, "optimizer": optimizer.variables}
        return {f"{kind}.{number}": one for kind, found in kinds.items() for number, one in enumerate(found)}

    def _behind(self) -> int:
        """The first layer behind the frozen ones."""
        return 1 + max(number for number, layer in enumerate(self.model.layers) if not layer.trainable)

    def _train(self, part: keras.Model) -> None:
        """Compile what steps are to go through: the model, or what stands behind its frozen layers."""
        # Loss is taken in float32, of (N, outputs) also where the network ends in a map (N, 1, 1, outputs).
        self.compiled = keras.Sequential([part, keras.layers.Flatten(dtype="float32")])
        self.compiled.compile(optimizer=_optimizer(self.recipe.optimizer), **_loss(self.recipe))


def begin(
    architecture: Architecture,
    recipe: Recipe,
    seed: int,
    given: weights.Weights,
    precision: training.Precision = "float32",
) -> KerasTrainer:
    """The network with its first weights, ready for its first step."""
    keras.utils.set_random_seed(seed)  # dropout
    with _arithmetic(precision):
        model = build(architecture)
    drawn = recipes.first_weights(weights.from_keras(model), recipe, seed)
    weights.to_keras(model, {**drawn, **given})
    return KerasTrainer(model, recipe)


@contextlib.contextmanager
def _arithmetic(precision: training.Precision | Literal["float64"]) -> Iterator[None]:
    """Layers that are made inside it compute in that precision; for bfloat16 their weights are kept in float32."""
    before, constants = keras.config.dtype_policy(), keras.config.floatx()
    policies = {"bfloat16": "mixed_bfloat16", "float64": "float64"}
    if precision in policies:
        keras.config.set_dtype_policy(policies[precision])
    if precision == "float64":
        keras.config.set_floatx("float64")  # of inputs, and of what a definition computes between its layers
    try:
        yield
    finally:
        keras.config.set_floatx(constants)
        keras.config.set_dtype_policy(before)


def set_threads(threads: int) -> None:
    """How many threads TensorFlow uses in this process; it takes the number once, before its first operation."""
    import tensorflow  # not where Keras runs on PyTorch

    config = tensorflow.config.threading
    if config.get_intra_op_parallelism_threads() != threads:
        config.set_intra_op_parallelism_threads(threads)
        config.set_inter_op_parallelism_threads(1)


def build(architecture: Architecture) -> keras.Model:
    """The untrained network, ending in logits. It is called once if it has no variables yet, or no input of its own."""
    import numpy as np

    model: keras.Model = catalog.definition(architecture, "keras").build(**architecture.options)
    model.fed_type = architecture.input_type
    if not getattr(model, "inputs", None):
        model(np.zeros((1, *architecture.input_shape), architecture.input_type))
    return model


def logits(model: keras.Model, images: NDArray[np.float32], batch: int | None = None) -> NDArray[np.float32]:
    """The model's logits (N, outputs) for images (N, H, W, C)."""
    found: NDArray[np.float32] = model.predict(images, batch_size=batch or training.batch_of(images), verbose=0)
    return found.reshape(len(images), -1)


def runner(model: keras.Model, dtype: str = "float32") -> Callable[[NDArray[Any], int | None], Any]:
    """What gives the model's output for images (N, H, W, C), so many at a time, as the model gives it.

    That is logits in Keras' layout, or several outputs. One graph serves every size of a batch: ``predict`` makes
    one for each.
    """
    import tensorflow  # not where Keras runs on PyTorch

    @tensorflow.function
    def forward(images):  # type: ignore[no-untyped-def]
        return model(images, training=False)

    def run(images: NDArray[Any], batch: int | None) -> Any:
        images = in_precision(images, dtype)
        call = forward.get_concrete_function(tensorflow.TensorSpec((None, *images.shape[1:]), images.dtype))
        size = batch or training.batch_of(images)
        starts = range(0, len(images), size)
        found = [call(tensorflow.constant(images[start : start + size])) for start in starts]
        whole = all(tensorflow.is_tensor(each) for each in found)
        return np.concatenate([each.numpy() for each in found]) if whole else found[0]

    return run


@contextlib.contextmanager
def exactly(architecture: Architecture, made: weights.Weights) -> Iterator[keras.Model]:
    """The network with these weights in float64, to be run inside the context alone."""
    with _arithmetic("float64"):
        model = build(architecture)
        weights.to_keras(model, made)
        yield model


def _loss(recipe: Recipe) -> dict[str, Any]:
    """The loss of logits, and which of the answers are right, as ``compile`` takes them."""
    if recipe.loss == "binary_cross_entropy":
        return {
            "loss": keras.losses.BinaryCrossentropy(from_logits=True),
            "metrics": [keras.metrics.BinaryAccuracy(threshold=0.0, name="right")],
        }
    return {
        "loss": keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        "metrics": [keras.metrics.SparseCategoricalAccuracy(name="right")],
    }


def _optimizer(optimizer: Optimizer) -> keras.optimizers.Optimizer:

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
