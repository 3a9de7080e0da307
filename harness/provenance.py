"""What the result of a piece depends on beside its request: this package's code, and the installed versions."""

from functools import cache as remember
from pathlib import Path
from typing import Literal

from harness import environment, files
from harness.errors import HarnessError

# "import": made by `harness weights import`
Kind = Literal["draw", "train", "import", "export", "prove", "convert", "compare"]

TRAINING = ("images.py", "recipes.py", "weights.py", "training.py", "accuracy.py", "untrained.py", "pieces.py")
EVALUATION = ("images.py", "imagenet.py", "evaluation.py", "pieces.py", "artifacts.py")
CONVERSION = ("images.py", "imagenet.py", "artifacts.py", "conversion.py", "calibration.py")
# What each piece's result depends on: the files of this package, and the distributions by version.
CODE: dict[tuple[Kind, str], tuple[str, ...]] = {
    ("draw", "torch"): ("images.py", "weights.py", "untrained.py", "train_torch.py"),
    ("draw", "keras"): ("images.py", "weights.py", "untrained.py", "train_keras.py"),
    ("train", "torch"): (*TRAINING, "train_torch.py"),
    ("train", "keras"): (*TRAINING, "train_keras.py"),
    ("export", "torch"): (*EVALUATION, "weights.py", "train_torch.py", "export_torch.py"),
    ("export", "keras"): (*EVALUATION, "weights.py", "train_keras.py", "export_keras.py"),
    ("prove", "onnxruntime"): (*EVALUATION, "equivalence.py", "accuracy.py", "runtime.py", "providers.py"),
    ("convert", "onnxruntime"): (*CONVERSION, "half_precision.py", "quantization.py"),
    ("compare", "onnxruntime"): (
        *EVALUATION,
        "conversion.py",
        "profile_events.py",
        "equivalence.py",
        "accuracy.py",
        "runtime.py",
        "providers.py",
    ),
}
# One distribution or the other.
TENSORFLOW = "tensorflow|tensorflow-cpu"
ONNXRUNTIME = "onnxruntime|onnxruntime-gpu|onnxruntime-openvino|onnxruntime-directml"
VERSIONS: dict[tuple[Kind, str], tuple[str, ...]] = {
    ("draw", "torch"): ("torch", "numpy", "pillow"),
    ("draw", "keras"): ("keras", TENSORFLOW, "numpy", "pillow"),
    ("train", "torch"): ("torch", "numpy", "pillow"),
    ("train", "keras"): ("keras", TENSORFLOW, "numpy", "pillow"),
    ("export", "torch"): ("torch", "onnxscript", "onnx"),
    ("export", "keras"): ("keras", TENSORFLOW, "tf2onnx", "onnx"),
    ("prove", "onnxruntime"): (ONNXRUNTIME, "onnx", "numpy"),
    ("convert", "onnxruntime"): (ONNXRUNTIME, "onnx", "numpy"),
    ("compare", "onnxruntime"): (ONNXRUNTIME, "onnx", "numpy"),
}
REQUIRED = {  # by extra: what must be installed before work is begun
    "torch": VERSIONS["export", "torch"],
    "keras": VERSIONS["export", "keras"],
    "onnxruntime": (ONNXRUNTIME,),
}


def of(kind: Kind, framework: str) -> dict[str, object]:
    """The facts for a digest: the content of the code that makes the piece, and the versions that it uses."""
    return {
        "versions": {name: version(name) for name in VERSIONS[kind, framework]},
        "code": [source(Path(__file__).parent / name) for name in CODE[kind, framework]],
    }


@remember
def source(path: Path) -> str:
    """What identifies the content of a file of code."""
    return files.sha256(path)


def version(distribution: str) -> str | None:
    """The installed version; of "one|other", that of the one that is installed, with its name."""
    alternatives = distribution.split("|")
    for name in alternatives:
        if version := environment.version(name):
            return version if len(alternatives) == 1 else f"{name} {version}"
    return None


def onnxruntimes() -> list[str]:
    """The distributions of onnxruntime that are installed: they write the same files, and more than one is a fault."""
    return [name for name in ONNXRUNTIME.split("|") if version(name)]


def check_installed(frameworks: tuple[str, ...]) -> None:
    """Raise :class:`HarnessError` where a framework is not installed, before any work is begun."""
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
