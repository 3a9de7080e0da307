"""The data sets of the harness, found on this machine or fetched, as arrays of bytes."""

import difflib
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache as remember
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.data import cifar, idx, image_folder, places
from harness.data.places import PUBLICATIONS, Place
from harness.errors import HarnessError
from harness.machine.arrays import read_arrays

Bytes = NDArray[np.uint8]
Labels = NDArray[np.integer[Any]]


SAMPLE = "fashion_mnist_sample"
CLASSES = 10  # of each data set of arrays
_ARRAYS = ("x_train", "y_train", "x_test", "y_test")

# A lossy copy of CIFAR-10 (JPEG, quality 75) in an order of its own. Its labels tell it from the
# original; its pixels depend on the JPEG decoder that wrote them.
_JPEG75 = "cifar10-jpeg75"
_JPEG75_TEST_LABELS = "494134e9c92e469cd3816fdd2badcb2d833654dcf81898be0fccdbd36359661c"


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What is known of a data set without looking at it; the digests are of the published arrays."""

    license: str
    image_shape: tuple[int, ...]
    training_images: int
    test_images: int
    digest: str | None = None
    training_digest: str | None = None


FACTS = {
    "mnist": Facts(
        license="CC BY-SA 3.0",
        image_shape=(28, 28),
        training_images=60_000,
        test_images=10_000,
        digest="e495d919dc9453f1",
        training_digest="9585ddb17301fae7",
    ),
    "fashion_mnist": Facts(
        license="MIT",
        image_shape=(28, 28),
        training_images=60_000,
        test_images=10_000,
        digest="e63ca673c908c387",
        training_digest="add1583fa1282e41",
    ),
    "cifar10": Facts(license="none stated", image_shape=(32, 32, 3), training_images=50_000, test_images=10_000),
    SAMPLE: Facts(
        license="MIT",
        image_shape=(28, 28),
        training_images=6_000,
        test_images=2_000,
        digest="89891e9e2c67763e",
        training_digest="343c1061be0fdec4",
    ),
}
NAMES = (*FACTS, *places.IMAGE_FOLDERS)


@dataclass(frozen=True, kw_only=True, eq=False)
class Dataset:
    """A data set: images uint8 (N, H, W) or (N, H, W, C), labels integers (N,).

    ``genuine`` says that the content is the published data set, whichever place it came from. A
    lossy copy that is known goes by a name of its own, so that no accuracy on it is mistaken.
    ``adaptation`` says in words what was done to the images in reading them; empty where nothing
    was. A validation split is there only where the data set was divided so by who made it.
    """

    name: str
    source: str
    genuine: bool
    license: str
    classes: int
    class_names: tuple[str, ...] = ()
    adaptation: str = ""
    x_train: Bytes
    y_train: Labels
    x_validation: Bytes | None = None
    y_validation: Labels | None = None
    x_test: Bytes
    y_test: Labels

    @cached_property
    def digest(self) -> str:
        """What identifies the test images and labels: the first 16 digits of their SHA-256."""
        return _digest(self.x_test, self.y_test)

    @cached_property
    def training_digest(self) -> str:
        """What identifies the images and labels of training, with a validation split of their own."""
        if self.x_validation is None or self.y_validation is None:
            return _digest(self.x_train, self.y_train)
        return _digest(self.x_train, self.y_train, self.x_validation, self.y_validation)


@dataclass(frozen=True, kw_only=True)
class Availability:
    """Where a data set would come from.

    ``path`` is None where it would be downloaded; ``source`` is then the address. Where there is no
    download either (``download_bytes`` is 0), ``source`` says where it was looked for.
    """

    name: str
    path: Path | None
    source: str
    download_bytes: int  # 0 where it is on this machine


def load(name: str, input_shape: tuple[int, ...] | None = None) -> Dataset:
    """The data set of this name, from the first place that has it, else downloaded.

    "folder:DIR" is a folder of image files, laid out as :mod:`harness.data.image_folder` says; they are
    read at the size and in the channels of ``input_shape``, which nothing else looks at. Raises
    :class:`HarnessError` for an unknown name, for a file that is there but is not the data set it
    should be (the next place is not tried), and where a download fails.
    """
    if places.is_image_folder(name):
        return _from_images(name, input_shape)
    facts = _facts(name)
    if name == SAMPLE:
        with resources.as_file(resources.files("harness.data") / f"{SAMPLE}.npz") as path:
            return _dataset(name, facts, Place(layout="npz", path=path, source="installed with onnx-harness"))
    place = places.find(name)
    # An earlier download is checked against its checksum again, and mended if it is damaged.
    if place is None or place == PUBLICATIONS[name].place():
        place = PUBLICATIONS[name].fetch(name)
    return _dataset(name, facts, place)


def loaded(name: str, input_shape: tuple[int, ...] | None = None) -> Dataset:
    """What :func:`load` gives, read once a process."""
    return _loaded(name, input_shape if places.is_image_folder(name) else None)


@remember
def _loaded(name: str, input_shape: tuple[int, ...] | None) -> Dataset:
    return load(name, input_shape)


def availability(name: str) -> Availability:
    """Where :func:`load` would take this data set from; nothing is read or fetched."""
    if places.is_image_folder(name):
        source = "a folder" if name.startswith(places.FOLDER) else "HARNESS_DATA"
        return Availability(name=name, path=places.image_folder(name), source=source, download_bytes=0)
    _facts(name)
    if name == SAMPLE:
        path = Path(str(resources.files("harness.data") / f"{SAMPLE}.npz"))
        return Availability(name=name, path=path, source="installed with onnx-harness", download_bytes=0)
    place = places.find(name)
    if place is not None:
        return Availability(name=name, path=place.path, source=place.source, download_bytes=0)
    publication = PUBLICATIONS[name]
    return Availability(name=name, path=None, source=publication.address, download_bytes=publication.size_bytes)


def available() -> list[Availability]:
    """Where each data set would come from."""
    return [availability(name) for name in NAMES]


def obtainable(name: str) -> bool:
    """Whether there is a place to take the data set from; not so one that is not here and has no download.

    True of any "folder:DIR": whoever names a folder means it, and :func:`load` says what it lacks.
    """
    place = availability(name)
    return place.path is not None or place.download_bytes > 0 or name.startswith(places.FOLDER)


def classes(name: str) -> int:
    """How many classes the data set has, told without reading an image."""
    return len(image_files(name).class_names) if places.is_image_folder(name) else CLASSES


def image_files(name: str) -> image_folder.ImageFiles:
    """The files of a data set of image files. Raises :class:`HarnessError` where there are none."""
    folder = places.image_folder(name)
    if folder is None:
        raise places.no_image_folder(name)
    return image_folder.find(folder)


def _facts(name: str) -> Facts:
    if name not in FACTS:
        near = difflib.get_close_matches(name, NAMES, n=1)
        hint = f" Did you mean {near[0]}?" if near else ""
        raise HarnessError(f"No data set {name!r}: expected one of {', '.join(NAMES)}, or folder:DIR.{hint}")
    return FACTS[name]


def _from_images(name: str, input_shape: tuple[int, ...] | None) -> Dataset:
    files = image_files(name)
    if input_shape is None:
        raise HarnessError(f"{name} is read at the size of a network's input: expected one, found none.")
    arrays = image_folder.decode(files, input_shape)
    height, width, channels = input_shape
    named = f"{places.FOLDER}{files.folder.resolve().name}" if name.startswith(places.FOLDER) else name
    return Dataset(
        name=named,
        source=str(files.folder),
        genuine=False,
        license="none stated",
        classes=len(files.class_names),
        class_names=files.class_names,
        adaptation=f"read at {height}x{width} (bilinear)" + (", in grey" if channels == 1 else ""),
        x_train=arrays["train"],
        y_train=files.labels("train"),
        x_validation=arrays.get("validation"),
        y_validation=files.labels("validation") if "validation" in arrays else None,
        x_test=arrays["test"],
        y_test=files.labels("test"),
    )


def _dataset(name: str, facts: Facts, place: Place) -> Dataset:
    arrays, official = _read(place)
    arrays = _checked(arrays, facts, place)
    if name == "cifar10":
        if hashlib.sha256(arrays["y_test"].tobytes()).hexdigest() == _JPEG75_TEST_LABELS:
            name = _JPEG75
        else:
            official = official or cifar.is_official(arrays)
    elif facts.digest is not None:
        digests = [_digest(arrays[f"x_{split}"], arrays[f"y_{split}"]) for split in ("test", "train")]
        official = digests == [facts.digest, facts.training_digest]
    return Dataset(
        name=name,
        source=place.source,
        genuine=official,
        license=facts.license,
        classes=CLASSES,
        **arrays,  # type: ignore[arg-type]
    )


def _read(place: Place) -> tuple[dict[str, Bytes], bool]:
    """The arrays of a place, and whether the checksums of its files are those of the publisher."""
    if place.layout == "npz":
        return _read_npz(place.path), False
    if place.layout == "cifar_python":
        return cifar.read_python(place.path)
    if place.layout == "cifar_binary":
        return cifar.read_binary(place.path), False
    files = places.IDX_FILES
    return {key: idx.read(places.idx_file(place.path, name)) for key, name in files.items()}, False


def _read_npz(path: Path) -> dict[str, Bytes]:
    try:
        found = read_arrays(path, "a whole .npz file")
    except HarnessError as error:
        raise HarnessError(f"{error}\nReplace it or remove it.") from error
    if missing := [name for name in _ARRAYS if name not in found]:
        raise _unlike(path, "the arrays " + ", ".join(_ARRAYS), f"no {', '.join(missing)}")
    return {name: found[name] for name in _ARRAYS}


def _checked(arrays: Mapping[str, Bytes], facts: Facts, place: Place) -> dict[str, Bytes]:
    """The arrays, if their types, shapes and labels fit; labels (N, 1), as Keras gives them, become (N,)."""
    checked = dict(arrays)
    for split in ("train", "test"):
        images, labels = arrays[f"x_{split}"], arrays[f"y_{split}"]
        for name, array in ((f"x_{split}", images), (f"y_{split}", labels)):
            if array.dtype != "uint8":
                raise _unlike(place.path, f"{name} of type uint8", str(array.dtype))
        if images.shape[1:] != facts.image_shape or len(images) == 0:
            shape = ", ".join(map(str, ("N", *facts.image_shape)))
            raise _unlike(place.path, f"x_{split} of shape ({shape})", str(images.shape))
        if labels.shape not in ((len(images),), (len(images), 1)):
            raise _unlike(place.path, f"y_{split} of shape ({len(images)},)", str(labels.shape))
        if labels.max() >= CLASSES:
            raise _unlike(place.path, f"labels y_{split} from 0 to {CLASSES - 1}", str(labels.max()))
        checked[f"y_{split}"] = labels.reshape(-1)
    return checked


def _unlike(path: Path, expected: str, found: str) -> HarnessError:
    return HarnessError(f"{path}: expected {expected}, found {found}.\nReplace it or remove it.")


def _digest(*arrays: NDArray[Any]) -> str:

    digest = hashlib.sha256()
    for array in arrays:
        digest.update(repr(array.shape).encode())
        digest.update(np.ascontiguousarray(array).reshape(-1).data)
    return digest.hexdigest()[:16]
