"""Claims about single layers of the lectures: built as PyTorch layers without values, and counted."""

import math

from torch import nn

from harness.claims.claim import Claim, Outcome, judge
from harness.claims.counting import macs, params
from harness.claims.evidence import Evidence
from harness.frameworks.layers import Layer, list_module_layers

PIXELS_512 = (3, 512, 512)
PIXELS_32 = (3, 32, 32)


def weight_sharing(_: Evidence) -> Outcome:
    """100 filters against 100 dense units, on the same image."""
    inputs = math.prod(PIXELS_512)
    convolution = list_module_layers(PIXELS_512, nn.Conv2d(3, 100, 5, padding="same", device="meta"))
    dense = list_module_layers((inputs,), nn.Linear(inputs, 100, device="meta"))
    fewer, more = params(dense) / params(convolution), macs(convolution) / macs(dense)
    return judge(
        f"parameters {params(convolution):,} against {params(dense):,}: {fewer:,.0f} times fewer; MACs "
        f"{macs(convolution):,} against {macs(dense):,}: {more:g} times more",
        _numbers(convolution, dense),
        holds=(params(convolution), params(dense), more) == (7_600, 78_643_300, 25),
    )


def convolution_against_dense(_: Evidence) -> Outcome:
    """Six filters of 5×5 against six dense units, on the same image."""
    convolution, dense = _six_filters(), _six_units(math.prod(PIXELS_32))
    weights = params(dense) - 6
    return judge(
        f"parameters {params(convolution)} against {params(dense):,} ({weights:,} without biases), multiplications "
        f"{macs(convolution):,} against {macs(dense):,}",
        _numbers(convolution, dense),
        holds=(params(convolution), weights, macs(convolution), macs(dense)) == (456, 18_432, 352_800, 18_432),
    )


def computations_a_node(_: Evidence) -> Outcome:
    """The same filters against a dense layer with a node for each map, and against one on the whole image."""
    convolution = _six_filters()
    stated = 5 * 5 * math.prod(convolution[0].output_shape[1:])
    node_for_map = macs(convolution) / macs(_six_units(3))
    flattened = macs(convolution) / macs(_six_units(math.prod(PIXELS_32)))
    return judge(
        f"F·F·W·H = {stated:,}; with a node for a map {node_for_map:,.0f} times; against the flattened image "
        f"{flattened:.2f} times",
        {"F·F·W·H": stated, "node for map": node_for_map, "flattened": flattened},
        holds=node_for_map == stated == 19_600 and round(flattened, 2) == 19.14,
    )


def first_dense_layer(_: Evidence) -> Outcome:
    """1,024 units on all pixels of a CIFAR-10 image."""
    dense = list_module_layers((3072,), nn.Linear(3072, 1024, device="meta"))
    weights = params(dense) - 1024
    return judge(
        f"{weights:,} weights, {params(dense):,} parameters with the biases",
        {"weights": weights, "params": params(dense)},
        holds=weights == 3_145_728,
    )


def stride_quarters(_: Evidence) -> Outcome:
    """A 3×3 filter on 28×28 pixels, with stride 1 and with stride 2."""
    one, two = (
        list_module_layers((1, 28, 28), nn.Conv2d(1, 1, 3, stride, device="meta"))[0].output_shape for stride in (1, 2)
    )
    smaller = math.prod(one) / math.prod(two)
    return judge(
        f"{one[1]}×{one[2]} with stride 1, {two[1]}×{two[2]} with stride 2: {smaller:g} times smaller",
        {"side with stride 1": one[1], "side with stride 2": two[1], "times smaller": smaller},
        holds=(one, two) == ((1, 26, 26), (1, 13, 13)),
    )


def valid_shrinks(_: Evidence) -> Outcome:
    """Seven 5×5 convolutions one after another, with and without padding."""
    sides = {}
    for padding in ("valid", "same"):
        filters = [nn.Conv2d(maps, 6, 5, padding=padding, device="meta") for maps in (3, 6, 6, 6, 6, 6, 6)]
        sides[padding] = [32, *(layer.output_shape[1] for layer in list_module_layers(PIXELS_32, *filters))]
    return judge(
        f"valid: {' → '.join(map(str, sides['valid']))}, too small for another; same: {sides['same'][-1]} throughout",
        sides,
        holds=sides["valid"][:3] == [32, 28, 24] and sides["valid"][-1] < 5 and set(sides["same"]) == {32},
    )


def maps_take_memory(_: Evidence) -> Outcome:
    """The maps that 100 filters make of one image and of 100, by bytes a value."""
    (layer,) = list_module_layers(PIXELS_512, nn.Conv2d(3, 100, 5, padding="same", device="meta"))
    mebibytes = {bits: math.prod(layer.output_shape) * bits / 8 / 2**20 for bits in (32, 16)}
    return judge(
        f"100 maps of 512×512: {mebibytes[32]:g} MiB an image in 32 bits, {mebibytes[16]:g} MiB in 16; "
        f"{mebibytes[32] * 100 / 1024:.2f} GiB for a batch of 100",
        {f"MiB an image in {bits} bits": value for bits, value in mebibytes.items()},
        holds=mebibytes == {32: 100, 16: 50},
    )


def _six_filters() -> tuple[Layer, ...]:

    return list_module_layers(PIXELS_32, nn.Conv2d(3, 6, 5, device="meta"))


def _six_units(inputs: int) -> tuple[Layer, ...]:

    return list_module_layers((inputs,), nn.Linear(inputs, 6, device="meta"))


def _numbers(convolution: tuple[Layer, ...], dense: tuple[Layer, ...]) -> dict[str, int]:
    return {
        "convolution params": params(convolution),
        "convolution macs": macs(convolution),
        "dense params": params(dense),
        "dense macs": macs(dense),
    }


CLAIMS = (
    Claim(
        number=25,
        lecture="G. Marques",
        says="Weight sharing: 100 filters of 5×5 on a 512×512 image in colour have 7,600 parameters, 100 dense units "
        "78,643,300 (10,348 times as many), though the filters take 25 times the MACs.",
        checks=(weight_sharing,),
    ),
    Claim(
        number=26,
        lecture="S. Varma",
        says="Six filters of 5×5 on a 32×32 image in colour have 456 parameters and take 352,800 multiplications; six "
        "dense units have 18,432 weights (without biases; the next line's 18,500 is rounded) and take as many.",
        checks=(convolution_against_dense,),
    ),
    Claim(
        number=27,
        lecture="S. Varma",
        says="A convolution computes F·F·W·H times what a dense layer does. Corrected: 19,600 times where the dense "
        "layer has a node for each map; against the flattened image of the worked example 19.14 times.",
        checks=(computations_a_node,),
    ),
    Claim(
        number=28,
        lecture="S. Alzahrani",
        says="The first dense layer of an MLP for CIFAR-10, of 1,024 units, has 3,145,728 weights "
        '(printed "2072 * 1024 = 314,5728": it is 3072 · 1024).',
        checks=(first_dense_layer,),
    ),
    Claim(
        number=36,
        lecture="S. Alzahrani",
        says="Stride 2 makes the output about four times smaller: 26×26 becomes 13×13 (13.5 is floored).",
        checks=(stride_quarters,),
    ),
    Claim(
        number=39,
        lecture="S. Varma",
        says="5×5 convolutions without padding, repeated, shrink the volume fast: 32 → 28 → 24. (That this does not "
        "work well comes without numbers.)",
        checks=(valid_shrinks,),
    ),
)
