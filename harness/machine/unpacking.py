"""What is unpacked has a bound: a file of 14 MB may hold 14 GB of zeros."""

import io
from typing import Protocol


class Readable(Protocol):
    """What bytes are read from."""

    def read(self, size: int = ..., /) -> bytes: ...


class BoundedReader(io.RawIOBase):
    """A stream that ends in an error behind so many bytes. Raises :class:`ValueError` when more is read."""

    def __init__(self, stream: Readable, limit: int) -> None:
        self._stream = stream
        self._left = limit
        self._limit = limit

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        """At most so many bytes; -1: all that are left."""
        content = self._stream.read(min(size, self._left + 1) if size >= 0 else self._left + 1)
        self._left -= len(content)
        if self._left < 0:
            raise ValueError(f"more than {self._limit:,} bytes when it is unpacked")
        return content
