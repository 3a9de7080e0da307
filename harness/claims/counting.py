"""What claims say of layers that are counted: parameters and multiply-accumulates."""

from typing import Any

from harness.claims.claim import Check, Outcome, judge
from harness.claims.evidence import Evidence, NotMeasuredError
from harness.frameworks.layers import Layer


def params(of: tuple[Layer, ...]) -> int:
    """Learnable parameters, frozen or not."""
    return sum(layer.params for layer in of)


def macs(of: tuple[Layer, ...]) -> int:
    """Multiply-accumulates of one image. Raises NotMeasuredError where no rule counts a layer."""
    unknown = [layer.name for layer in of if layer.macs is None]
    if unknown:
        raise NotMeasuredError(f"no rule counts the multiply-accumulates of the layer {unknown[0]}")
    return sum(layer.macs or 0 for layer in of)


def dense_share(of: tuple[Layer, ...]) -> float:
    """The share of the parameters that dense layers hold."""
    return params(tuple(layer for layer in of if layer.kind == "Linear")) / params(of)


def as_stated(measured: float, stated: float) -> bool:
    """Whether a number is what was stated: a whole number exactly, a decimal to its last digit."""
    if isinstance(stated, int):
        return measured == stated
    return round(measured, len(repr(stated).partition(".")[2])) == stated


def costs(first: str, second: str, *, params: float, macs: float) -> Check:
    """That the first network has so many times the second's parameters and MACs; 1 means equal."""

    def check(evidence: Evidence) -> Outcome:
        first_totals, second_totals = _totals(evidence, first), _totals(evidence, second)
        ratios = {"parameters": first_totals[0] / second_totals[0], "MACs": first_totals[1] / second_totals[1]}
        texts = [
            f"{what} {mine:,} / {its:,} = {ratios[what]:.4g}"
            for what, mine, its in zip(ratios, first_totals, second_totals, strict=True)
        ]
        numbers: dict[str, Any] = {}
        for name, totals in ((first, first_totals), (second, second_totals)):
            numbers |= {f"{name} params": totals[0], f"{name} macs": totals[1]}
        return judge(
            f"{first} against {second}: {', '.join(texts)}",
            numbers,
            holds=as_stated(ratios["parameters"], params) and as_stated(ratios["MACs"], macs),
        )

    return check


def _totals(evidence: Evidence, name: str) -> tuple[int, int]:
    found = evidence.layers(name)
    return params(found), macs(found)
