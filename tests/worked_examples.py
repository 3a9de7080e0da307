"""The worked examples of the five lectures, by number: what each prints or asks for, and what is right.

V01 to V15 are the numbers that one layer computes, V20 to V25 output sizes, V30 to V40 parameters, operations and what
else a lecture works out. Shapes are (H, W, C), or (L, C) of signals; "convolution" is cross-correlation, as in every
framework, unless ``true_convolution`` is set. No framework is imported: the table is the same for all of them.
"""

import math
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field
from typing import Literal

import numpy as np

SCULLY = "T. Scully, Convolutional Neural Networks (Part 2)"
MARQUES = "G. Marques, An Introduction to Convolutional Neural Networks with Tensorflow-Keras"
VARMA = "S. Varma, Convolutional Neural Networks: Part 2, Lecture 11"
DINH = "Q.-V. Dinh, Convolutional Neural Network (Draft)"
ALZAHRANI = "S. Alzahrani, Deep Learning, Lecture Notes for MSc. in Data Science"


@dataclass(frozen=True)
class Convolution:
    """A convolution with a square kernel, over whatever channels its input has."""

    filters: int
    kernel: int
    stride: int = 1
    padding: int | Literal["same"] = 0  # zeros on each side; "same": as Keras and ONNX' SAME_UPPER place them
    bias: bool = True


@dataclass(frozen=True)
class Depthwise:
    """Each channel by itself, with so many square kernels for it; stride 1, no padding."""

    kernel: int
    multiplier: int


@dataclass(frozen=True)
class Pooling:
    """The largest or the mean of each square window, channel by channel, without padding."""

    kind: Literal["max", "average"]
    window: int
    stride: int = 2


@dataclass(frozen=True)
class GlobalMaxPooling:
    """The largest value of each channel."""


@dataclass(frozen=True)
class Flatten:
    """Maps to one vector."""


@dataclass(frozen=True)
class Dense:
    """Each unit reads every value."""

    units: int
    bias: bool = True


Layer = Convolution | Depthwise | Pooling | GlobalMaxPooling | Flatten | Dense
Numbers = float | tuple["Numbers", ...]


@dataclass(frozen=True)
class Correction:
    """What a lecture printed in place of ``expected``, and why that is wrong or not the whole of it."""

    printed: Numbers
    reason: str


@dataclass(frozen=True)
class Example:
    """What all kinds share. ``derived`` says what of it no lecture prints; empty where it prints everything."""

    id: str  # the number and what it is: "V10-laplace-valid"
    lecture: str
    shows: str
    _: KW_ONLY
    derived: str = ""
    corrected: Correction | None = None

    @property
    def number(self) -> str:
        return self.id.partition("-")[0]


@dataclass(frozen=True, kw_only=True)
class Output(Example):
    """The numbers that one layer makes of given numbers.

    ``data`` and ``expected`` are (H, W), (C, H, W) where there are several channels, or (L,).
    ``true_convolution`` means the sum over x[n - i] h[i]: the kernel turned by 180 degrees.
    """

    layer: Layer
    data: Numbers
    expected: Numbers
    kernel: Numbers = ()
    bias: float = 0.0
    true_convolution: bool = False

    @property
    def layers(self) -> tuple[Layer, ...]:
        return (self.layer,)

    @property
    def input_shape(self) -> tuple[int, ...]:
        channels, *size = np.shape(self.data) if np.ndim(self.data) == 3 else (1, *np.shape(self.data))
        return (*size, channels)


@dataclass(frozen=True, kw_only=True)
class Formulas(Example):
    """One layer in symbols: v1, v2, ... are the square input row by row, w1, ... the kernel, b the bias.

    Each formula is the largest of some v, "max(v1, v2)", or a sum of products and the bias, "v1w1 + v2w2 + b".
    """

    layer: Layer
    side: int  # of the input
    expected: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, kw_only=True)
class Sizes(Example):
    """The height of the maps after each layer; after Flatten or Dense, the number of values."""

    input_shape: tuple[int, ...]
    layers: tuple[Layer, ...]
    expected: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class Count(Example):
    """Learnable parameters: all of them, and of each layer that has any where a lecture prints those.

    ``macs`` are the multiply-accumulates of one image. ``too_large_to_export``: in a test, that is.
    """

    input_shape: tuple[int, ...]
    layers: tuple[Layer, ...]
    expected: int
    by_layer: tuple[int, ...] = ()
    macs: int
    too_large_to_export: bool = False


@dataclass(frozen=True, kw_only=True)
class Quantity(Example):
    """Any other number that follows from layers, a training step or a data set: ``what`` of ``given``."""

    input_shape: tuple[int, ...] = ()
    layers: tuple[Layer, ...] = ()
    what: Literal[
        "accuracy",
        "activation_bytes",
        "dense_share",
        "discarded_share",
        "macs_against_dense",
        "receptive_field",
        "scaled_pixel",
        "steps",
        "weight_after_step",
    ]
    given: Mapping[str, float] = field(default_factory=dict, hash=False)
    expected: float
    tolerance: float = 0.0  # what rounding takes: to the digits given, or to float32


