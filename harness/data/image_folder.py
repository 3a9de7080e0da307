"""A data set kept as image files, one folder a class: found, decoded once and kept as arrays in the cache.

DIR/train/<class>/*.jpg, *.jpeg, *.png
DIR/test/<class>/ or DIR/validation/<class>/ or both
"""

import hashlib
import os
import stat
import warnings
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import PIL
from numpy.typing import NDArray
from PIL import Image, ImageOps

from harness.errors import HarnessError, first_line
from harness.machine import cache
from harness.machine.arrays import read_array
from harness.networks.architecture import Split

SUFFIXES = (".jpg", ".jpeg", ".png")
LAYOUT = "train/, and test/ or validation/ or both, each with a folder of images (.jpg, .jpeg, .png) for each class"
_MODES = {1: "L", 3: "RGB"}  # Pillow's, by channels


@dataclass(frozen=True, kw_only=True)
class ImageFiles:
    """The files of a data set by split, each with the number of its class; nothing of them is read.

    Each split is in an order that looks drawn but is given by the files' names: files lie sorted by
    class, and the first or the last of them would otherwise all be of one.
    """

    folder: Path
    class_names: tuple[str, ...]  # alphabetical
    splits: Mapping[Split, tuple[tuple[Path, int], ...]]

    def labels(self, split: Split) -> NDArray[np.int64]:
        """The number of the class of each image of a split."""
        return np.array([label for _, label in self.splits[split]], np.int64)


def find(folder: Path) -> ImageFiles:
    """The files of the folder. Where only one of test/ and validation/ is there, it is the test split.

    Raises :class:`HarnessError` for a folder of another layout, for a class without images, for
    fewer than two classes, and where two splits have different ones.
    """
    others: list[Split] = [split for split in ("validation", "test") if (folder / split).is_dir()]
    if not others or not (folder / "train").is_dir():
        found = _list(f"{entry.name}/" for entry in entries(folder) if entry.is_dir())
        raise HarnessError(f"{folder}: expected {LAYOUT}; found {found}.")
    class_names = _class_names(folder / "train")
    for name in others:
        if (different := set(_class_names(folder / name)) ^ set(class_names)) != set():
            raise HarnessError(f"{folder}: expected the same classes in train/ and {name}/; not so {_list(different)}.")
    splits = {split: _files(folder, split, class_names) for split in ("train", *others)}
    if len(others) == 1:
        splits["test"] = splits.pop(others[0])
    return ImageFiles(folder=folder, class_names=class_names, splits=splits)


def decode(files: ImageFiles, input_shape: tuple[int, ...]) -> dict[Split, NDArray[np.uint8]]:
    """The images of each split, uint8 (N, H, W, C), upright, in the colours of the input, resized (bilinear).

    What was decoded before is mapped from the cache: it is named by the files' names, sizes and times
    of change, by the input's shape and by what decodes. Raises :class:`HarnessError` for a file that
    is no whole image.
    """
    entry = cache.root() / "datasets" / f"folder-{_digest(files, input_shape)}"
    if not cache.whole(entry):
        with cache.building(entry) as building:
            for split, listed in files.splits.items():
                _write(building / f"{split}.npy", [path for path, _ in listed], input_shape)
    mapped = {split: read_array(entry / f"{split}.npy", mapped=True) for split in files.splits}
    return {split: np.asarray(array) for split, array in mapped.items()}


def _class_names(folder: Path) -> tuple[str, ...]:
    names = tuple(entry.name for entry in entries(folder) if entry.is_dir())
    if len(names) < 2:
        raise HarnessError(f"{folder}: expected a folder for each of two classes or more, found {_list(names)}.")
    return names


