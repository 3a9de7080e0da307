"""Whether the files of two runs still compute the same: what each gave on the same inputs, value by value.

A change that keeps every count, like another epsilon, a transposed input or rounded weights, is found here.
"""

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.gate.exact import measured
from harness.gate.findings import Finding
from harness.gate.pairs import JudgedRun, RunPair
from harness.gate.settings import GateSettings
from harness.measurements.rows import Row
from harness.measurements.verdicts import Verdict

LEAST_PROBABILITY = 1e-30
SUMS_TO_ONE = 1e-3


def findings(runs: RunPair, settings: GateSettings) -> Iterator[Finding]:
    """A finding for each subject that was measured in both runs."""
    for pair in runs.pairs:
        if measured(pair):
            assert pair.base is not None
            assert pair.head is not None
            yield _finding(pair.subject, (runs.base, runs.head), (pair.base, pair.head), settings.outputs)


def _finding(subject: str, sides: tuple[JudgedRun, JudgedRun], pair: tuple[Row, Row], tolerance: float) -> Finding:
    base, head = pair
    before, after = (_kept(side, row) for side, row in zip(sides, pair, strict=True))
    if base.onnx_sha256 == head.onnx_sha256 is not None and not before and not after:
        detail = "recorded in neither run; the file is the same"
        return Finding(subject=subject, check="outputs", verdict=None, detail=detail)
    if None not in (base.weights, head.weights) and base.weights != head.weights:
        detail = "not compared: the weights are others, made by other code or data"
        return Finding(subject=subject, check="outputs", verdict=None, detail=detail)
    if not before:
        return Finding(subject=subject, check="outputs", verdict=None, detail="not recorded in BASE")
    if not after:
        return Finding(subject=subject, check="outputs", verdict=Verdict.CANT_TELL, detail="not recorded in HEAD")
    allowed = max(tolerance, _proved(base))
    apart, detail = distance(before, after)
    verdict = Verdict.PASS if apart <= allowed else Verdict.FAIL  # FAIL for NaN too
    told = f"{detail or f'{apart:.2g} of the largest'}, {allowed:.2g} allowed"
    if verdict == Verdict.FAIL and math.isfinite(apart) and _alike(base, head):
        told += ". The files are alike but for values: if HEAD was trained anew, --accept outputs"
    shown = f"{apart:.2g}" if apart else ""
    return Finding(subject=subject, check="outputs", verdict=verdict, head=shown, detail=f"outputs: {told}")


def _alike(base: Row, head: Row) -> bool:
    """Whether two files have the same nodes and sizes: what was trained anew, or an attribute, tells them apart."""
    counts = ("operators", "params", "stored_bytes", "precision")
    known = base.operators is not None and base.onnx_sha256 != head.onnx_sha256
    return known and all(getattr(base, name) == getattr(head, name) for name in counts)


def distance(base: Mapping[str, NDArray[Any]], head: Mapping[str, NDArray[Any]]) -> tuple[float, str]:
    """How far the outputs are apart, relative to the largest value of each; infinite, with the reason, for others.

    Probabilities are compared by their logarithms, which are the scores before the softmax: where a network is
    sure of its answer, these tell apart what probabilities hide.
    """
    if len(base) != len(head) or any(
        one.shape != other.shape for one, other in zip(base.values(), head.values(), strict=True)
    ):
        return float("inf"), f"{_described(base)} have become {_described(head)}"
    found = []
    for one, other in zip(base.values(), head.values(), strict=True):
        probabilities = _probabilities(one) and _probabilities(other)
        first, second = (_scores(values) if probabilities else values.astype(np.float64) for values in (one, other))
        scale = float(np.abs(first).max(initial=0.0)) or 1.0
        found.append(float(np.abs(first - second).max(initial=0.0)) / scale)
    return float(np.max(found, initial=0.0)), ""  # NaN stays NaN


def _probabilities(values: NDArray[Any]) -> bool:
    """Whether they could be those of one image's classes; of several images they need not sum to a whole number."""
    total = float(values.sum())
    return len(values) > 1 and bool((values >= 0).all()) and abs(total - round(total)) <= SUMS_TO_ONE * max(1.0, total)


def _scores(values: NDArray[Any]) -> NDArray[Any]:

    return np.log(np.maximum(values.astype(np.float64), LEAST_PROBABILITY))


def _described(outputs: Mapping[str, NDArray[Any]]) -> str:
    return ", ".join(f"{name} of {values.size} values" for name, values in outputs.items()) or "no outputs"


def _proved(row: Row) -> float:
    """How far float32 itself lets the outputs of the network be apart, relative to the largest logit."""
    if not row.equivalence_tolerance or not row.equivalence_scale or not row.equivalent:
        return 0.0
    return row.equivalence_tolerance / row.equivalence_scale


def _kept(side: JudgedRun, row: Row) -> dict[str, NDArray[Any]]:
    """The outputs of a row's subject, by name; none if the run has none, or nothing in them."""
    found = side.folder.outputs(*row.kept_as) if side.folder else {}
    return found if all(values.size for values in found.values()) else {}
