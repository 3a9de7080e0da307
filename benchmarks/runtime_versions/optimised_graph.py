"""What onnxruntime makes of committed files before it runs them: fewer nodes are fewer calls of kernels."""

from pathlib import Path

from . import committed


class OptimisedGraph:
    """The graph as it is run on this processor, with all of onnxruntime's optimisations."""

    params = (committed.NETWORKS, committed.FRAMEWORKS)
    param_names = ("network", "framework")
    version = "1"

    def track_nodes(self, network: str, framework: str) -> int:
        import onnx

        from harness.timing import profiles

        optimised = Path("optimised.onnx")
        profiles.save_graphs(committed.path(network, framework), optimised, Path("countable.onnx"))
        return len(onnx.load(optimised).graph.node)

    track_nodes.unit = "nodes"  # type: ignore[attr-defined]
