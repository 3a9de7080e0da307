"""From Keras on PyTorch to ONNX: there a Keras network is a PyTorch module, which torch.onnx exports.

Keras has one backend a process, so that this takes a process of its own.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import onnx

from harness.errors import HarnessError
from harness.frameworks import keras_training, weights
from harness.machine import process
from harness.networks import catalog, families
from harness.networks.architecture import Architecture
from harness.pieces import dynamo

if TYPE_CHECKING:
    import torch

REFUSED = 2  # how the process ends after it has said why


def convert(architecture: Architecture, trained: weights.Weights) -> onnx.ModelProto:
    """The network as an ONNX model: N, H, W, C in, probabilities out.

    Raises :class:`HarnessError` with the cause if Keras on PyTorch cannot build it, or torch.onnx not export it.
    """
    with tempfile.TemporaryDirectory(prefix="harness-") as folder:
        given, made = Path(folder) / "weights.safetensors", Path(folder) / "model.onnx"
        weights.save(given, trained, {})
        done = subprocess.run(
            [sys.executable, "-m", __name__, catalog.reference(architecture), str(given), str(made)],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "KERAS_BACKEND": "torch", "KERAS_TORCH_DEVICE": "cpu"},
        )
        if done.returncode == REFUSED:
            raise HarnessError(done.stdout.strip())
        if done.returncode != 0:
            raise HarnessError(
                f"the process that runs Keras on PyTorch ended with {process.exit_status(done.returncode)}."
            )
        return onnx.load(made)


def main() -> int:
    """In the process of its own: write the model, or say why not."""
    reference, given, made = sys.argv[1:]
    try:
        model = _convert_here(catalog.get(reference), weights.load(Path(given)))
    except HarnessError as error:
        sys.stdout.write(f"{error}\n")
        return REFUSED
    Path(made).write_bytes(model.SerializeToString())
    return 0


def _convert_here(architecture: Architecture, trained: weights.Weights) -> onnx.ModelProto:
    import torch

    torch.set_num_threads(1)
    try:
        network = keras_training.build(architecture)
        weights.to_keras(network, trained)
    except HarnessError:
        raise
    except Exception as error:  # of Keras and of the definition
        raise families.failure(architecture, "keras", error) from error
    activations = {"softmax": torch.nn.Softmax(dim=-1), "sigmoid": torch.nn.Sigmoid(), "none": torch.nn.Identity()}
    return dynamo.export_module(
        ended_in(network, activations[architecture.output]).eval(),
        torch.zeros(dynamo.EXAMPLE_BATCH, *architecture.input_shape, dtype=getattr(torch, architecture.input_type)),
        families.sources(architecture, "keras"),
        open_axes=(1, 2) if architecture.any_size else (),
    )


def ended_in(network: "torch.nn.Module", activation: "torch.nn.Module") -> "torch.nn.Module":
    import torch

    class Ended(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.network = network
            self.activation = activation

        def forward(self, image: torch.Tensor) -> torch.Tensor:
            return self.activation(self.network(image, training=False))

    return Ended()


if __name__ == "__main__":
    sys.exit(main())
