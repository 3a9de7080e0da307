"""Which layers of both frameworks are the same, and how the names and axes of their weights map: a table.

A pattern names the axes of an array by letters, the slowest first; axes in brackets are one axis of the array. It is
read from left to right: Keras' kernel "y x i o" is PyTorch's "o i y x". The letters mean:

====  ========================================================
i     features that the layer reads
o     features that it makes
c     features that it reads and makes one by one
m     outputs of each feature of a depthwise convolution
z y x places of a convolution's kernel
g     gates of a recurrent layer
h     its hidden units
n d   heads of an attention, and the features of each
t     0: what a gate adds to the input, 1: to the hidden units
v     entries of a table
====  ========================================================
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Map:
    """A weight in both frameworks.

    ``keras`` and ``torch`` are its names there, ``from_axes`` and ``to_axes`` the patterns of both. ``take`` is
    the number along the axis t. ``gates`` is the order of PyTorch's gates among those of Keras. ``inner`` is the
    layer inside a layer that the weight belongs to, as PyTorch's name has it.
    """

    keras: str
    torch: str
    from_axes: str
    to_axes: str
    take: int | None = None
    gates: tuple[int, ...] = ()
    inner: str = ""


@dataclass(frozen=True, kw_only=True)
class LayerPair:
    """A layer of Keras, its twin in PyTorch, and their weights. ``note`` says what differs beyond names and axes."""

    keras: str
    torch: str
    maps: tuple[Map, ...]
    note: str = ""


def _plain(kernel: str, weight: str) -> tuple[Map, ...]:
    return (
        Map(keras="kernel", torch="weight", from_axes=kernel, to_axes=weight),
        Map(keras="bias", torch="bias", from_axes="o", to_axes="o"),
    )


def _by_feature(*names: tuple[str, str]) -> tuple[Map, ...]:
    return tuple(Map(keras=keras, torch=torch, from_axes="c", to_axes="c") for keras, torch in names)


def _separable(places: str) -> tuple[Map, ...]:
    return (
        Map(
            keras="depthwise_kernel",
            torch="weight",
            from_axes=f"{places} c m",
            to_axes=f"(c m) 1 {places}",
            inner="depthwise",
        ),
        Map(
            keras="pointwise_kernel",
            torch="weight",
            from_axes=f"{places} i o",
            to_axes=f"o i {places}",
            inner="pointwise",
        ),
        Map(keras="bias", torch="bias", from_axes="o", to_axes="o", inner="pointwise"),
    )


def _recurrent(gates: tuple[int, ...]) -> tuple[Map, ...]:
    return (
        Map(keras="kernel", torch="weight_ih_l0", from_axes="i (g h)", to_axes="(g h) i", gates=gates),
        Map(keras="recurrent_kernel", torch="weight_hh_l0", from_axes="k (g h)", to_axes="(g h) k", gates=gates),
        Map(keras="bias", torch="bias_ih_l0", from_axes="(g h)", to_axes="(g h)", gates=gates),
    )


def _gated_twice(gates: tuple[int, ...]) -> tuple[Map, ...]:
    two = [("bias_ih_l0", 0), ("bias_hh_l0", 1)]
    return (
        *_recurrent(gates)[:2],
        *(
            Map(keras="bias", torch=torch, from_axes="t (g h)", to_axes="(g h)", gates=gates, take=take)
            for torch, take in two
        ),
    )


def _heads(name: str, inner: str) -> tuple[Map, ...]:
    return (
        Map(keras=f"{name}/kernel", torch="weight", from_axes="i n d", to_axes="(n d) i", inner=inner),
        Map(keras=f"{name}/bias", torch="bias", from_axes="n d", to_axes="(n d)", inner=inner),
    )


_ATTENTION = (
    *(each for name in ("query", "key", "value") for each in _heads(name, name)),
    Map(keras="attention_output/kernel", torch="weight", from_axes="n d o", to_axes="o (n d)", inner="out_proj"),
    Map(keras="attention_output/bias", torch="bias", from_axes="o", to_axes="o", inner="out_proj"),
)
_PLACES = {1: "x", 2: "y x", 3: "z y x"}
_NORM = (("gamma", "weight"), ("beta", "bias"))
_STATISTICS = (("moving_mean", "running_mean"), ("moving_variance", "running_var"))
_ONE_BIAS = "PyTorch adds two biases: ours is their sum, and the second one is zero."

PAIRS: tuple[LayerPair, ...] = (
    LayerPair(keras="Dense", torch="Linear", maps=_plain("i o", "o i")),
    *(
        LayerPair(keras=f"Conv{rank}D", torch=f"Conv{rank}d", maps=_plain(f"{places} i o", f"o i {places}"))
        for rank, places in _PLACES.items()
    ),
    *(
        LayerPair(
            keras=f"Conv{rank}DTranspose",
            torch=f"ConvTranspose{rank}d",
            maps=_plain(f"{places} o i", f"i o {places}"),
        )
        for rank, places in _PLACES.items()
    ),
    *(
        LayerPair(
            keras=f"DepthwiseConv{rank}D",
            torch=f"Conv{rank}d(groups=C)",
            maps=(
                Map(keras="kernel", torch="weight", from_axes=f"{places} c m", to_axes=f"(c m) 1 {places}"),
                Map(keras="bias", torch="bias", from_axes="(c m)", to_axes="(c m)"),
            ),
        )
        for rank, places in _PLACES.items()
        if rank < 3
    ),
    *(
        LayerPair(
            keras=f"SeparableConv{rank}D",
            torch=f"Conv{rank}d(groups=C) named depthwise, Conv{rank}d named pointwise",
            maps=_separable(places),
        )
        for rank, places in _PLACES.items()
        if rank < 3
    ),
    LayerPair(
        keras="Embedding",
        torch="Embedding",
        maps=(Map(keras="embeddings", torch="weight", from_axes="v o", to_axes="v o"),),
    ),
    LayerPair(
        keras="BatchNormalization",
        torch="BatchNorm",
        maps=_by_feature(*_NORM, *_STATISTICS),
        note="Keras without scale or centre has no such weight; PyTorch has both or none (affine).",
    ),
    LayerPair(keras="LayerNormalization", torch="LayerNorm", maps=_by_feature(*_NORM)),
    LayerPair(keras="GroupNormalization", torch="GroupNorm", maps=_by_feature(*_NORM)),
    LayerPair(keras="RMSNormalization", torch="RMSNorm", maps=_by_feature(("scale", "weight"))),
    LayerPair(keras="PReLU", torch="PReLU", maps=_by_feature(("alpha", "weight"))),
    LayerPair(keras="LSTM", torch="LSTM", maps=_recurrent((0, 1, 2, 3)), note=_ONE_BIAS),
    LayerPair(keras="SimpleRNN", torch="RNN", maps=_recurrent((0,)), note=_ONE_BIAS),
    LayerPair(
        keras="GRU",
        torch="GRU",
        maps=_gated_twice((1, 0, 2)),
        note="PyTorch has `reset_after=True` alone, which is Keras' default.",
    ),
    LayerPair(
        keras="MultiHeadAttention",
        torch="MultiheadAttention",
        maps=_ATTENTION,
        note="PyTorch's in_proj holds query, key and value one after another.",
    ),
    LayerPair(
        keras="GroupedQueryAttention",
        torch="a module with Linear named query, key, value, out_proj",
        maps=_ATTENTION,
    ),
)

BY_KERAS: Mapping[str, LayerPair] = {pair.keras: pair for pair in PAIRS}
RESET_BEFORE = LayerPair(keras="GRU(reset_after=False)", torch="", maps=_recurrent((1, 0, 2)))


def letters(pattern: str) -> list[str]:
    """The axes of a pattern with those in brackets one by one."""
    return re.sub(r"[()]", "", pattern).split()


def axes(pattern: str) -> list[list[str]]:
    """The letters of each axis of the array; an axis "1" has none."""
    return [each.strip("()").split() if each != "1" else [] for each in re.findall(r"\([^)]*\)|\S+", pattern)]


def rearrange(array: Array, pattern: str, target: str, sizes: Mapping[str, int]) -> Array:
    """The array, whose axes are those of the pattern, with those of the target; ``sizes`` are by letter.

    Letters that only one of them has are of size one.
    """
    wanted = [each for each in letters(target) if each in letters(pattern) and each != "1"]
    names = [each for each in letters(pattern) if each in wanted]
    turned = array.reshape([sizes[each] for each in names]).transpose([names.index(each) for each in wanted])
    return np.ascontiguousarray(turned.reshape(shape(target, sizes)))


def shape(pattern: str, sizes: Mapping[str, int]) -> tuple[int, ...]:
    """The shape of an array of that pattern."""
    return tuple(int(np.prod([sizes[each] for each in group])) for group in axes(pattern))


def measure(pattern: str, found: Sequence[int], known: Mapping[str, int]) -> dict[str, int]:
    """The size of each letter of an array of that shape; all but one of those in brackets are known."""
    sizes = dict(known)
    for group, length in zip(axes(pattern), found, strict=True):
        missing = [each for each in group if each not in sizes]
        for each in missing:
            sizes[each] = length // int(np.prod([sizes[other] for other in group if other in sizes] or [1]))
    return sizes


def table() -> str:
    """The table as Markdown: one line per weight."""
    lines = [
        "| Keras | its weight | axes | PyTorch | its weight | axes |",
        "|---|---|---|---|---|---|",
    ]
    for pair in PAIRS:
        for number, each in enumerate(pair.maps):
            kind = f"{each.inner}.{each.torch}" if each.inner else each.torch
            own = each.keras if each.take is None else f"{each.keras}[{each.take}]"
            axes_of = each.from_axes.removeprefix("t ") if each.take is not None else each.from_axes
            names = (pair.keras, pair.torch) if number == 0 else ("", "")
            cells = (names[0], f"`{own}`", f"`{axes_of}`", names[1], f"`{kind}`", f"`{each.to_axes}`")
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def notes() -> str:
    """What differs beyond names and axes, as a Markdown list."""
    return "".join(f"- {pair.keras}: {pair.note}\n" for pair in PAIRS if pair.note)
