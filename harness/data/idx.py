"""IDX, the file format of MNIST and Fashion-MNIST: a short header, then the values in C order."""

import gzip
import math
import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harness.errors import HarnessError

_UNSIGNED_BYTES = b"\x00\x00\x08"


def read(path: Path) -> NDArray[np.uint8]:
    """The uint8 array of an IDX file, compressed (``.gz``) or not.

    Raises :class:`HarnessError` where the file cannot be read, or is not a whole IDX file.
    The format is that of http://yann.lecun.com/exdb/mnist/.
    """
    try:
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        return parse(content)
    except (OSError, EOFError, zlib.error, ValueError) as error:
        raise HarnessError(
            f"{path}: expected a whole IDX file of bytes, found: {error}.\nReplace it or remove it."
        ) from error


def parse(content: bytes) -> NDArray[np.uint8]:
    """The uint8 array that the bytes of an IDX file describe; ValueError where they do not."""
    if content[:3] != _UNSIGNED_BYTES or len(content) < 4:
        raise ValueError(f"a file that begins with {content[:4]!r}")
    dimensions = content[3]
    header = 4 + 4 * dimensions
    if len(content) < header:
        raise ValueError("a file that ends within its header")
    shape = struct.unpack(f">{dimensions}I", content[4:header])
    if len(content) - header != math.prod(shape):
        raise ValueError(f"{len(content) - header} values where its header says {shape}")
    return np.frombuffer(content, np.uint8, offset=header).reshape(shape)
