"""What operations make of the layouts of what they read, whatever the framework.

Each function gives the layout of the output; see :mod:`harness.frameworks.feature_order`. ``where`` is the name of
the operation or layer, for errors.
"""

import itertools
import math
from collections.abc import Callable, Sequence

from harness.errors import HarnessError
from harness.frameworks import feature_order
from harness.frameworks.feature_order import BATCH, CHANNEL, SPATIAL, Axis, Layout, axis, size

Shape = Sequence[int]
LAST = 99  # a role behind all others
DISTINCT = (2, 3, 5, 7, 11, 13)  # sizes by which an operation shows which axes it keeps


def enter(shape: Shape, *, channels_first: bool, tokens: bool = False) -> Layout:
    """The layout of an input: (N, C, H, W) or (N, H, W, C), fewer or more spatial axes, (N, C), or tokens (N, T)."""
    channel = len(shape) if tokens else 1 if channels_first else len(shape) - 1
    return tuple(axis(length, _role(number, channel), fixed=True) for number, length in enumerate(shape))


def unknown(shape: Shape, where: str) -> Layout:
    """The layout of what nothing is known of."""
    return tuple(axis(length, unknown=where) for length in shape)


def by_element(inputs: Sequence[Layout], shape: Shape, where: str) -> Layout | None:
    """What an operation makes of broadcast inputs; None if the shapes are not those of one."""
    found: list[Axis] = []
    for place, length in enumerate(reversed(shape), 1):
        candidates = [each[-place] for each in inputs if len(each) >= place]
        if any(size(each) not in (1, length) for each in candidates):
            return None
        whole = [each for each in candidates if size(each) == length]
        if not whole:
            return None
        for other in whole[1:]:
            feature_order.align(whole[0], other, where)
        found.append(whole[0])
    return tuple(reversed(found))


def resize(of: Layout, shape: Shape, where: str) -> Layout:
    """What an operation makes that keeps the axes and changes the sizes of some: pooling, padding, upsampling."""
    return tuple(
        old if size(old) == length else axis(length, feature_order.main_role(old), unknown=_lost(old, where))
        for old, length in zip(of, shape, strict=True)
    )


def by_shape(inputs: Sequence[Layout], shape: Shape, made_of: Callable[[Shape], Shape | None], where: str) -> Layout:
    """What an operation makes of which shapes are known alone: by element, with other sizes, or with axes dropped.

    ``made_of`` gives the shape that it makes of one input of another shape, None if it refuses that.
    """
    if not inputs:
        return unknown(shape, where)
    if (found := by_element(inputs, shape, where)) is not None:
        return found
    if len(inputs[0]) == len(shape):
        return resize(inputs[0], shape, where)
    sizes = DISTINCT[: len(inputs[0])]
    kept = made_of(sizes) if len(inputs) == 1 and len(sizes) == len(inputs[0]) > len(shape) else None
    if kept is None or len(kept) != len(shape) or not set(kept) <= set(sizes):
        return unknown(shape, where)
    return resize(tuple(inputs[0][sizes.index(length)] for length in kept), shape, where)


def multiply(one: Layout, other: Layout, where: str) -> Layout:
    """The product of two matrices or of batches of them."""
    feature_order.align(one[-1], other[-2], where)
    longer = max(one[:-2], other[:-2], key=len)
    return (*longer, one[-2], other[-1])


def einsum(equation: str, inputs: Sequence[Layout], shape: Shape, where: str) -> Layout:
    """A sum of products by Einstein's notation; an ellipsis stands for axes that stay in front."""
    read, made = equation.replace(" ", "").split("->")
    letters: dict[str, Axis] = {}
    rest: Layout = ()
    for term, layout in zip(read.split(","), inputs, strict=True):
        before, dots, after = term.partition("...")
        if dots:
            rest = layout[len(before) : len(layout) - len(after)]
        behind = layout[len(layout) - len(after) :] if after else ()
        for letter, found in zip(before + after, (*layout[: len(before)], *behind), strict=True):
            if letter in letters:
                feature_order.align(letters[letter], found, where)
            letters.setdefault(letter, found)
    before, _, after = made.partition("...")
    layout = (*(letters[each] for each in before), *rest, *(letters[each] for each in after))
    return layout if tuple(map(size, layout)) == tuple(shape) else unknown(shape, where)


def attend(query: Layout, value: Layout) -> Layout:
    """Attention: the places of the query, with features of the value."""
    return (*query[:-1], value[-1])


def concatenate(inputs: Sequence[Layout], number: int, where: str) -> Layout:
    """Inputs one after another along an axis; the other axes are the same in each."""
    number %= len(inputs[0])
    found = list(inputs[0])
    for place, first in enumerate(found):
        for other in inputs[1:]:
            if place != number:
                feature_order.align(first, other[place], where)
    found[number] = feature_order.join([each[number] for each in inputs])
    return tuple(found)


def stack(inputs: Sequence[Layout], number: int, where: str) -> Layout:
    """Inputs one after another along a new axis."""
    found = by_element(inputs, [size(each) for each in inputs[0]], where) or inputs[0]
    number %= len(found) + 1
    return (*found[:number], axis(len(inputs)), *found[number:])


def read_maps(of: Layout, channel: int) -> None:
    """A layer takes the input for maps: channels on one axis, and the others but the first spatial."""
    channel %= len(of)
    for number, each in enumerate(of):
        if number > 0:
            feature_order.assign(each, _role(number, channel))


def make_maps(of: Layout, shape: Shape, channel: int, features: Axis) -> Layout:
    """What a convolution makes of maps: its own features in place of the channels, spatial axes as they are left."""
    channel %= len(of)
    return tuple(
        features if number == channel else old if size(old) == length else axis(length, _role(number, channel))
        for number, (old, length) in enumerate(zip(of, shape, strict=True))
    )


def multiplied(features: Axis, times: Axis) -> Axis:
    """The outputs of a depthwise convolution: several of each feature, which stay together in the canonical order."""
    roles = {leaf.taken_as for leaf in feature_order.leaves(features)}
    role = next(iter(roles)) if len(roles) == 1 else LAST
    for leaf in feature_order.leaves(times):
        if leaf.default is None:
            leaf.default = role
    return (*features, *times)


def view(of: Layout, shape: Shape, strides: Shape, where: str) -> Layout:
    """What a view shows of a contiguous tensor, told by its strides in elements."""
    whole = math.prod(shape) == math.prod(map(size, of))
    if not whole or any(stride == 0 and length > 1 for length, stride in zip(shape, strides, strict=True)):
        return feature_order.cut_out(of, shape, strides, where)
    try:
        return feature_order.rearrange(of, shape, strides, where)
    except HarnessError:
        return unknown(shape, where)


def contiguous(shape: Shape) -> list[int]:
    """The strides, in elements, of a contiguous tensor."""
    return [*itertools.accumulate(reversed([*shape[1:], 1]), lambda stride, length: stride * length)][::-1]


def _role(number: int, channel: int) -> int:
    """The role of an axis of maps whose channels are on the given axis."""
    if number == 0:
        return BATCH
    if number == channel:
        return CHANNEL
    return SPATIAL + number - 1 - (number > channel)


def _lost(old: Axis, where: str) -> str:
    """The operation, if it changes the size of an axis that is made of several atoms."""
    found = [*feature_order.leaves(old)]
    return found[0].unknown if len(found) == 1 else where if found else ""
