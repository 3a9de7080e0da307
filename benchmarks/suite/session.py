"""How long a session takes to be created, in a fresh process each time; weights are random."""

from typing import Any

from . import outcomes, prepared, timed


class Session:
    """Seconds until a file is a session that can be called."""

    params = (prepared.TIMED, prepared.FRAMEWORKS, timed.PROVIDERS, timed.THREADS)
    param_names = ("network", "framework", "provider", "threads")
    version = "1"
    setup_cache = staticmethod(timed.networks)

    def setup(self, measured: dict[str, Any], network: str, framework: str, provider: str, threads: str) -> None:
        self.samples = outcomes.result(measured["session"], network, framework, provider, threads)

    def track_creation(self, *_: Any) -> dict[str, Any]:
        return outcomes.samples(self.samples)

    track_creation.unit = "seconds"  # type: ignore[attr-defined]