def _files(folder: Path, split: Split, class_names: tuple[str, ...]) -> tuple[tuple[Path, int], ...]:
    """The image files of a split, each with its label, in the split's order."""
    found = []
    for label, name in enumerate(class_names):
        images = [entry for entry in entries(folder / split / name) if entry.suffix.lower() in SUFFIXES]
        if not images:
            raise HarnessError(f"{folder / split / name}: expected images ({', '.join(SUFFIXES)}), found none.")
        found += [(image, label) for image in images]
    return tuple(sorted(found, key=lambda file: place_in_order(file[0].relative_to(folder))))


def entries(folder: Path) -> list[Path]:
    """What is in a folder, sorted by name, without what is hidden."""
    try:
        entries = sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))
    except OSError as error:
        raise HarnessError(f"{folder}: expected a folder of images, found: {error.strerror}.") from error
    for entry in entries:
        if entry.is_symlink() and not entry.exists():
            raise HarnessError(f"{entry}: expected a file or a folder, found a link that leads nowhere. Remove it.")
    return entries


def _list(names: Iterable[str]) -> str:
    shown = sorted(names)
    return ", ".join(shown[:5]) + (" …" if len(shown) > 5 else "") or "none"


def place_in_order(path: Path) -> str:
    """A key that has nothing to do with class or number, and that no other file changes."""
    return hashlib.sha256(os.fsencode(path.as_posix())).hexdigest()


def _digest(files: ImageFiles, input_shape: tuple[int, ...]) -> str:
    """A name for the arrays: of everything that they are made from, without reading it."""
    facts = {
        "files": {split: [_state(path, files.folder) for path, _ in listed] for split, listed in files.splits.items()},
        "input": input_shape,
        "pillow": PIL.__version__,
        "code": hashlib.sha256(Path(__file__).read_bytes()).hexdigest(),
    }
    return cache.digest(facts)


def _state(path: Path, folder: Path) -> tuple[str, int, int]:
    try:
        status = path.stat()
    except OSError as error:
        raise _no_image(path, error.strerror or str(error)) from error
    if not stat.S_ISREG(status.st_mode):  # a pipe would be waited for without end
        raise _no_image(path, "something that is no file")
    return path.relative_to(folder).as_posix(), status.st_size, status.st_mtime_ns


def _write(target: Path, paths: list[Path], input_shape: tuple[int, ...]) -> None:
    """Write the decoded images as one .npy file, image by image: a full disk is then an error and no signal."""
    header = {"descr": "|u1", "fortran_order": False, "shape": (len(paths), *input_shape)}
    with target.open("wb") as file, warnings.catch_warnings(), ThreadPoolExecutor() as pool:
        warnings.simplefilter("ignore")  # odd metadata
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        np.lib.format.write_array_header_1_0(file, header)
        for image in pool.map(partial(_decoded, input_shape=input_shape), paths):
            file.write(image.tobytes())


def _decoded(path: Path, input_shape: tuple[int, ...]) -> Image.Image:
    """One image, upright, in the mode and size of the input."""
    height, width, channels = input_shape
    return read(path, channels).resize((width, height), Image.Resampling.BILINEAR)


def read(path: Path, channels: int, *, upright: bool = True) -> Image.Image:
    """One image in grey (1 channel) or RGB (3), turned as the camera noted unless ``upright`` is False.

    Raises :class:`HarnessError` for a file that is no whole image.
    """
    try:
        with Image.open(path, formats=("JPEG", "PNG")) as opened:
            image = ImageOps.exif_transpose(opened) if upright else opened.copy()
        return _eight_bits(image).convert(_MODES[channels])
    except Exception as error:  # Pillow's formats raise OSError, SyntaxError, ValueError, struct.error and more
        raise _no_image(path, first_line(error)) from error


def _eight_bits(image: Image.Image) -> Image.Image:
    """The image, if grey of 16 bits then its upper 8: Pillow's convert makes white of all above 255."""
    if not image.mode.startswith("I;16"):
        return image
    return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))


def _no_image(path: Path, found: str) -> HarnessError:
    return HarnessError(f"{path}: expected a whole JPEG or PNG image, found: {found}.\nReplace it or remove it.")
