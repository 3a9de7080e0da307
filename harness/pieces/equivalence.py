"""The twin proof: Keras, PyTorch and the two exported files compute the same function.

Two questions are kept apart. Whether both definitions are one function is asked in float64, where rounding hides
nothing: closer than :data:`SAME` of the scale, they are. Whether float32 and the exporters keep that function is asked
of all four forms in float32. Their tolerance is :data:`TOLERANCE_FACTOR` times what float32 costs this network: the
largest error of a framework's float32 against its own float64, which no difference of the definitions can widen.
Beyond :data:`BOUND` of the spread across images nothing is told: such a tolerance would hide a difference.
"""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.frameworks import endings
from harness.measurements.types import Equivalence
from harness.networks.architecture import Output
from harness.pieces.explaining import Explanation
from harness.pieces.form_outputs import FormOutputs

TOLERANCE_FACTOR = 10
FLOOR = 3e-6  # of the scale: what float32 costs at least, a few roundings
SAME = 2e-6  # of the scale: TensorFlow keeps some constants, and resizes, in float32 even where all else is float64
BOUND = 1e-3  # of the spread

NAMES = {"keras": "Keras", "torch": "PyTorch"}
FILES = ("onnx from keras", "onnx from torch")


def prove(
    forms: Mapping[str, FormOutputs], output: Output = "softmax", explanation: Explanation | None = None
) -> Equivalence:
    """The verdict on the forms of one network: "keras", "torch", "onnx from keras", "onnx from torch".

    A difference is looked into by the ``explanation``, if there is one. If files differ, they are asked once more
    without onnxruntime's optimisations: the forms of a network may be equal and the optimiser not. Raises
    :class:`HarnessError` if the outputs are not of one shape.
    """
    endings.check_orders({_named(name): (form.logits.shape[1], form.logits.shape[2]) for name, form in forms.items()})
    proof = _Proof(forms=forms, output=output, explanation=explanation)
    found = proof.judge()
    if not found.difference or explanation is None or not explanation.files or not proof.frameworks_agree:
        return found
    return _proved_again(found, replace(proof, forms={**forms, **explanation.unoptimised()}), forms)


def _proved_again(found: Equivalence, plain: "_Proof", forms: Mapping[str, FormOutputs]) -> Equivalence:
    """The verdict if only the optimiser is against it; else the one that was found."""
    again = plain.judge()
    if not again.equivalent:
        return found
    far = [name for name in FILES if name in forms and not plain.close(forms[name].logits, plain.forms[name].logits)]
    return replace(
        again,
        optimiser=f"the forms are equal without onnxruntime's optimisations, and with them not: {found.difference}",
        changed=tuple(name.removeprefix("onnx from ") for name in far),
    )