UPPER_ROWS = ((5, 1, 3, 5, 7, 9), (3, 4, 4, 0, 7, 8), (6, 1, 8, 6, 3, 4), (1, 3, 5, 8, 4, 6))
X = (*UPPER_ROWS, (1, 7, 5, 3, 1, 2), (7, 2, 2, 6, 4, 6))
EDGES = ((-1, 0, 1), (-1, 0, 1), (-1, 0, 1))
Y = ((5, 8, 0, 4, 8), (3, 9, 2, 9, 2), (4, 9, 2, 3, 6), (5, 4, 8, 2, 0), (5, 8, 0, 0, 8))
LAPLACE = ((0, -1, 0), (-1, 4, -1), (0, -1, 0))
SOBEL_ROWS = ((1, 2, 1), (0, 0, 0), (-1, -2, -1))
SOBEL_COLUMNS = ((1, 0, -1), (2, 0, -2), (1, 0, -1))
AVERAGE = ((1 / 9, 1 / 9, 1 / 9),) * 3
POOLED = (*UPPER_ROWS, (1, 1, 5, 3, 1, 2), (1, 2, 2, 6, 4, 6))
SLICE_1 = (
    (1, 2, 3, 0, 6, 4, 8, 5),
    (3, 9, 1, 3, 5, 7, 9, 7),
    (4, 3, 4, 4, 0, 7, 8, 1),
    (3, 6, 1, 8, 6, 3, 4, 7),
    (0, 1, 3, 5, 8, 4, 6, 3),
    (1, 1, 7, 5, 3, 1, 2, 4),
    (5, 7, 2, 2, 6, 4, 1, 1),
    (4, 2, 1, 2, 5, 3, 0, 0),
)
SLICE_2 = (
    (1, 6, 7, 3, 2, 1, 3, 2),
    (0, 5, 3, 0, 2, 0, 1, 1),
    (1, 3, 9, 4, 0, 7, 8, 9),
    (5, 6, 9, 8, 6, 3, 4, 9),
    (7, 1, 4, 5, 8, 4, 9, 4),
    (8, 1, 5, 3, 3, 1, 2, 5),
    (9, 1, 1, 1, 1, 0, 6, 3),
    (2, 4, 0, 0, 0, 0, 6, 7),
)
SLICE_1_POOLED = ((9, 3, 7, 9), (6, 8, 7, 8), (1, 7, 8, 6), (7, 2, 6, 1))
SLICE_2_POOLED = ((6, 7, 2, 3), (6, 9, 7, 9), (8, 5, 8, 9), (9, 1, 1, 7))
LAPLACE_VALID = ((14, -12, 25), (17, -14, -7), (-14, 24, -3))
LAPLACE_PADDED = (
    (9, 18, -14, -1, 26),
    (-6, 14, -12, 25, -15),
    (-1, 17, -14, -7, 19),
    (7, -14, 24, -3, -16),
    (7, 23, -16, -10, 32),
)
LAPLACE_STRIDED = ((9, -14, 26), (-1, -14, 19), (7, -16, 32))
EXPONENTIAL_DIFFERENCES = (
    *(0, 0, 2, 1.481636441, -0.902376728, -0.668497122, -0.495234848),
    *(-0.366878999, -0.271790647, -0.201347464, -0.330597776, -0.244912857, 0, 0),
)

