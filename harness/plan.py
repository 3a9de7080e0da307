"""The plan of a run: independent pieces, each named by the content of what it is made from.

A piece is made once: its digest covers the definition, the recipe, the data, the versions, the seed
and the code that makes it, so that what an earlier run made is found again, and nothing stale is.
A network that cannot be trained here gets random weights in place of trained ones, with the reason.
Training, exporting and proving can share a machine; measuring needs one to itself and is no piece.
"""

import hashlib
from dataclasses import asdict, dataclass, replace
from functools import cache as remember
from pathlib import Path
from typing import Literal

from harness import (
    base_weights,
    cache,
    catalog,
    dataset_places,
    datasets,
    environment,
    images,
    training,
    untrained,
    weights,
)
from harness.architecture import Architecture, Recipe
from harness.base_weights import BaseWeights
from harness.errors import HarnessError

Kind = Literal["draw", "train", "export", "prove"]

TRAINING = ("images.py", "recipes.py", "weights.py", "training.py", "untrained.py", "pieces.py")
# What each piece's result depends on: the files of this package, and the distributions by version.
CODE: dict[tuple[Kind, str], tuple[str, ...]] = {
    ("draw", "torch"): ("images.py", "weights.py", "untrained.py", "train_torch.py"),
    ("train", "torch"): (*TRAINING, "train_torch.py"),
    ("train", "keras"): (*TRAINING, "train_keras.py"),
    ("export", "torch"): ("images.py", "weights.py", "train_torch.py", "export_torch.py", "artifacts.py", "pieces.py"),
    ("export", "keras"): ("images.py", "weights.py", "train_keras.py", "export_keras.py", "artifacts.py", "pieces.py"),
    ("prove", "onnxruntime"): ("images.py", "equivalence.py", "accuracy.py", "runtime.py", "artifacts.py", "pieces.py"),
}
# One distribution or the other.
TENSORFLOW = "tensorflow|tensorflow-cpu"
ONNXRUNTIME = "onnxruntime|onnxruntime-gpu"
VERSIONS: dict[tuple[Kind, str], tuple[str, ...]] = {
    ("draw", "torch"): ("torch", "numpy", "pillow"),
    ("train", "torch"): ("torch", "numpy", "pillow"),
    ("train", "keras"): ("keras", TENSORFLOW, "numpy", "pillow"),
    ("export", "torch"): ("torch", "onnxscript", "onnx"),
    ("export", "keras"): ("keras", TENSORFLOW, "tf2onnx", "onnx"),
    ("prove", "onnxruntime"): (ONNXRUNTIME, "onnx", "numpy"),
}
REQUIRED = {  # by extra: what must be installed before work is begun
    "torch": VERSIONS["export", "torch"],
    "keras": VERSIONS["export", "keras"],
    "onnxruntime": (ONNXRUNTIME,),
}
MACS_PER_SECOND = 2e10  # one core of a current processor, training or predicting in float32; for estimates alone


@dataclass(frozen=True, kw_only=True)
class Request:
    """What was asked for of one network."""

    architecture: Architecture
    profile: str
    trained_in: str
    seed: int
    data: str | None = None  # a data set in place of the recipe's
    precision: training.Precision = "float32"  # of training
    base_weights: Path | None = None  # a file of ImageNet weights, for networks with a base

    @property
    def recipe(self) -> Recipe:
        """How the network is trained. Raises :class:`HarnessError` where it has no such recipe."""
        recipe = self.architecture.recipes.get(self.profile)
        if recipe is None:
            known = ", ".join(self.architecture.recipes) or "none: its data set is not at hand"
            raise HarnessError(f"{self.architecture.name} has no recipe {self.profile!r}; it has {known}.")
        if self.base is not None:
            recipe = replace(recipe, scaling=self.base.scaling)
        return replace(recipe, dataset=self.data) if self.data else recipe

    @property
    def base(self) -> BaseWeights | None:
        """The weights of the network's ImageNet base, read once; None where it takes random ones."""
        if self.base_weights is None or self.architecture.base is None:
            return None
        return _base(self.base_weights, self.architecture.base)


@dataclass(frozen=True, kw_only=True)
class Piece:
    """One step that makes one entry of the cache from other entries."""

    kind: Kind
    framework: str
    request: Request
    digest: str
    needs: tuple["Piece", ...]
    estimate_s: float

    @property
    def folder(self) -> Path:
        return cache.root() / self.kind / self.digest

    @property
    def made(self) -> bool:
        return cache.whole(self.folder)

    @property
    def title(self) -> str:
        return f"{self.kind} {self.request.architecture.name} ({self.framework})"


@dataclass(frozen=True, kw_only=True)
class Pieces:
    """The pieces of one network: weights made once, exported from both frameworks, proved equivalent.

    ``untrained`` says why the weights are random; empty where they are trained.
    """

    weights: Piece
    exports: dict[str, Piece]  # by framework
    prove: Piece
    untrained: str = ""

    @property
    def all(self) -> tuple[Piece, ...]:
        """In the order in which they are made."""
        return (*earlier(self.weights), self.weights, *self.exports.values(), self.prove)


def of(request: Request) -> Pieces:
    """The pieces that the request takes, with their digests. Reads the data set, imports no framework."""
    reason = untrained_because(request)
    made = _draw(request) if reason else train(request)
    count = untrained.IMAGES if reason else len(dataset(request).x_test)
    seconds = _seconds(request, count)
    exports = {
        framework: _piece("export", framework, request, (made,), seconds + 4) for framework in catalog.FRAMEWORKS
    }
    prove = _piece("prove", "onnxruntime", request, tuple(exports.values()), 2 * seconds + 1)
    return Pieces(weights=made, exports=exports, prove=prove, untrained=reason)


