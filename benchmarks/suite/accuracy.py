"""How often the exported files are wrong after the quick recipe: asv takes lower for better."""

from typing import Any

from . import outcomes, prepared


class Accuracy:
    """1 - accuracy on the test images of the sample that ships with the harness."""

    params = (prepared.TRAINED, prepared.FRAMEWORKS)
    param_names = ("network", "framework")
    version = "1"

    def setup_cache(self) -> dict[str, Any]:
        return dict(prepared.make(prepared.TRAINED, trained=True)["errors"])

    def track_error(self, errors: dict[Any, Any], network: str, framework: str) -> float:
        return float(outcomes.result(errors, network, framework))

    track_error.unit = "of the test images"  # type: ignore[attr-defined]