# An example is a few full lines, which the formatter would make ten of.
# fmt: off
OUTPUTS = (
    Output("V01-edges-valid", SCULLY, "a 3x3 kernel on 6x6 without padding makes 4x4: n - k + 1",
        derived="the lecture prints the first row and the 7; the other eleven values are computed",
        layer=Convolution(1, 3), data=X, kernel=EDGES,
        expected=((1, 5, 2, 10), (7, 6, -3, 4), (10, 6, -10, -5), (3, 5, -3, -3))),
    Output("V02-edges-same", SCULLY, "same padding keeps 6x6, by a ring of zeros",
        derived="the printed result is illegible and its kernel a question mark: that of V01",
        layer=Convolution(1, 3, padding="same"), data=X, kernel=EDGES,
        expected=(
            (5, -1, 0, 7, 12, -14), (6, 1, 5, 2, 10, -17), (8, 7, 6, -3, 4, -14),
            (11, 10, 6, -10, -5, -8), (12, 3, 5, -3, -3, -9), (9, -1, 0, -2, -1, -5),
        )),
    Output("V03-edges-padded-stride-2", SCULLY, "the first 5x5 of V01 within zeros (7x7), in steps of two: 3x3",
        derived="the lecture prints neither kernel nor result: the kernel is that of V01",
        layer=Convolution(1, 3, stride=2, padding=1), data=tuple(row[:5] for row in X[:5]), kernel=EDGES,
        expected=((5, 0, -5), (8, 6, -14), (10, 1, -11))),
    Output("V04-max-pooling", SCULLY, "the largest of each 2x2; the data differ from those of V01 in the last two rows",
        layer=Pooling("max", 2), data=POOLED, expected=((5, 5, 9), (6, 8, 6), (2, 6, 6))),
    Output("V04-average-pooling", SCULLY, "the mean of each 2x2 of the same data", derived="the result",
        layer=Pooling("average", 2), data=POOLED, expected=((3.25, 3, 7.75), (2.75, 6.75, 4.25), (1.25, 4, 3.25))),
    Output("V05-max-pooling-slice-1", SCULLY, "the first of three slices of 8x8x3, pooled to 4x4x3",
        layer=Pooling("max", 2), data=SLICE_1, expected=SLICE_1_POOLED),
    Output("V06-max-pooling-both-slices", SCULLY,
        "each slice is pooled by itself: depth stays; of the third only a row and a column survive",
        layer=Pooling("max", 2), data=(SLICE_1, SLICE_2), expected=(SLICE_1_POOLED, SLICE_2_POOLED)),
    Output("V07-signal-true-convolution", MARQUES,
        "h[0] = 1, h[2] = -1 on x[n] = 2 exp(-0.3 n), n = 0 to 7: y[n] = x[n] - x[n-2], and 0 outside n = 0 to 9",
        derived="the values of y, a figure in the lecture; here n = -2 to 11", layer=Convolution(1, 3, padding=4),
        data=tuple(2 * math.exp(-0.3 * n) for n in range(8)), kernel=(1, 0, -1), true_convolution=True,
        expected=EXPONENTIAL_DIFFERENCES),
    Output("V08-sobel-rows", MARQUES, "the horizontal Sobel kernel, whose weights sum to 0",
        derived="the result on the data of V10; the lecture shows photographs", layer=Convolution(1, 3), data=Y,
        kernel=SOBEL_ROWS, expected=((-3, -4, 2), (2, 0, 10), (3, 8, 6))),
    Output("V08-sobel-columns", MARQUES, "the vertical Sobel kernel",
        derived="the result on the data of V10; the lecture shows photographs", layer=Convolution(1, 3), data=Y,
        kernel=SOBEL_COLUMNS, expected=((9, 10, -12), (2, 14, 0), (1, 18, 4))),
    Output("V08-average-kernel", MARQUES, "the mean of each 3x3, by nine weights that sum to 1",
        derived="the result on the data of V10; the lecture shows photographs", layer=Convolution(1, 3), data=Y,
        kernel=AVERAGE, expected=((42 / 9, 46 / 9, 36 / 9), (46 / 9, 48 / 9, 34 / 9), (45 / 9, 36 / 9, 29 / 9))),
    Output("V09-sobel-rows-true-convolution", MARQUES,
        "the kernel turned by 180 degrees is its negative, and so is the result of V08; the lecture's sum runs to N "
        "for a kernel of NxN, where it ends at N - 1",
        derived="everything but the kernel", layer=Convolution(1, 3), data=Y, kernel=SOBEL_ROWS, true_convolution=True,
        expected=((3, 4, -2), (-2, 0, -10), (-3, -8, -6))),
    Output("V09-sobel-columns-true-convolution", MARQUES,
        "the kernel turned by 180 degrees is its negative, and so is the result of V08",
        derived="everything but the kernel", layer=Convolution(1, 3), data=Y, kernel=SOBEL_COLUMNS,
        true_convolution=True, expected=((-9, -10, 12), (-2, -14, 0), (-1, -18, -4))),
    Output("V09-laplace-true-convolution", MARQUES,
        "a kernel that is symmetric gives V11 turned or not (and V10 and V12, which are parts of it)",
        derived="that it does", layer=Convolution(1, 3, padding=1), data=Y, kernel=LAPLACE, true_convolution=True,
        expected=LAPLACE_PADDED),
    Output("V10-laplace-valid", MARQUES, "the Laplace kernel on 5x5 without padding: 3x3",
        corrected=Correction(((14, -12, 25), (-17, -14, 7), (-14, 24, -3)),
            "36 - 9 - 4 - 4 - 2 = 17 and 12 - 9 - 2 - 2 - 6 = -7; the lecture's own V11 has 17, -14, -7"),
        layer=Convolution(1, 3), data=Y, kernel=LAPLACE, expected=LAPLACE_VALID),
    Output("V11-laplace-padded", MARQUES, "the same within zeros: 5x5, with V10 in its middle",
        layer=Convolution(1, 3, padding=1), data=Y, kernel=LAPLACE, expected=LAPLACE_PADDED),
    Output("V12-laplace-padded-stride-2", MARQUES, "every second row and column of V11",
        layer=Convolution(1, 3, stride=2, padding=1), data=Y, kernel=LAPLACE, expected=LAPLACE_STRIDED),
    Output("V12-laplace-same-stride-2", MARQUES, "of an odd size, same padding with stride 2 is a ring of zeros too",
        derived="that it is", layer=Convolution(1, 3, stride=2, padding="same"), data=Y, kernel=LAPLACE,
        expected=LAPLACE_STRIDED),
    Output("V13-max-pooling", VARMA, "the largest of each 2x2",
        derived="the data, a lost figure: those of the cs231n notes, which give the printed result",
        layer=Pooling("max", 2), data=((1, 1, 2, 4), (5, 6, 7, 8), (3, 2, 1, 0), (1, 2, 3, 4)),
        expected=((6, 8), (3, 4))),
    Output("V14-max-pooling-of-1-to-16", DINH, "the formulas of V14 with v1 = 1 to v16 = 16", derived="the numbers",
        layer=Pooling("max", 2), data=((1, 2, 3, 4), (5, 6, 7, 8), (9, 10, 11, 12), (13, 14, 15, 16)),
        expected=((6, 8), (14, 16))),
)

