"""The lectures' worked examples in Keras, in PyTorch and in the ONNX file of each, against oracles of their own."""

import functools
import math
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import keras
import numpy as np
import onnx
import pytest
import tensorflow
import tf2onnx
import torch
from torch import nn

from harness.cost.ledger import ledger
from harness.measurements.types import Accuracy, Cost
from harness.pieces import artifacts, dynamo, tf2onnx_route
from harness.timing import runtime
from tests import ROOT
from tests import worked_examples as table
from tests.worked_examples import (
    Convolution,
    Count,
    Dense,
    Depthwise,
    Example,
    Flatten,
    Formulas,
    GlobalMaxPooling,
    Output,
    Pooling,
    Quantity,
    Sizes,
)

ONNX = {"onnx_of_keras": "keras", "onnx_of_torch": "torch"}
FORMS = ("oracle", "keras", "torch", *ONNX)
NUMBERS = {f"V{number:02}" for number in (*range(1, 16), *range(20, 26), *range(30, 41))}


def drawn(example: Formulas) -> Output:
    """The example in numbers: random ones, and what the formulas make of them."""
    random = np.random.default_rng(0)
    v = random.normal(size=example.side**2).astype(np.float32)
    side = getattr(example.layer, "kernel", 0)
    w, b = random.normal(size=side**2).astype(np.float32), float(random.normal())

    def evaluated(formula: str) -> float:
        if formula.startswith("max"):
            return max(v[int(place) - 1] for place in re.findall(r"v(\d+)", formula))
        products = (v[int(i) - 1] * w[int(j) - 1] for i, j in re.findall(r"v(\d+)w(\d+)", formula))
        return sum(products) + b * formula.endswith("+ b")

    return Output(
        example.id,
        example.lecture,
        example.shows,
        layer=example.layer,
        data=tuple(map(tuple, v.reshape(example.side, -1))),
        kernel=tuple(map(tuple, w.reshape(side, side))),
        bias=b,
        expected=tuple(tuple(map(evaluated, row)) for row in example.expected),
    )


EXAMPLES = [drawn(example) if isinstance(example, Formulas) else example for example in table.TABLE]


def image_of(example: Example) -> np.ndarray:
    """The example's input (1, H, W, C), or (1, L, C); zeros where only its shape matters."""
    if not isinstance(example, Output):
        return np.zeros((1, *example.input_shape), np.float32)
    data = np.array(example.data, np.float32)
    return np.moveaxis(data, 0, -1)[None] if data.ndim == 3 else data[None, ..., None]


# Oracles: loops and the lectures' formulas


def zeros_around(layer: Convolution, size: int) -> tuple[int, int]:
    """Zeros before and after; of the odd number that same padding may need, the last one goes behind."""
    if layer.padding != "same":
        return layer.padding, layer.padding
    both = max((math.ceil(size / layer.stride) - 1) * layer.stride + layer.kernel - size, 0)
    return both // 2, both - both // 2


def size_after(layer: Convolution | Pooling, size: int) -> int:
    """floor((I - F + 2P) / S) + 1, and ceil(I / S) with same padding."""
    if isinstance(layer, Pooling):
        return (size - layer.window) // layer.stride + 1
    if layer.padding == "same":
        return math.ceil(size / layer.stride)
    return (size - layer.kernel + 2 * layer.padding) // layer.stride + 1


def shapes_of(example: Example) -> list[tuple[int, ...]]:
    """What each layer makes: (H, W, C), or a number of values."""
    shapes, shape = [], example.input_shape
    for layer in example.layers:
        match layer:
            case Convolution():
                shape = (*(size_after(layer, size) for size in shape[:-1]), layer.filters)
            case Depthwise(kernel, multiplier):
                shape = (*(size - kernel + 1 for size in shape[:-1]), shape[-1] * multiplier)
            case Pooling():
                shape = (*(size_after(layer, size) for size in shape[:-1]), shape[-1])
            case Dense():
                shape = (layer.units,)
            case Flatten():
                shape = (math.prod(shape),)
            case GlobalMaxPooling():
                shape = shape[-1:]
        shapes.append(shape)
    return shapes


