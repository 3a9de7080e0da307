"""Training in PyTorch: the network, its optimizer and one step of it."""

import itertools
from collections.abc import Iterator
from typing import TYPE_CHECKING

from harness import catalog, recipes, weights
from harness.architecture import Architecture, Optimizer, Recipe

if TYPE_CHECKING:
    import numpy
    import torch
    from numpy.typing import NDArray


class TorchTrainer:
    """A PyTorch network in training (:class:`harness.training.Trainer`)."""

    def __init__(self, model: "torch.nn.Module", optimizer: "torch.optim.Optimizer") -> None:
        self.model = model
        self.optimizer = optimizer

    def step(self, batch: "NDArray[numpy.float32]", labels: "NDArray[numpy.int64]") -> tuple[float, float]:
        import torch

        self.model.train()
        # A permuted view of (N, H, W, C) is PyTorch's channels-last layout: nothing is copied.
        output = self.model(torch.from_numpy(batch).permute(0, 3, 1, 2)).flatten(1)
        target = torch.from_numpy(labels)
        loss = torch.nn.functional.cross_entropy(output, target)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return float(loss.detach()), float((output.argmax(1) == target).float().mean())

    def logits(self, images: "NDArray[numpy.float32]") -> "NDArray[numpy.float32]":
        return logits(self.model, images)

    def weights(self) -> weights.Weights:
        return weights.from_torch(self.model)


def begin(architecture: Architecture, recipe: Recipe, seed: int) -> TorchTrainer:
    """The network with its first weights, ready for its first step."""
    import torch

    torch.manual_seed(seed)  # dropout
    model = build(architecture)
    weights.to_torch(model, recipes.first_weights(weights.shapes(weights.from_torch(model)), recipe, seed))
    model = model.to(memory_format=torch.channels_last)
    return TorchTrainer(model, _optimizer(model, recipe.optimizer))


def set_threads(threads: int) -> None:
    """How many threads PyTorch uses in this process."""
    import torch

    torch.set_num_threads(threads)


def build(architecture: Architecture) -> "torch.nn.Module":
    """The untrained network, ending in logits."""
    model: torch.nn.Module = catalog.definition(architecture, "torch").build(**architecture.options)
    return model


def logits(model: "torch.nn.Module", images: "NDArray[numpy.float32]", batch: int = 250) -> "NDArray[numpy.float32]":
    """The model's logits (N, outputs) for images (N, H, W, C), in its own precision, without training it."""
    import numpy as np
    import torch

    model.eval()
    kind = next(model.parameters()).dtype
    found = []
    with torch.inference_mode():
        for start in range(0, len(images), batch):
            part = torch.from_numpy(images[start : start + batch]).to(kind)
            found.append(model(part.permute(0, 3, 1, 2)).flatten(1).numpy())
    return np.concatenate(found)


def _optimizer(model: "torch.nn.Module", optimizer: Optimizer) -> "torch.optim.Optimizer":
    """The optimizer as Keras defines it: of Adam and RMSprop, PyTorch adds epsilon at another place."""
    import torch

    rate, parameters = optimizer.learning_rate, model.parameters()
    match optimizer.name:
        case "sgd":
            return torch.optim.SGD(parameters, rate, momentum=optimizer.momentum)
        case "adam":
            betas = (optimizer.beta_1, optimizer.beta_2)
            adam = torch.optim.Adam(parameters, rate, betas=betas)
            steps = itertools.count(1)

            # Keras adds epsilon to the root of the biased second moment, PyTorch to that of the corrected one.
            def scale_epsilon(*_: object) -> None:
                epsilon = optimizer.epsilon / (1 - optimizer.beta_2 ** next(steps)) ** 0.5
                for group in adam.param_groups:
                    group["eps"] = epsilon

            adam.register_step_pre_hook(scale_epsilon)
            return adam
        case "rmsprop":
            return _rmsprop(parameters, optimizer)
        case "adadelta":
            return torch.optim.Adadelta(parameters, rate, rho=optimizer.decay, eps=optimizer.epsilon)


def _rmsprop(parameters: "Iterator[torch.nn.Parameter]", optimizer: Optimizer) -> "torch.optim.Optimizer":
    """RMSprop with epsilon under the root, where PyTorch's own adds it to the root."""
    import torch

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