FORMULAS = (
    Formulas("V14-max-pooling-in-symbols", DINH, "which of 4x4 values each maximum is taken over",
        layer=Pooling("max", 2), side=4,
        expected=(
            ("max(v1, v2, v5, v6)", "max(v3, v4, v7, v8)"),
            ("max(v9, v10, v13, v14)", "max(v11, v12, v15, v16)"),
        )),
    Formulas("V15-convolution-in-symbols", DINH,
        "a 2x2 kernel on 3x3 values makes 2x2: m1 to m4, as one figure that says m1, m2, m4, m5 should too",
        derived="all but m1, the first", layer=Convolution(1, 2), side=3,
        expected=(
            ("v1w1 + v2w2 + v4w3 + v5w4 + b", "v2w1 + v3w2 + v5w3 + v6w4 + b"),
            ("v4w1 + v5w2 + v7w3 + v8w4 + b", "v5w1 + v6w2 + v8w3 + v9w4 + b"),
        )),
)

FCN_1X1 = (  # the lecture has 32, 64, 128, 256 and 512 filters, on which no size depends
    *(Convolution(4, 3, padding="same"), Convolution(4, 3, stride=2, padding="same")),
    *(Convolution(4, 3, padding="same"), Convolution(4, 3, stride=2, padding="same")),
    *(Convolution(4, 7), Convolution(10, 1)),
)
CONVNET_150 = (
    *(Convolution(32, 3), Pooling("max", 2), Convolution(64, 3), Pooling("max", 2)),
    *(Convolution(128, 3), Pooling("max", 2), Convolution(128, 3), Pooling("max", 2)),
)
CONVNET_32 = (
    *(Convolution(32, 3), Convolution(32, 3), Pooling("max", 2)),
    *(Convolution(64, 3), Convolution(64, 3), Pooling("max", 2), Convolution(64, 3)),
)
CONV_7 = (Convolution(32, 7), Convolution(64, 7), Convolution(128, 7), Convolution(256, 7))
ALEXNET = (
    *(Convolution(96, 11, stride=4), Pooling("max", 3)),
    *(Convolution(256, 5, padding="same"), Pooling("max", 3)),
    *(Convolution(384, 3, padding="same"), Convolution(384, 3, padding="same"), Convolution(256, 3, padding="same")),
    *(Pooling("max", 3), Flatten()),
)

