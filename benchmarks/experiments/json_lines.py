"""The file that an experiment keeps: a line of JSON each, written before the next begins."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.errors import HarnessError


def begin(path: Path, first: Mapping[str, Any]) -> None:
    """Begin a file with that line, or cut off what was being written when it was stopped."""
    if path.exists():
        whole = path.read_bytes()
        path.write_bytes(whole[: whole.rfind(b"\n") + 1])
    if not path.exists() or not path.stat().st_size:
        path.parent.mkdir(parents=True, exist_ok=True)
        append(path, first)


def append(path: Path, line: Mapping[str, Any]) -> None:
    """Write one line down."""
    text = json.dumps(line, default=list)
    with path.open("a") as file:
        file.write(f"{text}\n")


def read(path: Path) -> list[dict[str, Any]]:
    """The lines; a last one that is not whole is left out. Raises :class:`HarnessError` if there is no such file."""
    try:
        text = path.read_text()
        return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]
    except (OSError, ValueError) as error:
        raise HarnessError(f"{path} cannot be read as the record of an experiment: {error}") from error
