"""An .onnx file without the bytes of its large tensors: a mark stands in their place, and says where they are.

A file is nested messages of protobuf, each with its length before it. So what a large tensor holds can be stepped over
without being read. Everything else is kept as it is, byte by byte.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import onnx

from harness.cost.external_data import TensorPlace

LARGE = 1 << 14  # bytes; a tensor of fewer is kept, and a message of fewer holds no larger one
SKIMMED = 1 << 24  # bytes; a smaller file is read whole
WINDOW = 1 << 20  # bytes that are read at once
DEEPEST = 64  # messages in messages; protobuf itself ends at 100

_VARINT, _FIXED_64, _LENGTH, _FIXED_32 = 0, 1, 2, 5
_RAW = onnx.TensorProto.DESCRIPTOR.fields_by_name["raw_data"]


class UnusualError(Exception):
    """Bytes that are no messages, or kinds of fields that no writer of ONNX uses."""


@dataclass(frozen=True, kw_only=True)
class Skimmed:
    """The bytes that are left of a file, and what its marks begin with: a secret that no file can hold."""

    content: bytes
    secret: bytes

    def place(self, path: Path, raw_data: bytes) -> TensorPlace | None:
        """Where in the file the bytes are that a mark stands for; None of what is no mark."""
        if not self.secret or not raw_data.startswith(self.secret):
            return None
        offset, length = (raw_data[start : start + 8] for start in (len(self.secret), len(self.secret) + 8))
        return TensorPlace(file=path, offset=int.from_bytes(offset, "little"), length=int.from_bytes(length, "little"))


def skim(path: Path) -> Skimmed:
    """The bytes of a file without those of its large tensors; all of a small file, or of one of no usual form."""
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size >= SKIMMED:
            secret = os.urandom(16)
            try:
                pieces = list(_Walk(file, secret).message(0, size, onnx.ModelProto.DESCRIPTOR, 0))
                return Skimmed(content=b"".join(pieces), secret=secret)
            except UnusualError:  # protobuf says what is wrong with it, if anything is
                file.seek(0)
        return Skimmed(content=file.read(), secret=b"")


class _Walk:
    """A way through the messages of a file, which is read a window at a time."""

    def __init__(self, file: BinaryIO, secret: bytes) -> None:
        self._file, self._secret = file, secret
        self._window, self._start = b"", 0

    def message(self, start: int, end: int, kind: Any, depth: int) -> Iterator[bytes]:
        """The bytes of a message of that kind (a descriptor) without what is large in it."""
        if depth > DEEPEST:
            raise UnusualError
        kept = position = start
        while position < end:
            begun = position
            tag, position = self._varint(position)
            length, content = self._length(tag & 7, position)
            position = content + length
            if position > end:
                raise UnusualError
            field = kind.fields_by_number.get(tag >> 3) if length > LARGE and tag & 7 == _LENGTH else None
            if field is _RAW or (field is not None and field.message_type is not None):
                yield self._bytes(kept, begun)
                mark = self._secret + content.to_bytes(8, "little") + length.to_bytes(8, "little")
                inner = (
                    [mark] if field is _RAW else list(self.message(content, position, field.message_type, depth + 1))
                )
                yield _varint_bytes(tag) + _varint_bytes(sum(map(len, inner)))
                yield from inner
                kept = position
        yield self._bytes(kept, end)

    def _length(self, wire: int, position: int) -> tuple[int, int]:
        """How long a field's content is, and where it begins."""
        if wire == _LENGTH:
            return self._varint(position)
        if wire == _VARINT:
            return self._varint(position)[1] - position, position
        if wire in (_FIXED_32, _FIXED_64):
            return 4 if wire == _FIXED_32 else 8, position
        raise UnusualError

    def _varint(self, position: int) -> tuple[int, int]:
        value = shift = 0
        while True:
            index = position - self._start
            if not 0 <= index < len(self._window):
                index = 0
                self._file.seek(position)
                self._window, self._start = self._file.read(WINDOW), position
                if not self._window:
                    raise UnusualError
            byte = self._window[index]
            value |= (byte & 127) << shift
            position, shift = position + 1, shift + 7
            if byte < 128:
                return value, position
            if shift > 63:
                raise UnusualError

    def _bytes(self, start: int, end: int) -> bytes:
        index = start - self._start
        if index >= 0 and end - self._start <= len(self._window):
            return self._window[index : end - self._start]
        self._file.seek(start)
        found = self._file.read(end - start)
        if len(found) != end - start:  # it was cut while it was read
            raise UnusualError
        return found


def _varint_bytes(value: int) -> bytes:
    found = bytearray()
    while value > 127:
        found.append(value & 127 | 128)
        value >>= 7
    return bytes([*found, value])
