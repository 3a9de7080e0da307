"""The images that the forms of a network are compared on, and those that its files' accuracy is measured on."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.data import datasets, imagenet, images, probes
from harness.data.preprocessing import Preprocessing
from harness.frameworks import endings, untrained
from harness.frameworks.training import Progress
from harness.measurements import answers
from harness.measurements.session_options import USUAL, SessionOptions
from harness.measurements.types import Artifact
from harness.networks.architecture import Architecture
from harness.pieces import artifacts
from harness.pieces.piece import Piece
from harness.timing import runtime

Floats = NDArray[np.float32]
Labels = NDArray[np.int64]

FEWEST_EXACT, MOST_EXACT = 4, 256
EXACT_MACS = 5e10  # what the float64 forms of one framework may cost: seconds on a core


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """Images (N, H, W, C) as the network is fed them.

    ``compared`` are those that all four forms are run on; on the first ``exact`` of them, which can see a difference
    (:mod:`harness.data.probes`), also in float64. ``outside`` is one image beyond the domain of the others.
    ``portions`` gives those that the files alone are run on, in order; ``labels`` are of the latter, None where there
    are none.
    """

    compared: Floats
    exact: int
    outside: Floats
    portions: Callable[[], Iterator[Floats]]
    labels: Labels | None


def load(made: Piece) -> Evaluation:
    """What a network with these weights is run on: its test split, ImageNet's validation images, or the sample."""
    request = made.request
    if made.kind == "train":
        data = images.prepare(request.dataset, request.architecture, request.recipe)
        assert data.scale is not None
        test = data.scaled(data.x_test)
        seeing = data.scaled(probes.choose(data.x_test, _exact(request.architecture)))  # type: ignore[arg-type]
        return Evaluation(
            compared=np.concatenate([seeing, test]),
            exact=len(seeing),
            outside=probes.choose_outside(request.architecture.input_shape, data.scale),
            portions=lambda: iter([test]),
            labels=data.y_test,
        )
    if made.kind == "import" and request.imported is not None:
        preprocessing = request.imported.preprocessing
        if request.validation is not None:
            return _of_imagenet(request.architecture, request.validation, preprocessing)
        return of_sample(request.architecture, preprocessing)
    return of_sample(request.architecture)


def of_sample(architecture: Architecture, preprocessing: Preprocessing | None = None) -> Evaluation:
    """A few images of the embedded sample, or random values, for a network that is not trained here."""
    if architecture.vocabulary is not None:
        return _of_tokens(architecture)
    fitted = images.of_kind(datasets.loaded(datasets.SAMPLE).x_test[: untrained.IMAGES], architecture.input_shape)
    scale = images.scaled_by(preprocessing.scaling if preprocessing else images.usual_scaling(architecture), fitted)
    sample = scale(fitted)
    return Evaluation(
        compared=scale(probes.choose(fitted, untrained.IMAGES)),
        exact=min(_exact(architecture), untrained.IMAGES),
        outside=probes.choose_outside(architecture.input_shape, scale),
        portions=lambda: iter([sample]),
        labels=None,
    )


def _of_tokens(architecture: Architecture) -> Evaluation:
    """Random sequences. None lies outside the vocabulary, so that the one beside them is another like them."""
    drawn = images.tokens(architecture, untrained.IMAGES)
    return Evaluation(
        compared=drawn,
        exact=min(_exact(architecture), untrained.IMAGES),
        outside=images.tokens(architecture, 1, seed=1),
        portions=lambda: iter([drawn]),
        labels=None,
    )


def logits(found: Artifact, compared: Floats, threads: int, batch: int = 250) -> NDArray[Any]:
    """The logits (N, places, classes) that a file gives on images (N, H, W, C)."""
    return file_runner(found, threads)(compared, batch)


def file_runner(
    found: Artifact, threads: int, options: SessionOptions = USUAL
) -> Callable[[Floats, int | None], NDArray[Any]]:
    """What gives a file's logits (N, places, classes) on images (N, H, W, C), so many at a time."""
    session = runtime.session(artifacts.with_logits(found.path), threads=threads, chosen=options)

    def run(compared: Floats, batch: int | None) -> NDArray[Any]:
        size = batch or 250
        parts = [_scores(session, found, compared[start : start + size])[1] for start in range(0, len(compared), size)]
        return np.concatenate(parts)

    return run


def _scores(session: Any, found: Artifact, few: Floats) -> tuple[NDArray[Any], NDArray[Any]]:
    """What a file ends in, and its logits (N, places, classes), in one run."""
    fed = images.native(few, found.metadata["layout"])
    last, logits = session.run([session.get_outputs()[0].name, "logits"], {session.get_inputs()[0].name: fed})
    return last, endings.arrange(logits, found.framework, len(few), f"the file exported from {found.framework}")


def finite(name: str) -> str:
    """What is called, of a file's images, whether their scores are finite."""
    return f"{name}_finite"


def predictions(
    files: dict[str, Artifact], evaluated: Evaluation, threads: int, progress: Progress, *, watched: bool = False
) -> dict[str, NDArray[Any]]:
    """What each file takes each image for, by name; the labels, and of many classes whether the best five hold it.

    The class is told from logits, which a saturated softmax or sigmoid would hide. Of files that are ``watched``,
    also on which images all scores are finite.
    """
    sessions = {
        name: runtime.session(artifacts.with_logits(found.path), threads=threads) for name, found in files.items()
    }
    kept: dict[str, list[Any]] = {}
    seen = 0
    for portion in evaluated.portions():
        labels = None if evaluated.labels is None else evaluated.labels[seen : seen + len(portion)]
        for name, session in sessions.items():
            last, arranged = _scores(session, files[name], portion)
            scores = arranged.reshape(len(portion), -1)
            kept.setdefault(name, []).append(answers.classes(scores, threshold=0.0))
            if labels is not None and scores.shape[1] >= answers.MANY_CLASSES:
                kept.setdefault(f"{name}_top5", []).append(answers.among_best(scores, labels))
            if watched:
                both = [np.isfinite(array.reshape(len(portion), -1)).all(1) for array in (last, scores)]
                kept.setdefault(finite(name), []).append(both[0] & both[1])
        seen += len(portion)
        if evaluated.labels is not None:
            progress(seen / len(evaluated.labels), None)
    found = {name: np.concatenate(parts) for name, parts in kept.items()}
    return found if evaluated.labels is None else {**found, "labels": evaluated.labels}


def _exact(architecture: Architecture) -> int:
    """On how many images the network may be run in float64."""
    return max(FEWEST_EXACT, min(MOST_EXACT, int(EXACT_MACS // max(1, architecture.macs))))


def _of_imagenet(
    architecture: Architecture, validation: imagenet.Validation, preprocessing: Preprocessing
) -> Evaluation:
    """The first images of a portion are compared; the accuracy is that on all, of which few are in memory at once."""

    def portions() -> Iterator[Floats]:
        for portion in imagenet.portions(validation, preprocessing):
            yield images.scaled(portion, preprocessing.scaling)

    first = next(iter(imagenet.portions(validation, preprocessing)))[: untrained.IMAGES]
    scale = images.scaled_by(preprocessing.scaling, first)
    return Evaluation(
        compared=scale(probes.choose(first, untrained.IMAGES)),
        exact=min(_exact(architecture), untrained.IMAGES),
        outside=probes.choose_outside(architecture.input_shape, scale),
        portions=portions,
        labels=np.array(validation.labels, np.int64),
    )
