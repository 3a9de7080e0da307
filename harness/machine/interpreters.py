"""A Python that runs worker processes: this one, or that of another virtual environment."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import HarnessError
from harness.machine import installed

OLDEST = (3, 11)
PLACES = ("bin/python", "Scripts/python.exe")
START_LIMIT_S = 120.0


@dataclass(frozen=True, kw_only=True)
class Interpreter:
    """A Python and where it looks for modules first: ``path`` is its PYTHONPATH, None that of this process."""

    executable: str = sys.executable
    path: str | None = None

    def command(self, *arguments: str) -> tuple[str, ...]:
        """What starts it, without the working folder among the places that it imports from."""
        return (self.executable, "-P", *arguments)

    @property
    def environment(self) -> Mapping[str, str] | None:
        """The environment variables that it is started with; None: those of this process."""
        return None if self.path is None else {**os.environ, "PYTHONPATH": self.path}


HERE = Interpreter()


def executable(place: Path) -> str:
    """The Python of a virtual environment, or the one that is named itself. Raises :class:`HarnessError`.

    It is not resolved: in a virtual environment it is a link, and what it is called by decides what it imports.
    """
    for found in (place, *(place / inside for inside in PLACES)):
        if found.is_file():
            return str(found.absolute())
    raise HarnessError(f"{place} is no virtual environment: expected a folder with {PLACES[0]}, or a Python itself.")


def harness_linked(folder: Path) -> str:
    """A place for a PYTHONPATH that has this package and nothing that is installed beside it."""
    (folder / "harness").symlink_to(installed.ROOT, target_is_directory=True)
    return str(folder)


def facts(of: Interpreter) -> dict[str, Any]:
    """What the interpreter says of itself: ``python``, ``versions``, ``commit``, ``missing`` (what it cannot import).

    Raises :class:`HarnessError` where it is no Python, too old, or cannot import the harness.
    """
    version = tuple(map(int, _told(of, (of.executable, "-c", "import sys; print(*sys.version_info[:2])")).split()))
    if version < OLDEST:
        raise HarnessError(
            f"{of.executable} is Python {'.'.join(map(str, version))}: expected {'.'.join(map(str, OLDEST))} or later."
        )
    found: dict[str, Any] = json.loads(_told(of, of.command("-m", "harness.machine.facts")))
    return found


def _told(of: Interpreter, command: tuple[str, ...]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=START_LIMIT_S, env=of.environment)
    except (OSError, subprocess.SubprocessError) as error:
        raise HarnessError(f"{of.executable} cannot be run: {error}.") from error
    if done.returncode:
        said = (done.stderr.strip() or f"exit code {done.returncode}").splitlines()[-1]
        raise HarnessError(f"{of.executable} cannot run the harness: {said}")
    return done.stdout
