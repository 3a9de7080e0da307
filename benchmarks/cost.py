"""What a network costs, counted on its exported file: deterministic, so that any change of it is one."""

from pathlib import Path

from harness import catalog, cost

from .exports import FRAMEWORKS, export

NETWORKS = list(catalog.DEFAULT)


class Cost:
    """Multiply-accumulates, weights, nodes and bytes of each exported file."""

    params = (NETWORKS, list(FRAMEWORKS))
    param_names = ("network", "framework")
    timeout = 600

    def setup_cache(self) -> dict[tuple[str, str], str]:
        return export(NETWORKS, Path())

    def track_macs(self, files: dict[tuple[str, str], str], network: str, framework: str) -> int:
        macs = cost.ledger(Path(files[network, framework])).macs
        assert macs is not None
        return macs

    track_macs.unit = "multiply-accumulates"  # type: ignore[attr-defined]

    def track_params(self, files: dict[tuple[str, str], str], network: str, framework: str) -> int:
        return cost.ledger(Path(files[network, framework])).params

    track_params.unit = "weights"  # type: ignore[attr-defined]

    def track_nodes(self, files: dict[tuple[str, str], str], network: str, framework: str) -> int:
        return len(cost.ledger(Path(files[network, framework])).nodes)

    track_nodes.unit = "nodes"  # type: ignore[attr-defined]

    def track_file_size(self, files: dict[tuple[str, str], str], network: str, framework: str) -> int:
        return Path(files[network, framework]).stat().st_size

    track_file_size.unit = "bytes"  # type: ignore[attr-defined]
