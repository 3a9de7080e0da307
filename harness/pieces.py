"""How each kind of piece is made: train, export, prove. Runs in a worker process of the plan."""

import importlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness import accuracy, artifacts, cache, catalog, equivalence, images, plan, runtime, training, weights
from harness.errors import HarnessError
from harness.measurements import Accuracy, Artifact, Equivalence
from harness.plan import Piece, Pieces
from harness.training import Epoch, Progress

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray


def make(piece: Piece, threads: int, progress: Progress) -> None:
    """Make the piece, unless the cache has it already."""
    if piece.made:
        return
    if piece.framework in catalog.FRAMEWORKS:
        importlib.import_module(f"harness.train_{piece.framework}").set_threads(threads)
    with cache.building(piece.folder) as folder:
        match piece.kind:
            case "train":
                _train(piece, folder, progress)
            case "export":
                _export(piece, folder)
            case "prove":
                _prove(piece, folder, threads)


def history(piece: Piece) -> list[Epoch]:
    """The history that a training piece left."""
    return [Epoch(**entry) for entry in json.loads((piece.folder / "history.json").read_text())]


def artifact(piece: Piece) -> Artifact:
    """The file that an export piece left."""
    return artifacts.read(piece.folder / "model.onnx")


def verdict(pieces: Pieces) -> Equivalence:
    """What the proof found."""
    return Equivalence(**json.loads((pieces.prove.folder / "equivalence.json").read_text()))


def predictions(pieces: Pieces) -> "dict[str, NDArray[numpy.int64]]":
    """The class that each exported file takes each test image for, by framework; and the labels."""
    import numpy as np

    with np.load(pieces.prove.folder / "predictions.npz", allow_pickle=False) as arrays:
        return dict(arrays)


def accuracies(pieces: Pieces) -> dict[str, Accuracy]:
    """Right answers of each exported file, by framework."""
    found = predictions(pieces)
    return {framework: accuracy.of(found[framework], found["labels"]) for framework in catalog.FRAMEWORKS}


def prepared(piece: Piece) -> images.Images:
    """The images of the piece's network."""
    request = piece.request
    return images.prepare(plan.dataset(request.recipe.dataset), request.architecture, request.recipe)


def _train(piece: Piece, folder: Path, progress: Progress) -> None:
    request = piece.request
    trained, epochs = training.train(
        piece.framework,
        request.architecture,
        request.recipe,
        prepared(piece),
        seed=request.seed,
        progress=progress,
    )
    facts = {"architecture": request.architecture.name, "trained_in": piece.framework, "digest": piece.digest}
    weights.save(folder / "weights.safetensors", trained, facts)
    (folder / "history.json").write_text(json.dumps([asdict(epoch) for epoch in epochs], indent=1))


def _export(piece: Piece, folder: Path) -> None:
    """Write the file, and the logits that the framework itself gives on the test images."""
    import numpy as np

    (trained,) = piece.needs
    architecture = piece.request.architecture
    loaded = weights.load(trained.folder / "weights.safetensors")
    exporter = importlib.import_module(f"harness.export_{piece.framework}")
    source = catalog.definition_file(architecture, piece.framework)
    exporter.export(
        architecture,
        loaded,
        folder / "model.onnx",
        {
            "weights": trained.digest,
            "trained_in": trained.framework,
            "definition": cache.digest({"": source.read_text()}),
        },
    )
    test = prepared(piece).x_test
    logits = _torch_logits if piece.framework == "torch" else _keras_logits
    np.savez(folder / "logits.npz", **logits(architecture, loaded, test))


def _torch_logits(architecture: Any, loaded: weights.Weights, test: Any) -> dict[str, Any]:
    """Logits in float32 on every test image, and in float64 on those of the proof."""
    from harness import train_torch

    model = train_torch.build(architecture)
    weights.to_torch(model, loaded)
    single = train_torch.logits(model, test)
    return {"logits": single, "exact": train_torch.logits(model.double(), test[: equivalence.PROOF_IMAGES])}


def _keras_logits(architecture: Any, loaded: weights.Weights, test: Any) -> dict[str, Any]:
    from harness import train_keras

    model = train_keras.build(architecture)
    weights.to_keras(model, loaded)
    return {"logits": train_keras.logits(model, test)}


def _prove(piece: Piece, folder: Path, threads: int) -> None:
    """Compare the four forms, and keep what each file predicts."""
    import numpy as np

    data = prepared(piece)
    forms: dict[str, Any] = {}  # logits
    classes: dict[str, Any] = {}
    exact = None
    for export in piece.needs:
        framework, found = export.framework, artifact(export)
        with np.load(export.folder / "logits.npz", allow_pickle=False) as arrays:
            forms[framework] = arrays["logits"]
            exact = arrays.get("exact", exact)
        forms[f"onnx from {framework}"] = _file_logits(found, data.x_test, threads)
        classes[framework] = forms[framework].argmax(1)
        classes[f"onnx from {framework}"] = accuracy.predictions(found, data.x_test, threads)
    if exact is None:
        raise HarnessError("the proof needs PyTorch's logits in float64, which its export did not leave.")
    proof = equivalence.prove(forms, exact, classes)
    files = {export.framework: classes[f"onnx from {export.framework}"] for export in piece.needs}
    np.savez_compressed(folder / "predictions.npz", labels=data.y_test, **files)
    (folder / "equivalence.json").write_text(json.dumps(asdict(proof), indent=1))


def _file_logits(found: Artifact, test: Any, threads: int) -> Any:
    session = runtime.session(artifacts.with_logits(found.path), threads=threads)
    return runtime.outputs(session, images.native(test, found.metadata["layout"]), "logits")
