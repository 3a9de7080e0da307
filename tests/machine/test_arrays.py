"""Arrays of .npz files: what does not fit the memory is refused before it is unpacked."""

import zipfile
from pathlib import Path

import numpy as np
import psutil
import pytest

from harness.errors import HarnessError
from harness.machine import arrays


def test_more_than_the_memory_is_refused_before_it_is_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "zeros.npz"
    np.savez_compressed(path, image=np.zeros(1 << 20, np.uint8))
    assert arrays.read_arrays(path)["image"].shape == (1 << 20,)

    class Little:
        available = 1 << 19

    monkeypatch.setattr(psutil, "virtual_memory", Little)
    monkeypatch.setattr(zipfile.ZipExtFile, "read", lambda *_: pytest.fail("it was unpacked"))
    with pytest.raises(HarnessError, match="when it is unpacked"):
        arrays.read_arrays(path)


def test_a_member_without_a_header_is_no_array(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    np.savez(path, labels=np.arange(3))
    with zipfile.ZipFile(path, "a") as file:
        file.writestr("x.npy", b"no array")
    with pytest.raises(HarnessError, match="x is no array"):
        arrays.read_arrays(path)
