"""Where two definitions part: the first layer that differs, by the name that both share, and what usually causes it."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.data.images import in_precision
from harness.frameworks import constants, layer_calls, weights
from harness.frameworks.layer_calls import LayerCall
from harness.networks.architecture import Architecture

Array = NDArray[Any]

SAME = 1e-6  # of the largest value of an array
EDGE = 2  # pixels

FEATURES = "the order of features: maps are flattened as H, W, C in Keras and as C, H, W in PyTorch"
# By part of the name of a layer's class: what usually makes it differ.
CAUSES = {
    "Norm": "another epsilon, or other axes",
    "Pool": "the side that is padded, a size that is rounded up, or whether an average counts the padding",
    "Depthwise": "the side that is padded, the stride or the order of channels",
    "Transpose": "the side that is padded or cropped, or the kernel's order",
    "Conv": 'the side that is padded ("same" with a stride pads below and to the right alone), the stride, dilation, '
    "groups, or the order of channels",
    "LSTM": "the order of gates, a second bias, or another activation",
    "GRU": "the order of gates, where the reset is applied, or a second bias",
    "RNN": "the activation, or a second bias",
    "Attention": "the scale, the number of heads, a mask, or a bias",
    "Sampl": "align corners, half-pixel centres, or nearest against bilinear",
    "Resiz": "align corners, half-pixel centres, antialiasing, or nearest against bilinear",
    "Pad": "the side that is padded, or with what",
    "LU": "the form of the activation: its slope, its bound, or tanh against erf",
    "Activation": "the form of the activation",
    "Dropout": "a dropout that is left on",
    "Flatten": FEATURES,
    "Dense": FEATURES,
    "Linear": FEATURES,
}
BETWEEN = (
    "another activation or form of it, another pooling or padding, another order of two steps, or a dropout left on"
)
ORDER = "the order of axes, channels or features"


@dataclass(frozen=True, kw_only=True)
class Difference:
    """How far one array is from its twin, relative to the larger's largest value.

    ``reordered`` is that of the same values in whatever order, ``inside`` that of maps without their edges.
    """

    apart: float
    reordered: float
    inside: float | None = None

    @property
    def is_one(self) -> bool:
        return not self.apart <= SAME


def locate(architecture: Architecture, made: weights.Weights, images: NDArray[np.float32]) -> str:
    """Where the definitions part on images (N, H, W, C), in words; empty if nothing tells. Runs both in float64.

    Constants of one name that differ come first, then the layer.
    """
    from harness.frameworks import keras_training, torch_training  # both frameworks, for a "no" alone

    exact = in_precision(images, "float64")
    with keras_training.exactly(architecture, made) as in_keras:
        keras_calls = layer_calls.record_keras(in_keras, exact)
    with torch_training.exactly(architecture, made) as in_torch:
        torch_calls = layer_calls.record_torch(in_torch, exact)
    causes = (constants.compare(in_keras, in_torch), describe(keras_calls, torch_calls))
    return "; ".join(cause for cause in causes if cause)


def describe(keras_calls: Sequence[LayerCall], torch_calls: Sequence[LayerCall]) -> str:
    """The first shared layer that reads or makes something else, the difference before and after it, and the cause."""
    known: tuple[str, float] = ("the input", 0.0)
    for of_keras, of_torch in _pairs(keras_calls, torch_calls):
        read = difference(of_keras.read, of_torch.read)
        flat = of_torch.read is not None and of_torch.read.ndim == 2
        if read is not None and read.is_one and not (flat and read.reordered <= SAME):
            cause = ORDER if read.reordered <= SAME else _edge(read) or BETWEEN
            return (
                f"they part between {known[0]} and layer {of_torch.name!r}: what it reads is {read.apart:.2g} of its "
                f"largest value apart, {known[0]} {known[1]:.2g}; the usual cause is {cause}"
            )
        after = difference(of_keras.output, of_torch.output)
        if after is None:
            continue
        if after.is_one:
            before = read.reordered if read else 0.0
            cause = ORDER if read is not None and read.is_one else _edge(after) or _cause(of_keras, of_torch)
            return (
                f"they part in layer {of_torch.name!r}: {before:.2g} of the largest value apart before it, "
                f"{after.apart:.2g} after it; the usual cause is {cause}"
            )
        known = (f"layer {of_torch.name!r}", after.apart)
    return f"they part behind {known[0]}; the usual cause is {BETWEEN}"


def difference(of_keras: Array | None, of_torch: Array | None) -> Difference | None:
    """How far two arrays (N, ...) are apart in the layout that brings them closest; None if there is no such."""
    if of_keras is None or of_torch is None or not of_keras.size or of_keras.size != of_torch.size:
        return None
    scale = max(float(np.abs(of_keras).max()), float(np.abs(of_torch).max())) or 1.0
    candidates = [array for array in _layouts(of_keras) if array.shape == of_torch.shape]
    if not candidates:
        candidates, of_torch = (
            [array.reshape(len(array), -1) for array in _layouts(of_keras)],
            of_torch.reshape(len(of_torch), -1),
        )
    gaps = [np.abs(array - of_torch) for array in candidates]
    gap = min(gaps, key=lambda each: float(each.max()))
    flat = [np.sort(array.reshape(len(array), -1), axis=1) for array in (of_keras, of_torch)]
    edge = gap.ndim == 4 and min(gap.shape[2:]) > 2 * EDGE
    return Difference(
        apart=float(gap.max()) / scale,
        reordered=float(np.abs(flat[0] - flat[1]).max()) / scale,
        inside=float(gap[..., EDGE:-EDGE, EDGE:-EDGE].max()) / scale if edge else None,
    )


def _layouts(array: Array) -> Iterator[Array]:
    """An array of Keras as PyTorch may lay it out: channels first, or as it is."""
    if array.ndim > 2:
        yield np.moveaxis(array, -1, 1)
    yield array


def _pairs(keras_calls: Sequence[LayerCall], torch_calls: Sequence[LayerCall]) -> Iterator[tuple[LayerCall, LayerCall]]:
    """The calls of layers that both definitions name, in PyTorch's order; of a layer that is called again, each."""
    counted: Counter[str] = Counter()
    of_keras: dict[tuple[str, int], LayerCall] = {}
    for call in keras_calls:
        of_keras[call.name, counted[call.name]] = call
        counted[call.name] += 1
    counted.clear()
    for call in torch_calls:
        key = call.name, counted[call.name]
        counted[call.name] += 1
        if key in of_keras:
            yield of_keras[key], call


def _edge(found: Difference) -> str:
    """The cause if maps differ at their edges alone."""
    only = found.inside is not None and found.inside <= SAME
    return "padding: maps differ at their edges alone" if only else ""


def _cause(of_keras: LayerCall, of_torch: LayerCall) -> str:
    kinds = f"{of_torch.kind} {of_keras.kind}"
    known = next((cause for part, cause in CAUSES.items() if part in kinds), "")
    return known or f"what {of_keras.kind} in Keras and {of_torch.kind} in PyTorch do differently"
