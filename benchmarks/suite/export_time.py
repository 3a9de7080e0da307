"""How long an export takes, within one process that has imported both frameworks."""

import os
import random
import time
from typing import Any

from . import outcomes, prepared

NETWORKS = ("lenet5_1x1", "cifar10_bn_elu")
EXPORTS = 5
Key = tuple[str, str]


class ExportTime:
    """Seconds from weights in memory to a checked .onnx file; the networks and frameworks take turns."""

    params = (NETWORKS, prepared.FRAMEWORKS)
    param_names = ("network", "framework")
    version = "1"

    def setup_cache(self) -> dict[Key, Any]:
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow tells of every session that it starts
        keys = [(network, framework) for network in NETWORKS for framework in prepared.FRAMEWORKS]
        weights = outcomes.of([(network,) for network in NETWORKS], _draw)
        seconds: dict[Key, list[float]] = {key: [] for key in keys}
        failed: dict[Key, Any] = {}
        for number in range(1 + EXPORTS):
            chosen = random.sample(keys, len(keys))
            found = outcomes.of(chosen, lambda network, framework: _export_s(weights, network, framework))
            for key, value in found.items():
                if isinstance(value, outcomes.Failed):
                    failed[key] = value
                elif number > 0:  # the first of each imports what it needs
                    seconds[key].append(value)
        return {**seconds, **failed}

    def track_export(self, seconds: dict[Key, Any], network: str, framework: str) -> dict[str, Any]:
        return outcomes.samples(outcomes.result(seconds, network, framework))

    track_export.unit = "seconds"  # type: ignore[attr-defined]


def _draw(network: str) -> Any:
    import harness

    return harness.draw_weights(network)


def _export_s(weights: outcomes.Outcomes, network: str, framework: str) -> float:
    import harness

    drawn = outcomes.result(weights, network)
    start = time.perf_counter()
    harness.export_network(network, framework, drawn, f"{network}.{framework}.onnx")
    return time.perf_counter() - start
