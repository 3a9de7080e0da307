"""What Keras' layers and operations make of the order of features, if shapes do not tell."""

from collections.abc import Callable
from typing import Any

from harness.frameworks import feature_flow as flow
from harness.frameworks import feature_order
from harness.frameworks.feature_layouts import Call, Layouts, name_channels
from harness.frameworks.feature_order import CHANNEL, Axis, Layout, axis, size

Rule = Callable[[Layouts, Call], bool]  # whether the layouts of what was made are known now


def is_of_keras(of: type) -> bool:
    """Whether the class is one of Keras itself."""
    return of.__module__.partition(".")[0] == "keras"


def kind_of(operation: Any) -> str:
    """The class of Keras with a rule that the layer or operation is of, or is derived from; "" if there is none."""
    classes = (each.__name__ for each in type(operation).__mro__ if is_of_keras(each))
    return next((name for name in classes if name in RULES), "")


def _channel(layer: Any) -> int:
    return 1 if getattr(layer, "data_format", None) == "channels_first" else -1


def _variable(layer: Any, name: str) -> Any:
    return next((each for each in layer.variables if each.name == name), None)


def _dense(at: Layouts, call: Call) -> bool:
    maps, kernel = at.of(call.read[0]), at.weight(_variable(call.operation, "kernel"))
    flow.read_maps(maps, -1)
    feature_order.align(kernel[0], maps[-1], call.where)
    at.bias(_variable(call.operation, "bias"), kernel[1], call.where)
    at.put(call.made[0], (*maps[:-1], kernel[1]))
    return True


def _einsum_dense(at: Layouts, call: Call) -> bool:
    kernel = at.weight(_variable(call.operation, "kernel"))
    at.put(
        call.made[0],
        flow.einsum(call.operation.equation, [at.of(call.read[0]), kernel], call.made[0].shape, call.where),
    )
    bias = _variable(call.operation, "bias")
    if bias is not None:
        flow.by_element([at.of(call.made[0]), at.weight(bias)], call.made[0].shape, call.where)
    return True


