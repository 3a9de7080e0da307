"""Downloads that resume, are checked, and appear under their name only when they are whole."""

import errno
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from harness.errors import HarnessError, first_line
from harness.machine import cache

if TYPE_CHECKING:
    import requests

_CHUNK_BYTES = 1 << 16
_TIMEOUT_S = (10.0, 60.0)  # to connect; between two pieces of an answer


@dataclass(frozen=True, kw_only=True)
class Remote:
    """A published file: where it is, what it must hash to ("md5:…" or "sha256:…"), how large it is."""

    address: str
    checksum: str
    size_bytes: int

    @property
    def file_name(self) -> str:
        """The last part of the address."""
        return self.address.rsplit("/", 1)[-1]


def cache_folder() -> Path:
    """The folder of downloaded data sets; ``HARNESS_CACHE`` moves the root it stands in."""
    return cache.root() / "datasets"


def fetch(remote: Remote, folder: Path, *, advice: str = "") -> Path:
    """The file in the folder, downloaded if it is not there with the right checksum.

    An interrupted download is kept as ``NAME.part`` and continued. Raises :class:`HarnessError`
    for a network failure, a wrong checksum, no space or no permission; ``advice`` then says what
    else the reader can do.
    """
    import pooch
    import requests

    pooch.get_logger().setLevel("WARNING")  # the progress bar says enough
    advice = f"\n{advice}" if advice else ""
    try:
        return Path(
            pooch.retrieve(
                remote.address,
                known_hash=remote.checksum,
                fname=remote.file_name,
                path=folder,
                downloader=lambda address, target, _: _download(
                    address, Path(target), folder / f"{remote.file_name}.part"
                ),
            )
        )
    except requests.RequestException as error:
        raise HarnessError(f"Cannot download {remote.address}: {_cause(error)}.{advice}") from error
    except ValueError as error:
        raise HarnessError(
            f"{remote.address}: expected {remote.checksum}, what came has another checksum and was removed; "
            f"try again.{advice}"
        ) from error
    except OSError as error:
        raise HarnessError(f"Cannot store {remote.address} in {folder}: {_reason(error)}.{advice}") from error


def _download(address: str, target: Path, part: Path) -> None:
    """Fill ``part`` from where it ended, then move it to ``target``."""
    import requests

    already = part.stat().st_size if part.exists() else 0
    with requests.Session() as session:
        response = _ask(session, address, already)
        if response.status_code == requests.codes.requested_range_not_satisfiable:
            response.close()  # the part is no beginning of this file
            response, already = _ask(session, address, 0), 0
        with response:
            response.raise_for_status()
            if not _continues(response, already):
                already = 0
            with part.open("ab" if already else "wb") as file:
                _write(response, file, already, part.stem)
    part.replace(target)


def _ask(session: "requests.Session", address: str, first_byte: int) -> "requests.Response":
    headers = {"Accept-Encoding": "identity"}  # bytes are counted, so they must be the file's own
    if first_byte:
        headers["Range"] = f"bytes={first_byte}-"
    return session.get(address, headers=headers, stream=True, timeout=_TIMEOUT_S)


def _continues(response: "requests.Response", first_byte: int) -> bool:
    """Whether the answer goes on at ``first_byte``; a server may ignore a Range and send the whole."""
    begins = response.headers.get("Content-Range", "").startswith(f"bytes {first_byte}-")
    return first_byte > 0 and response.status_code == 206 and begins


def _write(response: "requests.Response", file: IO[bytes], already: int, name: str) -> None:
    """Write the answer to the file, with a progress bar if someone is there to see it."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    length = response.headers.get("Content-Length")
    total = already + int(length) if length else None
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task(name, total=total, completed=already)
        for chunk in response.iter_content(_CHUNK_BYTES):
            file.write(chunk)
            progress.advance(task, len(chunk))


def _cause(error: "requests.RequestException") -> str:
    """The one line of a network failure that tells most."""
    if error.response is not None:
        return f"the server answered {error.response.status_code} {error.response.reason}"
    kinds = {"ConnectTimeout": "no answer in time", "ReadTimeout": "the connection went silent"}
    cause: BaseException = error
    while (inner := getattr(cause, "reason", None) or next(iter(cause.args), None)) is not None:
        if not isinstance(inner, BaseException):
            break
        cause = inner
    return kinds.get(type(error).__name__, first_line(cause))


def _reason(error: OSError) -> str:
    """What a file system said, in words that say what to do."""
    advice = {
        errno.ENOSPC: "no space is left; free some, or set HARNESS_CACHE to a folder with room",
        errno.EDQUOT: "the quota is used up; free some, or set HARNESS_CACHE to a folder with room",
        errno.EACCES: "no permission to write; set HARNESS_CACHE to a folder of your own",
        errno.EROFS: "it is read-only; set HARNESS_CACHE to a folder of your own",
    }
    known = advice.get(error.errno or 0)
    if known is None and isinstance(error, PermissionError):
        known = advice[errno.EACCES]
    return known or f"{error.strerror or error}; set HARNESS_CACHE to another folder"
