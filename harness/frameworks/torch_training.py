"""Training in PyTorch: the network, its optimizer and one step of it."""

import contextlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from harness.data.images import in_precision
from harness.frameworks import recipes, training, weights
from harness.frameworks.checkpoints import State
from harness.networks import catalog, data_layouts
from harness.networks.architecture import Architecture, Optimizer, Recipe

# Before the names of what a state holds.
MODEL, OPTIMIZER, RANDOM = "model.", "optimizer.", "random"


class TorchTrainer:
    """A PyTorch network in training (:class:`harness.frameworks.training.Trainer`)."""

    def __init__(self, model: torch.nn.Module, recipe: Recipe, precision: training.Precision) -> None:
        self.model = model
        self.trained = model  # what steps go through: the model, or what stands behind its frozen layers
        self.recipe = recipe
        self.precision = precision
        self.frozen = [module for name, module in model.named_children() if training.frozen(name, recipe)]
        for module in self.frozen:
            module.requires_grad_(False)
        learned = [parameter for parameter in model.parameters() if parameter.requires_grad]
        self.optimizer = _optimizer(learned, recipe.optimizer)
        self._training_mode()

    def step(self, batch: NDArray[np.float32], labels: NDArray[np.int64]) -> tuple[float, float]:
        target = torch.from_numpy(labels)
        with self._arithmetic():
            output = forward(self.trained, torch.from_numpy(batch)).flatten(1).float()
        loss, right = _loss(output, target, self.recipe)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return float(loss.detach()), float(right.float().mean())

    def logits(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        with self._arithmetic():
            found = logits(self.trained, images)
        self._training_mode()
        return found

    def features(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        base, _ = self._parts()
        with self._arithmetic():
            found = list(_outputs(base, images))
        features = np.concatenate(found)
        return features.transpose(0, 2, 3, 1) if features.ndim == 4 else features

    def train_on_features(self) -> None:
        _, self.trained = self._parts()

    def weights(self) -> weights.Weights:
        return weights.from_torch(self.model)

    def state(self) -> State:
        learned = {
            f"{OPTIMIZER}{number}.{name}": torch.as_tensor(value)
            for number, of_one in self.optimizer.state_dict()["state"].items()
            for name, value in of_one.items()
            if value is not None  # a momentum that there is none of
        }
        whole = {f"{MODEL}{name}": tensor for name, tensor in self.model.state_dict().items()} | learned
        return {name: tensor.numpy(force=True).copy() for name, tensor in whole.items()} | {
            RANDOM: torch.get_rng_state().numpy()
        }

    def restore(self, state: State) -> None:
        tensors = {name: torch.from_numpy(array.copy()) for name, array in state.items()}
        self.model.load_state_dict(_behind(MODEL, tensors))
        learned: dict[int, dict[str, torch.Tensor]] = {}
        for name, tensor in _behind(OPTIMIZER, tensors).items():
            number, _, kind = name.partition(".")
            learned.setdefault(int(number), {})[kind] = tensor
        groups = self.optimizer.state_dict()["param_groups"]
        self.optimizer.load_state_dict({"state": learned, "param_groups": groups})
        torch.set_rng_state(tensors[RANDOM])

    def _parts(self) -> tuple[torch.nn.Module, torch.nn.Module]:
        """The layers up to the last frozen one, and those behind it."""
        names = [name for name, _ in self.model.named_children()]
        behind = 1 + max(index for index, name in enumerate(names) if training.frozen(name, self.recipe))
        return self.model[:behind], self.model[behind:]

    def _training_mode(self) -> None:
        """As in training, but for frozen layers: their batch norm keeps its statistics."""
        self.model.train()
        for module in self.frozen:
            module.eval()

    def _arithmetic(self) -> torch.autocast:
        return torch.autocast("cpu", dtype=torch.bfloat16, enabled=self.precision == "bfloat16")


def begin(
    architecture: Architecture,
    recipe: Recipe,
    seed: int,
    given: weights.Weights,
    precision: training.Precision = "float32",
) -> TorchTrainer:
    """The network with its first weights, ready for its first step."""
    torch.manual_seed(seed)  # dropout
    model = build(architecture)
    drawn = recipes.first_weights(weights.from_torch(model), recipe, seed)
    weights.to_torch(model, {**drawn, **given})
    # Images come with their channels last, and processors convolve faster over them so.
    return TorchTrainer(model.to(memory_format=torch.channels_last), recipe, precision)


def _behind(beginning: str, tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The tensors whose names begin so, by the rest of their names."""
    return {name.removeprefix(beginning): value for name, value in tensors.items() if name.startswith(beginning)}


def set_threads(threads: int) -> None:
    """How many threads PyTorch uses in this process."""
    torch.set_num_threads(threads)


def build(architecture: Architecture) -> torch.nn.Module:
    """The untrained network, ending in logits. It knows the shape that it is ``fed``, with a batch of two."""
    model: torch.nn.Module = catalog.definition(architecture, "torch").build(**architecture.options)
    model.fed = (2, *data_layouts.arrange(architecture.input_shape, "torch"))
    model.fed_type = architecture.input_type
    return model


def example(architecture: Architecture, batch: int = 1) -> torch.Tensor:
    """So many inputs of zeros, as PyTorch takes them."""
    shape = data_layouts.arrange(architecture.input_shape, "torch")
    return torch.zeros(batch, *shape, dtype=getattr(torch, architecture.input_type))


def logits(model: torch.nn.Module, images: NDArray[np.float32], batch: int | None = None) -> NDArray[np.float32]:
    """The model's logits (N, outputs) for images (N, H, W, C), in its own precision, without training it."""
    return np.concatenate([output.reshape(len(output), -1) for output in _outputs(model, images, batch)])


def runner(model: torch.nn.Module, dtype: str = "float32") -> Callable[[NDArray[Any], int | None], Any]:
    """What gives the model's output for images (N, H, W, C), so many at a time, as the model gives it.

    That is logits in PyTorch's layout, or several outputs.
    """

    def run(images: NDArray[Any], batch: int | None) -> Any:
        found = list(_outputs(model, in_precision(images, dtype), batch))
        return np.concatenate(found) if all(isinstance(each, np.ndarray) for each in found) else found[0]

    return run


@contextlib.contextmanager
def exactly(architecture: Architecture, made: weights.Weights) -> Iterator[torch.nn.Module]:
    """The network with these weights in float64, to be run inside the context alone."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)  # of constants that a definition makes
    try:
        model = build(architecture)
        weights.to_torch(model, made)
        yield model.double()
    finally:
        torch.set_default_dtype(before)


def _outputs(
    model: torch.nn.Module, images: NDArray[np.float32], batch: int | None = None
) -> Iterable[NDArray[np.float32]]:
    """The model's output for the images, a batch at a time, in PyTorch's layout."""
    batch = batch or training.batch_of(images)
    model.eval()
    kind = next((parameter.dtype for parameter in model.parameters()), torch.float32)
    with torch.inference_mode():
        for start in range(0, len(images), batch):
            some = torch.from_numpy(images[start : start + batch])
            output = forward(model, some.to(kind) if some.is_floating_point() else some)
            if isinstance(output, torch.Tensor):
                output = (output.float() if output.dtype == torch.bfloat16 else output).numpy()
            yield output


def forward(model: torch.nn.Module, images: torch.Tensor) -> Any:
    """What the model makes of images (N, H, W, C).

    They are a view (N, C, H, W), which is PyTorch's channels-last layout: nothing is copied. A definition that takes
    a ``view`` of maps needs PyTorch's usual layout, and gets it from the first error on.
    """
    if not getattr(model, "contiguous", False):
        try:
            return model(own_layout(images))
        except RuntimeError as error:
            if "view size is not compatible" not in str(error):
                raise
        model.contiguous = True
        with torch.inference_mode(mode=False):  # else training could not use the parameters that this makes
            model.to(memory_format=torch.contiguous_format)
    return model(own_layout(images).contiguous())


def own_layout(images: torch.Tensor) -> torch.Tensor:
    """Images (N, H, W, C), or other inputs with their channels last, as PyTorch takes them: a view."""
    return images.movedim(-1, data_layouts.layout("torch", images.ndim).index("C"))


def _loss(output: torch.Tensor, target: torch.Tensor, recipe: Recipe) -> tuple[torch.Tensor, torch.Tensor]:
    """The mean loss of logits (N, outputs), and which of the answers are right (N,)."""
    if recipe.loss == "binary_cross_entropy":
        value = output[:, 0]
        return functional.binary_cross_entropy_with_logits(value, target.float()), (value > 0) == target.bool()
    return functional.cross_entropy(output, target), output.argmax(1) == target


def _optimizer(parameters: list[torch.nn.Parameter], optimizer: Optimizer) -> torch.optim.Optimizer:
    """The optimizer as Keras defines it: of Adam and RMSprop, PyTorch adds epsilon at another place."""
    rate = optimizer.learning_rate
    match optimizer.name:
        case "sgd":
            return torch.optim.SGD(parameters, rate, momentum=optimizer.momentum)
        case "adam":
            betas = (optimizer.beta_1, optimizer.beta_2)
            adam = torch.optim.Adam(parameters, rate, betas=betas)

            # Keras adds epsilon to the root of the biased second moment, PyTorch to that of the corrected one.
            def scale_epsilon(*_: object) -> None:
                step = 1 + max((int(state["step"]) for state in adam.state.values()), default=0)
                epsilon = optimizer.epsilon / (1 - optimizer.beta_2**step) ** 0.5
                for group in adam.param_groups:
                    group["eps"] = epsilon

            adam.register_step_pre_hook(scale_epsilon)
            return adam
        case "rmsprop":
            return _rmsprop(parameters, optimizer)
        case "adadelta":
            return torch.optim.Adadelta(parameters, rate, rho=optimizer.decay, eps=optimizer.epsilon)


def _rmsprop(parameters: list[torch.nn.Parameter], optimizer: Optimizer) -> torch.optim.Optimizer:
    """RMSprop with epsilon under the root, where PyTorch's own adds it to the root."""

    class RMSprop(torch.optim.Optimizer):  # type: ignore[misc]
        @torch.no_grad()  # type: ignore[untyped-decorator]
        def step(self) -> None:
            for group in self.param_groups:
                for parameter in (parameter for parameter in group["params"] if parameter.grad is not None):
                    state = self.state[parameter]
                    square = state.setdefault("square", torch.zeros_like(parameter))
                    square.mul_(optimizer.decay).addcmul_(parameter.grad, parameter.grad, value=1 - optimizer.decay)
                    parameter.addcdiv_(parameter.grad, (square + optimizer.epsilon).sqrt_(), value=-group["lr"])

    return RMSprop(parameters, {"lr": optimizer.learning_rate})