SIZES = (
    Sizes("V20-6-k3", SCULLY, "n - k + 1", input_shape=(6, 6, 1), layers=(Convolution(1, 3),), expected=(4,)),
    Sizes("V21-7-f3-s1", VARMA, "(N - F + 2P) / S + 1 = 5", input_shape=(7, 7, 1), layers=(Convolution(1, 3),),
        expected=(5,)),
    Sizes("V21-7-f3-s2", VARMA, "(N - F + 2P) / S + 1 = 3", input_shape=(7, 7, 1),
        layers=(Convolution(1, 3, stride=2),), expected=(3,)),
    Sizes("V21-7-f3-s3", VARMA, "a stride that does not fit leaves the rest of the input unread",
        corrected=Correction((2.33,), "printed as 'doesn't fit'; the frameworks round down, as the lecture's V22 does"),
        input_shape=(7, 7, 1), layers=(Convolution(1, 3, stride=3),), expected=(2,)),
    Sizes("V21-7-f3-s3-same", VARMA, "with same padding it is rounded up: ceil(7 / 3)", derived="the case",
        input_shape=(7, 7, 1), layers=(Convolution(1, 3, stride=3, padding="same"),), expected=(3,)),
    Sizes("V21-32-f5-f5", VARMA, "without padding maps shrink fast: 32, 28, 24", input_shape=(32, 32, 3),
        layers=(Convolution(6, 5), Convolution(10, 5)), expected=(28, 24)),
    Sizes("V21-padding-that-keeps", VARMA, "P = (F - 1) / 2 keeps the size: 1 for F = 3, 2 for 5, 3 for 7",
        input_shape=(32, 32, 1),
        layers=(Convolution(1, 3, padding=1), Convolution(1, 5, padding=2), Convolution(1, 7, padding=3)),
        expected=(32, 32, 32)),
    Sizes("V22-convnet-150", VARMA, "convolutions and poolings in turn; the last pooling makes 7 of 15",
        input_shape=(150, 150, 3), layers=CONVNET_150, expected=(148, 74, 72, 36, 34, 17, 15, 7)),
    Sizes("V22-convnet-32", VARMA, "two convolutions to a pooling", input_shape=(32, 32, 3), layers=CONVNET_32,
        expected=(30, 28, 14, 12, 10, 5, 3)),
    Sizes("V23-28-k7", DINH, "each 7x7 kernel takes off 6", input_shape=(28, 28, 1), layers=CONV_7,
        expected=(22, 16, 10, 4)),
    Sizes("V23-4-k2-s1", DINH, "stride 1", input_shape=(4, 4, 1), layers=(Convolution(1, 2),), expected=(3,)),
    Sizes("V23-4-k2-s2", DINH, "stride 2", input_shape=(4, 4, 1), layers=(Convolution(1, 2, stride=2),), expected=(2,)),
    Sizes("V23-4-k3-p0", DINH, "no padding", input_shape=(4, 4, 1), layers=(Convolution(1, 3),), expected=(2,)),
    Sizes("V23-4-k3-p1", DINH, "padding 1", input_shape=(4, 4, 1), layers=(Convolution(1, 3, padding=1),),
        expected=(4,)),
    Sizes("V23-32-k5", DINH, "a kernel (5, 5, 1), so data of one channel: the (32, 32, 3) beside it is a slip",
        input_shape=(32, 32, 1), layers=(Convolution(1, 5),), expected=(28,)),
    Sizes("V23-220-pooled-twice", DINH, "pooling halves", input_shape=(220, 220, 1),
        layers=(Pooling("max", 2), Pooling("max", 2)), expected=(110, 55)),
    Sizes("V23-fcn-28", DINH, "1x1 convolutions in place of dense layers: one vector of ten at 28x28",
        derived="the sizes between", input_shape=(28, 28, 1), layers=FCN_1X1, expected=(28, 14, 14, 7, 1, 1)),
    Sizes("V23-fcn-64", DINH, "the same layers at 64x64 make a map of 10x10 vectors", derived="the sizes between",
        input_shape=(64, 64, 1), layers=FCN_1X1, expected=(64, 32, 32, 16, 10, 10)),
    Sizes("V24-28-k3-s1", ALZAHRANI, "(I + 2P - F) / S + 1 = 26", input_shape=(28, 28, 1), layers=(Convolution(1, 3),),
        expected=(26,)),
    Sizes("V24-28-k3-s2", ALZAHRANI, "stride 2 makes 13: a quarter of the values of 26x26",
        corrected=Correction((13.5,), "printed as (28 - 3) / 2 + 1 = 13; that is 13.5, rounded down"),
        input_shape=(28, 28, 1), layers=(Convolution(1, 3, stride=2),), expected=(13,)),
    Sizes("V24-4-k2", ALZAHRANI, "a 2x2 filter over a 4x4 slice", input_shape=(4, 4, 1), layers=(Convolution(1, 2),),
        expected=(3,)),
    Sizes("V25-alexnet", SCULLY, "the sizes of AlexNet, to the 9216 values before its dense layers",
        corrected=Correction((55, 27, 27, 13, 13, 13, 13, 6, 13_824),
            "the last pooling is printed as 6x6x384; it keeps the 256 channels before it, and 6x6x256 = 9216"),
        input_shape=(227, 227, 3), layers=ALEXNET, expected=(55, 27, 27, 13, 13, 13, 13, 6, 9216)),
    Sizes("V25-lenet", SCULLY, "the sizes of LeNet 5 at 32x32", input_shape=(32, 32, 1),
        layers=(Convolution(6, 5), Pooling("average", 2), Convolution(16, 5), Pooling("average", 2)),
        expected=(28, 14, 10, 5)),
    Sizes("V25-8x8x3-pooled", SCULLY, "pooling keeps depth: 4x4x3", input_shape=(8, 8, 3), layers=(Pooling("max", 2),),
        expected=(4,)),
    Sizes("V33-depthwise-slices", ALZAHRANI,
        "n slices and m filters for each make n * m: 3 * 2 = 6; the lecture's 'single output slice' is an input's",
        derived="n = 3 and m = 2, and the 8x8 of the input",
        input_shape=(8, 8, 3), layers=(Depthwise(3, 2), GlobalMaxPooling()), expected=(6, 6)),
    Sizes("V38-flatten-10x10x50", SCULLY, "Flatten keeps every value",
        corrected=Correction((500,), "10 * 10 * 5 was multiplied; the depth is 50, as in the figure"),
        input_shape=(10, 10, 50), layers=(Flatten(),), expected=(5000,)),
    Sizes("V38-flatten-32x32x64", SCULLY, "what ShallowNet's dense layer sees", input_shape=(32, 32, 64),
        layers=(Flatten(),), expected=(65_536,)),
)

LENET = (Convolution(20, 5, padding="same"), Pooling("max", 2), Convolution(50, 5, padding="same"))
LENET5 = (Convolution(6, 5, padding="same"), Pooling("average", 2), Convolution(16, 5), Pooling("average", 2))
SHALLOW_VGG = (
    *(Convolution(32, 3, padding="same"), Convolution(32, 3, padding="same"), Pooling("max", 2)),
    *(Convolution(64, 3, padding="same"), Convolution(64, 3, padding="same"), Pooling("max", 2)),
)
MACS_DERIVED = "the multiply-accumulates"
SIZE_AND_MACS_DERIVED = "the 8x8 of the input, and its multiply-accumulates"