def weights_and_biases(example: Example) -> list[tuple[int, int]]:
    """Of each layer: (F * F * D * M, M) of a convolution, (in * out, out) of a dense layer."""
    counts = []
    for layer, before in zip(example.layers, [example.input_shape, *shapes_of(example)], strict=False):
        match layer:
            case Convolution(filters, kernel, bias=bias):
                counts.append((kernel ** (len(before) - 1) * before[-1] * filters, filters * bias))
            case Depthwise(kernel, multiplier):
                slices = before[-1] * multiplier
                counts.append((kernel**2 * slices, slices))
            case Dense(units, bias):
                counts.append((before[0] * units, units * bias))
            case _:
                counts.append((0, 0))
    return counts


def macs_of(example: Example) -> int:
    """Each weight of a convolution is used once for every position of its output."""
    pairs = zip(weights_and_biases(example), shapes_of(example), strict=True)
    return sum(weights * math.prod(shape[:-1]) for (weights, _), shape in pairs)


def computed(example: Output) -> np.ndarray:
    """The layer's output (1, H, W, C) by its definition, one product or comparison at a time."""
    image, layer = image_of(example)[0], example.layer
    out = np.zeros(shapes_of(example)[0])
    for *position, channel in np.ndindex(out.shape):
        starts = [place * layer.stride for place in position]
        if isinstance(layer, Pooling):
            window = image[(*(slice(start, start + layer.window) for start in starts), channel)]
            out[(*position, channel)] = window.max() if layer.kind == "max" else window.sum() / window.size
            continue
        out[(*position, channel)] = example.bias
        for tap, weight in np.ndenumerate(example.kernel):
            if example.true_convolution:  # x[n - i] h[i], n being the last place under the kernel
                tap = tuple(layer.kernel - 1 - place for place in tap)
            axes = list(zip(starts, tap, image.shape, strict=False))
            where = [start + offset - zeros_around(layer, size)[0] for start, offset, size in axes]
            if all(0 <= place < size for place, (_, _, size) in zip(where, axes, strict=True)):
                out[(*position, channel)] += weight * image[(*where, 0)]
    return out[None]


# The same layers in Keras and in PyTorch


def keras_layer(layer: table.Layer, rank: int) -> keras.Layer:
    match layer:
        case Convolution(filters, kernel, stride, padding, bias):
            kind = keras.layers.Conv1D if rank == 1 else keras.layers.Conv2D
            if padding in ("same", 0):
                return kind(filters, kernel, stride, padding or "valid", use_bias=bias)
            zeros = keras.layers.ZeroPadding1D if rank == 1 else keras.layers.ZeroPadding2D
            return keras.Sequential([zeros(padding), kind(filters, kernel, stride, use_bias=bias)])
        case Depthwise(kernel, multiplier):
            return keras.layers.DepthwiseConv2D(kernel, depth_multiplier=multiplier)
        case Pooling("max", window, stride):
            return keras.layers.MaxPooling2D(window, stride)
        case Pooling("average", window, stride):
            return keras.layers.AveragePooling2D(window, stride)
        case Dense(units, bias):
            return keras.layers.Dense(units, use_bias=bias)
        case Flatten():
            return keras.layers.Flatten()
        case GlobalMaxPooling():
            return keras.layers.GlobalMaxPooling2D()


def torch_layer(layer: table.Layer, channels: int, size: tuple[int, ...]) -> nn.Module:
    match layer:
        case Convolution(filters, kernel, stride, bias=bias):
            kind = nn.Conv1d if len(size) == 1 else nn.Conv2d
            before, after = zeros_around(layer, size[0])
            if before == after:
                return kind(channels, filters, kernel, stride, before, bias=bias)
            uneven = nn.ZeroPad2d((before, after, before, after))
            return nn.Sequential(uneven, kind(channels, filters, kernel, stride, bias=bias))
        case Depthwise(kernel, multiplier):
            return nn.Conv2d(channels, channels * multiplier, kernel, groups=channels)
        case Pooling("max", window, stride):
            return nn.MaxPool2d(window, stride)
        case Pooling("average", window, stride):
            return nn.AvgPool2d(window, stride)
        case Dense(units, bias):
            return nn.Linear(channels, units, bias=bias)
        case Flatten():
            return nn.Flatten()
        case GlobalMaxPooling():
            return nn.Sequential(nn.AdaptiveMaxPool2d(1), nn.Flatten())


