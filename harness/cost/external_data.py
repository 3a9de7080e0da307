"""Tensors whose values lie beside the model in a file of their own: where they are, and whether they are whole."""

import os
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from harness.errors import HarnessError


@dataclass(frozen=True, kw_only=True)
class TensorPlace:
    """Where a tensor's bytes are: ``length`` of them at ``offset`` of a file."""

    file: Path
    offset: int
    length: int

    def read(self) -> bytes:
        try:
            with self.file.open("rb") as file:
                file.seek(self.offset)
                content = file.read(self.length)
        except OSError as error:
            raise HarnessError(f"{self.file}: cannot be read: {error.strerror}") from error
        if len(content) != self.length:
            raise HarnessError(f"{self.file}: was cut while it was read; try again")
        return content


def locate(tensor: Any, length: int, model: Path, sizes: dict[Path, int]) -> TensorPlace:
    """Where the ``length`` bytes of an external TensorProto are; nothing but the file's size is read.

    ``sizes`` remembers the sizes of files between calls. Raises HarnessError where the file leaves
    the model's folder (a link that does so too), is missing or is too short.
    """
    entries = {entry.key: entry.value for entry in tensor.external_data}
    what = f"{model}: tensor {tensor.name!r}"
    location = str(entries.get("location", ""))
    _check_location(location, what)
    try:
        offset, stated = (int(entries.get(key) or default) for key, default in (("offset", 0), ("length", length)))
    except ValueError as error:
        raise HarnessError(f"{what}: the place of its data in {location} is no number; export it again") from error
    file = model.parent / location
    if file not in sizes:
        sizes[file] = _size(file, model, what)
    held = min(stated, sizes[file] - offset)
    if offset < 0 or held < length:
        raise HarnessError(
            f"{what} has {length:,} bytes of external data at {offset:,} of {location}, which holds {max(held, 0):,} "
            "of them; was its copying cut off?"
        )
    return TensorPlace(file=file, offset=offset, length=length)


def _check_location(location: str, what: str) -> None:
    parts = PurePosixPath(location.replace("\\", "/")).parts
    absolute = PurePosixPath(location).is_absolute() or PureWindowsPath(location).anchor
    if not location or absolute or ".." in parts:
        raise HarnessError(f"{what} names external data at {location!r}; expected a file inside the model's own folder")


def _size(file: Path, model: Path, what: str) -> int:
    """The size of a data file; a link may lead to the folder that the model itself is a link into."""
    try:
        real = Path(os.path.realpath(file, strict=True))
        folders = {model.parent.resolve(), model.resolve().parent}
        size = real.stat().st_size
    except FileNotFoundError as error:
        raise HarnessError(f"{what} has its data in {file}, which is missing: copy it beside the model") from error
    except (OSError, ValueError) as error:  # a loop of links, a name that is too long or holds a zero byte
        raise HarnessError(f"{what} has its data in {str(file)!r}, which cannot be read: {error}") from error
    if not any(real.is_relative_to(folder) for folder in folders):
        raise HarnessError(
            f"{what} has its data in {file}, a link to {real}; expected a file inside the model's own folder"
        )
    if not real.is_file():
        raise HarnessError(f"{what} has its data in {file}, which is no regular file")
    return size