COUNTS = (
    Count("V30-filters-3x3x5", SCULLY,
        "ten filters of 45 weights and a bias; the lecture gives no height and width, which do not matter",
        derived=SIZE_AND_MACS_DERIVED, input_shape=(8, 8, 5), layers=(Convolution(10, 3),),
        expected=460, macs=16_200),
    Count("V30-filters-3x3x5-weights", SCULLY, "the same without biases: 45 to a filter",
        derived=SIZE_AND_MACS_DERIVED, input_shape=(8, 8, 5),
        layers=(Convolution(10, 3, bias=False),), expected=450, macs=16_200),
    Count("V31-convolution-of-512x512", MARQUES, "weights are shared by every position: (3 * 5 * 5 + 1) * 100",
        derived=MACS_DERIVED, input_shape=(512, 512, 3), layers=(Convolution(100, 5, padding="same"),),
        expected=7_600, macs=1_966_080_000),
    Count("V31-dense-of-512x512", MARQUES,
        "a dense layer of as many units has 10,348 times as many: (3 * 512 * 512 + 1) * 100", derived=MACS_DERIVED,
        input_shape=(512, 512, 3),
        layers=(Flatten(), Dense(100)), expected=78_643_300,
        macs=78_643_200, too_large_to_export=True),
    Count("V32-first-convolution", VARMA, "6 * (5 * 5 * 3 + 1) parameters; 5 * 5 * 3 * 28 * 28 * 6 multiplications",
        input_shape=(32, 32, 3), layers=(Convolution(6, 5),), expected=456, macs=352_800),
    Count("V32-second-convolution", VARMA, "10 * (5 * 5 * 6 + 1) parameters", derived=MACS_DERIVED,
        input_shape=(28, 28, 6), layers=(Convolution(10, 5),), expected=1_510, macs=864_000),
    Count("V32-dense-weights", VARMA, "six dense nodes on 32x32x3, biases left out",
        corrected=Correction(18_500, "the next line rounds the 6 * 3072 = 18,432 that it prints first"),
        input_shape=(32, 32, 3), layers=(Flatten(), Dense(6, bias=False)), expected=18_432, macs=18_432),
    Count("V32-dense-parameters", VARMA, "with its biases, as the 456 of the convolution has", derived="the count",
        corrected=Correction(18_432, "six biases are left out, while the 456 beside it holds six"),
        input_shape=(32, 32, 3), layers=(Flatten(), Dense(6)), expected=18_438, macs=18_432),
    Count("V33-filter-3x3x3", ALZAHRANI, "3 * 3 * 3 + 1", derived=SIZE_AND_MACS_DERIVED,
        input_shape=(8, 8, 3), layers=(Convolution(1, 3),), expected=28, macs=972),
    Count("V33-filter-5x5x3", ALZAHRANI, "3 * 5 * 5 + 1", derived=SIZE_AND_MACS_DERIVED,
        input_shape=(8, 8, 3), layers=(Convolution(1, 5),), expected=76, macs=1_200),
    Count("V33-four-filters-5x5x3", ALZAHRANI, "(3 * 5 * 5 + 1) * 4",
        derived=SIZE_AND_MACS_DERIVED, input_shape=(8, 8, 3), layers=(Convolution(4, 5),),
        expected=304, macs=4_800),
    Count("V33-depthwise-3x3-multiplier-2", ALZAHRANI,
        "k * k * n * m weights and n * m biases: a filter sees one slice of the input, not all as in a convolution",
        derived="the count: n = 3, m = 2 and k = 3 on 8x8; and the multiply-accumulates", input_shape=(8, 8, 3),
        layers=(Depthwise(3, 2),), expected=60, macs=1_944),
    Count("V33-dense-1024-weights", ALZAHRANI, "the first dense layer on 32x32x3, biases left out",
        derived=MACS_DERIVED,
        corrected=Correction(2072 * 1024, "printed as 2072 * 1024 = 314,5728; 32 * 32 * 3 is 3072"),
        input_shape=(32, 32, 3), layers=(Flatten(), Dense(1024, bias=False)), expected=3_145_728, macs=3_145_728),
    Count("V34-kernel-2x2", DINH, "four weights and a bias", derived=MACS_DERIVED, input_shape=(3, 3, 1),
        layers=(Convolution(1, 2),), expected=5, macs=16),
    Count("V34-two-kernels-2x2", DINH, "two kernels", derived=MACS_DERIVED, input_shape=(3, 3, 1),
        layers=(Convolution(2, 2),), expected=10, macs=32),
    *(
        Count(
            f"V34-{filters}-of-5x5x{depth}",
            DINH,
            "a kernel has as many channels as the data: 5 * 5 * 1 where the figure prints it, 5 * 5 * 3 on its data",
            derived="the counts; the figure has data (32, 32, 3) beside a kernel (5, 5, 1), which do not fit",
            input_shape=(32, 32, depth),
            layers=(Convolution(filters, 5),),
            expected=expected,
            macs=macs,
        )
        for filters, depth, expected, macs in (
            (1, 1, 26, 19_600),
            (1, 3, 76, 58_800),
            (4, 1, 104, 78_400),
            (4, 3, 304, 235_200),
        )
    ),
    *(
        Count(
            f"V34-{kind}-{values}-to-{units}",
            DINH,
            "a dense layer and a 1x1 convolution have the same parameters",
            derived="its sizes, a lost figure: (20, 1), (6, 3) and (2, 7) give 21; and the multiply-accumulates",
            input_shape=(1, 1, values),
            layers=layers,
            expected=21,
            macs=values * units,
        )
        for values, units in ((20, 1), (6, 3), (2, 7))
        for kind, layers in (("dense", (Flatten(), Dense(units))), ("conv-1x1", (Convolution(units, 1),)))
    ),
    Count("V35-shallownet", SCULLY, "the printed summary of ShallowNet", derived=MACS_DERIVED,
        input_shape=(32, 32, 3), layers=(Convolution(64, 3, padding="same"), Flatten(), Dense(10)), expected=657_162,
        by_layer=(1_792, 655_370), macs=2_424_832),
    Count("V35-lenet", SCULLY, "the printed summary of LeNet with pooling", derived=MACS_DERIVED,
        input_shape=(28, 28, 1), layers=(*LENET, Pooling("max", 2), Flatten(), Dense(500), Dense(10)),
        expected=1_256_080, by_layer=(520, 25_050, 1_225_500, 5_010), macs=6_522_000),
    Count("V35-lenet-second-pooling-removed", SCULLY,
        "the printed summary of LeNet 'without pooling', which keeps the first pooling", derived=MACS_DERIVED,
        input_shape=(28, 28, 1), layers=(*LENET, Flatten(), Dense(500), Dense(10)), expected=4_931_080,
        by_layer=(520, 25_050, 4_900_500, 5_010), macs=10_197_000),
    Count("V35-lenet-without-pooling", SCULLY, "LeNet with both poolings removed", derived="the count",
        corrected=Correction(4_931_080, "the network that was counted still has its first pooling"),
        input_shape=(28, 28, 1), layers=(LENET[0], LENET[2], Flatten(), Dense(500), Dense(10)), expected=19_631_080,
        macs=39_597_000, too_large_to_export=True),
    Count("V35-shallow-vgg", SCULLY, "the printed summary of ShallowVGGNet", derived=MACS_DERIVED,
        input_shape=(32, 32, 3), layers=(*SHALLOW_VGG, Flatten(), Dense(512), Dense(10)), expected=2_168_362,
        by_layer=(896, 9_248, 18_496, 36_928, 2_097_664, 5_130), macs=26_579_968),
    Count("V35-lenet5-1x1", MARQUES,
        "the printed summary of LeNet-5 with a third convolution of 1x1, where LeNet-5 has 5x5",
        derived=MACS_DERIVED, input_shape=(28, 28, 1),
        layers=(*LENET5, Convolution(120, 1), Flatten(), Dense(84), Dense(10)), expected=257_546,
        by_layer=(156, 2_416, 2_040, 252_084, 850), macs=658_440),
    Count("V35-convnet-150", VARMA, "the printed summary of the network for 150x150", derived=MACS_DERIVED,
        input_shape=(150, 150, 3), layers=(*CONVNET_150, Flatten(), Dense(512), Dense(1)), expected=3_453_121,
        by_layer=(896, 18_496, 73_856, 147_584, 3_211_776, 513), macs=236_095_488),
    Count("V35-convnet-flatten", VARMA, "the printed summary without global max pooling", derived=MACS_DERIVED,
        input_shape=(32, 32, 3), layers=(*CONVNET_32, Flatten(), Dense(1024), Dense(10)), expected=703_594,
        by_layer=(896, 9_248, 18_496, 36_928, 36_928, 590_848, 10_250), macs=15_275_392),
    Count("V35-convnet-global-max-pooling", VARMA,
        "the printed summary with global max pooling: a quarter of the parameters", derived=MACS_DERIVED,
        input_shape=(32, 32, 3), layers=(*CONVNET_32, GlobalMaxPooling(), Dense(1024), Dense(10)), expected=179_306,
        by_layer=(896, 9_248, 18_496, 36_928, 36_928, 66_560, 10_250), macs=14_751_104),
    Count("V35-conv7", DINH, "the printed summary of four 7x7 convolutions", derived=MACS_DERIVED,
        input_shape=(28, 28, 1), layers=(*CONV_7, Flatten(), Dense(10)), expected=2_150_410,
        by_layer=(1_600, 100_416, 401_536, 1_605_888, 40_970), macs=92_320_896),
    Count("V35-mnist-cnn", ALZAHRANI, "the printed summary of the network for MNIST", derived=MACS_DERIVED,
        input_shape=(28, 28, 1),
        layers=(Convolution(32, 3), Convolution(32, 3), Pooling("max", 2), Flatten(), Dense(64), Dense(10)),
        expected=305_194, by_layer=(320, 9_248, 294_976, 650), macs=5_798_656),
    Count("V38-dense-head-of-10x10x50", SCULLY, "dense layers of 128, 64 and ten on the 5000 values of the Flatten",
        derived="the ten classes, and all counts", input_shape=(10, 10, 50),
        layers=(Flatten(), Dense(128), Dense(64), Dense(10)), expected=649_034, by_layer=(640_128, 8_256, 650),
        macs=648_832),
)

