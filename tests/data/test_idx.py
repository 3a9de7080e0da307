"""IDX files: read back as they were written, and refused where they are not whole."""

import gzip
import io
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.data import idx
from harness.errors import HarnessError
from harness.machine.unpacking import BoundedReader


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


def test_no_more_is_unpacked_than_the_header_says(tmp_path: Path) -> None:
    """200 MB of zeros in 200 kB, behind a header of six values; and a header of more than is known anywhere."""
    bomb = tmp_path / "images.gz"
    with gzip.open(bomb, "wb") as file:
        file.write(idx_bytes(np.zeros((2, 3), np.uint8)))
        for _ in range(200):
            file.write(bytes(1 << 20))
    tracemalloc.start()
    with pytest.raises(HarnessError, match=r"images\.gz"):
        idx.read(bomb)
    bomb.write_bytes(gzip.compress(struct.pack(">HBB3I", 0, 8, 3, 60_000, 2_800, 2_800) + bytes(1 << 20)))
    with pytest.raises(HarnessError, match="more than"):
        idx.read(bomb)
    largest = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert largest < 10 << 20


def test_a_bounded_stream_ends_in_an_error_behind_its_bound() -> None:
    assert BoundedReader(io.BytesIO(b"abcd"), 4).read() == b"abcd"
    reader = BoundedReader(io.BytesIO(b"abcdef"), 4)
    assert reader.read(3) == b"abc"
    with pytest.raises(ValueError, match="more than 4 bytes"):
        reader.read(3)
