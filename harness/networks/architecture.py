"""What is written once about a network: its facts, and the recipe it is trained by."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

# What becomes of a pixel of 0 to 255. "unit": x / 255; "standard": x / 255, then per channel (x - mean) / std of the
# training images; "raw": nothing; "minus_one_to_one": x / 127.5 - 1 (Keras' mobilenet.preprocess_input);
# "imagenet_bgr": blue first, less ImageNet's mean (Keras' vgg16.preprocess_input); "imagenet_rgb": x / 255, then
# (x - mean) / std of ImageNet (torchvision's weights).
Scaling = Literal["unit", "standard", "raw", "minus_one_to_one", "imagenet_bgr", "imagenet_rgb"]
Initialisation = Literal["glorot_uniform", "normal_0.01"]
Split = Literal["train", "validation", "test"]
# What an exported file ends in: "softmax" over the classes; "sigmoid" of one output, or of each of several labels;
# "none" for regression and embeddings.
Output = Literal["softmax", "sigmoid", "none"]


@dataclass(frozen=True, kw_only=True)
class Optimizer:
    """An optimizer with every value stated on which Keras and PyTorch have different defaults."""

    name: Literal["sgd", "adam", "rmsprop", "adadelta"]
    learning_rate: float
    momentum: float = 0.0
    decay: float = 0.9  # rho of RMSprop and Adadelta
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-7


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """Random changes of a training image, drawn anew each time it is shown."""

    rotation_degrees: float = 0.0  # uniform in ± this
    shift_fraction: float = 0.0  # of height and of width, uniform in ± this
    zoom_fraction: float = 0.0  # both sides alike, by a factor uniform in 1 ± this
    horizontal_flip: bool = False
    outside: Literal["nearest", "reflect"] = "nearest"  # what is seen beyond the edges


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a network is trained: the experiment, the same in either framework.

    ``loss`` is of logits; "cross_entropy" is Keras' sparse_categorical_crossentropy, and its
    categorical_crossentropy of one-hot labels: one function. ``frozen`` holds globs of layer names
    whose weights stay as they are; ``features_once`` computes what the frozen first layers make of
    each image once, and trains the rest on that. ``reported`` are the accuracies that the source
    reports of this training, by split.
    """

    dataset: str
    scaling: Scaling = "unit"
    fitting: Literal["resize", "pad"] = "resize"  # how images smaller than the input are made to fit it
    loss: Literal["cross_entropy", "binary_cross_entropy"] = "cross_entropy"
    optimizer: Optimizer
    batch: int
    epochs: int
    training_images: int | None = None  # the first n of the training split; None: all of them
    validation_split: float = 0.0  # the last share of them, held out; 0: validated on the test split
    initialisation: Initialisation = "glorot_uniform"  # kernels; biases start at zero
    augmentation: Augmentation | None = None
    frozen: tuple[str, ...] = ()
    features_once: bool = False
    begins_with: str | None = None  # the profile whose trained weights this one starts from
    reported: Mapping[Split, float] = field(default_factory=dict)
    source: str = ""

    def __post_init__(self) -> None:
        if self.features_once and (self.augmentation or not self.frozen):
            raise ValueError("features_once needs frozen layers, and images that are the same in every epoch")


@dataclass(frozen=True, kw_only=True)
class Published:
    """A figure that someone else reported, with the split it stands for."""

    accuracy: float
    dataset: str
    split: str
    source: str


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """The facts of one network: what both definitions must show.

    ``input_shape`` is that of one input, channels last: an image (H, W, C) in pixels and channels, features (C,), a
    sequence of them (T, C) or a volume (D, H, W, C). ``params`` counts learnable parameters,
    ``macs`` the multiply-accumulates of one such input. ``output`` is the function that
    the exported file ends in; the definitions themselves end in logits. ``options`` are the
    arguments of the family's ``build``.
    """

    name: str
    family: str
    sets: tuple[str, ...]
    source: str
    dataset: str
    input_shape: tuple[int, ...]
    outputs: int
    params: int
    macs: int
    recipes: Mapping[str, Recipe]  # by profile: "quick", "lecture", "fine_tuning"; empty: measured untrained
    published: Published | None = None
    output: Output = "softmax"
    vocabulary: int | None = None  # of a network that takes tokens (T,): whole numbers below it, int32
    any_size: bool = False  # accepts inputs of any height and width
    base: str | None = None  # the ImageNet network whose weights the first layers can take
    options: Mapping[str, object] = field(default_factory=dict)
    deviations: tuple[str, ...] = ()

    @property
    def input_type(self) -> Literal["float32", "int32"]:
        """The type of the numbers that it takes."""
        return "float32" if self.vocabulary is None else "int32"

    @property
    def large(self) -> bool:
        """Whether it has so many weights that an export takes gigabytes, and a process of its own.

        With weights as constants tf2onnx took 3.4 GB for ResNet-18's 12 million, 5.8 GB for the 22 million of
        ResNet-34 and 8.4 GB for the 26 million of ResNet-50, which takes 1.9 GB and a fifth of the time with
        weights as inputs.
        """
        return self.params > 20_000_000
