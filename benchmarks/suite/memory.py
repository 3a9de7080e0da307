"""What an exported file takes of memory, in a fresh process each time; weights are random."""

from typing import Any

from . import outcomes, prepared, timed


class Memory:
    """Bytes of the largest resident set of a fresh process, less that with a model that does nothing."""

    params = (prepared.TIMED, prepared.FRAMEWORKS, timed.PROVIDERS, timed.THREADS)
    param_names = ("network", "framework", "provider", "threads")
    version = "1"
    setup_cache = staticmethod(timed.networks)

    def setup(self, measured: dict[str, Any], network: str, framework: str, provider: str, threads: str) -> None:
        self.samples = outcomes.result(measured["memory"], network, framework, provider, threads)

    def track_peak(self, *_: Any) -> dict[str, Any]:
        return outcomes.samples(self.samples)

    track_peak.unit = "bytes"  # type: ignore[attr-defined]