QUANTITIES = (
    Quantity("V32-convolution-against-dense", VARMA,
        "352,800 multiplications against the 18,432 of the dense layer beside it", derived="the ratio",
        corrected=Correction(5 * 5 * 28 * 28,
            "F * F * W * H compares a map with a node on three values; the dense layer reads all 32x32x3"),
        input_shape=(32, 32, 3), layers=(Convolution(6, 5),), what="macs_against_dense", given={"units": 6},
        expected=19.14, tolerance=0.005),
    Quantity("V36-dense-share", MARQUES, "more than 98 % of the parameters are in the dense layers",
        derived="the digits", input_shape=(28, 28, 1),
        layers=(*LENET5, Convolution(120, 1), Flatten(), Dense(84), Dense(10)), what="dense_share", expected=0.98209,
        tolerance=5e-6),
    Quantity("V36-dense-share-of-weights", MARQUES, "the same of weights alone", derived="the case",
        input_shape=(28, 28, 1),
        layers=(
            Convolution(6, 5, padding="same", bias=False), Pooling("average", 2), Convolution(16, 5, bias=False),
            Pooling("average", 2), Convolution(120, 1, bias=False), Flatten(), Dense(84, bias=False),
            Dense(10, bias=False),
        ),
        what="dense_share", expected=0.98263, tolerance=5e-6),
    Quantity("V36-dense-share-of-lenet5", MARQUES, "LeNet-5 itself, whose third convolution is 5x5: 11,014 of 61,706",
        derived="the case", corrected=Correction(0.98, "said of LeNet-5, but true only with the 1x1 of the listing"),
        input_shape=(28, 28, 1), layers=(*LENET5, Convolution(120, 5), Flatten(), Dense(84), Dense(10)),
        what="dense_share", expected=0.17849, tolerance=5e-6),
    Quantity("V37-activation-of-one-image", MARQUES, "100 maps of 512x512 in 32 bits: 100 MiB",
        corrected=Correction(2_516_582_400 // 8,
            "2,516,582,400 bits = 300 MiB are of three maps a filter; it sums over the input's channels and makes one"),
        input_shape=(512, 512, 3), layers=(Convolution(100, 5, padding="same"),), what="activation_bytes",
        given={"images": 1, "bits": 32}, expected=100 * 2**20),
    Quantity("V37-activation-of-100-images", MARQUES, "a hundred times as much for a batch of 100: 9.77 GiB",
        corrected=Correction(100 * 300 * 2**20, "29.30 GiB are of three maps a filter, as above"),
        input_shape=(512, 512, 3), layers=(Convolution(100, 5, padding="same"),), what="activation_bytes",
        given={"images": 100, "bits": 32}, expected=100 * 100 * 2**20),
    Quantity("V37-activation-in-16-bits", MARQUES, "16-bit floats halve it", derived="the number",
        input_shape=(512, 512, 3), layers=(Convolution(100, 5, padding="same"),), what="activation_bytes",
        given={"images": 1, "bits": 16}, expected=50 * 2**20),
    Quantity("V38-pooling-discards", f"{SCULLY}; {ALZAHRANI}", "2x2 pooling with stride 2 discards 75 % of the values",
        input_shape=(8, 8, 3), layers=(Pooling("max", 2),), what="discarded_share", expected=0.75),
    Quantity("V39-scaled-pixel", ALZAHRANI, "a pixel of 125 scaled to between 0 and 1",
        corrected=Correction(0.5, "rounded: 125 / 255 is 0.490196"), what="scaled_pixel", given={"pixel": 125},
        expected=0.490196, tolerance=5e-7),
    Quantity("V39-receptive-field-of-pooled", ALZAHRANI, "a 2x2 group after a 3x3 convolution sees 4x4 of the input",
        input_shape=(16, 16, 1), layers=(Convolution(1, 3), Pooling("max", 2)), what="receptive_field", expected=4),
    Quantity("V39-receptive-field", ALZAHRANI,
        "after 3x3 convolution, 2x2 pooling and 3x3 convolution a value sees 8x8: 3, then 3 + 1, then 4 + 2 * 2",
        corrected=Correction(3 * 4, "three groups of four overlap: they start 2 apart, not 4"), input_shape=(16, 16, 1),
        layers=(Convolution(1, 3), Pooling("max", 2), Convolution(1, 3)), what="receptive_field", expected=8),
    Quantity("V39-weight-decay", ALZAHRANI, "a step of weight decay: w - rate * (gradient + decay * w)",
        derived="the numbers",
        corrected=Correction(1 - 0.1 * (0.2 - 0.5),
            "the formula is printed with gradient - decay * w: weights would grow"),
        what="weight_after_step", given={"weight": 1, "rate": 0.1, "gradient": 0.2, "decay": 0.5}, expected=0.93,
        tolerance=1e-6),
    Quantity("V39-weight-decay-alone", ALZAHRANI, "where the gradient is 0 the weight shrinks", derived="the numbers",
        corrected=Correction(1.05, "with the printed sign it would grow"), what="weight_after_step",
        given={"weight": 1, "rate": 0.1, "gradient": 0, "decay": 0.5}, expected=0.95, tolerance=1e-6),
    Quantity("V40-accuracy", MARQUES, "119 errors in 10,000 are 98.81 %", what="accuracy",
        given={"images": 10_000, "errors": 119}, expected=0.9881, tolerance=1e-7),
    *(
        Quantity(
            f"V40-steps-of-{images}-by-{batch}",
            lecture,
            "the steps of an epoch, the last batch being smaller where it does not fit",
            what="steps",
            given={"images": images, "batch": batch},
            expected=steps,
        )
        for lecture, images, batch, steps in (
            (MARQUES, 40_000, 1024, 40),
            (ALZAHRANI, 54_000, 100, 540),
            (ALZAHRANI, 50_000, 50, 1000),
            (ALZAHRANI, 10_000, 32, 313),
        )
    ),
)

TABLE: tuple[Example, ...] = (*OUTPUTS, *FORMULAS, *SIZES, *COUNTS, *QUANTITIES)
