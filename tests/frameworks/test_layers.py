"""The layer table: the lectures' printed summaries, row by row, and independent counts of multiply-accumulates."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import keras
import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from harness.frameworks import keras_training, layers, torch_training
from harness.frameworks.layers import Layer
from harness.networks import catalog
from harness.networks.architecture import Architecture

# The summaries as the lectures print them: kind, output shape and parameters of each layer, their sum last. The
# multiply-accumulates are not printed: window × inputs × outputs × places, worked by hand.
PRINTED = {
    "shallownet": """
        Conv2D         32x32x64      1,792   1,769,472
        Flatten        65536             0           0
        Dense          10          655,370     655,360
        total                      657,162   2,424,832
    """,
    "lenet_mnist": """
        Conv2D         28x28x20        520     392,000
        MaxPooling2D   14x14x20          0           0
        Conv2D         14x14x50     25,050   4,900,000
        MaxPooling2D   7x7x50            0           0
        Flatten        2450              0           0
        Dense          500       1,225,500   1,225,000
        Dense          10            5,010       5,000
        total                    1,256,080   6,522,000
    """,
    "lenet_mnist_nopool": """
        Conv2D         28x28x20        520     392,000
        MaxPooling2D   14x14x20          0           0
        Conv2D         14x14x50     25,050   4,900,000
        Flatten        9800              0           0
        Dense          500       4,900,500   4,900,000
        Dense          10            5,010       5,000
        total                    4,931,080  10,197,000
    """,
    "shallow_vgg": """
        Conv2D         32x32x32        896     884,736
        Conv2D         32x32x32      9,248   9,437,184
        MaxPooling2D   16x16x32          0           0
        Conv2D         16x16x64     18,496   4,718,592
        Conv2D         16x16x64     36,928   9,437,184
        MaxPooling2D   8x8x64            0           0
        Flatten        4096              0           0
        Dense          512       2,097,664   2,097,152
        Dense          10            5,130       5,120
        total                    2,168,362  26,579,968
    """,
    "lenet5_1x1": """
        Conv2D            28x28x6      156     117,600
        AveragePooling2D  14x14x6        0           0
        Conv2D            10x10x16   2,416     240,000
        AveragePooling2D  5x5x16         0           0
        Conv2D            5x5x120    2,040      48,000
        Flatten           3000           0           0
        Dense             84       252,084     252,000
        Dense             10           850         840
        total                      257,546     658,440
    """,
    "convnet_150": """
        Conv2D         148x148x32      896  18,925,056
        MaxPooling2D   74x74x32          0           0
        Conv2D         72x72x64     18,496  95,551,488
        MaxPooling2D   36x36x64          0           0
        Conv2D         34x34x128    73,856  85,229,568
        MaxPooling2D   17x17x128         0           0
        Conv2D         15x15x128   147,584  33,177,600
        MaxPooling2D   7x7x128           0           0
        Flatten        6272              0           0
        Dense          512       3,211,776   3,211,264
        Dense          1               513         512
        total                    3,453,121 236,095,488
    """,
    "convnet_flatten": """
        Conv2D         30x30x32        896     777,600
        Conv2D         28x28x32      9,248   7,225,344
        MaxPooling2D   14x14x32          0           0
        Conv2D         12x12x64     18,496   2,654,208
        Conv2D         10x10x64     36,928   3,686,400
        MaxPooling2D   5x5x64            0           0
        Conv2D         3x3x64       36,928     331,776
        Flatten        576               0           0
        Dense          1024        590,848     589,824
        Dense          10           10,250      10,240
        total                      703,594  15,275,392
    """,
    "convnet_gmp": """
        Conv2D         30x30x32        896     777,600
        Conv2D         28x28x32      9,248   7,225,344
        MaxPooling2D   14x14x32          0           0
        Conv2D         12x12x64     18,496   2,654,208
        Conv2D         10x10x64     36,928   3,686,400
        MaxPooling2D   5x5x64            0           0
        Conv2D         3x3x64       36,928     331,776
        GlobalMaxPooling2D  64           0           0
        Dense          1024         66,560      65,536
        Dense          10           10,250      10,240
        total                      179,306  14,751,104
    """,
    "fmnist_conv7": """
        Conv2D         22x22x32      1,600     758,912
        Conv2D         16x16x64    100,416  25,690,112
        Conv2D         10x10x128   401,536  40,140,800
        Conv2D         4x4x256   1,605,888  25,690,112
        Flatten        4096              0           0
        Dense          10           40,970      40,960
        total                    2,150,410  92,320,896
    """,
    "mnist_cnn": """
        Conv2D         26x26x32        320     194,688
        Activation     26x26x32          0           0
        Conv2D         24x24x32      9,248   5,308,416
        Activation     24x24x32          0           0
        MaxPooling2D   12x12x32          0           0
        Flatten        4608              0           0
        Dense          64          294,976     294,912
        Activation     64                0           0
        Dense          10              650         640
        total                      305,194   5,798,656
    """,
}

ARCHITECTURES = list(catalog.architectures().values())


def rows(text: str) -> list[tuple[str, ...]]:
    return [tuple(line.replace(",", "").split()) for line in text.strip().splitlines()]


def total(found: Sequence[Layer]) -> tuple[int, int | None]:
    macs = [layer.macs for layer in found]
    return sum(layer.params for layer in found), None if None in macs else sum(filter(None, macs))


@pytest.mark.parametrize("name", PRINTED)
def test_the_rows_are_those_that_the_lecture_prints(name: str) -> None:
    found = layers.list_layers(catalog.get(name), "keras")
    *printed, (_, params, macs) = rows(PRINTED[name])
    assert [
        (layer.kind, "x".join(map(str, layer.output_shape)), str(layer.params), str(layer.macs)) for layer in found
    ] == printed
    assert total(found) == (int(params), int(macs))
    assert not any(layer.statistics for layer in found)


@pytest.mark.parametrize("name", ["cifar10_bn_elu", "fmnist_same", "lenet5_1x1", "mnist_cnn"])
def test_the_rows_are_those_of_keras_own_summary(name: str) -> None:
    printed: list[str] = []
    keras_training.build(catalog.get(name)).summary(line_length=80, print_fn=printed.append)
    summary = re.findall(r"│ (\S+) \((\w+)\) +│ \(None, ([\d, ]+)\) +│ +([\d,]+) │", "\n".join(printed))
    found = layers.list_layers(catalog.get(name), "keras")
    assert summary == [
        (
            layer.name,
            layer.kind,
            ", ".join(map(str, layer.output_shape)),
            f"{layer.params + layer.statistics:,}",
        )
        for layer in found
    ]


@pytest.mark.parametrize("framework", catalog.FRAMEWORKS)
def test_batch_norm_with_its_running_statistics_and_without(framework: str) -> None:
    found = layers.list_layers(catalog.get("cifar10_bn_elu"), framework)
    norms = [(layer.params, layer.statistics) for layer in found if layer.name.startswith("norm")]
    assert norms == [(64, 64), (64, 64), (128, 128), (128, 128), (256, 256), (256, 256)]
    assert sum(layer.params for layer in found) == 293_034
    assert sum(layer.params + layer.statistics for layer in found) == 293_930


@pytest.mark.parametrize("architecture", ARCHITECTURES, ids=lambda architecture: architecture.name)
def test_the_twins_have_the_same_layers(architecture: Architecture) -> None:
    found = {framework: layers.list_layers(architecture, framework) for framework in catalog.FRAMEWORKS}
    branches = any(layer.kind in ("Add", "Concatenate") for layer in found["keras"])
    order = sorted if branches else list  # Keras lists branches by their depth, PyTorch as they are called
    learned = {
        framework: order((layer.name, layer.params, layer.statistics, layer.macs) for layer in rows if layer.params)
        for framework, rows in found.items()
    }
    assert learned["keras"] == learned["torch"]
    for rows in found.values():
        assert total(rows) == (architecture.params, architecture.macs)
    # PyTorch has activations of their own beside them, pads inside layers, and adds and concatenates by functions.
    named = [layer.name for layer in found["keras"] if layer.kind not in ("Add", "Concatenate", "ZeroPadding2D")]
    assert order(layer.name for layer in found["torch"] if layer.name in set(named)) == order(named)


def test_sizes_left_open_are_those_of_the_input_stated() -> None:
    assert keras_training.build(catalog.get("fcn_1x1")).output_shape == (None, None, None, 10)
    found = {framework: layers.list_layers(catalog.get("fcn_1x1"), framework) for framework in catalog.FRAMEWORKS}
    shapes = {name: [layer.output_shape for layer in rows if layer.params] for name, rows in found.items()}
    assert shapes["keras"] == [(28, 28, 32), (14, 14, 64), (14, 14, 128), (7, 7, 256), (1, 1, 512), (1, 1, 10)]
    assert shapes["torch"] == [(32, 28, 28), (64, 14, 14), (128, 14, 14), (256, 7, 7), (512, 1, 1), (10, 1, 1)]


@pytest.fixture
def planted(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[Layer, ...]]:
    """The layers of a network that is in no catalogue: of what a function builds, for images of 8×6×4."""

    def count(build: Callable[[], Any], framework: str) -> tuple[Layer, ...]:
        monkeypatch.setattr({"keras": keras_training, "torch": torch_training}[framework], "build", lambda _: build())
        architecture = replace(catalog.get("shallownet"), name="planted", input_shape=(8, 6, 4))
        return layers.list_layers(architecture, framework)

    return count


class Residual(nn.Module):
    """Convolutions of every kind, functions between them, a layer called twice, a factor of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(4, 8, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(8))
        self.grouped = nn.Conv2d(8, 12, 3, padding=2, dilation=2, groups=4)
        self.act = nn.PReLU(12)
        self.up = nn.ConvTranspose2d(12, 6, 3, stride=2, padding=1, groups=3)
        self.twice = nn.Linear(6, 6)
        self.factor = nn.Parameter(torch.ones(6))

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        maps = self.up(self.act(self.grouped(F.relu(self.stem(image)))))
        rows = maps.permute(0, 2, 3, 1)
        return self.factor * self.twice(rows + self.twice(rows))


