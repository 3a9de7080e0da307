"""The twin proof: Keras, PyTorch and the two exported files compute the same function.

Compared are logits of the same images, in four forms: Keras itself, PyTorch itself, and the two
files that are timed. The tolerance is ten times what float32 itself costs this network: the largest
difference between PyTorch in float32 and in float64.
"""

import itertools
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from harness.measurements.types import Equivalence

PROOF_IMAGES = 256
TOLERANCE_FACTOR = 10


def prove(
    forms: Mapping[str, NDArray[np.float32]],
    exact: NDArray[np.float64],
    classes: Mapping[str, NDArray[np.int64]],
    reference: str = "torch",
) -> Equivalence:
    """The verdict on the logits (N, outputs) and the predicted classes (N,) of each form.

    ``exact`` are the logits of the reference form in float64, for the first ``len(exact)`` images:
    on those the logits are compared, the classes on all. Where forms disagree on the class of an
    image although its two best logits lie within the tolerance of each other, it is a tie.
    """
    proof = len(exact)
    tolerance = TOLERANCE_FACTOR * float(np.abs(forms[reference][:proof] - exact).max())
    pairs = itertools.combinations(forms.values(), 2)
    max_abs = float(np.max([np.abs(a[:proof] - b[:proof]).max() for a, b in pairs]))  # NaN stays NaN
    answers = np.stack(list(classes.values()))
    differ = (answers != answers[0]).any(0)
    best = np.sort(forms[reference], axis=1)
    # A single logit is compared with zero: moved by the tolerance it changes sides, as two logits do by twice it.
    margin = 2 * np.abs(best[:, 0]) if best.shape[1] == 1 else best[:, -1] - best[:, -2]
    return Equivalence(
        max_abs=max_abs,
        scale=float(np.abs(exact).max()),
        tolerance=tolerance,
        spread=float(np.ptp(exact, axis=0).max()),
        disagreements=int(differ.sum()),
        ties=int((differ & (margin <= 2 * tolerance)).sum()),
    )
