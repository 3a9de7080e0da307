"""What the result of a piece depends on beside its request: this package's code, and the installed versions."""

from functools import cache as remember
from pathlib import Path

from harness.machine import files, import_graph
from harness.machine.installed import ONNXRUNTIME, REQUIRED, ROOT, version
from harness.networks.families import FRAMEWORKS
from harness.pieces.piece import Kind

_EXPORTED = {framework: REQUIRED[framework] for framework in FRAMEWORKS}
_TRAINED = {
    framework: (*(name for name in names if name not in ("tf2onnx", "onnxscript", "onnx")), "numpy", "pillow")
    for framework, names in _EXPORTED.items()
}
_RUN = (ONNXRUNTIME, "onnx", "numpy")


def describe(kind: Kind, framework: str) -> dict[str, object]:
    """The facts for a digest: the content of the code that makes the piece, and the versions that it uses."""
    return {
        "versions": {name: version(name) for name in versions(kind, framework)},
        "code": {path.relative_to(ROOT).as_posix(): source(path) for path in code(kind, framework)},
    }


def versions(kind: Kind, framework: str) -> tuple[str, ...]:
    """The distributions that the result depends on; "one|other" is one or the other."""
    if framework not in FRAMEWORKS:
        return _RUN
    if kind != "export":
        return _TRAINED[framework]
    return tuple(dict.fromkeys((*_EXPORTED[framework], *_EXPORTED["torch"])))  # which exports Keras definitions, too


@remember
def code(kind: Kind, framework: str) -> tuple[Path, ...]:
    """The files that the maker of the piece is made of: its module and all that it imports, of one framework alone."""
    modules = [f"harness.pieces.makers.{kind}"]
    if framework in FRAMEWORKS:  # imported by computed names
        modules.append(f"harness.frameworks.{framework}_training")
    if kind == "export":
        modules.append(f"harness.pieces.export_{framework}")
    others = tuple(f"{other}_training" for other in FRAMEWORKS if other != framework)
    return import_graph.closure(tuple(modules), without=lambda module: module.endswith(others))


@remember
def source(path: Path) -> str:
    """What identifies the content of a file of code."""
    return files.sha256(path)