def keras_network(example: Example) -> keras.Model:
    """The layers with the output of each."""
    image = value = keras.Input(example.input_shape)
    outputs = [value := keras_layer(layer, len(example.input_shape) - 1)(value) for layer in example.layers]
    return keras.Model(image, outputs)


def torch_network(example: Example) -> nn.Sequential:
    """One module for each layer, on the meta device: shapes without memory."""
    value = torch.zeros(1, example.input_shape[-1], *example.input_shape[:-1], device="meta")
    network = nn.Sequential()
    with torch.device("meta"), torch.no_grad():
        for layer in example.layers:
            network.append(torch_layer(layer, value.shape[1], tuple(value.shape[2:])))
            value = network[-1](value)
    return network


def weights_for(example: Example, shapes: list[tuple[int, ...]]) -> list[np.ndarray]:
    """The example's kernel and bias, or else positive weights, each its own.

    Frameworks do not turn a kernel: that of a true convolution is turned here.
    """
    if isinstance(example, Output) and shapes:
        kernel = np.flip(example.kernel).copy() if example.true_convolution else np.array(example.kernel)
        return [kernel.reshape(shapes[0]), np.full(shapes[1], example.bias)]
    random = np.random.default_rng(0)
    return [random.uniform(0.5, 1, shape) for shape in shapes]


@functools.cache
def with_weights(example: Example, framework: str) -> keras.Model | nn.Sequential:
    """The example's network with memory and weights, kept for its export."""
    if framework == "keras":
        network = keras_network(example)
        network.set_weights(weights_for(example, [weight.shape for weight in network.weights]))
        return network
    network = torch_network(example).to_empty(device="cpu").eval()
    weights = weights_for(example, [weight.shape for weight in network.parameters()])
    with torch.no_grad():
        for parameter, weight in zip(network.parameters(), weights, strict=True):
            parameter.copy_(torch.tensor(weight))
    return network


# The ONNX file of each, by the project's exporters


class Heads(nn.Module):
    """Several networks side by side: an image for each, and what each of its layers makes of it."""

    def __init__(self, networks: list[nn.Sequential]) -> None:
        super().__init__()
        self.networks = nn.ModuleList(networks)

    def forward(self, *images: torch.Tensor) -> list[torch.Tensor]:
        outputs = []
        for network, value in zip(self.networks, images, strict=True):
            for layer in network:
                value = layer(value)
                outputs.append(value)
        return outputs


def exported_by_keras(examples: Sequence[Example]) -> onnx.ModelProto:
    networks = [with_weights(example, "keras") for example in examples]

    @tensorflow.function
    def forward(*images):
        made = [keras.tree.flatten(network(image)) for network, image in zip(networks, images, strict=True)]
        return {f"output_{head}_{step}": value for head, steps in enumerate(made) for step, value in enumerate(steps)}

    signature = [
        tensorflow.TensorSpec((None, *example.input_shape), tensorflow.float32, name=f"image_{head}")
        for head, example in enumerate(examples)
    ]
    with tf2onnx_route.quiet():
        model, _ = tf2onnx.convert.from_function(forward, input_signature=signature, opset=artifacts.OPSET)
    return model


def exported_by_torch(examples: Sequence[Example]) -> onnx.ModelProto:
    images = [torch.zeros(2, example.input_shape[-1], *example.input_shape[:-1]) for example in examples]
    with dynamo.quiet():
        program = torch.onnx.export(
            Heads([with_weights(example, "torch") for example in examples]).eval(),
            tuple(images),
            dynamo=True,
            opset_version=artifacts.OPSET,
            input_names=[f"image_{head}" for head in range(len(examples))],
            output_names=[
                f"output_{head}_{step}" for head, example in enumerate(examples) for step in range(len(example.layers))
            ],
            dynamic_shapes=(tuple({0: torch.export.Dim("batch")} for _ in images),),
            verbose=False,
        )
    return program.model_proto


EXPORTERS: dict[str, Callable[[Sequence[Example]], onnx.ModelProto]] = {
    "keras": exported_by_keras,
    "torch": exported_by_torch,
}


