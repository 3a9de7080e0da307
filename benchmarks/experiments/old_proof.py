"""The twin proof as it was: its tolerance is ten times what float32 costs PyTorch alone."""

import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.pieces.form_outputs import FormOutputs

TOLERANCE_FACTOR = 10
BLIND = 0.01  # of the scale


def judge(forms: Mapping[str, FormOutputs]) -> str:
    """The verdict: "yes", "no" or "cannot tell"."""
    exact = _flat(forms["torch"].exact)
    logits = {name: _flat(form.logits) for name, form in forms.items()}
    compared = {name: array[: len(exact)] for name, array in logits.items()}
    tolerance = TOLERANCE_FACTOR * float(np.abs(compared["torch"] - exact).max())
    apart = float(np.max([np.abs(a - b).max() for a, b in itertools.combinations(compared.values(), 2)]))
    if not float(np.ptp(exact, axis=0).max()) > BLIND * float(np.abs(exact).max()):
        return "cannot tell"
    classes = np.stack([array.argmax(1) for array in logits.values()])
    differ = (classes != classes[0]).any(0)
    best = np.sort(logits["torch"], axis=1)
    ties = differ & (best[:, -1] - best[:, -2] <= 2 * tolerance)
    return "yes" if apart <= tolerance and differ.sum() == ties.sum() else "no"


def _flat(array: NDArray[Any]) -> NDArray[Any]:
    return array.reshape(len(array), -1)
