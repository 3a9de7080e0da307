"""How each kind of piece is made: draw, train, export, prove. Runs in a worker process of the plan."""

import importlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness import (
    accuracy,
    artifacts,
    cache,
    catalog,
    equivalence,
    images,
    plan,
    runtime,
    training,
    untrained,
    weights,
)
from harness.architecture import Architecture
from harness.errors import HarnessError
from harness.measurements import Accuracy, Artifact, Equivalence
from harness.plan import Piece, Pieces, Request
from harness.training import History, Progress

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

WEIGHTS = "weights.safetensors"


def make(piece: Piece, threads: int, progress: Progress) -> None:
    """Make the piece, unless the cache has it already."""
    if piece.made:
        return
    if piece.framework in catalog.FRAMEWORKS:
        importlib.import_module(f"harness.train_{piece.framework}").set_threads(threads)
    with cache.building(piece.folder) as folder:
        match piece.kind:
            case "draw":
                _draw(piece, folder)
            case "train":
                _train(piece, folder, progress)
            case "export":
                _export(piece, folder)
            case "prove":
                _prove(piece, folder, threads)


def history(piece: Piece) -> History:
    """The history that a training piece left."""
    return History.from_json(json.loads((piece.folder / "history.json").read_text()))


def artifact(piece: Piece) -> Artifact:
    """The file that an export piece left."""
    return artifacts.read(piece.folder / "model.onnx")


def verdict(pieces: Pieces) -> Equivalence:
    """What the proof found."""
    return Equivalence(**json.loads((pieces.prove.folder / "equivalence.json").read_text()))


def predictions(pieces: Pieces) -> "dict[str, NDArray[numpy.int64]]":
    """The class that each exported file takes each test image for, by framework; and the labels, if any."""
    import numpy as np

    with np.load(pieces.prove.folder / "predictions.npz", allow_pickle=False) as arrays:
        return dict(arrays)


def accuracies(pieces: Pieces) -> dict[str, Accuracy]:
    """Right answers of each exported file, by framework; none of a network that is not trained."""
    found = predictions(pieces)
    if "labels" not in found:
        return {}
    return {framework: accuracy.of(found[framework], found["labels"]) for framework in catalog.FRAMEWORKS}


def prepared(request: Request) -> images.Images:
    """The images of the request's network, as its recipe feeds them."""
    return images.prepare(plan.dataset(request), request.architecture, request.recipe)


def _draw(piece: Piece, folder: Path) -> None:
    architecture, seed = piece.request.architecture, piece.request.seed
    drawn = untrained.draw(architecture, images.sample(architecture, untrained.IMAGES), seed)
    _save(piece, folder, drawn)


def _train(piece: Piece, folder: Path, progress: Progress) -> None:
    request, data = piece.request, prepared(piece.request)
    trained, history = training.train(
        piece.framework,
        request.architecture,
        request.recipe,
        data,
        seed=request.seed,
        progress=progress,
        given=_given(piece, data),
        precision=request.precision,
    )
    _save(piece, folder, trained)
    (folder / "history.json").write_text(json.dumps(history.to_json(), indent=1))


def _given(piece: Piece, data: images.Images) -> weights.Weights:
    """Weights that training begins with in place of first ones: of an earlier training, or of an ImageNet base.

    A base that nobody gives weights for gets random ones, through which images still differ.
    """
    for earlier in piece.needs:
        return weights.load(earlier.folder / WEIGHTS)
    request = piece.request
    if request.base is not None:
        return dict(request.base.weights)
    if request.architecture.base is None:
        return {}
    drawn = untrained.draw(request.architecture, data.scaled(data.x_train[: untrained.IMAGES]), request.seed)
    return {name: array for name, array in drawn.items() if training.frozen(name.partition(".")[0], request.recipe)}


def _save(piece: Piece, folder: Path, made: weights.Weights) -> None:
    facts = {"architecture": piece.request.architecture.name, "made_in": piece.framework, "digest": piece.digest}
    weights.save(folder / WEIGHTS, made, facts)


def _proof_images(request: Request) -> "tuple[NDArray[numpy.float32], NDArray[numpy.int64] | None]":
    """The images that the forms are compared on, and their labels where the network was trained on such."""
    if plan.untrained_because(request):
        return images.sample(request.architecture, untrained.IMAGES), None
    data = prepared(request)
    return data.scaled(data.x_test), data.y_test


def _export(piece: Piece, folder: Path) -> None:
    """Write the file, and the logits that the framework itself gives on the test images."""
    import numpy as np

    (made,) = piece.needs
    architecture = piece.request.architecture
    loaded = weights.load(made.folder / WEIGHTS)
    exporter = importlib.import_module(f"harness.export_{piece.framework}")
    source = catalog.definition_file(architecture, piece.framework)
    exporter.export(
        architecture,
        loaded,
        folder / "model.onnx",
        {
            "weights": made.digest,
            "trained_in": made.framework if made.kind == "train" else "",
            "definition": cache.digest({"": source.read_text()}),
        },
    )
    test, _ = _proof_images(piece.request)
    logits = _torch_logits if piece.framework == "torch" else _keras_logits
    np.savez(folder / "logits.npz", **logits(architecture, loaded, test))


def _torch_logits(architecture: Architecture, loaded: weights.Weights, test: Any) -> dict[str, Any]:
    """Logits in float32 on every test image, and in float64 on those of the proof."""
    from harness import train_torch

    model = train_torch.build(architecture)
    weights.to_torch(model, loaded)
    single = train_torch.logits(model, test)
    return {"logits": single, "exact": train_torch.logits(model.double(), test[: equivalence.PROOF_IMAGES])}


def _keras_logits(architecture: Architecture, loaded: weights.Weights, test: Any) -> dict[str, Any]:
    from harness import train_keras

    model = train_keras.build(architecture)
    weights.to_keras(model, loaded)
    return {"logits": train_keras.logits(model, test)}


def _prove(piece: Piece, folder: Path, threads: int) -> None:
    """Compare the four forms, and keep what each file predicts."""
    import numpy as np

    test, labels = _proof_images(piece.request)
    forms: dict[str, Any] = {}  # logits
    classes: dict[str, Any] = {}
    exact = None
    for export in piece.needs:
        framework, found = export.framework, artifact(export)
        with np.load(export.folder / "logits.npz", allow_pickle=False) as arrays:
            forms[framework] = arrays["logits"]
            exact = arrays.get("exact", exact)
        forms[f"onnx from {framework}"] = _file_logits(found, test, threads)
        classes[framework] = accuracy.classes(forms[framework], threshold=0.0)
        classes[f"onnx from {framework}"] = accuracy.predictions(found, test, threads)
    if exact is None:
        raise HarnessError("the proof needs PyTorch's logits in float64, which its export did not leave.")
    proof = equivalence.prove(forms, exact, classes)
    kept = {export.framework: classes[f"onnx from {export.framework}"] for export in piece.needs}
    if labels is not None:
        kept["labels"] = labels
    np.savez_compressed(folder / "predictions.npz", **kept)
    (folder / "equivalence.json").write_text(json.dumps(asdict(proof), indent=1))


def _file_logits(found: Artifact, test: Any, threads: int) -> Any:
    session = runtime.session(artifacts.with_logits(found.path), threads=threads)
    return runtime.outputs(session, images.native(test, found.metadata["layout"]), "logits")
