"""The plan of a run: independent pieces, each named by the content of what it is made from.

A piece is made once: its digest covers the definition, the recipe, the data, the versions, the seed
and the code that makes it, so that what an earlier run made is found again, and nothing stale is.
A network that cannot be trained here takes the weights that were imported for it, or random ones,
with the reason. Training, exporting and proving can share a machine; measuring needs one to itself
and is no piece.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, replace

from harness.frameworks import untrained, weights
from harness.frameworks.imported import Imported
from harness.machine import cache
from harness.measurements.subject_key import FLOAT32
from harness.networks import catalog, families
from harness.pieces import provenance, quantization
from harness.pieces.piece import Kind, Piece, Pieces
from harness.pieces.request import Request, sample_digest

MACS_PER_SECOND = 2e10  # one core of a current processor, training or predicting in float32; for estimates alone


def plan_pieces(request: Request, precisions: Sequence[str] = ()) -> Pieces:
    """The pieces that the request takes, with their digests. Reads the data set, imports no framework.

    Each of the ``precisions`` but float32 is one more file for each that is exported.
    """
    made = _weights(request)
    evaluated, accuracy_images = _evaluated(made)
    seconds = _seconds(request, evaluated)
    facts = _facts_of_evaluation(made)
    chosen = {"keras": {"keras_exporter": request.keras_exporter}}
    exports = {
        framework: _piece("export", framework, request, (made,), seconds + 4, {**facts, **chosen.get(framework, {})})
        for framework in catalog.frameworks(request.architecture)
    }
    proof_seconds = 2 * _seconds(request, accuracy_images) + 1
    prove = _piece("prove", "onnxruntime", request, tuple(exports.values()), proof_seconds, facts)
    lower = [precision for precision in precisions if precision != FLOAT32]
    asked = [(framework, precision) for framework in exports for precision in lower]
    converted = {key: _convert(exports[key[0]], key[1], facts) for key in asked}
    compared = {key: _compare(piece, evaluated + accuracy_images, facts) for key, piece in converted.items()}
    return Pieces(weights=made, exports=exports, prove=prove, converted=converted, compared=compared)


def plan_checks(request: Request, frameworks: Collection[str]) -> tuple[Piece, ...]:
    """The pieces that hold a network of the user's own against its facts, in these frameworks; else none."""
    architecture = request.architecture
    if not catalog.foreign(architecture):
        return ()
    first = catalog.reference_framework(architecture)
    known = sorted(catalog.frameworks(architecture), key=lambda framework: framework != first)
    return tuple(_piece("check", framework, request, (), 5.0, {}) for framework in known if framework in frameworks)


def train(request: Request) -> Piece:
    """The piece that trains the network. Raises :class:`HarnessError` where that cannot be done here."""
    recipe, data = request.recipe, request.dataset
    needs = (train(replace(request, profile=recipe.begins_with, epochs=None)),) if recipe.begins_with else ()
    count = min(len(data.x_train), recipe.training_images or len(data.x_train))
    # A training step costs about three forward passes; behind features that are computed once, next to nothing.
    passes = 1 if recipe.features_once else 3 * recipe.epochs
    checks = 1 if recipe.features_once else recipe.epochs
    seconds = passes * _seconds(request, count) + checks * _seconds(request, len(data.x_test))
    return _piece("train", request.framework, request, needs, seconds + 3, _facts_of_training(request))


def origin(made: Piece) -> str | None:
    """Where weights that were not all learned here come from, in words: a file, or "random"; None where they were."""
    request = made.request
    if made.kind == "import":
        assert request.imported is not None
        return request.imported.description
    if request.architecture.base is None:
        return None
    return request.base.description if request.base and made.kind == "train" else "random"


def _weights(request: Request) -> Piece:
    """The piece that makes the network's weights: by training, else imported, else drawn at random."""
    if not request.untrained:
        return train(request)
    if request.imported is not None:
        return _imported(request, request.imported)
    return _draw(request)


