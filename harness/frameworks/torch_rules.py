"""What PyTorch's functions with weights make of the order of features, and those whose rule shapes do not tell."""

from collections.abc import Callable, Iterator
from typing import Any

import torch

from harness.frameworks import feature_flow as flow
from harness.frameworks import feature_order
from harness.frameworks.feature_layouts import Call, Layouts, name_channels
from harness.frameworks.feature_order import CHANNEL, Axis, Layout, axis, size

Rule = Callable[[Layouts, Call], bool]  # whether the layouts of what was made are known now
_RANKS = (1, 2, 3)


def tensors(value: Any) -> Iterator[torch.Tensor]:
    """The tensors in a value, also in lists of lists."""
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, list | tuple):
        for each in value:
            yield from tensors(each)


def _linear(at: Layouts, call: Call) -> bool:
    maps, kernel = at.of(call.args[0]), at.weight(call.argument(1, "weight"))
    flow.read_maps(maps, -1)
    feature_order.align(kernel[1], maps[-1], call.where)
    at.bias(call.argument(2, "bias"), kernel[0], call.where)
    at.put(call.made[0], (*maps[:-1], kernel[0]))
    return True


def _convolution(at: Layouts, call: Call) -> bool:
    maps, kernel = at.of(call.args[0]), at.weight(call.argument(1, "weight"))
    groups = call.argument(6, "groups", 1)
    flow.read_maps(maps, 1)
    outputs = kernel[0]
    if groups == 1:
        feature_order.align(kernel[1], maps[1], call.where)
    elif groups == size(maps[1]):
        outputs = flow.multiplied(maps[1], axis(size(kernel[0]) // groups))
        feature_order.align(outputs, kernel[0], call.where)
    else:
        at.kept += [(maps[1], call.where), (outputs, call.where)]
    _make_maps(at, call, maps, outputs)
    return True


def _transposed_convolution(at: Layouts, call: Call) -> bool:
    maps, kernel = at.of(call.args[0]), at.weight(call.argument(1, "weight"))
    groups = call.argument(6, "groups", 1)
    flow.read_maps(maps, 1)
    feature_order.align(kernel[0], maps[1], call.where)
    outputs = kernel[1] if groups == 1 else axis(call.made[0].shape[1], CHANNEL)
    if groups != 1:
        at.kept += [(maps[1], call.where), (outputs, call.where)]
    _make_maps(at, call, maps, outputs)
    return True


def _make_maps(at: Layouts, call: Call, maps: Layout, outputs: Axis) -> None:
    at.bias(call.argument(2, "bias"), outputs, call.where)
    at.put(call.made[0], flow.make_maps(maps, tuple(call.made[0].shape), 1, outputs))


def _by_channel(at: Layouts, call: Call) -> bool:
    """A layer with weights by channel, which is the second axis."""
    maps = at.of(call.args[0])
    flow.read_maps(maps, 1)
    for each in call.read[1:]:
        if each.ndim == 1:
            feature_order.align(at.of(each)[0], maps[min(1, len(maps) - 1)], call.where)
    at.put(call.made[0], maps)
    return True


def _by_last_axes(at: Layouts, call: Call) -> bool:
    """A layer with weights by element of the last axes."""
    maps = at.of(call.args[0])
    if len(call.argument(1, "normalized_shape")) == 1:
        flow.read_maps(maps, -1)
    for each in call.read[1:]:
        for place in range(1, 1 + each.ndim):
            feature_order.align(maps[-place], at.of(each)[-place], call.where)
    at.put(call.made[0], maps)
    return True


def _embedding(at: Layouts, call: Call) -> bool:
    table = at.weight(call.argument(1, "weight"))
    name_channels(table[1])
    at.put(call.made[0], (*at.of(call.args[0]), table[1]))
    return True


def _recurrent(at: Layouts, call: Call) -> bool:
    """An LSTM, a GRU or a plain recurrent layer: the hidden units of each gate are in one order."""
    if len(call.args) < 9 or not isinstance(call.args[2], list | tuple):
        return False  # packed sequences
    features, biases, layers, directions = at.of(call.args[0]), call.args[3], call.args[4], 1 + call.args[7]
    per_cell = 4 if biases else 2
    if len(call.args[2]) != per_cell * layers * directions:
        return False  # with projections
    weights = iter(call.args[2])
    units = features[-1]
    for _ in range(layers):
        cells = [[next(weights) for _ in range(per_cell)] for _ in range(directions)]
        made_of = [_cell(at, call.where, units, each) for each in cells]
        units = made_of[0] if len(made_of) == 1 else feature_order.join(made_of)
    at.put(call.made[0], (*features[:-1], units))
    for state in call.made[1:]:
        at.put(state, tuple(axis(length, CHANNEL if place == 2 else None) for place, length in enumerate(state.shape)))
    return True


def _cell(at: Layouts, where: str, features: Axis, weights: list[torch.Tensor]) -> Axis:
    units = axis(weights[1].shape[1], CHANNEL)
    gates = axis(weights[1].shape[0] // weights[1].shape[1])
    kernel, recurrent, *biases = (at.weight(each) for each in weights)
    feature_order.align(kernel[1], features, where)
    feature_order.align(recurrent[1], units, where)
    for each in (kernel, recurrent, *biases):
        feature_order.align((*gates, *units), each[0], where)
    return units


def _attention_layer(at: Layouts, call: Call) -> bool:
    """torch.nn.functional.multi_head_attention_forward, with one projection for all inputs or three."""
    together = at.weight(call.argument(5, "in_proj_weight"))
    for letter, each in zip("qkv", call.args[:3], strict=True):
        kernel = together or at.weight(call.named.get(f"{letter}_proj_weight"))
        feature_order.align(kernel[1], at.of(each)[-1], call.where)
    at.weight(call.argument(6, "in_proj_bias"))
    output = at.weight(call.argument(11, "out_proj_weight"))
    at.bias(call.argument(12, "out_proj_bias"), output[0], call.where)
    at.put(call.made[0], (*at.of(call.args[0])[:-1], output[0]))
    for each in call.made[1:]:
        at.put(each, flow.unknown(tuple(each.shape), call.where))
    return True


def _attention(at: Layouts, call: Call) -> bool:
    query, key, value = (at.of(call.argument(place, name)) for place, name in enumerate(("query", "key", "value")))
    feature_order.align(query[-1], key[-1], call.where)
    at.put(call.made[0], flow.attend(query, value))
    return True


def _product(at: Layouts, call: Call) -> bool:
    one, other = (at.of(each) for each in tensors((*call.args, *call.named.values())))
    if min(len(one), len(other)) < 2:
        return False
    at.put(call.made[0], flow.multiply(one, other, call.where))
    return True


def _einsum(at: Layouts, call: Call) -> bool:
    if not isinstance(call.args[0], str) or "->" not in call.args[0]:
        return False
    inputs = [at.of(each) for each in tensors(call.args[1:])]
    at.put(call.made[0], flow.einsum(call.args[0], inputs, tuple(call.made[0].shape), call.where))
    return True


def _concatenation(at: Layouts, call: Call) -> bool:
    inputs = [at.of(each) for each in tensors(call.argument(0, "tensors"))]
    number = call.argument(1, "dim", call.named.get("axis", 0))
    at.put(call.made[0], flow.concatenate(inputs, number, call.where))
    return True


def _stack(at: Layouts, call: Call) -> bool:
    inputs = [at.of(each) for each in tensors(call.argument(0, "tensors"))]
    at.put(call.made[0], flow.stack(inputs, call.argument(1, "dim", 0), call.where))
    return True


def _resizing(at: Layouts, call: Call) -> bool:
    """A pooling or a change of resolution: its input are maps."""
    maps = at.of(call.args[0])
    flow.read_maps(maps, 1)
    for each in call.made:
        at.put(each, flow.resize(maps, tuple(each.shape), call.where))
    return True


_POOLINGS = ("avg", "max", "adaptive_avg", "adaptive_max", "lp")
RULES: dict[str, Rule] = {
    "linear": _linear,
    **{f"conv{rank}d": _convolution for rank in _RANKS},
    **{f"conv_transpose{rank}d": _transposed_convolution for rank in _RANKS},
    **dict.fromkeys(("batch_norm", "instance_norm", "group_norm", "prelu"), _by_channel),
    **dict.fromkeys(("layer_norm", "rms_norm"), _by_last_axes),
    "embedding": _embedding,
    **dict.fromkeys(("lstm", "gru", "rnn_tanh", "rnn_relu"), _recurrent),
    "multi_head_attention_forward": _attention_layer,
    "scaled_dot_product_attention": _attention,
    **dict.fromkeys(("matmul", "bmm", "mm"), _product),
    "einsum": _einsum,
    **dict.fromkeys(("cat", "concat", "concatenate"), _concatenation),
    "stack": _stack,
    **{f"{kind}_pool{rank}d": _resizing for kind in _POOLINGS for rank in _RANKS},
    **dict.fromkeys(("interpolate", "upsample", "pixel_shuffle", "pixel_unshuffle"), _resizing),
}
