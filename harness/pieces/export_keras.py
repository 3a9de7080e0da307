"""From Keras to ONNX, by tf2onnx."""

import contextlib
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import onnx
from onnx.reference import ReferenceEvaluator

from harness.frameworks import endings, keras_training, weights
from harness.networks.architecture import Architecture
from harness.pieces import artifacts

if TYPE_CHECKING:
    import tensorflow


def export(architecture: Architecture, trained: weights.Weights, path: Path, metadata: dict[str, str]) -> None:
    """Write the network with these weights as an .onnx file: N, H, W, C in, probabilities out."""
    import keras
    import tensorflow
    import tf2onnx

    height, width, channels = architecture.input_shape
    model = convert(architecture, trained)
    artifacts.finish(
        model,
        path,
        {
            **metadata,
            "architecture": architecture.name,
            "framework": "keras",
            "exporter": "tf2onnx.convert.from_function" + (", weights as inputs" if architecture.large else ""),
            "versions": f"keras {keras.__version__}, tensorflow {tensorflow.__version__}, "
            f"tf2onnx {tf2onnx.__version__}",
            "layout": "NHWC",
            "input_shape": f"{height}x{width}x{channels}",
            "opset": str(artifacts.OPSET),
            "batch_norm": artifacts.batch_norm(trained, model),
        },
    )


def convert(architecture: Architecture, trained: weights.Weights, *, fold: bool = True) -> onnx.ModelProto:
    """The network as an ONNX model; ``fold=False`` keeps every weight of the definition in the graph.

    Of a large network tf2onnx gets the weights as inputs, since it folds constants in memory and VGG-16
    took more than 24 GB so; what then stands on weights is folded here, one weight at a time.
    """
    network = keras_training.build(architecture)
    weights.to_keras(network, trained)
    activation = endings.keras_activation(architecture.output)
    if fold and not architecture.large:
        return _with_constant_weights(network, activation, _signature(architecture))
    model = with_weights_as_inputs(network, activation, _signature(architecture))
    if not fold:
        return model
    fold_weights(model)
    return _optimised(model) if any(name.endswith(".running_mean") for name in trained) else model


def _signature(architecture: Architecture) -> "tensorflow.TensorSpec":
    import tensorflow

    height, width, channels = architecture.input_shape
    size = (None, None) if architecture.any_size else (height, width)
    return tensorflow.TensorSpec((None, *size, channels), tensorflow.float32, name=artifacts.INPUT)


def _with_constant_weights(network: Any, activation: Any, image: Any) -> onnx.ModelProto:
    """As tf2onnx converts: the weights are constants, and what can be computed from them is."""
    import tensorflow

    @tensorflow.function
    def forward(image):  # type: ignore[no-untyped-def]
        return {artifacts.OUTPUT: activation(network(image, training=False))}

    return _converted(forward, [image])


def with_weights_as_inputs(network: Any, activation: Any, image: Any) -> onnx.ModelProto:
    """The weights are inputs while tf2onnx converts, so that it folds none; initialisers afterwards."""
    import tensorflow

    learned = [*network.trainable_variables, *network.non_trainable_variables]
    count = len(network.trainable_variables)

    @tensorflow.function
    def forward(image, *values):  # type: ignore[no-untyped-def]
        output, _ = network.stateless_call(values[:count], values[count:], image, training=False)
        return {artifacts.OUTPUT: activation(output)}

    names = [f"weight_{number}" for number in range(len(learned))]
    specs = [
        tensorflow.TensorSpec(variable.shape, variable.dtype, name=name)
        for variable, name in zip(learned, names, strict=True)
    ]
    model = _converted(forward, [image, *specs])
    read = {name for node in model.graph.node for name in node.input}
    for variable, name in zip(learned, names, strict=True):
        if name in read:  # the random state of a dropout is not
            model.graph.initializer.append(onnx.numpy_helper.from_array(variable.numpy(), name))
    kept = [value for value in model.graph.input if value.name == artifacts.INPUT]
    del model.graph.input[:]
    model.graph.input.extend(kept)
    return model


def _converted(function: Any, signature: list[Any]) -> onnx.ModelProto:
    """What tf2onnx makes of a TensorFlow function, and of the functions that it calls.

    On a processor, Keras makes a compiled function of each grouped convolution. tf2onnx would leave the
    call in the graph, which no runtime knows; called eagerly, what is inside joins the graph instead.
    """
    import tensorflow
    import tf2onnx

    before = tensorflow.config.functions_run_eagerly()
    tensorflow.config.run_functions_eagerly(True)
    try:
        with quiet():
            model, _ = tf2onnx.convert.from_function(function, input_signature=signature, opset=artifacts.OPSET)
    finally:
        tensorflow.config.run_functions_eagerly(before)
    converted: onnx.ModelProto = model
    return converted


def _optimised(model: onnx.ModelProto) -> onnx.ModelProto:
    """Once more through the optimisers of tf2onnx that batch norm needs, now that its weights are constants.

    While they were inputs, its Mul and Add stood between two Transposes. Each optimiser copies every
    weight, so that all twelve, of which these are four, took 21 GB for VGG-19.
    """
    from tf2onnx import optimizer
    from tf2onnx.graph import GraphUtil

    needed = {
        "optimize_transpose": optimizer.TransposeOptimizer,
        "fold_constants": optimizer.ConstFoldOptimizer,
        "remove_identity": optimizer.IdentityOptimizer,
        "remove_back_to_back": optimizer.BackToBackOptimizer,
    }
    with quiet():
        optimised: onnx.ModelProto = GraphUtil.optimize_model_proto(model, catch_errors=False, optimizers=needed)
    return optimised


def fold_weights(model: onnx.ModelProto) -> None:
    """Compute every node that stands on initialisers alone, in place; one result is in memory at a time."""
    graph = model.graph
    known = {tensor.name: tensor for tensor in graph.initializer}
    kept = []
    for node in graph.node:
        if not node.input or not all(name in known for name in node.input if name):
            kept.append(node)
            continue
        values = {name: onnx.numpy_helper.to_array(known[name]) for name in node.input if name}
        results = ReferenceEvaluator(node, opsets={"": artifacts.OPSET}).run(None, values)
        for name, result in zip(node.output, results, strict=True):
            known[name] = onnx.numpy_helper.from_array(result, name)
    read = {name for node in kept for name in node.input} | {value.name for value in graph.output}
    del graph.node[:], graph.initializer[:]
    graph.node.extend(kept)
    graph.initializer.extend(tensor for name, tensor in known.items() if name in read)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Silence tf2onnx's log of its optimizations and numpy's deprecations inside it."""
    logger = logging.getLogger("tf2onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
