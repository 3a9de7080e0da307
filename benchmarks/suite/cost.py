"""What a network costs, counted on its exported files: deterministic, so that any change of it is one."""

from typing import Any

from . import outcomes, prepared


class Cost:
    """Multiply-accumulates, weights, nodes and bytes of each exported file."""

    params = (prepared.NETWORKS, prepared.FRAMEWORKS)
    param_names = ("network", "framework")
    version = "1"
    setup_cache = staticmethod(prepared.drawn)

    def track_macs(self, made: dict[str, Any], network: str, framework: str) -> int:
        return self._count(made, network, framework, "macs")

    def track_params(self, made: dict[str, Any], network: str, framework: str) -> int:
        return self._count(made, network, framework, "params")

    def track_nodes(self, made: dict[str, Any], network: str, framework: str) -> int:
        return self._count(made, network, framework, "nodes")

    def track_stored_bytes(self, made: dict[str, Any], network: str, framework: str) -> int:
        return self._count(made, network, framework, "stored_bytes")

    def track_file_size(self, made: dict[str, Any], network: str, framework: str) -> int:
        return self._count(made, network, framework, "file_bytes")

    track_macs.unit = "multiply-accumulates"  # type: ignore[attr-defined]
    track_params.unit = "weights"  # type: ignore[attr-defined]
    track_nodes.unit = "nodes"  # type: ignore[attr-defined]
    track_stored_bytes.unit = track_file_size.unit = "bytes"  # type: ignore[attr-defined]

    def _count(self, made: dict[str, Any], network: str, framework: str, name: str) -> int:
        count: int | None = outcomes.result(made["costs"], network, framework)[name]
        if count is None:
            raise outcomes.BenchmarkFailedError(f"{network} from {framework} has nodes that cannot be counted")
        return count