def _imported(request: Request, found: Imported) -> Piece:
    return Piece(kind="import", framework="", request=request, digest=found.digest, needs=(), estimate_s=0.0)


def _draw(request: Request) -> Piece:
    """The piece that draws random weights."""
    framework = catalog.reference_framework(request.architecture)
    seconds = 2 * _seconds(request, untrained.IMAGES) + 3
    return _piece("draw", framework, request, (), seconds, {"images": sample_digest()})


def _convert(export: Piece, precision: str, facts: Mapping[str, object]) -> Piece:
    """The piece that makes a file of a lower precision."""
    count = quantization.RANDOM_IMAGES if export.needs[0].kind == "draw" else quantization.IMAGES
    # Calibration runs every node unfused, and looks at what each gives.
    seconds = 3 * _seconds(export.request, count) if precision == "int8" else 0.0
    own = {**facts, "precision": precision}
    return _piece("convert", "onnxruntime", export.request, (export,), seconds + 2, own, precision)


def _compare(converted: Piece, images: int, facts: Mapping[str, object]) -> Piece:
    """The piece that runs such a file on so many images."""
    seconds = 2 * _seconds(converted.request, images) + 1
    return _piece("compare", "onnxruntime", converted.request, (converted,), seconds, facts, converted.precision)


def _evaluated(made: Piece) -> tuple[int, int]:
    """How many images the forms are compared on, and how many the files' accuracy is measured on."""
    if made.kind == "train":
        count = len(made.request.dataset.x_test)
        return count, count
    validation = made.request.validation
    return untrained.IMAGES, len(validation.labels) if validation else untrained.IMAGES


def _seconds(request: Request, images: int) -> float:
    """What one core takes to run so many images forward."""
    return request.architecture.macs * images / MACS_PER_SECOND


def _piece(
    kind: Kind,
    framework: str,
    request: Request,
    needs: tuple[Piece, ...],
    estimate_s: float,
    own_facts: Mapping[str, object],
    precision: str = FLOAT32,
) -> Piece:
    facts: dict[str, object] = {
        "kind": kind,
        "architecture": request.architecture.name,
        "options": dict(request.architecture.options),
        "input": request.architecture.input_shape,
        "vocabulary": request.architecture.vocabulary,
        "any_size": request.architecture.any_size,
        "output": request.architecture.output,
        "seed": request.seed,
        "needs": [piece.digest for piece in needs],
        **provenance.describe(kind, framework),
        **own_facts,
    }
    if catalog.foreign(request.architecture):  # held against the definition before
        facts["stated"] = request.architecture.params, request.architecture.macs
        if framework in catalog.FRAMEWORKS:  # which may import other files of its family
            files = families.sources(request.architecture, framework)
            facts["definition"] = [(file.name, provenance.source(file)) for file in files]
    elif framework in catalog.FRAMEWORKS:
        facts["definition"] = provenance.source(catalog.definition_file(request.architecture, framework))
    return Piece(
        kind=kind,
        framework=framework,
        request=request,
        digest=cache.digest(facts),
        needs=needs,
        estimate_s=estimate_s,
        precision=precision,
    )


def _facts_of_training(request: Request) -> dict[str, object]:
    """What weights that are trained depend on; not what a recipe says of its source, nor how its data are named."""
    recipe = asdict(replace(request.recipe, source="", reported={}, dataset=""))
    return {
        "recipe": recipe,
        "images": {"train": request.dataset.training_digest, "test": request.dataset.digest},
        "precision": request.precision,
        "base": weights.digest(dict(request.base.weights)) if request.base else None,
    }


def _facts_of_evaluation(made: Piece) -> dict[str, object]:
    """What the forms are run on, where the weights do not tell: images scaled as imported weights expect."""
    request = made.request
    if made.kind != "import" or request.imported is None:
        return {}
    found = request.validation.digest if request.validation else sample_digest()
    return {"preprocessing": asdict(request.imported.preprocessing), "images": found}
