"""From Keras on TensorFlow to ONNX, by tf2onnx."""

import contextlib
import logging
import warnings
from collections.abc import Iterator
from typing import Any

import onnx
import tensorflow
import tf2onnx
from onnx.reference import ReferenceEvaluator
from tf2onnx import optimizer
from tf2onnx.graph import GraphUtil

from harness.frameworks import endings, keras_training, weights
from harness.networks.architecture import Architecture
from harness.pieces import artifacts, tf2onnx_rewrites


def convert(architecture: Architecture, trained: weights.Weights, *, fold: bool = True) -> onnx.ModelProto:
    """The network as an ONNX model; ``fold=False`` keeps every weight of the definition in the graph.

    Of a large network tf2onnx gets the weights as inputs, since it folds constants in memory and VGG-16
    took more than 24 GB so; what then stands on weights is folded here, one weight at a time.
    """
    network = keras_training.build(architecture)
    weights.to_keras(network, trained)
    activation = endings.keras_activation(architecture.output)
    if fold and not architecture.large:
        return with_constant_weights(network, activation, _signature(architecture))
    model = with_weights_as_inputs(network, activation, _signature(architecture))
    if not fold:
        return model
    fold_weights(model)
    return _optimised(model) if any(name.endswith(".running_mean") for name in trained) else model


def _signature(architecture: Architecture) -> tensorflow.TensorSpec:
    *places, channels = architecture.input_shape
    size = [None] * len(places) if architecture.any_size else places
    return tensorflow.TensorSpec((None, *size, channels), architecture.input_type, name=artifacts.INPUT)


def with_constant_weights(network: Any, activation: Any, image: Any) -> onnx.ModelProto:
    """As tf2onnx converts: the weights are constants, and what can be computed from them is."""

    @tensorflow.function
    def forward(image):  # type: ignore[no-untyped-def]
        return {artifacts.OUTPUT: activation(network(image, training=False))}

    return _converted(forward, [image])


def with_weights_as_inputs(network: Any, activation: Any, image: Any) -> onnx.ModelProto:
    """The weights are inputs while tf2onnx converts, so that it folds none; initialisers afterwards."""
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
    before = tensorflow.config.functions_run_eagerly()
    tensorflow.config.run_functions_eagerly(True)
    try:
        with quiet():
            traced = function.get_concrete_function(*signature)
            model, _ = tf2onnx.convert.from_function(
                function,
                input_signature=signature,
                opset=artifacts.OPSET,
                custom_op_handlers=tf2onnx_rewrites.handlers(),
            )
    finally:
        tensorflow.config.run_functions_eagerly(before)
    tf2onnx_rewrites.mend_pads(model)
    _store_constants(model, traced)
    converted: onnx.ModelProto = model
    return converted


def _store_constants(model: onnx.ModelProto, traced: Any) -> None:
    """Make initialisers of the constants that the network captures; tf2onnx makes required inputs of them."""
    values = {name.name: value for value, name in traced.graph.captures if value.dtype != tensorflow.resource}
    captured = [value for value in model.graph.input if value.name in values]
    for value in captured:
        model.graph.initializer.append(onnx.numpy_helper.from_array(values[value.name].numpy(), value.name))
        model.graph.input.remove(value)
    if captured:
        fold_weights(model)


def _optimised(model: onnx.ModelProto) -> onnx.ModelProto:
    """Once more through the optimisers of tf2onnx that batch norm needs, now that its weights are constants.

    While they were inputs, its Mul and Add stood between two Transposes. Each optimiser copies every
    weight, so that all twelve, of which these are four, took 21 GB for VGG-19.
    """
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
        if not node.input or has_body(node) or not all(name in known for name in node.input if name):
            kept.append(node)
            continue
        values = {name: onnx.numpy_helper.to_array(known[name]) for name in node.input if name}
        results = ReferenceEvaluator(node, opsets={"": artifacts.OPSET}).run(None, values)
        for name, result in zip(node.output, results, strict=True):
            known[name] = onnx.numpy_helper.from_array(result, name)
    read = {name for node in kept for name in _read(node)} | {value.name for value in graph.output}
    del graph.node[:], graph.initializer[:]
    graph.node.extend(kept)
    graph.initializer.extend(tensor for name, tensor in known.items() if name in read)


def has_body(node: onnx.NodeProto) -> bool:
    """Whether the node runs a graph of its own, as Loop does."""
    return any(attribute.HasField("g") for attribute in node.attribute)


def _read(node: onnx.NodeProto) -> Iterator[str]:
    """The names that a node reads, and those that the graph inside it reads."""
    yield from node.input
    for attribute in node.attribute:
        for inner in attribute.g.node:
            yield from _read(inner)


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