def test_torch_against_pytorchs_own_counter(planted: Callable[..., tuple[Layer, ...]]) -> None:
    found = planted(Residual, "torch")
    network = Residual().to("meta").eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(torch.zeros(1, 4, 8, 6, device="meta"))
    of_modules = {
        name.partition(".")[2].replace(".", "_"): sum(flops.values()) // 2
        for name, flops in counter.get_flop_counts().items()
    }
    names = ["stem_0", "stem_1", "grouped", "act", "up", "twice", "twice", "planted"]
    assert [layer.name for layer in found] == names
    for name in set(names) - {"planted"}:
        assert sum(layer.macs or 0 for layer in found if layer.name == name) == of_modules.get(name, 0), name
    params = sum(parameter.numel() for parameter in network.parameters())
    assert total(found) == (params, counter.get_total_flops() // 2)
    assert [layer.params for layer in found if layer.name == "twice"] == [42, 0]
    assert found[-1].params == 6


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")  # of its tracing
@pytest.mark.parametrize("name", ["lenet5_1998", "mobilenet_features"])
def test_torch_against_fvcore(name: str) -> None:
    from fvcore.nn import FlopCountAnalysis

    architecture = catalog.get(name)
    height, width, channels = architecture.input_shape
    image = torch.zeros(1, channels, height, width)
    analysis = FlopCountAnalysis(torch_training.build(architecture).eval(), image)
    analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False)
    by_operator = analysis.by_operator()
    expected = sum(by_operator[name] for name in ("conv", "linear", "addmm"))
    assert total(layers.list_layers(architecture, "torch"))[1] == expected > 0


