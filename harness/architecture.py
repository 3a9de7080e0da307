"""What is written once about a network: its facts, and the recipe it is trained by."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Scaling = Literal["unit", "standard", "raw"]
Initialisation = Literal["glorot_uniform", "normal_0.01"]


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
    horizontal_flip: bool = False


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a network is trained: the experiment, the same in either framework."""

    dataset: str
    scaling: Scaling = "unit"  # x / 255; then, for "standard", per channel (x - mean) / std
    optimizer: Optimizer
    batch: int
    epochs: int
    training_images: int | None = None  # the first n of the training split; None: all of them
    initialisation: Initialisation = "glorot_uniform"  # kernels; biases start at zero
    augmentation: Augmentation | None = None
    source: str = ""


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

    ``input_shape`` is (H, W, C), in pixels and channels. ``params`` counts learnable parameters,
    ``macs`` the multiply-accumulates of one image at that input. ``output`` is the function that
    the exported file ends in; the definitions themselves end in logits. ``options`` are the
    arguments of the family's ``build``.
    """

    name: str
    family: str
    sets: tuple[str, ...]
    source: str
    dataset: str
    input_shape: tuple[int, int, int]
    outputs: int
    params: int
    macs: int
    recipes: Mapping[str, Recipe]  # by profile: "quick" and "lecture"
    published: Published | None = None
    output: Literal["softmax", "sigmoid"] = "softmax"
    any_size: bool = False  # accepts inputs of any height and width
    options: Mapping[str, object] = field(default_factory=dict)
    deviations: tuple[str, ...] = ()
