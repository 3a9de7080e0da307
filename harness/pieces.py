"""How each kind of piece is made: draw, train, export, prove. Runs in a worker process of the plan."""

import importlib
import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness import (
    accuracy,
    artifacts,
    cache,
    catalog,
    conversion,
    equivalence,
    evaluation,
    images,
    layers,
    plan,
    training,
    untrained,
    weights,
)
from harness.architecture import Architecture
from harness.errors import HarnessError
from harness.measurements import Accuracy, Artifact, Equivalence
from harness.plan import Piece, Pieces
from harness.training import History, Progress

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray


def make(piece: Piece, threads: int, progress: Progress) -> None:
    """Make the piece, unless the cache has it already."""
    if piece.made:
        return
    if piece.framework in catalog.FRAMEWORKS:
        importlib.import_module(f"harness.train_{piece.framework}").set_threads(threads)
    if piece.kind in ("draw", "train"):
        _check_facts(piece)
    with cache.building(piece.folder) as folder:
        match piece.kind:
            case "draw":
                _draw(piece, folder)
            case "train":
                _train(piece, folder, progress)
            case "export":
                _export(piece, folder)
            case "prove":
                _prove(piece, folder, threads, progress)
            case "convert":
                conversion.convert(piece, folder)
            case "compare":
                conversion.compare(piece, folder, threads, progress)


def history(piece: Piece) -> History:
    """The history that a training piece left."""
    return History.from_json(json.loads((piece.folder / "history.json").read_text()))


def artifact(piece: Piece) -> Artifact:
    """The file that a piece left that exports or converts."""
    return artifacts.read(piece.folder / artifacts.FILE)


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
    return {framework: accuracy.of(found[framework], found["labels"]) for framework in pieces.exports}


def top5(pieces: Pieces) -> dict[str, float]:
    """The share of images with the right answer among a file's first five, by framework; of ImageNet alone."""
    found = predictions(pieces)
    names = {framework: f"{framework}_top5" for framework in pieces.exports}
    return {framework: float(found[name].mean()) for framework, name in names.items() if name in found}


def _check_facts(piece: Piece) -> None:
    """Compare the facts of a network of the user's own with its definition; this project's tests do so of the rest."""
    architecture = piece.request.architecture
    if not catalog.foreign(architecture):
        return
    table = layers.of(architecture, piece.framework)
    counted = {"params": sum(layer.params for layer in table)}
    if all(layer.macs is not None for layer in table):
        counted["macs"] = sum(layer.macs or 0 for layer in table)
    counted["outputs"] = math.prod(table[-1].output_shape)
    for name, count in counted.items():
        if count != (stated := getattr(architecture, name)):
            raise HarnessError(
                f"{architecture.name} has {name}={count:_} in {piece.framework}, its facts say {stated:_}: correct "
                f"the __init__.py of {architecture.family}."
            )


def _draw(piece: Piece, folder: Path) -> None:
    architecture, seed = piece.request.architecture, piece.request.seed
    drawn = untrained.draw(architecture, images.sample(architecture, untrained.IMAGES), seed, piece.framework)
    _save(piece, folder, drawn)


def _train(piece: Piece, folder: Path, progress: Progress) -> None:
    request = piece.request
    data = images.prepare(request.dataset, request.architecture, request.recipe)
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
        return weights.load(earlier.weights_file)
    request = piece.request
    if request.base is not None:
        return dict(request.base.weights)
    if request.architecture.base is None:
        return {}
    scaled = data.scaled(data.x_train[: untrained.IMAGES])
    drawn = untrained.draw(request.architecture, scaled, request.seed, piece.framework)
    return {name: array for name, array in drawn.items() if training.frozen(name.partition(".")[0], request.recipe)}


def _save(piece: Piece, folder: Path, made: weights.Weights) -> None:
    facts = {"architecture": piece.request.architecture.name, "made_in": piece.framework, "digest": piece.digest}
    weights.save(folder / plan.WEIGHTS, made, facts)


def _export(piece: Piece, folder: Path) -> None:
    """Write the file, and the logits that the framework itself gives on the images that are compared."""
    import numpy as np

    (made,) = piece.needs
    architecture = piece.request.architecture
    loaded = weights.load(made.weights_file)
    exporter = importlib.import_module(f"harness.export_{piece.framework}")
    source = catalog.definition_file(architecture, piece.framework)
    exporter.export(
        architecture,
        loaded,
        folder / artifacts.FILE,
        {
            "weights": made.digest,
            "trained_in": made.framework if made.kind == "train" else "",
            "definition": cache.digest({"": source.read_text()}),
        },
    )
    test = evaluation.of(made).compared
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
    found: dict[str, Any] = {"logits": train_keras.logits(model, test)}
    if plan.reference(architecture) == "keras":
        found["exact"] = train_keras.exact_logits(architecture, loaded, test[: equivalence.PROOF_IMAGES])
    return found


def _prove(piece: Piece, folder: Path, threads: int, progress: Progress) -> None:
    """Compare the forms, two of each framework, and keep what each file predicts."""
    import numpy as np

    evaluated = evaluation.of(piece.needs[0].needs[0])
    forms: dict[str, Any] = {}  # logits
    classes: dict[str, Any] = {}
    exact = None
    for export in piece.needs:
        framework, found = export.framework, artifact(export)
        with np.load(export.folder / "logits.npz", allow_pickle=False) as arrays:
            forms[framework] = arrays["logits"]
            exact = arrays.get("exact", exact)
        forms[f"onnx from {framework}"] = evaluation.logits(found, evaluated.compared, threads)
        classes[framework] = accuracy.classes(forms[framework], threshold=0.0)
    if exact is None:
        raise HarnessError("the proof needs logits in float64, which no export has left.")
    files = {export.framework: artifact(export) for export in piece.needs}
    kept = evaluation.predictions(files, evaluated, threads, progress)
    compared = {f"onnx from {export.framework}": kept[export.framework] for export in piece.needs}
    classes |= {form: found[: len(evaluated.compared)] for form, found in compared.items()}
    proof = equivalence.prove(forms, exact, classes, plan.reference(piece.request.architecture))
    np.savez_compressed(folder / "predictions.npz", **kept)  # type: ignore[arg-type]
    (folder / "equivalence.json").write_text(json.dumps(asdict(proof), indent=1))
