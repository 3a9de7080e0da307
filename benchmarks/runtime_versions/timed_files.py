"""How long committed files take, and how much memory, measured by the harness in turns."""

from typing import Any

from suite import outcomes, timed

from . import committed


class TimedFiles:
    """Latency, creation of the session and memory, as the other suite tells them of files that it exports."""

    params = (committed.NETWORKS, committed.FRAMEWORKS, timed.PROVIDERS, timed.THREADS)
    param_names = ("network", "framework", "provider", "threads")
    version = "1"

    def setup_cache(self) -> dict[str, Any]:
        keys = [(network, framework) for network in committed.NETWORKS for framework in committed.FRAMEWORKS]
        return timed.files({key: str(committed.path(*key)) for key in keys})

    def setup(self, measured: dict[str, Any], *key: str) -> None:
        self.found = {figure: outcomes.result(of, *key) for figure, of in measured.items()}

    def track_latency(self, *_: Any) -> dict[str, Any]:
        return outcomes.samples(self.found["latency"])

    def track_session_creation(self, *_: Any) -> dict[str, Any]:
        return outcomes.samples(self.found["session"])

    def track_peak_memory(self, *_: Any) -> dict[str, Any]:
        return outcomes.samples(self.found["memory"])

    track_latency.unit = track_session_creation.unit = "seconds"  # type: ignore[attr-defined]
    track_peak_memory.unit = "bytes"  # type: ignore[attr-defined]