def train(request: Request) -> Piece:
    """The piece that trains the network. Raises :class:`HarnessError` where that cannot be done here."""
    recipe, data = request.recipe, dataset(request)
    earlier = (train(replace(request, profile=recipe.begins_with)),) if recipe.begins_with else ()
    count = min(len(data.x_train), recipe.training_images or len(data.x_train))
    # A training step costs about three forward passes; behind features that are computed once, next to nothing.
    passes = 1 if recipe.features_once else 3 * recipe.epochs
    checks = 1 if recipe.features_once else recipe.epochs
    seconds = passes * _seconds(request, count) + checks * _seconds(request, len(data.x_test))
    return _piece("train", request.trained_in, request, earlier, seconds + 3)


def untrained_because(request: Request) -> str:
    """Why the network cannot be trained here and gets random weights; empty where it can.

    No recipe, a data set that nobody may fetch, or one of other classes than the network's outputs.
    """
    architecture = request.architecture
    if not architecture.recipes:
        return f"{architecture.dataset} is not at hand, and the lecture gives no training"
    recipe = request.recipe
    if not datasets.obtainable(recipe.dataset):
        return (
            f"{recipe.dataset} is not on this machine; put it into HARNESS_DATA, or name a folder of images by "
            "--data folder:DIR"
        )
    if reason := images.misfit(recipe.dataset, datasets.classes(recipe.dataset), architecture):
        return reason
    try:
        images.adaptation(dataset(request), architecture, recipe)
    except HarnessError as error:  # of other channels, or too large to be padded
        return f"{recipe.dataset}: {error}"
    return ""


def base_weights_named(request: Request) -> str | None:
    """Where the weights of the network's ImageNet base come from, in words; None where it has no such base."""
    if request.architecture.base is None:
        return None
    return request.base.description if request.base and not untrained_because(request) else "random"


def dataset(request: Request) -> datasets.Dataset:
    """The data set that the request trains on, read once a process."""
    name = request.recipe.dataset
    # Only files of images are read at a network's size; arrays are fitted to it later.
    return _dataset(name, request.architecture.input_shape if dataset_places.is_image_folder(name) else None)


@remember
def _dataset(name: str, input_shape: tuple[int, int, int] | None) -> datasets.Dataset:
    return datasets.load(name, input_shape)


@remember
def _base(path: Path, base: str) -> BaseWeights:
    return base_weights.read(path, base)


def _draw(request: Request) -> Piece:
    """The piece that draws random weights."""
    return _piece("draw", "torch", request, (), 2 * _seconds(request, untrained.IMAGES) + 3)


def earlier(piece: Piece) -> tuple[Piece, ...]:
    """The pieces that this one needs, and those that they need."""
    return tuple(each for need in piece.needs for each in (*earlier(need), need))


def _seconds(request: Request, images: int) -> float:
    """What one core takes to run so many images forward."""
    return request.architecture.macs * images / MACS_PER_SECOND


def _piece(kind: Kind, framework: str, request: Request, needs: tuple[Piece, ...], estimate_s: float) -> Piece:
    facts: dict[str, object] = {
        "kind": kind,
        "architecture": request.architecture.name,
        "options": dict(request.architecture.options),
        "input": request.architecture.input_shape,
        "any_size": request.architecture.any_size,
        "output": request.architecture.output,
        "seed": request.seed,
        "needs": [piece.digest for piece in needs],
        "versions": {name: _version(name) for name in VERSIONS[kind, framework]},
        "code": [_source(Path(__file__).parent / name) for name in CODE[kind, framework]],
    }
    facts |= _facts_of_random_weights() if untrained_because(request) else _facts_of_training(request)
    if framework in catalog.FRAMEWORKS:
        facts["definition"] = _source(catalog.definition_file(request.architecture, framework))
    return Piece(
        kind=kind,
        framework=framework,
        request=request,
        digest=cache.digest(facts),
        needs=needs,
        estimate_s=estimate_s,
    )


def _facts_of_random_weights() -> dict[str, object]:
    """What weights that are drawn depend on: the real images that they are scaled by."""
    return {"images": _dataset(datasets.SAMPLE, None).digest}


def _facts_of_training(request: Request) -> dict[str, object]:
    """What weights that are trained depend on; not what a recipe says of its source, nor how its data are named."""
    recipe = asdict(replace(request.recipe, source="", reported={}, dataset=""))
    data = dataset(request)
    return {
        "recipe": recipe,
        "images": {"train": data.training_digest, "test": data.digest},
        "precision": request.precision,
        "base": weights.digest(dict(request.base.weights)) if request.base else None,
    }


@remember
def _source(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _version(distribution: str) -> str | None:
    """The installed version; of "one|other", that of the one that is installed, with its name."""
    alternatives = distribution.split("|")
    for name in alternatives:
        if version := environment.version(name):
            return version if len(alternatives) == 1 else f"{name} {version}"
    return None


def check_installed(frameworks: tuple[str, ...]) -> None:
    """Raise :class:`HarnessError` where a framework is not installed, before any work is begun."""
    for framework in frameworks:
        missing = [name for name in REQUIRED[framework] if _version(name) is None]
        if missing:
            extra = "cpu" if framework == "onnxruntime" else framework
            raise HarnessError(
                f"{missing[0].replace('|', ' or ')} is not installed: pip install 'onnx-harness[{extra}]' in this "
                "environment."
            )
    if "onnxruntime" in frameworks and all(_version(name) for name in ONNXRUNTIME.split("|")):
        raise HarnessError(
            "onnxruntime and onnxruntime-gpu are both installed and overwrite each other's files: uninstall both, then "
            "install 'onnx-harness[cpu]' or 'onnx-harness[gpu]'."
        )
