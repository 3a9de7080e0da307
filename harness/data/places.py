"""Where a data set may already be on this machine, in the order of the search, and where it is published.

First the user's own folder (``HARNESS_DATA``), then what Keras and torchvision have cached, then
Debian's packages; last a download from a mirror of the publisher. A data set of image files is a
folder, of the user's choice or in the user's own folder; none is downloaded.
"""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from harness.data import cifar
from harness.data.image_folder import LAYOUT
from harness.errors import HarnessError
from harness.machine.download import Remote, cache_folder, fetch
from harness.machine.user_paths import expand_user

Layout = Literal["npz", "idx", "cifar_python", "cifar_binary"]

FOLDER = "folder:"  # and a path: a data set of image files
IMAGE_FOLDERS = ("cats_vs_dogs",)  # data sets of image files that go by a name

IDX_FILES = {
    "x_train": "train-images-idx3-ubyte",
    "y_train": "train-labels-idx1-ubyte",
    "x_test": "t10k-images-idx3-ubyte",
    "y_test": "t10k-labels-idx1-ubyte",
}


@dataclass(frozen=True, kw_only=True)
class Place:
    """A file or a folder that holds a data set; ``source`` names it for people."""

    layout: Layout
    path: Path
    source: str

    @property
    def exists(self) -> bool:
        """Whether every file of this layout is there; what they hold is not looked at."""
        if self.layout == "idx":
            return all(idx_file(self.path, name).is_file() for name in IDX_FILES.values())
        if self.layout == "cifar_python":
            return all((self.path / name).is_file() for name in cifar.PYTHON_BATCHES)
        return self.path.exists()


@dataclass(frozen=True, kw_only=True)
class Publication:
    """What a download of a data set fetches, and how it lies in the cache."""

    layout: Layout
    folder: str  # under the cache folder
    files: tuple[Remote, ...]

    @property
    def address(self) -> str:
        """The published file, or the folder that holds all of them."""
        file, *others = self.files
        return file.address.rsplit("/", 1)[0] if others else file.address

    @property
    def size_bytes(self) -> int:
        """Of all files together."""
        return sum(file.size_bytes for file in self.files)

    def place(self) -> Place:
        """Where the download lies, whether or not it has been made."""
        folder = cache_folder() / self.folder
        path = folder if self.layout == "idx" else folder / self.files[0].file_name
        return Place(layout=self.layout, path=path, source=f"downloaded from {self.address}")

    def fetch(self, name: str) -> Place:
        """The downloaded place: what is not there yet with its checksum is fetched."""
        advice = f"Or put {name}.npz (x_train, y_train, x_test, y_test) into a folder and set HARNESS_DATA to it."
        for file in self.files:
            fetch(file, cache_folder() / self.folder, advice=advice)
        return self.place()


_KERAS_MIRROR = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"


def _fashion_mnist_file(name: str, md5: str, size_bytes: int) -> Remote:
    return Remote(address=f"{_KERAS_MIRROR}{name}.gz", checksum=f"md5:{md5}", size_bytes=size_bytes)


PUBLICATIONS = {
    "mnist": Publication(
        layout="npz",
        folder="",
        files=(
            Remote(
                address=f"{_KERAS_MIRROR}mnist.npz",
                checksum="sha256:731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1",
                size_bytes=11_490_434,
            ),
        ),
    ),
    "fashion_mnist": Publication(
        layout="idx",
        folder="fashion-mnist",
        files=(
            _fashion_mnist_file("train-images-idx3-ubyte", "8d4fb7e6c68d591d4c3dfef9ec88bf0d", 26_421_880),
            _fashion_mnist_file("train-labels-idx1-ubyte", "25c81989df183df01b3e8a0aad5dffbe", 29_515),
            _fashion_mnist_file("t10k-images-idx3-ubyte", "bef4ecab320f06d8554ea6380940ec79", 4_422_102),
            _fashion_mnist_file("t10k-labels-idx1-ubyte", "bb300cfdad3c16e7a12a480ee83cd310", 5_148),
        ),
    ),
    "cifar10": Publication(
        layout="cifar_binary",
        folder="",
        files=(
            Remote(
                address="https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
                checksum="md5:c32a1d4ab5d03f1284b67883e8d87530",
                size_bytes=170_052_171,
            ),
        ),
    ),
}


