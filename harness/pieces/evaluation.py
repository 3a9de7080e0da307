"""The images that the forms of a network are compared on, and those that its files' accuracy is measured on."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.data import imagenet, images
from harness.data.preprocessing import Preprocessing
from harness.frameworks import untrained
from harness.frameworks.training import Progress
from harness.measurements import answers
from harness.measurements.types import Artifact
from harness.pieces import artifacts
from harness.pieces.piece import Piece
from harness.timing import runtime

Floats = NDArray[np.float32]
Labels = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """Images (N, H, W, C) as the network is fed them.

    ``compared`` are those that all four forms are run on. ``portions`` gives those that the files
    alone are run on, in order; ``labels`` are of the latter, None where there are none.
    """

    compared: Floats
    portions: Callable[[], Iterator[Floats]]
    labels: Labels | None


def load(made: Piece) -> Evaluation:
    """What a network with these weights is run on: its test split, ImageNet's validation images, or the sample."""
    request = made.request
    if made.kind == "train":
        data = images.prepare(request.dataset, request.architecture, request.recipe)
        test = data.scaled(data.x_test)
        return Evaluation(compared=test, portions=lambda: iter([test]), labels=data.y_test)
    if made.kind == "import" and request.imported is not None:
        preprocessing = request.imported.preprocessing
        if request.validation is not None:
            return _of_imagenet(request.validation, preprocessing)
        sample = images.sample(request.architecture, untrained.IMAGES, preprocessing.scaling)
    else:
        sample = images.sample(request.architecture, untrained.IMAGES)
    return Evaluation(compared=sample, portions=lambda: iter([sample]), labels=None)


def logits(found: Artifact, compared: Floats, threads: int) -> Floats:
    """The logits (N, outputs) that a file gives on images (N, H, W, C)."""
    session = runtime.session(artifacts.with_logits(found.path), threads=threads)
    return runtime.outputs(session, images.native(compared, found.metadata["layout"]), "logits")


def finite(name: str) -> str:
    """What is called, of a file's images, whether their scores are finite."""
    return f"{name}_finite"


def predictions(
    files: dict[str, Artifact], evaluated: Evaluation, threads: int, progress: Progress, *, watched: bool = False
) -> dict[str, NDArray[Any]]:
    """What each file takes each image for, by name; the labels, and of many classes whether the best five hold it.

    The first images are those that the forms are compared on. Of files that are ``watched``, also on which images
    all scores are finite.
    """
    sessions = {name: runtime.session(found.path, threads=threads) for name, found in files.items()}
    kept: dict[str, list[Any]] = {}
    seen = 0
    for portion in evaluated.portions():
        labels = None if evaluated.labels is None else evaluated.labels[seen : seen + len(portion)]
        for name, session in sessions.items():
            fed = images.native(portion, files[name].metadata["layout"])
            scores = runtime.outputs(session, fed, session.get_outputs()[0].name)
            kept.setdefault(name, []).append(answers.classes(scores, threshold=0.5))
            if labels is not None and scores.shape[1] >= answers.MANY_CLASSES:
                kept.setdefault(f"{name}_top5", []).append(answers.among_best(scores, labels))
            if watched:
                kept.setdefault(finite(name), []).append(np.isfinite(scores).all(1))
        seen += len(portion)
        if evaluated.labels is not None:
            progress(seen / len(evaluated.labels), None)
    found = {name: np.concatenate(parts) for name, parts in kept.items()}
    return found if evaluated.labels is None else {**found, "labels": evaluated.labels}


def _of_imagenet(validation: imagenet.Validation, preprocessing: Preprocessing) -> Evaluation:
    """The first images of a portion are compared; the accuracy is that on all, of which few are in memory at once."""

    def portions() -> Iterator[Floats]:
        for portion in imagenet.portions(validation, preprocessing):
            yield images.scaled(portion, preprocessing.scaling)

    return Evaluation(
        compared=next(portions())[: untrained.IMAGES],
        portions=portions,
        labels=np.array(validation.labels, np.int64),
    )
