"""IDX files: read back as they were written, and refused where they are not whole."""

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.data import idx
from harness.errors import HarnessError


def idx_bytes(array: np.ndarray) -> bytes:
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()


@given(shape=st.lists(st.integers(0, 5), max_size=4), data=st.data())
def test_idx_gives_back_what_was_written(shape: list[int], data: st.DataObject) -> None:
    size = int(np.prod(shape, dtype=int))
    values = np.frombuffer(data.draw(st.binary(min_size=size, max_size=size)), np.uint8).reshape(shape)
    content = idx_bytes(values)
    found = idx.parse(content)
    assert found.shape == values.shape
    assert np.array_equal(found, values)
    for wrong in (content[:-1], content + b"\0"):
        with pytest.raises(ValueError):
            idx.parse(wrong)


@pytest.mark.parametrize(
    "content",
    [b"", gzip.compress(idx_bytes(np.ones((4, 5, 6), np.uint8)))[:-9], b"no gzip", gzip.compress(b"\0\0\x0d\x01abcd")],
    # Named: gzip writes the time into its header, and a test must have one name in every process that collects it.
    ids=["empty", "cut", "no gzip", "other type"],
)
def test_a_broken_idx_file_is_an_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "images.gz").write_bytes(content)
    with pytest.raises(HarnessError, match=r"images\.gz"):
        idx.read(tmp_path / "images.gz")
