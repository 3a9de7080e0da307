"""The environment that a commit is exported and run in: this one, or one of its own, kept in the cache.

Of its own where the commit asks for other distributions or versions than this checkout: what pyproject.toml and
constraints.txt say of them is compared, and nothing else of these files.
"""

import os
import platform
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

from harness.errors import HarnessError
from harness.machine import cache, installed, interpreters

PYPROJECT, CONSTRAINTS = "pyproject.toml", "constraints.txt"
KIND = "environments"  # in the cache
INSTALLED = "installed"  # a file that is there once all is


def python(checkout: Path, here: Path, say: Callable[[str], None]) -> str:
    """The Python that a checkout is run by; ``here`` is the checkout of this process.

    Raises :class:`HarnessError` where its environment cannot be made.
    """
    if requirements(checkout) == requirements(here):
        return sys.executable
    place = cache.root() / KIND / cache.digest({"of": requirements(checkout), "python": platform.python_version()})
    if not (place / INSTALLED).is_file():
        say(f"making the environment of {checkout.name} in {place}: this may take minutes, and is done once")
        _make(place, checkout)
    return interpreters.executable(place)


def requirements(checkout: Path) -> dict[str, object]:
    """What a checkout asks to be installed: its own requirements, by extra, and the versions that it allows.

    Raises :class:`HarnessError` where it does not say.
    """
    extras = _extras()
    try:
        project = tomllib.loads((checkout / PYPROJECT).read_text())["project"]
        optional = project.get("optional-dependencies", {})
        constraints = checkout / CONSTRAINTS
        lines = constraints.read_text().splitlines() if constraints.is_file() else []
        return {
            "python": project.get("requires-python"),
            "needs": sorted(project.get("dependencies", [])),
            "extras": {name: sorted(optional[name]) for name in extras if name in optional},
            "constraints": sorted(line for line in lines if line.strip() and not line.startswith("#")),
        }
    except (OSError, tomllib.TOMLDecodeError, KeyError) as error:
        raise HarnessError(f"{checkout / PYPROJECT} does not say what to install: {error}.") from error


def _extras() -> tuple[str, ...]:
    """What is installed of a commit: onnxruntime as it is here, and both frameworks."""
    return ("gpu" if installed.version("onnxruntime-gpu") else "cpu", "keras", "torch")


def _make(place: Path, checkout: Path) -> None:
    """A virtual environment with what the checkout asks for, there whole or not at all."""
    partial = place.with_name(f"{place.name}.{os.getpid()}{cache.PARTIAL}")
    extras = ",".join(_extras())
    constraints = ("--constraint", str(checkout / CONSTRAINTS)) if (checkout / CONSTRAINTS).is_file() else ()
    try:
        partial.parent.mkdir(parents=True, exist_ok=True)
        _run([sys.executable, "-m", "venv", str(partial)])
        install = (interpreters.executable(partial), "-m", "pip", "install", "--quiet", *constraints)
        _run([*install, f"{checkout}[{extras}]"])
        (partial / INSTALLED).touch()
        shutil.rmtree(place, ignore_errors=True)
        partial.rename(place)  # its Python finds its own place by where it lies
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        said = (done.stderr.strip() or f"exit code {done.returncode}").splitlines()[-1]
        raise HarnessError(f"the environment of a commit cannot be made: {' '.join(command[1:4])}: {said}")
