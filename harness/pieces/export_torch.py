"""From PyTorch to ONNX, by torch.onnx's exporter (dynamo)."""

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path

import onnx

from harness.frameworks import endings, torch_training, weights
from harness.networks.architecture import Architecture
from harness.pieces import artifacts


def export(architecture: Architecture, trained: weights.Weights, path: Path, metadata: dict[str, str]) -> None:
    """Write the network with these weights as an .onnx file: N, C, H, W in, probabilities out."""
    import onnxscript
    import torch

    height, width, channels = architecture.input_shape
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
            "layout": "NCHW",
            "input_shape": f"{channels}x{height}x{width}",
            "opset": str(artifacts.OPSET),
            "batch_norm": artifacts.batch_norm(trained, model),
        },
    )


def convert(architecture: Architecture, trained: weights.Weights, *, fold: bool = True) -> onnx.ModelProto:
    """The network as an ONNX model; ``fold=False`` keeps every weight of the definition in the graph."""
    import torch

    network = torch_training.build(architecture)
    weights.to_torch(network, trained)
    height, width, channels = architecture.input_shape
    size = {2: torch.export.Dim.DYNAMIC, 3: torch.export.Dim.DYNAMIC} if architecture.any_size else {}
    with quiet():
        program = torch.onnx.export(
            torch.nn.Sequential(network, endings.torch_activation(architecture.output)).eval(),
            (torch.zeros(2, channels, height, width),),
            dynamo=True,
            opset_version=artifacts.OPSET,
            input_names=[artifacts.INPUT],
            output_names=[artifacts.OUTPUT],
            dynamic_shapes=({0: torch.export.Dim("batch"), **size},),
            optimize=fold,
            verbose=False,
        )
    assert program is not None
    model: onnx.ModelProto = program.model_proto
    return model


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Silence what the exporter says of itself: deprecations inside PyTorch, operators of torchvision."""
    logger = logging.getLogger("torch.onnx._internal.exporter._registration")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