def exported_with(example: Example, framework: str) -> list[Example]:
    """Those that share its file: none for tf2onnx; for torch.onnx, which takes a second to begin, all of its kind."""
    if framework == "keras":
        return [example]
    return [other for other in EXAMPLES if type(other) is type(example) and set(ONNX) & set(forms_of(other))]


@functools.lru_cache(maxsize=2)  # a file of either framework
def extractor(examples: tuple[Example, ...], framework: str) -> onnx.utils.Extractor:
    return onnx.utils.Extractor(EXPORTERS[framework](examples))


@functools.cache
def onnx_of(example: Example, framework: str) -> bytes:
    """The example's own part of the file, with an output for each layer."""
    examples = exported_with(example, framework)
    head = examples.index(example)
    outputs = [f"output_{head}_{step}" for step in range(len(example.layers))]
    model = extractor(tuple(examples), framework).extract_model([f"image_{head}"], outputs)
    return model.SerializeToString()


@functools.cache
def cost_of(example: Example, framework: str) -> Cost:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        path.write_bytes(onnx_of(example, framework))
        return ledger(path)


@pytest.fixture(scope="module", autouse=True)
def _forgotten() -> Iterator[None]:
    """Networks and files are kept for this module's tests only."""
    yield
    for kept in (with_weights, extractor, onnx_of, cost_of):
        kept.cache_clear()


def outputs_of(example: Example, form: str, images: np.ndarray) -> list[np.ndarray]:
    """What each layer makes of images (N, H, W, C) in a framework or a file, channels last."""
    if form == "keras":
        return [value.numpy() for value in keras.tree.flatten(with_weights(example, "keras")(images))]
    channels_first = np.moveaxis(images, -1, 1)
    if form == "torch":
        with torch.no_grad():
            values = [value.numpy() for value in Heads([with_weights(example, "torch")])(torch.tensor(channels_first))]
    else:
        session = runtime.session(onnx_of(example, ONNX[form]), threads=1)
        feed = images if form == "onnx_of_keras" else np.ascontiguousarray(channels_first)
        values = list(runtime.run(session, {session.get_inputs()[0].name: feed}).values())
    return values if form == "onnx_of_keras" else [np.moveaxis(value, 1, -1) for value in values]


# What an example's numbers are in a form


def output(example: Output, form: str) -> np.ndarray:
    (made,) = [computed(example)] if form == "oracle" else outputs_of(example, form, image_of(example))
    channels = np.moveaxis(made[0], -1, 0)
    return channels if len(channels) > 1 else channels[0]


def shapes(example: Example, form: str) -> list[tuple[int, ...]]:
    if form == "oracle":
        return shapes_of(example)
    return [value.shape[1:] for value in outputs_of(example, form, image_of(example))]


def parameters(example: Example, form: str) -> list[int]:
    """Of each layer, built without memory for its weights."""
    if form == "oracle":
        return [sum(counts) for counts in weights_and_biases(example)]
    if form == "keras":
        with keras.StatelessScope(initialize_variables=False):
            return [layer.count_params() for layer in keras_network(example).layers[1:]]
    return [sum(weight.numel() for weight in layer.parameters()) for layer in torch_network(example)]


def dense_share(example: Quantity, form: str) -> float:
    counts = parameters(example, form)
    dense = [count for count, layer in zip(counts, example.layers, strict=True) if isinstance(layer, Dense)]
    return sum(dense) / sum(counts)


def activation_bytes(example: Quantity, form: str) -> int:
    """Of the output of the one layer, for a batch; nothing is computed."""
    images, dtype = int(example.given["images"]), f"float{example.given['bits']}"
    if form == "oracle":
        return images * math.prod(shapes_of(example)[0]) * np.dtype(dtype).itemsize
    if form == "keras":
        with keras.StatelessScope(initialize_variables=False):
            layer = keras_layer(example.layers[0], rank=2)
            typed = type(layer).from_config({**layer.get_config(), "dtype": dtype})
            made = typed(keras.KerasTensor((images, *example.input_shape), dtype))
        return math.prod(made.shape) * np.dtype(made.dtype).itemsize
    network = torch_network(example).to(getattr(torch, dtype))
    height, width, channels = example.input_shape
    return network(torch.empty(images, channels, height, width, device="meta", dtype=getattr(torch, dtype))).nbytes


