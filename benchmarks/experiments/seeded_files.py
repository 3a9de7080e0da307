"""The files of one network with many weights: exported once, then given each draw's weights.

Exporting takes seconds, and the experiment needs thousands of files. Both exporters leave every weight in the graph
when they are told not to fold; what they fold afterwards is folded here anew for each draw, by their own code. So a
file is the one that an export with these weights would be: `tests/pieces/test_proof_confusion.py` compares them.
"""

import contextlib
import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import onnx
import onnx_ir
import torch
from torch.onnx._internal.exporter import _registration

from harness.frameworks import keras_training, torch_training, weights
from harness.networks.architecture import Architecture
from harness.pieces import artifacts, export_torch, tf2onnx_route

LAYOUTS = {"keras": "NHWC", "torch": "NCHW"}
KEPT = 8  # networks, of which the graphs are kept: the pairs of one network follow one another


class SeededFiles:
    """Writes the files of networks whose options are the same and whose weights are not."""

    def __init__(self) -> None:
        self._graphs: dict[tuple[str, str], onnx.ModelProto] = {}

    def write(self, architecture: Architecture, framework: str, drawn: weights.Weights, path: Path) -> None:
        """Write the network with these weights, as that framework's exporter would."""
        fill = {"keras": _filled_from_keras, "torch": _filled_from_torch}[framework]
        model = fill(self._graph(architecture, framework, drawn), architecture, drawn)
        height, width, channels = architecture.input_shape
        shape = (height, width, channels) if framework == "keras" else (channels, height, width)
        facts = {
            "architecture": architecture.name,
            "framework": framework,
            "layout": LAYOUTS[framework],
            "input_shape": "x".join(map(str, shape)),
            "ends_in": architecture.output,
        }
        artifacts.finish(model, path, facts, shape)

    def _graph(self, architecture: Architecture, framework: str, drawn: weights.Weights) -> onnx.ModelProto:
        """A copy of the graph with every weight of the definition in it."""
        key = (architecture.name, framework)
        if key not in self._graphs:
            exporter: Any = {"keras": tf2onnx_route, "torch": export_torch}[framework]
            with registry_kept():
                self._graphs[key] = exporter.convert(architecture, drawn, fold=False)
            for oldest in list(self._graphs)[:-KEPT]:
                del self._graphs[oldest]
        copied = onnx.ModelProto()
        copied.CopyFrom(self._graphs[key])
        return copied


def _filled_from_torch(model: onnx.ModelProto, architecture: Architecture, drawn: weights.Weights) -> onnx.ModelProto:
    """Weights by their names, which begin with the place of the network; then the exporter's own optimisation."""
    network = torch_training.build(architecture)
    weights.to_torch(network, drawn)
    state = network.state_dict()
    for tensor in model.graph.initializer:
        place, _, name = tensor.name.partition(".")
        if place == "0" and name in state:  # of the network, behind which its activation stands; a constant stays
            tensor.CopyFrom(onnx.numpy_helper.from_array(state[name].numpy(), tensor.name))
    program = torch.onnx.ONNXProgram(onnx_ir.from_proto(model), None)
    program.optimize()
    optimised: onnx.ModelProto = program.model_proto
    return optimised


def _filled_from_keras(model: onnx.ModelProto, architecture: Architecture, drawn: weights.Weights) -> onnx.ModelProto:
    """Weights by their number among the variables; then folded as those of a large network are."""
    network = keras_training.build(architecture)
    weights.to_keras(network, drawn)
    variables = [*network.trainable_variables, *network.non_trainable_variables]
    places = {tensor.name: tensor for tensor in model.graph.initializer}
    for number, variable in enumerate(variables):
        if f"weight_{number}" in places:  # the state of a dropout is not
            places[f"weight_{number}"].CopyFrom(onnx.numpy_helper.from_array(variable.numpy(), f"weight_{number}"))
    tf2onnx_route.fold_weights(model)
    return model


@contextlib.contextmanager
def registry_kept() -> Iterator[None]:
    """Let PyTorch's exporter read its table of operators once, not at every export: half of its time."""
    before = _registration.ONNXRegistry.__dict__["from_torchlib"]
    _registration.ONNXRegistry.from_torchlib = classmethod(_table)
    try:
        yield
    finally:
        _registration.ONNXRegistry.from_torchlib = before


@functools.cache
def _table(kind: Any, opset_version: int) -> Any:
    return _ORIGINAL(kind, opset_version=opset_version)


_ORIGINAL = _registration.ONNXRegistry.__dict__["from_torchlib"].__func__
