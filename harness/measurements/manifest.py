"""The digests of a finished run's files, so that one that was edited, mixed or damaged later is named.

``manifest.json`` is written when all is measured, and taken away when the run goes on. What is drawn from a run is
added once it is there, and left out while it is drawn anew: a process that is killed meanwhile leaves a whole run.
A run without a manifest was stopped before its end, or is of version 0.1.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from harness.errors import RunFileError
from harness.machine import files
from harness.measurements import run_folder

FILE = "manifest.json"
VERSION = 1
# What is read of a run: a file of these that the manifest does not name is not of the run.
READ = (
    *(run_folder.ROWS, run_folder.ENVIRONMENT, run_folder.SETTINGS, run_folder.OLDER_SETTINGS, run_folder.PEAKS),
    *(run_folder.SAMPLES, run_folder.OUTPUTS, run_folder.PREDICTIONS, run_folder.HISTORIES, run_folder.NODES),
)
DRAWN = (".html", ".png", ".svg", ".pdf", ".csv")  # what else lies beside these, and is drawn from them


def seal(folder: Path) -> None:
    """Write down what every file of the folder is that was measured; what was drawn from others is drawn anew."""
    _write(folder, {name: files.sha256(folder / name) for name in _names(folder) if not _drawn(name)})


def unseal(folder: Path) -> None:
    """Take the manifest away: the run goes on. Raises :class:`RunFileError` if a file is not what it was."""
    verify(folder)
    (folder / FILE).unlink(missing_ok=True)


def begin_drawing(folder: Path) -> None:
    """Leave out what was drawn from a finished run, until it is added anew."""
    if (folder / FILE).is_file():
        _write(folder, {name: digest for name, digest in _read(folder).items() if not _drawn(name)})


def add(folder: Path, added: Iterable[Path]) -> None:
    """Write down files that were drawn from a finished run, if they lie in its folder; what is not sealed stays so."""
    if not (folder / FILE).is_file():
        return
    root = folder.resolve()
    own = [path.resolve() for path in added if path.resolve().is_relative_to(root)]
    _write(folder, {**_read(folder), **{path.relative_to(root).as_posix(): files.sha256(path) for path in own}})


def verify(folder: Path) -> bool:
    """Whether the run has a manifest. Raises :class:`RunFileError`, which names each file that is not what it was."""
    if not (folder / FILE).is_file():
        return False
    faults = list(_faults(folder, _read(folder)))
    if faults:
        more = f", and {len(faults) - 3} more" if len(faults) > 3 else ""
        raise RunFileError(
            f"{folder} is not as it was measured: {', '.join(faults[:3])}{more}. Take the folder whole from where it "
            "was measured, or measure again."
        )
    return True


def _faults(folder: Path, digests: Mapping[str, str]) -> Iterator[str]:
    for name, digest in digests.items():
        file = folder / name
        if not file.is_file():
            if not _drawn(name):  # the page and the pictures can be drawn anew
                yield f"{name} is missing"
        elif files.sha256(file) != digest:
            yield f"{name} has changed"
    yield from (f"{name} was added" for name in _names(folder) if name.split("/")[0] in READ and name not in digests)


def _names(folder: Path) -> list[str]:
    """The files of a folder but for the manifest and what was being written when a process was killed."""
    found = (path for path in folder.rglob("*") if path.is_file() and path.suffix != files.PARTIAL)
    return sorted(name for path in found if (name := path.relative_to(folder).as_posix()) != FILE)


def _drawn(name: str) -> bool:
    """Whether a file is a page, a picture or its table: it stands beside what was measured."""
    return "/" not in name and name not in READ and name.endswith(DRAWN)


def _read(folder: Path) -> dict[str, str]:
    path = folder / FILE
    found = run_folder.read_object(path)
    digests = found.get("files")
    if found.get("version") != VERSION or not isinstance(digests, dict) or not all(map(_is_own, digests.items())):
        raise RunFileError(f"{path}: expected the digests of a run's files, version {VERSION}.")
    return digests


def _is_own(entry: tuple[object, object]) -> bool:
    """Whether it names a file inside the folder, and a digest."""
    name, digest = entry
    if not isinstance(name, str) or not isinstance(digest, str):
        return False
    return ".." not in name.split("/") and name[:1] not in ("", "/")


def _write(folder: Path, digests: Mapping[str, str]) -> None:
    told = {"version": VERSION, "files": dict(sorted(digests.items()))}
    files.write(folder / FILE, json.dumps(told, indent=1) + "\n")