def test_keras_against_sums_worked_by_hand(planted: Callable[..., tuple[Layer, ...]]) -> None:
    def build() -> keras.Model:
        inner = keras.Sequential([keras.Input((8, 6, 8)), keras.layers.DepthwiseConv2D(3, 2, depth_multiplier=2)])
        image = keras.Input((None, None, 4))
        maps = keras.layers.Conv2D(8, 3, groups=2, padding="same")(image)
        maps = inner(maps)  # 3×2×16: the last row and column are not reached
        maps = keras.layers.PReLU(shared_axes=[1, 2])(maps)
        maps = keras.layers.SeparableConv2D(10, (3, 1), padding="same")(maps)
        maps = keras.layers.Conv2DTranspose(5, 3, strides=2, padding="same")(maps)  # 6×4×5
        same = keras.layers.Dense(5)
        maps = same(keras.layers.add([maps, same(maps)]))
        return keras.Model(image, keras.layers.GlobalAveragePooling2D()(maps))

    assert [(layer.kind, layer.output_shape, layer.params, layer.macs) for layer in planted(build, "keras")] == [
        ("Conv2D", (8, 6, 8), 3 * 3 * 2 * 8 + 8, 48 * 3 * 3 * 2 * 8),
        ("DepthwiseConv2D", (3, 2, 16), 3 * 3 * 16 + 16, 6 * 3 * 3 * 16),
        ("PReLU", (3, 2, 16), 16, 0),
        ("SeparableConv2D", (3, 2, 10), 3 * 16 + 16 * 10 + 10, 6 * (3 * 16 + 16 * 10)),
        ("Conv2DTranspose", (6, 4, 5), 3 * 3 * 10 * 5 + 5, 6 * 10 * 3 * 3 * 5),
        ("Dense", (6, 4, 5), 30, 24 * 5 * 5),
        ("Add", (6, 4, 5), 0, 0),
        ("Dense", (6, 4, 5), 0, 24 * 5 * 5),
        ("GlobalAveragePooling2D", (5,), 0, 0),
    ]


