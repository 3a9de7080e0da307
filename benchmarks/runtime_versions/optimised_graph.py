"""What onnxruntime makes of committed files before it runs them: fewer nodes are fewer calls of kernels."""

from . import committed


class OptimisedGraph:
    """The graph as it is run on this processor, with all of onnxruntime's optimisations."""

    params = (committed.NETWORKS, committed.FRAMEWORKS)
    param_names = ("network", "framework")
    version = "1"

    def track_nodes(self, network: str, framework: str) -> int:
        import harness

        return sum(harness.count_optimised_operators(committed.path(network, framework)).values())

    track_nodes.unit = "nodes"  # type: ignore[attr-defined]
