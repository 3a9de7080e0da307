"""What is installed: this package, and the distributions that it works with."""

import importlib.metadata
from pathlib import Path

from harness.errors import HarnessError

ROOT = Path(__file__).resolve().parents[1]  # the folder of this package
OWN = "onnx-harness"

# "one|other": one distribution or the other, which give the same modules.
TENSORFLOW = "tensorflow|tensorflow-cpu"
ONNXRUNTIME = "onnxruntime|onnxruntime-gpu|onnxruntime-openvino|onnxruntime-directml"
# By extra: what must be installed before work is begun.
REQUIRED = {
    "torch": ("torch", "onnxscript", "onnx"),
    "keras": ("keras", TENSORFLOW, "tf2onnx", "onnx"),
    "onnxruntime": (ONNXRUNTIME,),
}
# Whose versions a run records.
RECORDED = tuple(
    sorted({OWN, "numpy", *(name for each in REQUIRED.values() for kind in each for name in kind.split("|"))})
)


def version(distribution: str) -> str | None:
    """The installed version, else None; of "one|other", that of the one that is installed, with its name."""
    alternatives = distribution.split("|")
    for name in alternatives:
        try:
            known = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
        return known if len(alternatives) == 1 else f"{name} {known}"
    return None


def onnxruntimes() -> list[str]:
    """The distributions of onnxruntime that are installed: they write the same files, and more than one is a fault."""
    return [name for name in ONNXRUNTIME.split("|") if version(name)]


def check_installed(frameworks: tuple[str, ...]) -> None:
    """Raise :class:`HarnessError` if a framework is not installed, before any work is begun."""
    for framework in frameworks:
        missing = [name for name in REQUIRED[framework] if version(name) is None]
        if missing:
            extra = "cpu" if framework == "onnxruntime" else framework
            raise HarnessError(
                f"{missing[0].replace('|', ' or ')} is not installed: pip install 'onnx-harness[{extra}]' in this "
                "environment."
            )
    several = onnxruntimes() if "onnxruntime" in frameworks else []
    if len(several) > 1:
        raise HarnessError(
            f"{' and '.join(several)} are installed together and overwrite each other's files: uninstall them, then "
            "install 'onnx-harness[cpu]' or 'onnx-harness[gpu]'."
        )
