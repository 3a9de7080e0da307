"""Paths as a user writes them."""

from pathlib import Path

from harness.errors import HarnessError


def expand_user(path: Path | str) -> Path:
    """The path with ``~`` as a home folder. Raises :class:`HarnessError` for a user that there is not."""
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise HarnessError(f"{path}: there is no home folder of this user; expected a path without ~.") from error