@dataclass(frozen=True, kw_only=True)
class _Proof:
    forms: Mapping[str, FormOutputs]
    output: Output
    explanation: Explanation | None

    @cached_property
    def exact(self) -> dict[str, NDArray[Any]]:
        """The float64 form of each framework that has one, PyTorch's first: it is the reference."""
        known = {name: form.exact for name, form in self.forms.items() if len(form.exact)}
        return {name: known[name] for name in sorted(known, reverse=True)}

    @cached_property
    def reference(self) -> NDArray[Any]:
        if self.exact:
            return next(iter(self.exact.values()))
        return next(iter(self.forms.values())).logits.astype(np.float64)

    @cached_property
    def scale(self) -> float:
        return _largest(self.reference)

    @cached_property
    def spread(self) -> float:
        with np.errstate(invalid="ignore"):
            return float(np.ptp(self.reference, axis=0).max())

    @cached_property
    def costs(self) -> list[float]:
        """What float32 costs each framework."""
        return [_distance(self.forms[name].logits, exact) for name, exact in self.exact.items()]

    @property
    def wide(self) -> float:
        """The tolerance that float32 would need, whatever it hides."""
        return TOLERANCE_FACTOR * max(*self.costs, FLOOR * self.scale, 0.0)

    @property
    def tolerance(self) -> float:
        return min(self.wide, BOUND * self.spread)

    @cached_property
    def apart(self) -> float:
        """The largest difference of any two forms in float32, on the images that the float64 forms were run on."""
        count = len(self.reference)
        pairs = itertools.combinations([form.logits[:count] for form in self.forms.values()], 2)
        return float(np.max([_distance(one, other) for one, other in pairs]))  # NaN stays NaN

    @property
    def frameworks_agree(self) -> bool:
        """Whether what differs can be the files alone."""
        own = [form.logits for name, form in self.forms.items() if name in NAMES]
        return all(self.close(own[0], other) for other in own[1:])

    def close(self, one: NDArray[Any], other: NDArray[Any]) -> bool:
        """Whether two forms are as close as float32 allows."""
        return _distance(one, other) <= self.wide

    def judge(self) -> Equivalence:
        differ, tied = self.disagreements()
        doubt = difference = ""
        for doubtful, reason in self._judgements(int((differ & ~tied).sum())):
            if doubtful:
                doubt = reason
            else:
                difference = reason
            break
        return Equivalence(
            max_abs=self.apart,
            scale=self.scale,
            tolerance=self.tolerance,
            spread=self.spread,
            disagreements=int(differ.sum()),
            ties=int((differ & tied).sum()),
            doubt=doubt,
            difference=difference,
            notes=(*self._inexact(), *(() if doubt or difference else self._outside())),
        )

    def _judgements(self, disagreements: int) -> Iterator[tuple[bool, str]]:
        """What speaks against equivalence, the first first: whether it is but a doubt, and what it is."""
        yield from self._not_finite()
        yield from ((True, reason) for reason in self._unsteady())
        if len(self.exact) == 2:
            one, other = self.exact.values()
            apart, same = _distance(one, other), max(SAME * self.scale, min(self.costs))
            if not apart <= same:
                told = f"in float64 Keras and PyTorch are {self._told(apart)} apart, where {same:.2g} is rounding"
                yield False, _joined(told, self.explanation.of_definitions() if self.explanation else "")
        elif not self.exact:
            yield True, "no framework can run the network in float64, so what float32 costs it is not known"
        yield from self._blind()
        if not self.apart <= self.wide:
            yield False, self._culprit()
        if not self.apart <= self.tolerance:
            yield (
                True,
                (
                    f"the forms are {self._told(self.apart)} apart, and float32 may cost that much: "
                    f"the outputs differ by only {self.spread:.2g} across images"
                ),
            )
        if disagreements:
            yield False, f"the forms disagree on the class of {disagreements} images that are no ties"

    def _not_finite(self) -> Iterator[tuple[bool, str]]:
        lost = {name: ~np.isfinite(form.logits).all(axis=(1, 2)) for name, form in self.forms.items()}
        lost |= {f"{name} in float64": ~np.isfinite(exact).all(axis=(1, 2)) for name, exact in self.exact.items()}
        if not any(mask.any() for mask in lost.values()):
            return
        said = "; ".join(
            f"{int(mask.sum())} of {len(mask)} images in {_named(name)}" for name, mask in lost.items() if mask.any()
        )
        single = [mask for name, mask in lost.items() if name in self.forms]
        alike = all((mask == single[0]).all() for mask in single)
        yield alike, f"outputs are no finite numbers (NaN or infinite): {said}"

    def _unsteady(self) -> Iterator[str]:
        for name, form in self.forms.items():
            count = len(form.several)
            again, several = _distance(form.again, form.several), _distance(form.several, form.logits)
            alone = _distance(form.alone, form.logits)
            who = f"{_named(name)} differs from itself"
            if not again <= min(self.tolerance, TOLERANCE_FACTOR * FLOOR * self.scale):
                yield f"{who} by {self._told(again)} when it is run twice: a dropout or a noise is left on"
            elif not max(several, alone) <= max(self.tolerance, TOLERANCE_FACTOR * FLOOR * self.scale):
                size, apart = (count, several) if several > alone else (1, alone)
                yield f"{who} by {self._told(apart)} in a batch of {size}: its outputs depend on the other images"

    def _blind(self) -> Iterator[tuple[bool, str]]:
        error = max(self.costs, default=0.0)
        if not max(error, FLOOR * self.scale) <= BOUND * self.spread:
            yield (
                True,
                (
                    f"the outputs differ by only {self.spread:.2g} across images, and float32 costs "
                    f"{max(error, FLOOR * self.scale):.2g}"
                ),
            )

    def _culprit(self) -> str:
        """Which form is furthest from the float64 form of its framework."""
        exacts = {name: self.exact.get(name.removeprefix("onnx from "), self.reference) for name in self.forms}
        errors = {name: _distance(form.logits, exacts[name]) for name, form in self.forms.items()}
        worst = max(errors, key=lambda name: errors[name])
        return f"{_named(worst)} is {self._told(errors[worst])} from what its definition gives in float64"

    def _told(self, apart: float) -> str:
        return f"{apart:.2g} ({apart / self.scale:.1g} of the largest output)" if self.scale else f"{apart:.2g}"

    def _inexact(self) -> Iterator[str]:
        yield from (form.inexact for form in self.forms.values() if form.inexact)

    def _outside(self) -> Iterator[str]:
        """How the forms differ outside the domain, which does not decide."""
        pairs = itertools.combinations([form.outside for form in self.forms.values()], 2)
        apart = float(np.max([_distance(one, other) for one, other in pairs]))
        scale = max(_largest(form.outside) for form in self.forms.values())
        if self.scale and not apart <= self.wide * max(1.0, scale / self.scale):
            yield f"on an image outside the domain the forms are {apart:.2g} apart, of outputs up to {scale:.2g}"

    def disagreements(self) -> "tuple[NDArray[np.bool_], NDArray[np.bool_]]":
        """On which images forms differ in a class, and on which of them every such class is a tie.

        Of a softmax the two best logits may be within twice the tolerance, of a sigmoid zero may be within it.
        """
        logits = [form.logits for form in self.forms.values()]
        if self.output == "none":
            none = np.zeros(len(logits[0]), bool)
            return none, none
        best = np.sort(logits[0], axis=-1)
        if self.output == "softmax" and best.shape[-1] > 1:
            classes, margin = [each.argmax(-1) for each in logits], best[..., -1] - best[..., -2]
        else:
            classes, margin = [each > 0 for each in logits], 2 * np.abs(logits[0])
        apart = np.any([each != classes[0] for each in classes], axis=0)
        beyond = apart & ~(margin <= 2 * self.tolerance)
        axes = tuple(range(1, apart.ndim))
        return apart.any(axes), ~beyond.any(axes)


def _joined(told: str, explained: str) -> str:
    return f"{told}; {explained}" if explained else told


def _named(form: str) -> str:
    own, _, precision = form.partition(" in ")
    name = NAMES.get(own, own.replace("onnx from", "the file from"))
    return f"{name} in {precision}" if precision else name


def _largest(values: NDArray[Any]) -> float:
    return float(np.abs(values).max(initial=0.0))


def _distance(one: NDArray[Any], other: NDArray[Any]) -> float:
    """The largest difference on the images that both have; NaN if that is no number."""
    count = min(len(one), len(other))
    with np.errstate(invalid="ignore"):  # of infinite values
        return _largest(one[:count] - other[:count])