def find(name: str) -> Place | None:
    """The first place on this machine that has the data set, an earlier download included; else None."""
    candidates = (*_own_file(name), *_keras(name), *_torchvision(name), *_debian(name))
    return next((place for place in (*candidates, PUBLICATIONS[name].place()) if place.exists), None)


def is_image_folder(name: str) -> bool:
    """Whether a data set of this name is kept as image files, one folder a class."""
    return name.startswith(FOLDER) or name in IMAGE_FOLDERS


def image_folder(name: str) -> Path | None:
    """The folder that holds a data set of image files; None where it is not there."""
    if not name.startswith(FOLDER):
        own = _own_folder()
        return own / name if own and (own / name).is_dir() else None
    path = Path(name.removeprefix(FOLDER))
    with contextlib.suppress(HarnessError):  # ~ of a user that there is not
        path = expand_user(path)
    try:
        return path.absolute() if name != FOLDER and path.is_dir() else None
    except OSError:  # a name too long to be one
        return None


def no_image_folder(name: str) -> HarnessError:
    """The error for a data set of image files that is not there."""
    if name.startswith(FOLDER):
        return HarnessError(f"No folder {name.removeprefix(FOLDER)!r}: expected one with {LAYOUT}.")
    return HarnessError(
        f"{name} is not on this machine, and there is no download: expected the folder HARNESS_DATA/{name} with "
        f"{LAYOUT}.\nPut it there and set HARNESS_DATA, or name another by --data folder:DIR."
    )


def idx_file(folder: Path, name: str) -> Path:
    """The IDX file of this name, the plain one if both it and its ``.gz`` are there."""
    plain = folder / name
    return plain if plain.is_file() else folder / f"{name}.gz"


def _own_folder() -> Path | None:
    folder = os.environ.get("HARNESS_DATA")
    if not folder:
        return None
    path = expand_user(folder)
    if not path.is_dir():
        raise HarnessError(f"HARNESS_DATA is {folder}, which is no folder: set it to one that holds data sets.")
    return path


def _own_file(name: str) -> Iterator[Place]:
    if folder := _own_folder():
        yield Place(layout="npz", path=folder / f"{name}.npz", source="HARNESS_DATA")


def _keras(name: str) -> Iterator[Place]:
    """As keras.datasets lays them out, CIFAR-10 in today's nested folder or in the flat one before Keras 3.6."""
    home = os.environ.get("KERAS_HOME")
    root = (expand_user(home) if home else Path.home() / ".keras") / "datasets"
    layouts: dict[str, tuple[Layout, tuple[str, ...]]] = {
        "mnist": ("npz", ("mnist.npz",)),
        "fashion_mnist": ("idx", ("fashion-mnist",)),
        "cifar10": (
            "cifar_python",
            ("cifar-10-batches-py-target/cifar-10-batches-py", "cifar-10-batches-py"),
        ),
    }
    layout, paths = layouts[name]
    for path in paths:
        yield Place(layout=layout, path=root / path, source="the Keras cache")


def _torchvision(name: str) -> Iterator[Place]:
    """The folders that torchvision's examples use as ``root``; torchvision itself has no default."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    torch_home = expand_user(os.environ.get("TORCH_HOME") or cache / "torch")
    layouts: dict[str, tuple[Layout, str]] = {
        "mnist": ("idx", "MNIST/raw"),
        "fashion_mnist": ("idx", "FashionMNIST/raw"),
        "cifar10": ("cifar_python", "cifar-10-batches-py"),
    }
    layout, path = layouts[name]
    roots = {"./data": Path("data"), "~/data": Path.home() / "data", "TORCH_HOME": torch_home / "datasets"}
    for text, root in roots.items():
        yield Place(layout=layout, path=root / path, source=f"torchvision's files in {text}")


def _debian(name: str) -> Iterator[Place]:
    if name == "fashion_mnist":
        path = Path("/usr/share/datasets/fashion-mnist")
        yield Place(layout="idx", path=path, source="the Debian package dataset-fashion-mnist")
