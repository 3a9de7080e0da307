"""Image files in folders: what is found, how it is decoded and kept, and what is refused."""

import io
import os
import struct
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from harness.data import datasets, image_folder, images
from harness.errors import CannotWriteError, HarnessError
from harness.machine import cache
from harness.networks import catalog
from harness.networks.architecture import Optimizer, Recipe

SIZE = (20, 26)
COLOUR, GREY = (*SIZE, 3), (*SIZE, 1)
BOTH = ("train", "validation", "test")


def picture(height: int = 30, width: int = 40, channels: int = 3, seed: int = 0) -> np.ndarray:
    """Blots of colour: what a JPEG and a resize keep apart from its mirror images."""
    coarse = np.random.default_rng(seed).integers(0, 256, (4, 5, channels), np.uint8)
    planes = [Image.fromarray(plane).resize((width, height)) for plane in np.moveaxis(coarse, -1, 0)]
    return np.stack([np.asarray(plane) for plane in planes], axis=-1)


def write(path: Path, image: np.ndarray | Image.Image, **options: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(path, **options)
    return path


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three splits of two classes, three and two images of each, of different sizes."""
    place = tmp_path / "pets"
    for number, split in enumerate(BOTH):
        for label, name in enumerate(("dog", "cat")):
            for image in range(3 if split == "train" else 2):
                seed = 100 * number + 10 * label + image
                write(place / split / name / f"{name}.{image}.png", picture(20 + image, 33 - image, seed=seed))
    return place


def loaded(folder: Path, input_shape: tuple[int, int, int] = COLOUR) -> datasets.Dataset:
    return datasets.load(f"folder:{folder}", input_shape)


def decoded(folder: Path, path: Path, input_shape: tuple[int, int, int] = COLOUR) -> np.ndarray:
    """What the data set holds for one file."""
    files = image_folder.find(folder)
    for split, listed in files.splits.items():
        for number, (found, _) in enumerate(listed):
            if found == path:
                return image_folder.decode(files, input_shape)[split][number]
    raise AssertionError(f"{path} was not found")


def resized(array: np.ndarray) -> np.ndarray:
    return np.asarray(Image.fromarray(array).resize(SIZE[::-1], Image.Resampling.BILINEAR))


# -- what is found -----------------------------------------------------------------------------


def test_three_splits(folder: Path) -> None:
    found = loaded(folder)
    assert (found.name, found.genuine, found.classes) == ("folder:pets", False, 2)
    assert found.class_names == ("cat", "dog")
    assert found.x_validation is not None
    assert (len(found.x_train), len(found.x_validation), len(found.x_test)) == (6, 4, 4)
    files = image_folder.find(folder)
    for split in BOTH:
        x, y = getattr(found, f"x_{split}"), getattr(found, f"y_{split}")
        assert x.dtype == np.uint8
        for image, label, (path, _) in zip(x, y, files.splits[split], strict=True):
            assert path.parent == folder / split / found.class_names[label]
            assert np.array_equal(image, resized(np.asarray(Image.open(path))))
        assert np.array_equal(np.sort(y), np.repeat([0, 1], len(y) // 2))


@pytest.mark.parametrize("only", ["validation", "test"])
def test_the_only_other_split_is_the_test_split(folder: Path, only: str) -> None:
    whole = loaded(folder)
    (folder / ("test" if only == "validation" else "validation")).rename(folder / "unused")
    found = loaded(folder)
    assert found.x_validation is None
    assert found.y_validation is None
    assert np.array_equal(found.x_test, getattr(whole, f"x_{only}"))
    assert np.array_equal(found.y_test, getattr(whole, f"y_{only}"))
    assert np.array_equal(found.x_train, whole.x_train)


def test_the_first_and_the_last_images_are_of_every_class(tmp_path: Path) -> None:
    tiny = picture(4, 4)
    for split in ("train", "test"):
        for name in ("a", "b", "c"):
            for number in range(30):
                write(tmp_path / f"set/{split}/{name}/{number:03}.png", tiny)
    found = image_folder.find(tmp_path / "set")
    labels = found.labels("train")
    for some in (labels[:20], labels[-20:], found.labels("test")[:20]):
        assert np.bincount(some, minlength=3).min() >= 2
    (tmp_path / "set/train/a/000.png").unlink()
    fewer = [path for path, _ in image_folder.find(tmp_path / "set").splits["train"]]
    assert fewer == [path for path, _ in found.splits["train"] if path.name != "000.png" or path.parent.name != "a"]


def test_what_is_no_image_or_hidden_is_passed_over(folder: Path) -> None:
    before = loaded(folder)
    for name in ("train/notes.txt", "train/cat/Thumbs.db", "train/cat/._cat.0.png", ".DS_Store", "train/cat.jpg"):
        (folder / name).write_bytes(b"no image")
    (folder / "train/.ipynb_checkpoints").mkdir()
    (folder / "train/cat/more").mkdir()
    after = loaded(folder)
    assert (after.digest, after.training_digest) == (before.digest, before.training_digest)


def test_a_link_is_what_it_leads_to(folder: Path, tmp_path: Path) -> None:
    before = loaded(folder)
    (folder / "train/cat").rename(tmp_path / "elsewhere")
    (folder / "train/cat").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    assert loaded(folder).training_digest == before.training_digest


# -- how it is decoded -------------------------------------------------------------------------

RGB = picture(seed=1)
ALPHA = picture(channels=4, seed=2)
KINDS: dict[str, Callable[[Path], Path]] = {
    "jpeg": lambda place: write(place.with_suffix(".jpg"), RGB),
    "capitals": lambda place: write(place.with_suffix(".JPEG"), RGB, format="JPEG"),
    "grey jpeg": lambda place: write(place.with_suffix(".jpeg"), RGB[..., 0]),
    "cmyk jpeg": lambda place: write(place.with_suffix(".jpg"), Image.fromarray(RGB).convert("CMYK")),
    "palette": lambda place: write(place.with_suffix(".png"), Image.fromarray(RGB).quantize(40)),
    "palette with transparency": lambda place: write(
        place.with_suffix(".png"), Image.fromarray(RGB).quantize(40), transparency=bytes(range(40))
    ),
    "rgba": lambda place: write(place.with_suffix(".png"), ALPHA),
    "grey with alpha": lambda place: write(place.with_suffix(".png"), Image.fromarray(ALPHA).convert("LA")),
    "two colours": lambda place: write(place.with_suffix(".png"), Image.fromarray(RGB).convert("1")),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("input_shape", [COLOUR, GREY])
def test_every_kind_of_image_is_decoded_as_by_pillow(
    folder: Path, kind: str, input_shape: tuple[int, int, int]
) -> None:
    path = KINDS[kind](folder / "train/cat/kind")
    mode = "RGB" if input_shape == COLOUR else "L"
    with Image.open(path) as image:
        converted = image.convert("RGBA" if "palette with" in kind else mode).convert(mode)
    expected = resized(np.asarray(converted)).reshape(input_shape)
    assert expected.std() > 10
    assert np.array_equal(decoded(folder, path, input_shape), expected)


@pytest.mark.parametrize(
    ("orientation", "upright"),
    [(1, lambda x: x), (2, lambda x: x[:, ::-1]), (3, lambda x: x[::-1, ::-1]), (6, lambda x: np.rot90(x, -1))],
)
def test_a_photograph_is_turned_upright(
    folder: Path, orientation: int, upright: Callable[[np.ndarray], np.ndarray]
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = write(folder / "train/dog/photo.jpg", picture(24, 40), exif=exif)
    stored = np.asarray(Image.open(path))
    assert np.array_equal(decoded(folder, path), resized(np.ascontiguousarray(upright(stored))))


@pytest.mark.parametrize("input_shape", [COLOUR, GREY])
def test_of_16_bits_the_upper_8_are_kept(folder: Path, input_shape: tuple[int, int, int]) -> None:
    grey = picture(channels=1)[..., 0]
    path = write(folder / "train/dog/deep.png", grey.astype(np.uint16) * 257)
    assert (decoded(folder, path, input_shape) == resized(grey)[..., None]).all()


def test_what_it_says_of_the_images(folder: Path) -> None:
    assert loaded(folder).adaptation == "read at 20x26 (bilinear)"
    assert loaded(folder, GREY).adaptation == "read at 20x26 (bilinear), in grey"
    with pytest.raises(HarnessError, match="at the size of a network's input"):
        datasets.load(f"folder:{folder}")


def test_a_network_of_one_output_is_fed_from_a_folder(folder: Path) -> None:
    network = replace(catalog.get("cifar10_bn_elu"), input_shape=COLOUR, outputs=1)
    recipe = Recipe(
        dataset=f"folder:{folder}", optimizer=Optimizer(name="sgd", learning_rate=0.1), batch=2, epochs=1, fitting="pad"
    )
    dataset = loaded(folder)
    found = images.prepare(dataset, network, recipe)
    assert found.adaptation == "read at 20x26 (bilinear)"
    assert found.validated_on == "validation"
    assert set(found.y_train.tolist()) == {0, 1}
    assert np.array_equal(found.scaled(found.x_test), dataset.x_test / np.float32(255))


# -- what is kept ------------------------------------------------------------------------------


def kept(own_cache: Path) -> list[str]:
    return sorted(entry.name for entry in (own_cache / "datasets").glob("*"))


def test_images_are_decoded_once(folder: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = loaded(folder)
    (entry,) = kept(own_cache)
    assert cache.whole(own_cache / "datasets" / entry)
    with monkeypatch.context() as patch:
        patch.setattr(image_folder, "_decoded", lambda *_, **__: pytest.fail("decoded again"))
        again = loaded(folder)
    assert again.digest == first.digest
    assert again.training_digest == first.training_digest
    loaded(folder, GREY)
    assert len(kept(own_cache)) == 2


@pytest.mark.parametrize("change", ["content", "time", "name", "more"])
def test_what_changes_is_decoded_again(folder: Path, own_cache: Path, change: str) -> None:
    before = loaded(folder).training_digest
    path = folder / "train/cat/cat.1.png"
    if change == "content":
        write(path, picture(seed=77))
    elif change == "time":
        os.utime(path, ns=(0, 0))
    elif change == "name":
        path.rename(path.with_name("another.png"))
    else:
        write(folder / "train/cat/cat.9.png", picture(seed=77))
    after = loaded(folder).training_digest
    assert len(kept(own_cache)) == 2
    if change in ("content", "more"):
        assert after != before


def test_the_digest_of_training_knows_the_validation_split(folder: Path) -> None:
    before = loaded(folder)
    write(folder / "validation/cat/cat.1.png", picture(seed=77))
    after = loaded(folder)
    assert after.training_digest != before.training_digest
    assert after.digest == before.digest


def test_a_damaged_image_leaves_nothing_behind(folder: Path, own_cache: Path) -> None:
    path = folder / "test/dog/dog.1.png"
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(HarnessError, match=r"dog\.1\.png"):
        loaded(folder)
    assert kept(own_cache) == []


def test_a_cache_that_cannot_be_written_is_not_taken_for_a_damaged_image(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "file"))
    with pytest.raises(CannotWriteError):
        loaded(folder)


# -- what is refused ---------------------------------------------------------------------------


def png_of_size(width: int, height: int) -> bytes:
    """A PNG whose header promises so many pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")


def gif() -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(RGB).save(buffer, "GIF")
    return buffer.getvalue()


def whole_jpeg() -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(RGB).save(buffer, "JPEG")
    return buffer.getvalue()


BAD_FILES: dict[str, Callable[[Path], object]] = {
    "empty": lambda path: path.write_bytes(b""),
    "text": lambda path: path.write_bytes(b"no image at all"),
    "another format": lambda path: path.write_bytes(gif()),
    "torn jpeg": lambda path: path.write_bytes(whole_jpeg()[:-100]),
    "header alone": lambda path: path.write_bytes(whole_jpeg()[:30]),
    "bomb": lambda path: path.write_bytes(png_of_size(30_000, 30_000)),
    "smaller bomb": lambda path: path.write_bytes(png_of_size(10_000, 10_000)),
    "folder": lambda path: path.mkdir(),
    "pipe": lambda path: os.mkfifo(path),
    "link to itself": lambda path: path.symlink_to(path),
    "link to nothing": lambda path: path.symlink_to(path.with_name("nothing")),
}


@pytest.mark.parametrize("bad", BAD_FILES)
def test_a_file_that_is_no_image_is_named(folder: Path, bad: str) -> None:
    path = folder / "train/dog/bad.jpg"
    BAD_FILES[bad](path)
    with pytest.raises(HarnessError) as caught:
        loaded(folder)
    assert str(path) in str(caught.value)
    assert str(caught.value).count("\n") <= 1
    assert ("decompression bomb" in str(caught.value)) == ("bomb" in bad)


def emptied(place: Path) -> None:
    for image in place.iterdir():
        image.unlink()


def removed(place: Path) -> None:
    emptied(place)
    place.rmdir()


BAD_FOLDERS: dict[str, tuple[Callable[[Path], object], str]] = {
    "no train": (lambda place: (place / "train").rename(place / "training"), "expected train/, .*found test/, tra"),
    "train alone": (
        lambda place: [(place / name).rename(place / f"my {name}") for name in ("test", "validation")],
        "expected train/, and test/ or validation/.*found my test/, my validation/, train/",
    ),
    "empty class": (lambda place: emptied(place / "test/dog"), r"test/dog: expected images \(.jpg.*found none"),
    "one class": (
        lambda place: [removed(place / split / "dog") for split in BOTH],
        "train: expected a folder for each of two classes or more, found cat",
    ),
    "a class too few": (lambda place: removed(place / "test/dog"), "test: expected a folder for each .*found cat"),
    "other classes": (
        lambda place: (place / "test/dog").rename(place / "test/wolf"),
        "the same classes in train/ and test/; not so dog, wolf",
    ),
    "class that is a loop": (
        lambda place: (place / "train/eel").symlink_to(place / "train/eel"),
        "train/eel: .*link that leads nowhere",
    ),
    "class that leads back up": (
        lambda place: (place / "train/eel").symlink_to(".."),
        "not so eel",
    ),
    "a file": (lambda place: place.rename(place.with_name("moved")) and place.touch(), "No folder"),
}


@pytest.mark.parametrize("bad", BAD_FOLDERS)
def test_a_folder_of_another_layout_is_refused(folder: Path, bad: str) -> None:
    change, said = BAD_FOLDERS[bad]
    change(folder)
    with pytest.raises(HarnessError, match=said) as caught:
        loaded(folder)
    assert str(folder) in str(caught.value)


@pytest.mark.parametrize("name", ["folder:", "folder:nowhere", "folder:~nobody-of-this-name/images"])
def test_a_folder_that_is_not_there_is_refused(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(HarnessError, match="No folder"):
        datasets.load(name, COLOUR)
    assert datasets.obtainable(name), "whoever names a folder is to be told that it is not there"


# -- cats_vs_dogs ------------------------------------------------------------------------------


def test_cats_vs_dogs_is_a_folder_among_the_users_data(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for place in (None, str(folder.parent)):
        if place:
            monkeypatch.setenv("HARNESS_DATA", place)
        assert datasets.availability("cats_vs_dogs").path is None
        assert not datasets.obtainable("cats_vs_dogs")
        with pytest.raises(HarnessError, match="no download: expected the folder HARNESS_DATA/cats_vs_dogs") as caught:
            datasets.load("cats_vs_dogs", COLOUR)
        assert "--data folder:DIR" in str(caught.value)
    digest = loaded(folder).digest
    folder.rename(folder.with_name("cats_vs_dogs"))
    assert datasets.obtainable("cats_vs_dogs")
    assert datasets.availability("cats_vs_dogs").path == folder.with_name("cats_vs_dogs")
    found = datasets.load("cats_vs_dogs", COLOUR)
    assert (found.name, found.genuine, found.class_names, found.digest) == (
        "cats_vs_dogs",
        False,
        ("cat", "dog"),
        digest,
    )


def test_the_other_data_sets_are_obtainable_and_their_classes_are_ten() -> None:
    assert datasets.obtainable("mnist")
    sample = datasets.load(datasets.SAMPLE, COLOUR)
    assert (sample.classes, sample.class_names, sample.x_validation, sample.adaptation) == (10, (), None, "")
    assert sample.x_train.shape == (6000, 28, 28)
