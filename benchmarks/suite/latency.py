"""How long a call of an exported file takes: the harness measures, asv keeps the samples and their statistics."""

from typing import Any

from . import outcomes, prepared, timed


class Latency:
    """Seconds of one call, batch 1."""

    params = (prepared.TIMED, prepared.FRAMEWORKS, timed.PROVIDERS, timed.THREADS)
    param_names = ("network", "framework", "provider", "threads")
    version = "1"
    setup_cache = staticmethod(timed.networks)

    def setup(self, measured: dict[str, Any], network: str, framework: str, provider: str, threads: str) -> None:
        self.samples = outcomes.result(measured["latency"], network, framework, provider, threads)

    def track_latency(self, *_: Any) -> dict[str, Any]:
        return outcomes.samples(self.samples)

    track_latency.unit = "seconds"  # type: ignore[attr-defined]
