"""What was made before: trained weights, exports and proofs, found again by the digest of what made them.

The cache is a folder, ``HARNESS_CACHE`` or the system's place for caches. An entry is a folder that
was built under another name and renamed when it was whole: a half-made one is never found. Its
manifest names its files and their sizes: one that was damaged later is made again.
"""

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from harness.errors import CANNOT_WRITE, FULL, CannotWriteError, HarnessError
from harness.machine.user_paths import expand_user

# The folders that are the cache's own.
KINDS = (
    "check",
    "checkpoint",
    "compare",
    "convert",
    "datasets",
    "draw",
    "environments",
    "export",
    "log",
    "page",
    "prove",
    "train",
)
PARTIAL = ".partial"
MANIFEST = "manifest.json"


def root() -> Path:
    """The folder of the cache."""
    if place := os.environ.get("HARNESS_CACHE"):
        return expand_user(place)
    import platformdirs

    return platformdirs.user_cache_path("onnx-harness")


def digest(facts: Mapping[str, object]) -> str:
    """A short name for everything that an entry is made from."""
    text = json.dumps(facts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def whole(entry: Path) -> bool:
    """Whether the entry is there with every file that was made, at its size."""
    try:
        sizes = json.loads((entry / MANIFEST).read_text())
        return all((entry / name).stat().st_size == size for name, size in sizes.items())
    except (OSError, ValueError):
        return False


@contextlib.contextmanager
def building(entry: Path) -> Iterator[Path]:
    """A folder to build an entry in; it becomes the entry when the block ends well, else it is gone."""
    partial = entry.with_name(f"{entry.name}.{os.getpid()}{PARTIAL}")
    shutil.rmtree(partial, ignore_errors=True)  # of a process that was killed and had the number of this one
    try:
        partial.mkdir(parents=True)
        yield partial
        _seal(partial)
        if not whole(entry):  # another process may have made the same one meanwhile
            shutil.rmtree(entry, ignore_errors=True)  # a damaged one
            try:
                partial.rename(entry)
            except OSError:
                if not whole(entry):
                    raise
    except OSError as error:
        raise _told(error, partial) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _told(error: OSError, partial: Path) -> Exception:
    """An error that came while an entry was built: of the disk, of the cache's own folder, or of what was read."""
    if error.errno not in CANNOT_WRITE:
        return error
    at = Path(os.fsdecode(error.filename)) if isinstance(error.filename, str | bytes) else None
    if error.errno in FULL or at is None or at in partial.parents or at == partial or partial in at.parents:
        return _cannot_write(error)
    return HarnessError(f"cannot read {at}: {error.strerror}. Make it readable, or name another file.")


def _seal(folder: Path) -> None:
    """Bring the files to the disk, and write down what they are."""
    sizes = {}
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        with file.open("rb") as content:
            os.fsync(content.fileno())
        sizes[str(file.relative_to(folder))] = file.stat().st_size
    (folder / MANIFEST).write_text(json.dumps(sizes))


def open_log(name: str) -> Path:
    """The path of a log file in the cache, its folder made. Raises :class:`CannotWriteError` where it cannot be."""
    folder = root() / "log"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / name).open("ab"):  # a process that cannot open its log would end without a word
            pass
    except OSError as error:
        raise _cannot_write(error) from error
    return folder / name


def sweep() -> None:
    """Remove what processes that were killed had begun to build, and checkpoints of what has been trained."""
    import psutil

    for partial in root().glob(f"*/*{PARTIAL}"):
        pid = partial.name.removesuffix(PARTIAL).rpartition(".")[2]
        if pid.isdecimal() and not psutil.pid_exists(int(pid)):
            if partial.is_dir():
                shutil.rmtree(partial, ignore_errors=True)
            else:
                partial.unlink(missing_ok=True)
    for checkpoint in (root() / "checkpoint").glob("*"):
        if whole(root() / "train" / checkpoint.stem):  # the training ended well
            checkpoint.unlink(missing_ok=True)


def _cannot_write(error: OSError) -> CannotWriteError:
    advice = (
        "Free some space, or set HARNESS_CACHE to a folder with room."
        if error.errno in FULL
        else ("Set HARNESS_CACHE to a folder that can be written.")
    )
    place = os.fsdecode(error.filename) if isinstance(error.filename, str | bytes) else root()
    return CannotWriteError(f"cannot write {place}: {error.strerror or error}. {advice}")


def sizes() -> dict[str, tuple[int, int]]:
    """Entries and bytes of each kind in the cache."""
    found = {}
    for kind in (root() / name for name in KINDS if (root() / name).is_dir()):
        files = [file for file in kind.rglob("*") if file.is_file()]
        found[kind.name] = (len(list(kind.iterdir())), sum(file.stat().st_size for file in files))
    return found


def clean() -> int:
    """Remove every entry, downloads included; give the bytes that were freed."""
    freed = sum(size for _, size in sizes().values())
    try:
        for kind in sizes():
            shutil.rmtree(root() / kind)
    except OSError as error:
        raise _cannot_write(error) from error
    return freed
