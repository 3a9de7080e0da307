"""Claims about what layers compute: shown on real PyTorch layers with random weights, in float64."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from harness.claims.claim import Claim, Outcome, judge
from harness.claims.counting import macs, params
from harness.claims.evidence import Evidence
from harness.errors import first_line
from harness.frameworks import torch_training
from harness.frameworks.layers import list_module_layers
from harness.networks import catalog

EQUAL = 1e-12  # relative: what float64 leaves of equality when sums are taken in another order


def equal_parameters(_: Evidence) -> Outcome:
    """Dense layers against 1×1 convolutions of the same inputs and outputs, for every pair that gives 21."""
    pairs = ((20, 1), (6, 3), (2, 7))
    layers = [(nn.Linear(*pair, device="meta"), nn.Conv2d(*pair, 1, device="meta")) for pair in pairs]
    dense = [params(list_module_layers((linear.in_features,), linear)) for linear, _ in layers]
    conv = [params(list_module_layers((conv.in_channels, 1, 1), conv)) for _, conv in layers]
    shown = ", ".join(f"{inputs} → {outputs}" for inputs, outputs in pairs)
    return judge(
        f"parameters of {shown}: dense {dense}, 1×1 convolution {conv}",
        {"dense params": dense, "convolution params": conv},
        holds=dense == conv == [21, 21, 21],
    )


def dense_is_convolution(_: Evidence) -> Outcome:
    """A dense layer's weights copied into a 1×1 convolution, and into one with filters of the input's size."""
    distances = {}
    for name, (channels, side) in {"1×1": (20, 1), "input's size": (16, 5)}.items():
        image = _random(4, channels, side, side)
        weight, bias = _random(10, channels * side * side), _random(10)
        dense = _functional().linear(image.flatten(1), weight, bias)
        convolution = _functional().conv2d(image, weight.reshape(10, channels, side, side), bias)
        distances[name] = _distance(convolution.flatten(1), dense)
    return judge(
        f"outputs with copied weights differ by {_told(distances)} of the largest",
        {f"largest difference, {name}": distance for name, distance in distances.items()},
        holds=max(distances.values()) < EQUAL,
    )


def exact_replacement(evidence: Evidence) -> Outcome:
    """Flatten and Dense(10) on 7×7×512 at the end of a network, and a convolution of 7×7 in their place."""
    *before, flatten, dense = _with_weights("fmnist_same")
    with torch.no_grad():
        maps = nn.Sequential(*before)(_random(2, 1, 28, 28))
        replaced = _functional().conv2d(maps, dense.weight.reshape(10, 512, 7, 7), dense.bias)
        distance = _distance(replaced.flatten(1), dense(flatten(maps)))
    layers = evidence.layers("fmnist_same")
    head = list_module_layers((512, 7, 7), nn.Conv2d(512, 10, 7, device="meta"))
    total = params((*layers[:-1], *head))
    return judge(
        f"fmnist_same's dense layer: {params(layers[-1:]):,} of {params(layers):,} parameters and "
        f"{macs(layers[-1:]):,} MACs; a convolution of 7×7 in its place: {params(head):,} of {total:,} and "
        f"{macs(head):,}, and outputs that differ by {distance:.0e} of the largest",
        {"convolution params": params(head), "replaced params": total, "largest difference, fmnist_same": distance},
        holds=params(head) == params(layers[-1:]) == 250_890
        and total == params(layers) == 1_818_890
        and macs(head) == macs(layers[-1:])
        and distance < EQUAL,
    )


def any_input_size(evidence: Evidence) -> Outcome:
    """The network that ends in 1×1 convolutions on two sizes, and one with Flatten and a dense layer."""
    small, large = (_answer(evidence, "fcn_1x1", side) for side in (28, 64))
    refused = _answer(evidence, "fmnist_maxpool", 64)
    return judge(
        f"fcn_1x1 (C, H, W): {small} for 28×28, {large} for 64×64; fmnist_maxpool for 64×64: {refused}",
        {"fcn_1x1 on 28×28": small, "fcn_1x1 on 64×64": large, "fmnist_maxpool on 64×64": refused},
        holds=(small, large) == ((10, 1, 1), (10, 10, 10)) and isinstance(refused, str),
    )


def windows_without_padding(_: Evidence) -> Outcome:
    """The network of 1×1 convolutions without its padding: each vector of its map against the crop that it sees."""
    network = [module for module in _with_weights("fcn_1x1") if type(module).__name__ in ("Conv2d", "ReLU")]
    for module in network:
        module.padding = (0, 0)
    distances, window = _against_crops(network, side=49)
    return judge(
        f"without padding, all {distances.numel()} vectors of a 49×49 image equal the network on their crops of "
        f"{window}×{window}, within {distances.max():.0e} of the largest",
        {"window": window, "largest difference without padding": float(distances.max())},
        holds=bool(distances.max() < EQUAL),
    )


def windows_with_padding(_: Evidence) -> Outcome:
    """The network as the lecture has it, with same padding: each vector against the 28×28 crop at its place."""
    distances, window = _against_crops(list(_with_weights("fcn_1x1")), side=64, crop=28)
    different = int((distances > EQUAL).sum())
    return judge(
        f"with the lecture's padding, {different} of {distances.numel()} vectors of a 64×64 image differ from the "
        f"network on 28×28 crops, by {distances.min():.0e} to {distances.max():.0e} of the largest: each sees "
        f"{window}×{window} pixels, in a crop zeros beyond its edge",
        {
            "window with padding": window,
            "smallest difference with padding": float(distances.min()),
            "largest difference with padding": float(distances.max()),
        },
        holds=different == distances.numel(),
    )


def keeps_receptive_field(_: Evidence) -> Outcome:
    """A bottleneck of 64 to 16 maps after a 3×3 convolution: shapes, and which pixels one output depends on."""
    image = _random(1, 3, 9, 9).requires_grad_()
    first = _functional().conv2d(image, _random(64, 3, 3, 3), padding=1)
    second = _functional().conv2d(first, _random(16, 64, 1, 1))
    seen = [
        int((torch.autograd.grad(maps[0, 0, 4, 4], image, retain_graph=True)[0][0, 0] != 0).sum())
        for maps in (first, second)
    ]
    bottleneck = list_module_layers((64, 28, 28), nn.Conv2d(64, 16, 1, device="meta"))[0].output_shape
    return judge(
        f"1×1 from 64 to 16 maps: (64, 28, 28) → {bottleneck}; one output sees {seen[0]} pixels before and {seen[1]} "
        "after it",
        {"output shape": bottleneck, "pixels seen before": seen[0], "pixels seen after": seen[1]},
        holds=bottleneck == (16, 28, 28) and seen == [9, 9],
    )


def shift_shifts(_: Evidence) -> Outcome:
    """A convolution with stride 1 on an image and on the same one shifted: inside, and at the border."""
    convolution = next(_with_weights("shallownet"))
    image, (down, right) = _random(1, 3, 32, 32), (3, 5)
    with torch.no_grad():
        shifted = convolution(torch.roll(image, (down, right), (2, 3)))
        expected = torch.roll(convolution(image), (down, right), (2, 3))
    inside = (slice(None), slice(None), slice(down + 1, -1), slice(right + 1, -1))
    distance, border = _distance(shifted[inside], expected[inside]), _distance(shifted, expected)
    return judge(
        f"an image shifted by {down} and {right} pixels: the output shifts with it, within {distance:.0e} of the "
        f"largest inside; at the border, where padding and what came round differ, {border:.0e}",
        {"largest difference inside": distance, "largest difference with the border": border},
        holds=distance < EQUAL,
    )


def backward_is_convolution(_: Evidence) -> Outcome:
    """The gradient with respect to a convolution's input by autograd, and as a convolution with flipped filters."""
    image, filters = _random(2, 3, 12, 12).requires_grad_(), _random(8, 3, 5, 5)
    output = _functional().conv2d(image, filters)
    above = _random(*output.shape)
    (by_autograd,) = torch.autograd.grad(output, image, above)
    turned = filters.transpose(0, 1)  # from each output map back to each input map
    flipped = _distance(_functional().conv2d(above, turned.flip(2, 3), padding=4), by_autograd)
    unflipped = _distance(_functional().conv2d(above, turned, padding=4), by_autograd)
    return judge(
        f"autograd's gradient and the convolution with flipped filters differ by {flipped:.0e} of the largest; with "
        f"filters not flipped by {unflipped:.0e}",
        {"difference, flipped": flipped, "difference, not flipped": unflipped},
        holds=flipped < EQUAL < unflipped,
    )


