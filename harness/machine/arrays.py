"""Arrays in files: written whole or not at all, read without pickle, and one kind of error for what is garbled."""

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import HarnessError, first_line
from harness.machine import files

if TYPE_CHECKING:
    from numpy.typing import NDArray


def save_arrays(target: Path, arrays: "Mapping[str, NDArray[Any]]") -> None:
    """Keep arrays by name as .npz, in a folder that is made if it is missing."""
    import numpy as np

    files.make_folder(target.parent)
    with files.replacing(target) as partial, partial.open("wb") as file:
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]


def read_arrays(path: Path, expected: str = "an .npz file of arrays") -> "dict[str, NDArray[Any]]":
    """The arrays of an .npz file, by name.

    Raises :class:`HarnessError` if it is none, is garbled, or holds objects or what is no array.
    """
    import numpy as np

    try:
        with zipfile.ZipFile(path) as packed:  # numpy.load would take a file that is no zip for a pickle
            _check_memory(sum(member.file_size for member in packed.infolist()))
            if (garbled := packed.testzip()) is not None:  # numpy stops reading before the sum at a member's end
                raise ValueError(f"{garbled} is garbled")
        # Opened here, so that it is closed if numpy finds it garbled.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as found:
            arrays = dict(found)
        for name, array in arrays.items():
            if not isinstance(array, np.ndarray):  # numpy gives the bytes of a member that has no header
                raise ValueError(f"{name} is no array")
    except Exception as error:  # zipfile, zlib, tokenize and struct each have their own for a garbled file
        raise HarnessError(f"{path}: expected {expected}, found: {first_line(error)}.") from error
    return arrays


def _check_memory(unpacked_bytes: int) -> None:
    """Raise :class:`ValueError` for more than the machine has left: a file of 14 MB may hold 14 GB of zeros."""
    import psutil

    available = psutil.virtual_memory().available
    if unpacked_bytes > available:
        raise ValueError(f"{unpacked_bytes:,} bytes when it is unpacked, and {available:,} bytes of memory are left")


def read_array(path: Path, *, mapped: bool = False) -> "NDArray[Any]":
    """The array of an .npy file; ``mapped`` leaves it on disk. Raises :class:`HarnessError` if it is none."""
    import numpy as np

    try:
        array: NDArray[Any] = np.load(path, mmap_mode="r" if mapped else None, allow_pickle=False)
        if not isinstance(array, np.ndarray):
            raise ValueError("an archive")
    except Exception as error:
        raise HarnessError(f"{path}: expected an array in an .npy file, found: {first_line(error)}.") from error
    return array