def discarded_share(example: Quantity, form: str) -> float:
    return 1 - math.prod(shapes(example, form)[-1]) / math.prod(example.input_shape)


def macs_against_dense(example: Quantity, form: str) -> float:
    macs = macs_of(example) if form == "oracle" else cost_of(example, ONNX[form]).macs
    return macs / (math.prod(example.input_shape) * example.given["units"])


def receptive_field(example: Quantity, form: str) -> int:
    """The height of the part of the input that the last layer's first output depends on."""
    if form == "oracle":
        field, jump = 1, 1
        for layer in example.layers:
            field += (getattr(layer, "kernel", getattr(layer, "window", 1)) - 1) * jump
            jump *= layer.stride
        return field
    pixels = math.prod(example.input_shape)
    images = np.random.default_rng(0).random((pixels, *example.input_shape), np.float32)
    if form == "keras":
        image = tensorflow.constant(images)
        with tensorflow.GradientTape() as tape:
            tape.watch(image)
            first = keras.tree.flatten(with_weights(example, form)(image))[-1][:, 0, 0, 0]
        seen = tape.gradient(first, image).numpy().any(axis=0)
    elif form == "torch":
        image = torch.tensor(np.moveaxis(images, -1, 1), requires_grad=True)
        with_weights(example, form)(image)[:, 0, 0, 0].sum().backward()
        seen = np.moveaxis(image.grad.numpy().any(axis=0), 0, -1)
    else:  # a file has no gradient: one pixel is raised in each image of a batch
        base = np.repeat(images[:1], pixels, axis=0)
        raised = base + 100 * np.eye(pixels, dtype=np.float32).reshape(base.shape)
        before, after = (outputs_of(example, form, batch)[-1][:, 0, 0, 0] for batch in (base, raised))
        seen = (before != after).reshape(example.input_shape)
    rows, columns, _ = np.nonzero(seen)
    assert len(rows) == (np.ptp(rows) + 1) ** 2 == (np.ptp(columns) + 1) ** 2, "expected a whole square"
    return int(np.ptp(rows)) + 1


def scaled_pixel(example: Quantity, form: str) -> float:
    pixel = int(example.given["pixel"])
    if form == "keras":
        return float(keras.layers.Rescaling(1 / 255)(np.array([pixel], np.uint8))[0])
    return float(torch.tensor(pixel, dtype=torch.uint8) / 255)


def weight_after_step(example: Quantity, form: str) -> float:
    """One step of gradient descent on the output w * x, whose gradient is x, with L2 of decay / 2 * w * w."""
    weight, rate, gradient, decay = (float(example.given[name]) for name in ("weight", "rate", "gradient", "decay"))
    if form == "keras":
        layer = keras.layers.Dense(
            1,
            use_bias=False,
            kernel_initializer=keras.initializers.Constant(weight),
            kernel_regularizer=keras.regularizers.L2(decay / 2),
        )
        model = keras.Sequential([keras.Input((1,)), layer])
        model.compile(keras.optimizers.SGD(rate), loss=lambda _, made: keras.ops.mean(made))
        model.train_on_batch(np.array([[gradient]]), np.zeros((1, 1)))
        return float(layer.kernel.numpy()[0, 0])
    layer = nn.Linear(1, 1, bias=False)
    nn.init.constant_(layer.weight, weight)
    layer(torch.tensor([[gradient]])).mean().backward()
    torch.optim.SGD(layer.parameters(), rate, weight_decay=decay).step()
    return layer.weight.item()


def accuracy(example: Quantity, form: str) -> float:
    total, errors = int(example.given["images"]), int(example.given["errors"])
    labels, predicted = np.zeros(total), np.arange(total) < errors
    if form == "harness":
        return Accuracy(correct=int((labels == predicted).sum()), total=total).value
    metric = keras.metrics.Accuracy()
    metric.update_state(labels, predicted)
    return float(metric.result())