class Masked(nn.Conv2d):
    """Named by its own class: what it computes is not known."""


class Product(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.matrix = nn.Parameter(torch.ones(6, 6))

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        return maps @ self.matrix


class SelfAttention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(6, 2)

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        rows = maps[0]
        attended: torch.Tensor = self.attention(rows, rows, rows)[0]
        return attended


class CrossAttention(nn.Module):
    """4 places of 8 features attend to 48 of 4."""

    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(8, 2, kdim=4, vdim=4, batch_first=True)

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        places = maps.flatten(2).mT
        attended: torch.Tensor = self.attention(maps[..., 0], places, places, need_weights=False)[0]
        return attended


def test_attention_against_pytorchs_own_counter(planted: Callable[..., tuple[Layer, ...]]) -> None:
    (found,) = planted(CrossAttention, "torch")
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        CrossAttention().to("meta").eval()(torch.zeros(1, 4, 8, 6, device="meta"))
    assert found.params == 2 * 64 + 2 * 32 + 4 * 8
    assert found.macs == counter.get_total_flops() // 2 == 2 * 4 * 64 + 2 * 48 * 32 + 2 * 4 * 48 * 8


def test_attention_of_keras_against_sums_worked_by_hand(planted: Callable[..., tuple[Layer, ...]]) -> None:
    def build() -> keras.Model:
        image = keras.Input((8, 6, 4))
        rows, places = keras.layers.Reshape((4, 48))(image), keras.layers.Reshape((48, 4))(image)
        return keras.Model(image, keras.layers.MultiHeadAttention(2, 3, value_dim=5)(rows, places))

    (found,) = (layer.macs for layer in planted(build, "keras") if layer.kind == "MultiHeadAttention")
    projected = 4 * 48 * 2 * 3 + 48 * 4 * 2 * 3 + 48 * 4 * 2 * 5 + 4 * 2 * 5 * 48
    assert found == projected + 4 * 48 * 2 * (3 + 5)


def test_what_no_rule_counts_is_unknown_in_torch(planted: Callable[..., tuple[Layer, ...]]) -> None:
    found = planted(lambda: nn.Sequential(Masked(4, 2, 1), nn.ReLU(), Product(), SelfAttention()), "torch")
    assert [(layer.kind, layer.params, layer.macs) for layer in found] == [
        ("Masked", 10, None),
        ("ReLU", 0, 0),
        ("Product", 36, None),
        ("MultiheadAttention", 4 * 36 + 4 * 6, None),
    ]
    assert total(found) == (214, None)


class Table(keras.layers.Layer):
    def build(self, shape: tuple[int, ...]) -> None:
        self.matrix = self.add_weight(shape=(shape[-1], 3))
        self.constant = self.add_weight(shape=(3,), trainable=False)

    def call(self, maps: keras.KerasTensor) -> keras.KerasTensor:
        return keras.ops.matmul(maps, self.matrix) + self.constant


def test_what_no_rule_counts_is_unknown_in_keras(planted: Callable[..., tuple[Layer, ...]]) -> None:
    def build() -> keras.Model:
        image = keras.Input((8, 6, 4))
        maps = keras.layers.EinsumDense("nhwc,cd->nhwd", (None, None, 5))(image)
        maps = keras.layers.Reshape((-1, 3))(Table()(maps))
        return keras.Model(image, keras.layers.LSTM(2)(keras.layers.Attention()([maps, maps])))

    found = planted(build, "keras")
    assert [(layer.kind, layer.params, layer.macs) for layer in found] == [
        ("EinsumDense", 20, None),
        ("Table", 15, None),
        ("Reshape", 0, 0),
        ("Attention", 0, None),
        ("LSTM", 4 * 2 * (3 + 2 + 1), None),
    ]


def test_a_frozen_layer_keeps_its_parameters(planted: Callable[..., tuple[Layer, ...]]) -> None:
    def build() -> keras.Model:
        norm = keras.layers.BatchNormalization(trainable=False)
        model = keras.Sequential([keras.Input((8, 6, 4)), keras.layers.Conv2D(2, 1), norm])
        model.trainable = False
        return model

    assert [(layer.params, layer.statistics) for layer in planted(build, "keras")] == [(10, 0), (4, 4)]


def test_counting_in_torch_takes_no_memory(planted: Callable[..., tuple[Layer, ...]]) -> None:
    size = 10_000_000  # 400 TB
    found = planted(lambda: nn.Sequential(nn.Flatten(), nn.Linear(192, size), nn.Linear(size, size)), "torch")
    assert total(found) == (193 * size + size * size + size, 192 * size + size * size)


def test_counting_in_keras_takes_no_memory(planted: Callable[..., tuple[Layer, ...]]) -> None:
    size = 10**12  # 770 TB

    def build() -> keras.Model:
        return keras.Sequential([keras.Input((8, 6, 4)), keras.layers.Flatten(), keras.layers.Dense(size)])

    assert total(planted(build, "keras")) == (193 * size, 192 * size)
    with keras.StatelessScope():  # at its end Keras fills in every variable that has no value yet: none may be left
        pass


def test_a_variable_that_has_its_value_in_keras(planted: Callable[..., tuple[Layer, ...]]) -> None:
    class Centred(keras.layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.mean = keras.Variable(np.ones(4), trainable=False)

        def call(self, image: keras.KerasTensor) -> keras.KerasTensor:
            return image - self.mean

    def build() -> keras.Model:
        return keras.Sequential([keras.Input((8, 6, 4)), Centred(), keras.layers.Conv2D(2, 1)])

    assert total(planted(build, "keras")) == (10, 48 * 8)


def test_a_constant_made_outside_pytorch(planted: Callable[..., tuple[Layer, ...]]) -> None:
    class Centred(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.mean = torch.from_numpy(np.ones((4, 1, 1), np.float32))
            self.conv = nn.Conv2d(4, 2, 1)

        def forward(self, image: torch.Tensor) -> torch.Tensor:
            return self.conv(image - self.mean)

    assert total(planted(Centred, "torch")) == (10, 48 * 8)
