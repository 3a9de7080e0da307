"""Whether the files of both sides of a comparison compute the same: their outputs on the same inputs."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.cost import onnx_file
from harness.diff import alignment, feeding, parting
from harness.errors import HarnessError
from harness.machine import temporary
from harness.machine.arrays import read_arrays
from harness.machine.process import WorkerFailedError
from harness.runs.model_files import ModelFile
from harness.runs.sides import File, Missing, Side
from harness.timing import latency

SHARE = "of the largest value"


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """How far outputs of two files are apart, as a share of the largest value; None, with the reason, if unknown."""

    apart: float | None
    agree: bool = False
    reason: str = ""

    @property
    def told(self) -> str:
        """In words."""
        if self.apart is None:
            return f"whether the outputs agree is not known: {self.reason}"
        amount = f"{self.apart:.2g} {SHARE}"
        return f"the outputs agree ({amount})" if self.agree else f"THE OUTPUTS DIFFER by {amount}"


def compare_outputs(both: tuple[Side, Side], pair: tuple[File, File], tolerance: float) -> Agreement:
    """Run both files of a pair once, each by its side's interpreter and options, on what A is fed."""
    a, b = pair
    for file in pair:
        if isinstance(file, Missing):
            return Agreement(apart=None, reason=file.reason)
    assert isinstance(a, ModelFile)
    assert isinstance(b, ModelFile)
    try:
        arrays = read_arrays(a.arrays) if a.arrays else {}
        given = {name: array for name, array in arrays.items() if name in a.fed}
        fed = feeding.feed_both(onnx_file.read(a.path), onnx_file.read(b.path), given, a.shapes)
        of_a, of_b = (_outputs(side, file, feeds) for side, file, feeds in zip(both, (a, b), fed, strict=True))
    except (HarnessError, WorkerFailedError) as error:
        return Agreement(apart=None, reason=str(error).removesuffix("."))
    return _agreement(of_a, of_b, tolerance)


def summary(found: Sequence[Agreement], names: Sequence[str]) -> str:
    """In one line, whether the outputs agree, of all pairs together; those that differ are named."""
    if len(found) == 1:
        return found[0].told
    known = [one.apart for one in found if one.apart is not None]
    differing = [
        f"{name} by {one.apart:.2g}" for name, one in zip(names, found, strict=True) if one.apart and not one.agree
    ]
    if differing:
        return f"THE OUTPUTS DIFFER, {SHARE}: {', '.join(differing)}"
    at_most = f" ({max(known):.2g} {SHARE} at most)" if known else ""
    return f"the outputs of {sum(one.agree for one in found)} of {len(found)} pairs agree{at_most}"


def _outputs(side: Side, file: ModelFile, feeds: feeding.Arrays) -> dict[str, NDArray[Any]]:
    subject = side.subject(file, side.ways(file)[0])
    with temporary.folder() as folder, latency.opened(subject) as worker:
        fed, found = folder / "fed.npz", folder / "found.npz"
        np.savez(fed, **feeds)  # type: ignore[arg-type]
        worker.ask(do="every_output", arrays=str(fed), to=str(found))
        return read_arrays(Path(found))


def _agreement(a: dict[str, NDArray[Any]], b: dict[str, NDArray[Any]], tolerance: float) -> Agreement:
    names = list(a), list(b)
    pairs = [(names[0][one], names[1][other]) for one, other in alignment.pair_names(*names).items()]
    if len(pairs) < max(map(len, names)):
        return Agreement(apart=None, reason=f"A has {len(a)} outputs of numbers, B {len(b)}")
    apart = 0.0
    for one, other in pairs:
        distance = parting.compare_values(a[one], b[other])
        if distance is None:
            reason = f"{one} is {list(a[one].shape)} in A and {list(b[other].shape)} in B"
            return Agreement(apart=None, reason=reason)
        apart = max(apart, distance.relative)
    return Agreement(apart=apart, agree=apart <= tolerance)
