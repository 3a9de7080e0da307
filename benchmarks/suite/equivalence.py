"""How far the four forms of a network are apart: Keras, PyTorch and the file from each, with random weights."""

from typing import Any

from . import outcomes, prepared


class Equivalence:
    """The largest difference of any two logits of the same image."""

    params = (prepared.NETWORKS,)
    param_names = ("network",)
    version = "1"
    setup_cache = staticmethod(prepared.drawn)

    def track_difference(self, made: dict[str, Any], network: str) -> float:
        """Beside the scale of the logits."""
        found = outcomes.result(made["proofs"], network)
        return float(found.max_abs / found.scale)

    def track_over_tolerance(self, made: dict[str, Any], network: str) -> float:
        """Beside the tolerance of the proof: above 1 the forms are not one network."""
        found = outcomes.result(made["proofs"], network)
        return float(found.max_abs / found.tolerance)

    track_difference.unit = "of the logits' scale"  # type: ignore[attr-defined]
    track_over_tolerance.unit = "of the tolerance"  # type: ignore[attr-defined]