def steps(example: Quantity, form: str) -> int:
    images, batch = int(example.given["images"]), int(example.given["batch"])
    if form == "torch":
        return len(torch.utils.data.DataLoader(range(images), batch))
    return int(tensorflow.data.Dataset.range(images).batch(batch).cardinality())


MEASURES: dict[str, tuple[Callable[[Quantity, str], float], tuple[str, ...]]] = {
    "accuracy": (accuracy, ("harness", "keras")),
    "activation_bytes": (activation_bytes, ("oracle", "keras", "torch")),
    "dense_share": (dense_share, ("oracle", "keras", "torch")),
    "discarded_share": (discarded_share, FORMS),
    "macs_against_dense": (macs_against_dense, ("oracle", *ONNX)),
    "receptive_field": (receptive_field, FORMS),
    "scaled_pixel": (scaled_pixel, ("keras", "torch")),
    "steps": (steps, ("keras", "torch")),
    "weight_after_step": (weight_after_step, ("keras", "torch")),
}


def forms_of(example: Example) -> tuple[str, ...]:
    """The forms in which the example's numbers are found."""
    if isinstance(example, Quantity):
        return MEASURES[example.what][1]
    if isinstance(example, Count) and example.too_large_to_export:
        return tuple(form for form in FORMS if form not in ONNX)
    return FORMS


def found(example: Example, form: str) -> object:
    """The example's numbers, in the shape of what it expects."""
    match example:
        case Output():
            return output(example, form)
        case Sizes():
            return [shape[0] for shape in shapes(example, form)]
        case Count():
            return cost_of(example, ONNX[form]).params if form in ONNX else sum(parameters(example, form))
        case Quantity():
            return MEASURES[example.what][0](example, form)


def same(a: object, b: object, tolerance: float) -> bool:
    return np.shape(a) == np.shape(b) and np.allclose(a, b, rtol=0, atol=tolerance)


def cases(*kinds: type[Example], corrected: bool = False, forms: Sequence[str] = ()) -> pytest.MarkDecorator:
    """Each example of the kinds in each of its forms, or those of them given: "V10-laplace-valid-torch"."""
    chosen = [example for example in EXAMPLES if isinstance(example, kinds) and (example.corrected or not corrected)]
    pairs = [(example, form) for example in chosen for form in forms_of(example) if form in (forms or (form,))]
    return pytest.mark.parametrize(("example", "form"), pairs, ids=[f"{example.id}-{form}" for example, form in pairs])


@cases(Output)
def test_outputs(example: Output, form: str) -> None:
    assert same(output(example, form), example.expected, tolerance=1e-5)


@cases(Sizes)
def test_output_sizes(example: Sizes, form: str) -> None:
    made = shapes(example, form)
    assert [shape[0] for shape in made] == list(example.expected)
    assert made == shapes_of(example)  # width and channels too


@cases(Count)
def test_parameters(example: Count, form: str) -> None:
    assert found(example, form) == example.expected
    if form not in ONNX and example.by_layer:
        assert tuple(count for count in parameters(example, form) if count) == example.by_layer


@cases(Count, forms=("oracle", *ONNX))
def test_multiply_accumulates(example: Count, form: str) -> None:
    assert (macs_of(example) if form == "oracle" else cost_of(example, ONNX[form]).macs) == example.macs


@cases(Quantity)
def test_quantities(example: Quantity, form: str) -> None:
    assert same(found(example, form), example.expected, example.tolerance)


@cases(Output, Sizes, Count, Quantity, corrected=True)
def test_what_is_printed_wrong_is_nowhere_found(example: Example, form: str) -> None:
    made, printed = found(example, form), example.corrected.printed
    assert np.shape(made) == np.shape(printed)
    assert not same(made, printed, tolerance=1e-3)


def test_every_worked_example_is_in_the_table() -> None:
    assert {example.number for example in table.TABLE} == NUMBERS
    assert len({example.id for example in table.TABLE}) == len(table.TABLE)
    assert all(example.corrected.reason for example in table.TABLE if example.corrected)


def test_the_table_imports_no_framework() -> None:
    script = "import sys, tests.worked_examples; print(*{name.partition('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    assert not {"keras", "onnx", "onnxruntime", "tensorflow", "torch"} & set(done.stdout.split())