def _convolution(at: Layouts, call: Call) -> bool:
    maps, kernel = at.of(call.read[0]), at.weight(_variable(call.operation, "kernel"))
    channel = _channel(call.operation) % len(maps)
    flow.read_maps(maps, channel)
    transposed = "Transpose" in kind_of(call.operation)
    inputs, outputs = (kernel[-1], kernel[-2]) if transposed else (kernel[-2], kernel[-1])
    groups = getattr(call.operation, "groups", 1)
    if groups == 1:
        feature_order.align(inputs, maps[channel], call.where)
    elif groups == size(maps[channel]):
        outputs = flow.multiplied(maps[channel], axis(size(outputs) // groups))
        feature_order.align(outputs, kernel[-1], call.where)
    else:
        at.kept += [(maps[channel], call.where), (outputs, call.where)]
    _make_maps(at, call, maps, outputs)
    return True


def _depthwise(at: Layouts, call: Call) -> bool:
    maps, kernel = at.of(call.read[0]), at.weight(_variable(call.operation, "kernel"))
    channel = _channel(call.operation) % len(maps)
    flow.read_maps(maps, channel)
    feature_order.align(kernel[-2], maps[channel], call.where)
    outputs = flow.multiplied(maps[channel], kernel[-1])
    _make_maps(at, call, maps, outputs)
    return True


def _separable(at: Layouts, call: Call) -> bool:
    maps = at.of(call.read[0])
    depthwise, pointwise = (
        at.weight(_variable(call.operation, f"{kind}_kernel")) for kind in ("depthwise", "pointwise")
    )
    channel = _channel(call.operation) % len(maps)
    flow.read_maps(maps, channel)
    feature_order.align(depthwise[-2], maps[channel], call.where)
    feature_order.align(pointwise[-2], flow.multiplied(maps[channel], depthwise[-1]), call.where)
    _make_maps(at, call, maps, pointwise[-1])
    return True


def _make_maps(at: Layouts, call: Call, maps: Layout, outputs: Axis) -> None:
    at.bias(_variable(call.operation, "bias"), outputs, call.where)
    at.put(call.made[0], flow.make_maps(maps, tuple(call.made[0].shape), _channel(call.operation), outputs))


def _normalisation(at: Layouts, call: Call) -> bool:
    """A layer with weights by element of one axis or of several."""
    maps = at.of(call.read[0])
    of_layer = getattr(call.operation, "axis", -1)
    numbers = [number % len(maps) for number in (of_layer if isinstance(of_layer, list | tuple) else [of_layer])]
    flow.read_maps(maps, numbers[0] if len(numbers) == 1 else -1)
    for variable in call.operation.weights:
        layout = at.of(variable)
        if len(layout) == len(numbers):
            for each, number in zip(layout, numbers, strict=True):
                feature_order.align(each, maps[number], call.where)
    at.put(call.made[0], maps)
    return True


def _slopes(at: Layouts, call: Call) -> bool:
    """PReLU, whose slopes are those of one image; axes that share them have size one."""
    maps, slopes = at.of(call.read[0]), at.of(_variable(call.operation, "alpha"))
    flow.read_maps(maps, -1)
    for each, other in zip(slopes, maps[1:], strict=True):
        feature_order.align(each, other, call.where)
    at.put(call.made[0], maps)
    return True


def _embedding(at: Layouts, call: Call) -> bool:
    table = at.weight(_variable(call.operation, "embeddings"))
    name_channels(table[1])
    at.put(call.made[0], (*at.of(call.read[0]), table[1]))
    return True


def _recurrent(at: Layouts, call: Call) -> bool:
    units = _cell(at, call.operation, at.of(call.read[0])[-1], call.where)
    _put_sequence(at, call, units)
    return True


def _bidirectional(at: Layouts, call: Call) -> bool:
    inner = (call.operation.forward_layer, call.operation.backward_layer)
    if kind_of(inner[0]) not in RECURRENT or call.operation.merge_mode is None:
        return False
    one, other = (_cell(at, each, at.of(call.read[0])[-1], call.where) for each in inner)
    if call.operation.merge_mode == "concat":
        one = feature_order.join([one, other])
    else:
        feature_order.align(one, other, call.where)
    _put_sequence(at, call, one)
    return True


def _cell(at: Layouts, layer: Any, features: Axis, where: str) -> Axis:
    """The hidden units of a recurrent layer, in one order in each of its gates."""
    kernel, recurrent = (at.weight(_variable(layer, name)) for name in ("kernel", "recurrent_kernel"))
    units = axis(layer.units, CHANNEL)
    gates = axis(size(kernel[1]) // layer.units)
    feature_order.align(kernel[0], features, where)
    feature_order.align(recurrent[0], units, where)
    for each in (kernel, recurrent, *([at.weight(_variable(layer, "bias"))] if layer.use_bias else [])):
        feature_order.align((*gates, *units), each[-1], where)
    return units


def _put_sequence(at: Layouts, call: Call, units: Axis) -> None:
    """The outputs of a recurrent layer, at each place or the last, and its states."""
    features = at.of(call.read[0])
    for each in call.made:
        at.put(each, (features[0], *(features[1:2] if len(each.shape) == 3 else ()), units))


def _attention_layer(at: Layouts, call: Call) -> bool:
    query, value = at.of(call.read[0]), at.of(call.read[1])
    key = at.of(call.read[2]) if len(call.read) > 2 else value
    kernels = {each.path.split("/")[-2]: each for each in call.operation.weights if each.name == "kernel"}
    for name, layout in (("query", query), ("key", key), ("value", value)):
        feature_order.align(at.weight(kernels[name])[0], layout[-1], call.where)
    output = at.weight(kernels["attention_output"])
    biases = {each.path.split("/")[-2]: each for each in call.operation.weights if each.name == "bias"}
    at.bias(biases.pop("attention_output", None), output[-1], call.where)
    for each in biases.values():
        at.weight(each)
    at.put(call.made[0], (*query[:-1], output[-1]))
    for each in call.made[1:]:
        at.put(each, flow.unknown(tuple(each.shape), call.where))
    return True


def _resizing(at: Layouts, call: Call) -> bool:
    """A pooling, a padding or a change of resolution: its input are maps."""
    maps = at.of(call.read[0])
    channel = _channel(call.operation) % len(maps)
    flow.read_maps(maps, channel)
    shape = tuple(call.made[0].shape)
    kept = maps if len(maps) == len(shape) else (maps[0], maps[channel])
    at.put(call.made[0], flow.resize(kept, shape, call.where))
    return True


def _product(at: Layouts, call: Call) -> bool:
    one, other = (at.of(each) for each in call.read)
    if min(len(one), len(other)) < 2:
        return False
    at.put(call.made[0], flow.multiply(one, other, call.where))
    return True


def _einsum(at: Layouts, call: Call) -> bool:
    at.put(
        call.made[0],
        flow.einsum(call.operation.subscripts, [at.of(each) for each in call.read], call.made[0].shape, call.where),
    )
    return True


def _concatenation(at: Layouts, call: Call) -> bool:
    at.put(call.made[0], flow.concatenate([at.of(each) for each in call.read], call.operation.axis, call.where))
    return True


def _stack(at: Layouts, call: Call) -> bool:
    at.put(call.made[0], flow.stack([at.of(each) for each in call.read], call.operation.axis, call.where))
    return True


def _attention(at: Layouts, call: Call) -> bool:
    at.put(call.made[0], flow.attend(at.of(call.read[0]), at.of(call.read[1])))
    return True


RECURRENT = ("LSTM", "GRU", "SimpleRNN")
_RANKS = (1, 2, 3)
_POOLINGS = ("AveragePooling", "MaxPooling", "AdaptiveAveragePooling", "AdaptiveMaxPooling")
_RESIZING = (*_POOLINGS, "GlobalAveragePooling", "GlobalMaxPooling", "UpSampling", "ZeroPadding")
_NORMALISATIONS = ("BatchNormalization", "LayerNormalization", "GroupNormalization", "RMSNormalization")
RULES: dict[str, Rule] = {
    "Dense": _dense,
    "EinsumDense": _einsum_dense,
    **{f"Conv{rank}D{kind}": _convolution for rank in _RANKS for kind in ("", "Transpose")},
    **{f"DepthwiseConv{rank}D": _depthwise for rank in _RANKS},
    **{f"SeparableConv{rank}D": _separable for rank in _RANKS},
    **dict.fromkeys(_NORMALISATIONS, _normalisation),
    "PReLU": _slopes,
    "Embedding": _embedding,
    **dict.fromkeys(RECURRENT, _recurrent),
    "Bidirectional": _bidirectional,
    **dict.fromkeys(("MultiHeadAttention", "GroupedQueryAttention"), _attention_layer),
    **dict.fromkeys(("Attention", "AdditiveAttention"), _attention),
    **{f"{kind}{rank}D": _resizing for rank in _RANKS for kind in _RESIZING},
    "Matmul": _product,
    "Einsum": _einsum,
    "Concatenate": _concatenation,
    "Stack": _stack,
}
