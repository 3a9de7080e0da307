"""The plan of a run: independent pieces, each named by the content of what it is made from.

A piece is made once: its digest covers the definition, the recipe, the data, the versions, the seed
and the code that makes it, so that what an earlier run made is found again, and nothing stale is.
Training, exporting and proving can share a machine; measuring needs one to itself and is no piece.
"""

import hashlib
from dataclasses import asdict, dataclass, replace
from functools import cache as remember
from pathlib import Path
from typing import Literal

from harness import cache, catalog, datasets, environment
from harness.architecture import Architecture, Recipe
from harness.errors import HarnessError

Kind = Literal["train", "export", "prove"]

# What each piece's result depends on: the files of this package, and the distributions by version.
CODE: dict[tuple[Kind, str], tuple[str, ...]] = {
    ("train", "torch"): ("images.py", "recipes.py", "weights.py", "training.py", "train_torch.py"),
    ("train", "keras"): ("images.py", "recipes.py", "weights.py", "training.py", "train_keras.py"),
    ("export", "torch"): ("images.py", "weights.py", "train_torch.py", "export_torch.py", "artifacts.py", "pieces.py"),
    ("export", "keras"): ("images.py", "weights.py", "train_keras.py", "export_keras.py", "artifacts.py", "pieces.py"),
    ("prove", "onnxruntime"): ("images.py", "equivalence.py", "accuracy.py", "runtime.py", "artifacts.py", "pieces.py"),
}
# One distribution or the other.
TENSORFLOW = "tensorflow|tensorflow-cpu"
ONNXRUNTIME = "onnxruntime|onnxruntime-gpu"
VERSIONS: dict[tuple[Kind, str], tuple[str, ...]] = {
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

    @property
    def recipe(self) -> Recipe:
        recipe = self.architecture.recipes[self.profile]
        return replace(recipe, dataset=self.data) if self.data else recipe


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
    """The pieces of one network: trained once, exported from both frameworks, proved equivalent."""

    train: Piece
    exports: dict[str, Piece]  # by framework
    prove: Piece

    @property
    def all(self) -> tuple[Piece, ...]:
        return (self.train, *self.exports.values(), self.prove)


def of(request: Request) -> Pieces:
    """The pieces that the request takes, with their digests. Reads the data set, imports no framework."""
    data = dataset(request.recipe.dataset)
    images = {"train": data.training_digest, "test": data.digest}
    trained = train(request)
    exports = {
        framework: _piece("export", framework, request, (trained,), images, _macs(request, len(data.x_test)) + 4)
        for framework in catalog.FRAMEWORKS
    }
    needs = tuple(exports.values())
    prove = _piece("prove", "onnxruntime", request, needs, images, 2 * _macs(request, len(data.x_test)) + 1)
    return Pieces(train=trained, exports=exports, prove=prove)


def train(request: Request) -> Piece:
    """The piece that trains the network."""
    data = dataset(request.recipe.dataset)
    images = {"train": data.training_digest, "test": data.digest}
    count = min(len(data.x_train), request.recipe.training_images or len(data.x_train))
    # A training step costs about three forward passes.
    seconds = request.recipe.epochs * (3 * _macs(request, count) + _macs(request, len(data.x_test)))
    return _piece("train", request.trained_in, request, (), images, seconds + 3)


@remember
def dataset(name: str) -> datasets.Dataset:
    """The data set, read once a process."""
    return datasets.load(name)


def _macs(request: Request, images: int) -> float:
    """Seconds that one core takes to run so many images forward."""
    return request.architecture.macs * images / MACS_PER_SECOND


def _piece(
    kind: Kind, framework: str, request: Request, needs: tuple[Piece, ...], images: dict[str, str], estimate_s: float
) -> Piece:
    facts: dict[str, object] = {
        "kind": kind,
        "architecture": request.architecture.name,
        "options": dict(request.architecture.options),
        "input": request.architecture.input_shape,
        "any_size": request.architecture.any_size,
        "output": request.architecture.output,
        "recipe": asdict(request.recipe),
        "images": images,
        "seed": request.seed,
        "needs": [piece.digest for piece in needs],
        "versions": {name: _version(name) for name in VERSIONS[kind, framework]},
        "code": [_source(Path(__file__).parent / name) for name in CODE[kind, framework]],
    }
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