def _answer(evidence: Evidence, name: str, side: int) -> tuple[int, ...] | str:
    """The shape that a network makes of a square grey image, or the error that it raises."""
    try:
        return tuple(evidence.definition(name)(torch.zeros(1, 1, side, side, device="meta")).shape[1:])
    except RuntimeError as error:
        return first_line(error)


def _functional() -> Any:

    return functional


def _random(*shape: int) -> torch.Tensor:
    """Numbers that are the same in every run."""
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(sum(shape)))


def _with_weights(name: str) -> Any:
    """The modules of a network with random weights, in float64."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return torch_training.build(catalog.get(name)).double().eval().children()


def _against_crops(modules: Sequence[nn.Module], *, side: int, crop: int | None = None) -> tuple[torch.Tensor, int]:
    """How far each vector of the map of an image is from the network on one crop, relative to the largest.

    Gives the distances (H, W), and the side of the window that a vector sees; crops are of that size
    where none is given.
    """
    window, step = _receptive_field(modules)
    crop, network, image = crop or window, torch.nn.Sequential(*modules), _random(1, 1, side, side)
    with torch.no_grad():
        of_image = network(image)[0]  # (C, H, W)
        crops = image[0].unfold(1, crop, step).unfold(2, crop, step)  # (1, H, W, crop, crop)
        of_crops = network(crops.reshape(-1, 1, crop, crop))[:, :, 0, 0].T.reshape(of_image.shape)
    return (of_image - of_crops).abs().amax(0) / of_image.abs().max(), window


def _receptive_field(modules: Sequence[nn.Module]) -> tuple[int, int]:
    """The side of the window that one output sees, and the step from one window to the next, in pixels."""
    window = step = 1
    for module in modules:
        if type(module).__name__ == "Conv2d":
            window += (module.kernel_size[0] - 1) * step
            step *= module.stride[0]
    return window, step


def _distance(found: torch.Tensor, expected: torch.Tensor) -> float:
    """The largest difference, relative to the largest value expected."""
    return float((found - expected).abs().max() / expected.abs().max())


def _told(distances: dict[str, float]) -> str:
    return ", ".join(f"{distance:.0e} ({name})" for name, distance in distances.items())


CLAIMS = (
    Claim(
        number=29,
        lecture="Q.-V. Dinh, S. Alzahrani",
        says="A dense layer and a 1×1 convolution have equal parameters (21 = 21) and, with weights copied, equal "
        "outputs; as a convolution with filters of its input's size, any dense layer has. (The lecture's own "
        "replacement changes another layer too, and is another network; the exact one of Flatten and Dense(10) on "
        "7×7×512 is Conv2D(10, 7×7): 250,890 parameters, 1,818,890 in all.)",
        checks=(equal_parameters, dense_is_convolution, exact_replacement),
    ),
    Claim(
        number=30,
        lecture="Q.-V. Dinh",
        says="A head of 1×1 convolutions takes any input size (28 gives 1×1×10, 64 gives 10×10×10); Flatten and a "
        "dense layer do not (in PyTorch, which refuses them when run; the lecture's is Keras' refusal to build them).",
        checks=(any_input_size,),
    ),
    Claim(
        number=31,
        lecture="Q.-V. Dinh",
        says="Each vector of the map sees one window of the image, as if the network ran on that crop. Corrected: "
        "exactly so only without padding; with the lecture's same padding every position differs.",
        checks=(windows_without_padding, windows_with_padding),
    ),
    Claim(
        number=40,
        lecture="S. Alzahrani",
        says="A 1×1 convolution changes the depth, not the receptive field nor the size.",
        checks=(keeps_receptive_field,),
    ),
    Claim(
        number=42,
        lecture="G. Marques, S. Alzahrani",
        says="A pattern learned in one place is recognised in any other: shifting the input shifts the convolution's "
        "output (inside the image, with stride 1).",
        checks=(shift_shifts,),
    ),
    Claim(
        number=43,
        lecture="S. Alzahrani",
        says="The backward pass of a convolution is a convolution with the filter flipped in space.",
        checks=(backward_is_convolution,),
    ),
)
