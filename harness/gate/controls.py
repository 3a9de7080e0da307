"""The latencies of two runs compared by the controls of each: models that are the same in every run.

One control is bound by arithmetic, one by memory. A subject is compared with a mixture of both, since a machine may do
one kind of work slower at another time and the other not. How much of each it is like, its launches tell: with that
mixture they scatter least within the runs.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from harness.measurements import comparison
from harness.measurements.comparison import LogRatio, Rounds
from harness.measurements.subject_key import CONTROLS

ONE_CONTROL = 0.05  # what two runs differ by besides, if they have the arithmetic one alone (docs/regressions.md)

Ratios = NDArray[np.float64]  # logarithms (launches, controls): of a subject to each control


def ratios(subject: Rounds, controls: Mapping[str, Rounds], names: Sequence[str]) -> Ratios:
    """A subject to some of the controls, of each launch that all took part in."""
    by_control = [comparison.by_launch(subject, controls.get(name, {})) for name in names]
    common = sorted(set.intersection(*map(set, by_control)))
    return np.array([[found[launch] for found in by_control] for launch in common]).reshape(len(common), len(names))


def common(*runs: Mapping[str, Rounds]) -> tuple[str, ...]:
    """The controls that all the runs have."""
    return tuple(name for name in CONTROLS if all(name in run for run in runs))


def mixed(runs: Sequence[Ratios]) -> list[list[float]]:
    """The logarithms of a subject to a mixture of its controls, by run and launch; the mixture is one for all runs."""
    if runs[0].shape[1] == 1:
        return [of_run[:, 0].tolist() for of_run in runs]
    share = memory_share(runs)
    return [(of_run @ (1 - share, share)).tolist() for of_run in runs]


def memory_share(runs: Sequence[Ratios]) -> float:
    """How much of a subject is like the control that is bound by memory, from 0 to 1, by least squares."""
    centred = np.concatenate([of_run - np.median(of_run, axis=0) for of_run in runs])
    apart = centred[:, 0] - centred[:, 1]
    total = float(apart @ apart)
    return min(1.0, max(0.0, float(centred[:, 0] @ apart) / total)) if total else 0.0


def between_runs(names: Sequence[str], across_runs: float) -> float:
    """What two runs that have these controls in common differ by besides: more if they have one alone."""
    return across_runs if len(names) == len(CONTROLS) else max(across_runs, ONE_CONTROL)


def compared(ratios_of_each: Sequence[Sequence[float]], names: Sequence[str], across_runs: float) -> LogRatio:
    """HEAD / BASE by the ratios of both to the controls, with what two runs differ by that no launch shows."""
    head, base = map(comparison.estimate, ratios_of_each)
    return comparison.quotient(head, base, further=between_runs(names, across_runs))
