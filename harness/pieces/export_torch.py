"""From PyTorch to ONNX, by torch.onnx's exporter (dynamo)."""

from pathlib import Path

import onnx
import onnxscript
import torch

from harness.errors import HarnessError
from harness.frameworks import endings, torch_training, weights
from harness.networks import data_layouts, families
from harness.networks.architecture import Architecture
from harness.pieces import artifacts, dynamo, network_check


def export(architecture: Architecture, trained: weights.Weights, path: Path, metadata: dict[str, str]) -> None:
    """Write the network with these weights as an .onnx file: N, C, H, W in, probabilities out.

    Raises :class:`HarnessError` with the cause and the remedy if the network cannot be exported, or the file not run.
    """
    shape = data_layouts.arrange(architecture.input_shape, "torch")
    _check_network(architecture, trained)
    model = convert(architecture, trained)
    artifacts.finish(
        model,
        path,
        {
            **metadata,
            "architecture": architecture.name,
            "framework": "torch",
            "exporter": "torch.onnx.export(dynamo=True)",
            "versions": f"torch {torch.__version__}, onnxscript {onnxscript.__version__}",
            "layout": data_layouts.input_layout(architecture, "torch"),
            "input_shape": "x".join(map(str, shape)),
            "opset": str(artifacts.OPSET),
            "batch_norm": artifacts.batch_norm(trained, model),
        },
        shape,
    )


def convert(architecture: Architecture, trained: weights.Weights, *, fold: bool = True) -> onnx.ModelProto:
    """The network as an ONNX model; ``fold=False`` keeps every weight of the definition in the graph."""
    network = torch_training.build(architecture)
    weights.to_torch(network, trained)
    return dynamo.export_module(
        torch.nn.Sequential(network, endings.torch_activation(architecture.output)).eval(),
        torch_training.example(architecture, dynamo.EXAMPLE_BATCH),
        families.sources(architecture, "torch"),
        open_axes=(2, 3) if architecture.any_size else (),
        fold=fold,
    )


def _check_network(architecture: Architecture, trained: weights.Weights) -> None:
    """Run the network as it is: what fails here is its own fault, and no exporter's."""
    network = torch_training.build(architecture).eval()
    images = torch_training.example(architecture, batch=2)
    if images.is_floating_point():
        images = torch.rand(images.shape, generator=torch.Generator().manual_seed(0))
    try:
        weights.to_torch(network, trained)  # runs the forward, to follow the order of features
        with torch.inference_mode():
            network_check.check_outputs(lambda: network(images), "torch", len(images))
    except HarnessError:
        raise
    except Exception as error:  # of PyTorch and of the definition
        raise families.failure(architecture, "torch", error) from error
