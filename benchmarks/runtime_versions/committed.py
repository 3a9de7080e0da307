"""The files of `benchmarks/files`, exported and trained once: the same bytes for every version and commit."""

from pathlib import Path

NETWORKS = ("convnet_gmp", "lenet5_1998", "mlp_fmnist_relu_1")
FRAMEWORKS = ("keras", "torch")
FOLDER = Path(__file__).resolve().parents[1] / "files"


def path(network: str, framework: str) -> Path:
    """Where the file is."""
    return FOLDER / f"{network}.{framework}.onnx"
