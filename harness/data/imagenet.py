"""ImageNet's validation images: found in a folder of the user's, cropped as published weights expect them.

DIR/<class>/*.JPEG, 1,000 folders whose names in alphabetical order are the classes 0 to 999 (WordNet
numbers, as nearly all weights are published for), or DIR/*.JPEG and one list DIR/*.txt with a line
"FILE CLASS" for each image (Caffe's val.txt), or with the WordNet number of each image in the order
of the files' names (TensorFlow's imagenet_2012_validation_synset_labels.txt).
"""

import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from harness.data import image_folder
from harness.data.preprocessing import Preprocessing
from harness.errors import HarnessError

PREFIX = "imagenet:"  # and a path
CLASSES = 1000
IMAGES = 50_000
SUFFIXES = (".jpeg", ".jpg", ".png")
WORDNET_NUMBER = re.compile(r"n\d+")
LAYOUT = f"{CLASSES} folders of images, one a class, or the images and one list of their labels (.txt)"
PORTION = 64  # images that are decoded at a time


@dataclass(frozen=True, kw_only=True)
class Validation:
    """The images, each with the number of its class, in an order that looks drawn but is given by their names."""

    folder: Path
    files: tuple[Path, ...]
    labels: tuple[int, ...]

    @property
    def whole(self) -> bool:
        """Whether there are as many images as were published, as many of each class."""
        return len(self.files) == IMAGES and set(Counter(self.labels).values()) == {IMAGES // CLASSES}

    @cached_property
    def digest(self) -> str:
        """What identifies the images without reading them: names, sizes and labels."""
        found = hashlib.sha256()
        for file, label in zip(self.files, self.labels, strict=True):
            found.update(f"{file.name} {file.stat().st_size} {label}\n".encode())
        return found.hexdigest()[:16]


def find(folder: Path) -> Validation:
    """The validation images of a folder. Raises :class:`HarnessError` for one of another layout."""
    entries = image_folder.entries(folder)
    classes = [entry for entry in entries if entry.is_dir()]
    found = _of_folders(folder, classes) if classes else _of_list(folder, entries)
    ordered = sorted(found, key=lambda file: image_folder.place_in_order(Path(file[0].name)))
    return Validation(
        folder=folder, files=tuple(file for file, _ in ordered), labels=tuple(label for _, label in ordered)
    )


def portions(validation: Validation, preprocessing: Preprocessing) -> Iterator[NDArray[np.uint8]]:
    """The images in their order, uint8 (n, crop, crop, 3), a portion at a time."""
    with ThreadPoolExecutor() as pool:
        for start in range(0, len(validation.files), PORTION):
            files = validation.files[start : start + PORTION]
            yield np.stack(list(pool.map(partial(cropped, preprocessing=preprocessing), files)))


def cropped(file: Path, preprocessing: Preprocessing) -> NDArray[np.uint8]:
    """One image (crop, crop, 3): its shorter side resized, then its middle, as torchvision does both."""
    image = image_folder.read(file, 3, upright=False)  # as the published accuracies were measured
    method = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}[preprocessing.interpolation]
    shorter = min(image.size)
    width, height = (int(preprocessing.resize * side / shorter) for side in image.size)
    left, top = round((width - preprocessing.crop) / 2.0), round((height - preprocessing.crop) / 2.0)
    box = (left, top, left + preprocessing.crop, top + preprocessing.crop)
    return np.asarray(image.resize((width, height), method).crop(box))


def _of_folders(folder: Path, classes: list[Path]) -> list[tuple[Path, int]]:
    if len(classes) != CLASSES:
        raise HarnessError(f"{folder}: expected {LAYOUT}; found {len(classes)} folders.")
    for entry in classes:
        if not WORDNET_NUMBER.fullmatch(entry.name):  # in alphabetical order, 10 would stand before 2
            raise HarnessError(f"{folder}: expected folders named by WordNet number (n01440764), found {entry.name!r}.")
    found = [(file, label) for label, entry in enumerate(classes) for file in _images(image_folder.entries(entry))]
    if not found:
        raise HarnessError(f"{folder}: expected images ({', '.join(SUFFIXES)}) in its folders, found none.")
    return found


def _of_list(folder: Path, entries: list[Path]) -> list[tuple[Path, int]]:
    files = _images(entries)
    lists = [entry for entry in entries if entry.suffix == ".txt"]
    if not files or len(lists) != 1:
        raise HarnessError(f"{folder}: expected {LAYOUT}; found {len(files)} images and {len(lists)} lists.")
    try:
        lines = [line.split() for line in lists[0].read_text().splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise HarnessError(f"{lists[0]}: expected a list of labels, found: {error}.") from error
    if all(len(line) == 2 and line[1].isdecimal() for line in lines):
        return _numbered(lists[0], files, {name: int(label) for name, label in lines})
    return _by_wordnet(lists[0], files, [line[0] for line in lines])


def _numbered(path: Path, files: list[Path], labels: dict[str, int]) -> list[tuple[Path, int]]:
    missing = next((file.name for file in files if file.name not in labels), None)
    if missing is not None:
        raise HarnessError(f"{path}: expected a line for each image, found none for {missing}.")
    if not all(0 <= label < CLASSES for label in labels.values()):
        raise HarnessError(f"{path}: expected classes from 0 to {CLASSES - 1}, found {max(labels.values())}.")
    return [(file, labels[file.name]) for file in files]


def _by_wordnet(path: Path, files: list[Path], names: list[str]) -> list[tuple[Path, int]]:
    """Labels by WordNet number, one a line in the order of the files; a number's place among all is its class."""
    known = sorted(set(names))
    if not all(WORDNET_NUMBER.fullmatch(name) for name in known):
        raise HarnessError(
            f'{path}: expected lines "FILE CLASS" with classes from 0 to {CLASSES - 1}, or one WordNet number '
            f"(n01440764) a line, found {next(iter(names), 'nothing')!r}. (The numbers 1 to 1000 of the development "
            "kit are in an order of their own, which no published weights use.)"
        )
    if len(names) != len(files) or len(known) != CLASSES:
        raise HarnessError(
            f"{path}: expected a line for each of {len(files)} images and {CLASSES} classes, found {len(names)} lines "
            f"and {len(known)} classes."
        )
    classes = {name: place for place, name in enumerate(known)}
    return [(file, classes[name]) for file, name in zip(files, names, strict=True)]


def _images(entries: list[Path]) -> list[Path]:
    return [entry for entry in entries if entry.suffix.lower() in SUFFIXES]
