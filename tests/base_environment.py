"""A virtual environment that has the base dependencies of this package and nothing else, made without a network.

The distributions are those of the running interpreter: each of their files is found through links, so that nothing is
downloaded or copied. What the extras bring cannot be imported there. The standard library and the processor's own
libraries stay the interpreter's.
"""

import importlib.metadata
import subprocess
import sys
import venv
from collections.abc import Iterable, Iterator
from pathlib import Path

from packaging.requirements import Requirement


def make(folder: Path, requirements: Iterable[str]) -> Path:
    """Make the environment; give its Python."""
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / "bin" / "python"
    site = Path(
        subprocess.check_output(
            [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], text=True
        ).strip()
    )
    for distribution in _closure(requirements).values():
        for part in _parts(distribution):
            target = site / part
            target.parent.mkdir(parents=True, exist_ok=True)
            if not target.exists():
                target.symlink_to(Path(str(distribution.locate_file(str(part)))).resolve())
    return python


def install(python: Path, wheel: Path) -> None:
    """Install a wheel alone: pip asks no index, and takes no dependency that is not there."""
    command = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-index", "--no-compile"]
    subprocess.run([*command, "--disable-pip-version-check", str(wheel)], check=True, timeout=120)


def _closure(requirements: Iterable[str]) -> dict[str, importlib.metadata.Distribution]:
    """The distributions that the requirements need in turn, without extras, by name."""
    found: dict[str, importlib.metadata.Distribution] = {}
    todo = list(map(Requirement, requirements))
    while todo:
        needed = todo.pop()
        if needed.marker and not needed.marker.evaluate({"extra": ""}):
            continue
        name = needed.name.lower().replace("_", "-")
        if name not in found:
            found[name] = importlib.metadata.distribution(needed.name)
            todo += map(Requirement, found[name].requires or ())
    return found


def _parts(distribution: importlib.metadata.Distribution) -> Iterator[Path]:
    """What of site-packages is the distribution's own: packages and modules; of a namespace, what lies in it."""
    files = [Path(str(file)) for file in distribution.files or ()]
    packages = {file.parts[0] for file in files if len(file.parts) == 2 and file.name == "__init__.py"}
    for file in dict.fromkeys(files):
        top = file.parts[0]
        if top in ("..", "__pycache__") or file.is_absolute():
            continue
        whole = len(file.parts) == 1 or top in packages or top.endswith((".dist-info", ".libs"))
        yield Path(top) if whole else Path(*file.parts[:2])
