"""IDX, the file format of MNIST and Fashion-MNIST: a short header, then the values in C order."""

import gzip
import math
import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harness.errors import HarnessError
from harness.machine.unpacking import Readable

_UNSIGNED_BYTES = b"\x00\x00\x08"
_LONGEST_HEADER = 4 + 4 * 255
LIMIT = 1 << 30  # values: twenty times the largest that are known


def read(path: Path) -> NDArray[np.uint8]:
    """The uint8 array of an IDX file, compressed (``.gz``) or not.

    Raises :class:`HarnessError` where the file cannot be read, or is not a whole IDX file.
    The format is that of http://yann.lecun.com/exdb/mnist/.
    """
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            return parse(_read_whole(file))
    except (OSError, EOFError, zlib.error, ValueError) as error:
        raise HarnessError(
            f"{path}: expected a whole IDX file of bytes, found: {error}.\nReplace it or remove it."
        ) from error


def parse(content: bytes) -> NDArray[np.uint8]:
    """The uint8 array that the bytes of an IDX file describe; ValueError if they do not."""
    shape, header = _shape(content)
    if len(content) - header != math.prod(shape):
        raise ValueError(f"{len(content) - header} values where its header says {shape}")
    return np.frombuffer(content, np.uint8, offset=header).reshape(shape)


def _read_whole(file: Readable) -> bytes:
    """The content, no more of it unpacked than its header says, and one byte to tell that there is more."""
    start = file.read(_LONGEST_HEADER)
    shape, header = _shape(start)
    if math.prod(shape) > LIMIT:
        raise ValueError(f"a header that says {shape}, more than {LIMIT:,} values")
    return start + file.read(max(0, header + math.prod(shape) + 1 - len(start)))


def _shape(content: bytes) -> tuple[tuple[int, ...], int]:
    """The shape that a header says, and the bytes of the header."""
    if content[:3] != _UNSIGNED_BYTES or len(content) < 4:
        raise ValueError(f"a file that begins with {content[:4]!r}")
    dimensions = content[3]
    header = 4 + 4 * dimensions
    if len(content) < header:
        raise ValueError("a file that ends within its header")
    return struct.unpack(f">{dimensions}I", content[4:header]), header
