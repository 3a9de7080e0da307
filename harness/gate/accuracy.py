"""Whether the files of HEAD give fewer right answers: image by image where the predictions are there."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.errors import HarnessError
from harness.gate.exact import measured
from harness.gate.findings import Finding
from harness.gate.pairs import JudgedRun, RunPair, SubjectPair
from harness.gate.settings import FAMILIES, GateSettings
from harness.measurements import paired, verdicts
from harness.measurements.rows import Row
from harness.measurements.types import Accuracy
from harness.measurements.verdicts import Verdict


@dataclass(frozen=True, kw_only=True)
class Loss:
    """How many right answers HEAD has fewer, as a share of all images.

    ``most`` is the end of its one-sided interval; ``p`` that of no loss at all; None where the same images are
    answered rightly, which is no estimate.
    """

    value: float
    most: float
    p: float | None
    detail: str


def findings(runs: RunPair, settings: GateSettings) -> Iterator[Finding]:
    """A finding for each subject that was measured in both runs. Whether any is worse is tested over all together.

    A file that was timed in several ways is one hypothesis.
    """
    ways: dict[tuple[object, ...], list[SubjectPair]] = {}
    for pair in runs.pairs:
        if measured(pair):
            ways.setdefault(_file(pair), []).append(pair)
    losses = {file: _loss(runs, pairs[0], settings.misses) for file, pairs in ways.items()}
    tested = {file: one.p for file, one in losses.items() if isinstance(one, Loss) and one.p is not None}
    worse = verdicts.holm(tested, settings.false_alarms / FAMILIES)
    for file, pairs in ways.items():
        loss = losses[file]
        told = _judged(loss, file in worse, settings) if isinstance(loss, Loss) else loss
        for pair in pairs:
            base, head = (f"{row.accuracy:.2%}" if row.accuracy is not None else "" for row in _both(pair))
            yield replace(told, subject=pair.subject, base=base, head=head)


def _judged(loss: Loss, worse: bool, settings: GateSettings) -> Finding:
    if loss.p is None or loss.most < settings.accuracy_loss:
        return Finding(subject="", check="accuracy", verdict=Verdict.PASS, detail=loss.detail)
    if worse:
        return Finding(subject="", check="accuracy", verdict=Verdict.FAIL, detail=f"accuracy: {loss.detail}")
    detail = f"accuracy: {loss.detail}: a loss of {settings.accuracy_loss:.1%} cannot be excluded"
    return Finding(subject="", check="accuracy", verdict=Verdict.CANT_TELL, detail=detail)


def _file(pair: SubjectPair) -> tuple[object, ...]:
    return tuple((row.architecture, row.framework, row.precision, row.onnx_sha256) for row in _both(pair))


def _both(pair: SubjectPair) -> tuple[Row, Row]:
    assert pair.base is not None
    assert pair.head is not None
    return pair.base, pair.head


def _loss(runs: RunPair, pair: SubjectPair, misses: float) -> Loss | Finding:
    base, head = _both(pair)

    def untold(verdict: Verdict | None, detail: str) -> Finding:
        return Finding(subject=pair.subject, check="accuracy", verdict=verdict, detail=detail)

    if base.accuracy is None:
        return untold(None, "not measured in BASE")
    if head.accuracy is None:
        return untold(Verdict.CANT_TELL, "not measured in HEAD")
    if (base.dataset, base.dataset_digest) != (head.dataset, head.dataset_digest):
        return untold(Verdict.CANT_TELL, f"refused: tested on {_tested_on(base)} and on {_tested_on(head)}")
    right = [_right(side, row) for side, row in ((runs.base, base), (runs.head, head))]
    if right[0] is None or right[1] is None:
        return _unpaired(base, head, misses)
    if len(right[0]) != len(right[1]):
        raise HarnessError(f"{runs.head.path}: predictions of {len(right[1])} images, and {len(right[0])} in BASE.")
    return _paired(right[0], right[1], misses)


def _tested_on(row: Row) -> str:
    return f"{row.dataset} ({row.dataset_digest})"


def _paired(base: NDArray[Any], head: NDArray[Any], misses: float) -> Loss:
    """By McNemar's exact test of a loss, and Bonett and Price's interval of paired shares."""
    from scipy.stats import binomtest  # takes half a second to import

    gained, lost, total = int((head & ~base).sum()), int((base & ~head).sum()), len(base)
    if not gained and not lost:
        return Loss(value=0.0, most=0.0, p=None, detail=f"the same {int(base.sum())} of {total} images are right")
    value, _, most = paired.difference(lost, gained, total, 1 - 2 * misses)
    p = float(binomtest(lost, gained + lost, 0.5, alternative="greater").pvalue)
    detail = (
        f"{-value:+z.2%} (gained {gained}, lost {lost} of {total} images, McNemar p {p:.2g}, loss at most {most:.2%})"
    )
    return Loss(value=value, most=most, p=p, detail=detail)


def _unpaired(base: Row, head: Row, misses: float) -> Loss | Finding:
    """Without the predictions: of two shares of the same images as though they were of different ones."""
    from scipy.stats import fisher_exact  # takes half a second to import

    if None in (base.correct, base.total, head.correct, head.total):
        raise HarnessError(f"{head.architecture}: an accuracy without its count of right answers cannot be compared.")
    first, second = (Accuracy(correct=row.correct or 0, total=row.total or 1) for row in (base, head))
    value, _, most = paired.independent_difference(first, second, 1 - 2 * misses)
    answers = np.array([[one.correct, one.total - one.correct] for one in (first, second)])
    p = float(fisher_exact(answers, alternative="greater").pvalue)
    detail = f"{-value:+z.2%} (unpaired: a run has no predictions; Fisher p {p:.2g}, loss at most {most:.2%})"
    return Loss(value=value, most=most, p=p, detail=detail)


def _right(side: JudgedRun, row: Row) -> NDArray[Any] | None:
    """Which images are answered rightly (N,), where the run has kept it."""
    if side.folder is None:
        return None
    found = side.folder.predictions(row.kept_as[0])
    own = f"{row.framework}_{row.precision}"  # of a network in several precisions
    key = own if own in found else row.framework
    if key not in found or "labels" not in found:
        return None
    if found[key].shape != found["labels"].shape:
        raise HarnessError(
            f"{side.path}: {row.architecture}: {found[key].shape} predictions for {found['labels'].shape} labels."
        )
    right: NDArray[Any] = found[key] == found["labels"]
    return right
