"""The official files of CIFAR-10: the Python batches, read without unpickling, and the binary archive.

Source of both: https://www.cs.toronto.edu/~kriz/cifar.html
"""

import gzip
import hashlib
import pickletools
import tarfile
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from harness.errors import HarnessError
from harness.machine.unpacking import BoundedReader

Bytes = NDArray[np.uint8]


PIXELS = 3 * 32 * 32  # of one image: all red, then all green, then all blue
BATCH_IMAGES = 10_000
LIMIT = 1 << 28  # bytes of the binary archive, unpacked: it has 184 MB

# torchvision/datasets/cifar.py states the MD5 of each Python batch.
PYTHON_BATCHES = {
    "data_batch_1": "c99cafc152244af753f735de768cd75f",
    "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
    "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
    "data_batch_4": "634d18415352ddfa80567beed471001a",
    "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
    "test_batch": "40351d587109b95175f43aff81a1287e",
}
# mxnet/gluon/data/vision/datasets.py states the SHA-1 of each binary batch.
BINARY_BATCHES = {
    "data_batch_1.bin": "aadd24acce27caa71bf4b10992e9e7b2d74c2540",
    "data_batch_2.bin": "c0ba65cce70568cd57b4e03e9ac8d2a5367c1795",
    "data_batch_3.bin": "1dd00a74ab1d17a6e7d73e185b69dbf31242f295",
    "data_batch_4.bin": "aab85764eb3584312d3c7f65fd2fd016e36a258e",
    "data_batch_5.bin": "26e2849e66a845b7f1e4614ae70f4889ae604628",
    "test_batch.bin": "67eb016db431130d61cd03c7ad570b013799c88c",
}


def read_python(folder: Path) -> tuple[dict[str, Bytes], bool]:
    """The four arrays of ``cifar-10-batches-py``, and whether every file has its official MD5.

    Images are uint8 (N, 32, 32, 3), labels uint8 (N,). Raises :class:`HarnessError` for a file
    that is no such batch.
    """
    official, batches = True, []
    for name, md5 in PYTHON_BATCHES.items():
        try:
            content = (folder / name).read_bytes()
            batches.append(parse_python(content))
        except (OSError, ValueError) as error:
            raise HarnessError(
                f"{folder / name}: expected a batch of CIFAR-10, found: {error}.\nReplace it or remove it."
            ) from error
        official &= hashlib.md5(content, usedforsecurity=False).hexdigest() == md5
    return _joined(batches), official


def read_binary(archive: Path) -> dict[str, Bytes]:
    """The four arrays of ``cifar-10-binary.tar.gz``, images uint8 (N, 32, 32, 3), labels uint8 (N,).

    Nothing is extracted to disk: the members are read by their exact names and must have their
    exact size, else :class:`HarnessError`.
    """
    batches = []
    try:
        with gzip.open(archive) as packed, tarfile.open(fileobj=BoundedReader(packed, LIMIT), mode="r|") as file:
            members = _members(file, {f"cifar-10-batches-bin/{name}" for name in BINARY_BATCHES})
            for name in BINARY_BATCHES:
                records = np.frombuffer(members[f"cifar-10-batches-bin/{name}"], np.uint8)
                records = records.reshape(BATCH_IMAGES, 1 + PIXELS)
                batches.append((_as_images(records[:, 1:]), records[:, 0]))
    except (OSError, EOFError, zlib.error, tarfile.TarError, KeyError, ValueError) as error:
        raise HarnessError(
            f"{archive}: expected the binary archive of CIFAR-10, found: {error}.\nReplace it or remove it."
        ) from error
    return _joined(batches)


def is_official(arrays: Mapping[str, Bytes]) -> bool:
    """Whether the arrays are the official CIFAR-10, by the published digests of its binary batches."""
    digests = []
    for split in ("train", "test"):
        images, labels = arrays[f"x_{split}"], arrays[f"y_{split}"]
        planes = images.transpose(0, 3, 1, 2).reshape(len(images), PIXELS)
        for first in range(0, len(images), BATCH_IMAGES):
            batch = slice(first, first + BATCH_IMAGES)
            records = np.concatenate([labels[batch, None], planes[batch]], axis=1)
            digests.append(hashlib.sha1(records.tobytes(), usedforsecurity=False).hexdigest())
    return digests == list(BINARY_BATCHES.values())


def parse_python(content: bytes) -> tuple[Bytes, Bytes]:
    """The images and labels of one Python batch, read off its pickle's text; nothing is executed.

    ``pickletools`` names the operations of a pickle without doing them. A batch holds one long
    string, the pixels of all images, and a list of as many small integers after the key "labels".
    ValueError where it does not.
    """
    labels: list[int] = []
    in_labels, fortran_order, previous, pixels = False, False, "", None
    for operation, argument, _ in pickletools.genops(content):
        name = operation.name
        if in_labels and name == "BININT1" and isinstance(argument, int):
            labels.append(argument)
        elif name not in _LIST_OPERATIONS:
            in_labels = argument in ("labels", b"labels")
        if isinstance(argument, str | bytes) and len(argument) == BATCH_IMAGES * PIXELS:
            if pixels is not None:
                raise ValueError("a pickle with more than one array of pixels")
            pixels = argument.encode("latin-1") if isinstance(argument, str) else argument
            fortran_order = previous == "NEWTRUE"  # how NumPy states the order, just before the bytes
        if name not in _NOTES:
            previous = name
    if pixels is None or len(labels) != BATCH_IMAGES:
        raise ValueError(f"a pickle without {BATCH_IMAGES} images and labels")
    flat = np.frombuffer(pixels, np.uint8)
    rows = flat.reshape((BATCH_IMAGES, PIXELS), order="F" if fortran_order else "C")
    return _as_images(rows), np.array(labels, np.uint8)


_NOTES = {"PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE", "FRAME"}  # they change no value
_LIST_OPERATIONS = _NOTES | {"EMPTY_LIST", "MARK", "APPENDS", "APPEND"}


def _members(file: tarfile.TarFile, names: set[str]) -> dict[str, bytes]:
    """The content of the named plain files of an archive, read in one pass."""
    size = BATCH_IMAGES * (1 + PIXELS)
    found = {}
    for member in file:
        if member.name in names:
            stream: IO[bytes] | None = file.extractfile(member) if member.isreg() else None
            if stream is None or member.size != size:
                raise ValueError(f"{member.name} of {member.size} bytes instead of {size}")
            found[member.name] = stream.read()
    if missing := sorted(names - found.keys()):
        raise ValueError(f"an archive without {missing[0]}")
    return found


def _as_images(rows: Bytes) -> Bytes:
    return rows.reshape(len(rows), 3, 32, 32).transpose(0, 2, 3, 1)


def _joined(batches: Iterable[tuple[Bytes, Bytes]]) -> dict[str, Bytes]:
    """The training batches one after the other, and the last batch, which is the test set."""
    *training, (x_test, y_test) = batches
    return {
        "x_train": np.concatenate([images for images, _ in training]),
        "y_train": np.concatenate([labels for _, labels in training]),
        "x_test": np.ascontiguousarray(x_test),
        "y_test": y_test,
    }
