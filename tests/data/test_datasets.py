"""Data sets: where they are found, what of them is believed, and what is refused."""

import gzip
import hashlib
import io
import os
import pickle
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from harness.data import cifar, datasets, make_fashion_mnist_sample
from harness.data import places as dataset_places
from harness.errors import HarnessError


def arrays(shape: tuple[int, ...] = (28, 28), seed: int = 0) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    return {
        "x_train": random.integers(0, 256, (6, *shape), np.uint8),
        "y_train": random.integers(0, 10, 6, np.uint8),
        "x_test": random.integers(0, 256, (4, *shape), np.uint8),
        "y_test": random.integers(0, 10, 4, np.uint8),
    }


def idx_bytes(array: np.ndarray) -> bytes:
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()


def write_idx(folder: Path, content: dict[str, np.ndarray], suffix: str = ".gz") -> None:
    folder.mkdir(parents=True)
    for key, name in dataset_places.IDX_FILES.items():
        raw = idx_bytes(content[key])
        (folder / f"{name}{suffix}").write_bytes(gzip.compress(raw, 1) if suffix else raw)


class Bomb:
    """Pickled, it makes a folder when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (str(self.path),)


@pytest.fixture(autouse=True)
def empty_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A home and a working folder without data, and no network."""
    for name in ("HARNESS_DATA", "KERAS_HOME", "TORCH_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    home, work = tmp_path / "home", tmp_path / "work"
    home.mkdir()
    work.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(work)
    monkeypatch.setattr(dataset_places, "_debian", lambda _: [])

    def fetch(*arguments: object, **options: object) -> None:
        raise HarnessError("a download")

    monkeypatch.setattr(dataset_places, "fetch", fetch)
    return home


@pytest.fixture
def own_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    folder = tmp_path / "own"
    folder.mkdir()
    monkeypatch.setenv("HARNESS_DATA", str(folder))
    return folder


# -- where it is found -------------------------------------------------------------------------


def test_the_search_goes_from_the_own_folder_to_the_download(
    empty_machine: Path, own_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Places are filled from the last to the first; each new one is then the one that is read."""
    with pytest.raises(HarnessError, match="a download"):
        datasets.load("fashion_mnist")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    places = {
        "downloaded from https://": tmp_path / "cache/datasets/fashion-mnist",
        "Debian": tmp_path / "debian",
        "torchvision's files in TORCH_HOME": tmp_path / "torch/datasets/FashionMNIST/raw",
        "torchvision's files in ~/data": empty_machine / "data/FashionMNIST/raw",
        "torchvision's files in ./data": tmp_path / "work/data/FashionMNIST/raw",
        "Keras": empty_machine / ".keras/datasets/fashion-mnist",
    }
    monkeypatch.setattr(dataset_places, "fetch", lambda *_, **__: None)
    for seed, (source, folder) in enumerate(places.items()):
        if source == "Debian":
            place = dataset_places.Place(layout="idx", path=folder, source=source)
            monkeypatch.setattr(dataset_places, "_debian", lambda _, place=place: [place])
        write_idx(folder, arrays(seed=seed), "" if "torch" in source else ".gz")
        found = datasets.load("fashion_mnist")
        assert source in found.source
        assert np.array_equal(found.x_train, arrays(seed=seed)["x_train"])
        path = datasets.availability("fashion_mnist").path
        assert path is not None
        assert path.resolve() == folder
    np.savez(own_folder / "fashion_mnist.npz", **arrays(seed=99))
    found = datasets.load("fashion_mnist")
    assert found.source == "HARNESS_DATA"
    assert np.array_equal(found.x_test, arrays(seed=99)["x_test"])


def test_debian_lays_out_the_four_files_in_one_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assert [str(place.path) for place in dataset_places._debian("fashion_mnist")] == [
        "/usr/share/datasets/fashion-mnist"
    ]
    assert list(dataset_places._debian("mnist")) == []


def test_an_incomplete_folder_is_passed_over(empty_machine: Path) -> None:
    folder = empty_machine / ".keras/datasets/fashion-mnist"
    write_idx(folder, arrays())
    (folder / "t10k-labels-idx1-ubyte.gz").unlink()
    assert datasets.availability("fashion_mnist").path is None


def test_keras_home_and_both_keras_layouts_of_cifar10(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    for path in ("cifar-10-batches-py", "cifar-10-batches-py-target/cifar-10-batches-py"):
        folder = tmp_path / "keras/datasets" / path
        folder.mkdir(parents=True)
        for name in cifar.PYTHON_BATCHES:
            (folder / name).touch()
        assert datasets.availability("cifar10").path == folder


def test_the_sample_needs_nothing_and_is_genuine() -> None:
    sample = datasets.load("fashion_mnist_sample")
    assert sample.genuine
    assert (sample.digest, sample.training_digest) == ("89891e9e2c67763e", "343c1061be0fdec4")
    assert (sample.x_train.shape, sample.x_test.shape) == ((6000, 28, 28), (2000, 28, 28))
    assert np.bincount(sample.y_train).tolist() == [600] * 10
    assert np.bincount(sample.y_test).tolist() == [200] * 10
    assert sample.license == "MIT"


def test_the_sample_is_what_its_script_makes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    if datasets.availability("fashion_mnist").path is None:
        pytest.skip("the full Fashion-MNIST is not on this machine: set HARNESS_DATA")
    full, sample = datasets.load("fashion_mnist"), datasets.load("fashion_mnist_sample")
    if not full.genuine:
        pytest.skip("the Fashion-MNIST on this machine is not the published one")
    for name, array in make_fashion_mnist_sample.make(full).items():
        assert np.array_equal(array, getattr(sample, name)), name


def test_an_unknown_name_is_refused_with_the_nearest() -> None:
    with pytest.raises(HarnessError, match="Did you mean fashion_mnist"):
        datasets.load("fashion-mnist")


# -- what is believed --------------------------------------------------------------------------


def test_other_content_is_not_genuine_and_has_another_digest(own_folder: Path) -> None:
    content = arrays()
    np.savez(own_folder / "mnist.npz", **content)
    first = datasets.load("mnist")
    assert not first.genuine
    assert first.name == "mnist"
    content["x_test"][0, 0, 0] ^= 1
    np.savez(own_folder / "mnist.npz", **content)
    second = datasets.load("mnist")
    assert first.digest != second.digest
    assert first.training_digest == second.training_digest


def test_the_digest_is_of_shape_and_bytes() -> None:
    images, labels = np.zeros((2, 2, 3), np.uint8), np.zeros(2, np.uint8)
    expected = hashlib.sha256(b"(2, 2, 3)" + bytes(12) + b"(2,)" + bytes(2)).hexdigest()[:16]
    assert datasets._digest(images, labels) == expected
    assert datasets._digest(images.reshape(2, 3, 2), labels) != expected


def test_the_lossy_cifar10_goes_by_its_own_name(own_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = arrays((32, 32, 3))
    np.savez(own_folder / "cifar10.npz", **content)
    assert datasets.load("cifar10").name == "cifar10"
    known = hashlib.sha256(content["y_test"].tobytes()).hexdigest()
    monkeypatch.setattr(datasets, "_JPEG75_TEST_LABELS", known)
    assert datasets.load("cifar10").name == "cifar10-jpeg75"
    assert not datasets.load("cifar10").genuine


def test_the_original_cifar10_is_genuine_in_any_layout(own_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The digests are those of the publisher's binary batches: a label, then the planes of red, green and blue."""
    content = arrays((32, 32, 3))
    np.savez(own_folder / "cifar10.npz", **content)
    digests = {}
    monkeypatch.setattr(cifar, "BATCH_IMAGES", 3)
    for split, first in (("train", 0), ("train", 3), ("test", 0), ("test", 3)):
        images, labels = (content[f"{key}_{split}"][first : first + 3] for key in "xy")
        records = b"".join(
            bytes([label]) + image.transpose(2, 0, 1).tobytes() for image, label in zip(images, labels, strict=True)
        )
        digests[f"{split}_{first}"] = hashlib.sha1(records).hexdigest()
    monkeypatch.setattr(cifar, "BINARY_BATCHES", digests)
    assert datasets.load("cifar10").genuine
    content["x_train"][5, 31, 31, 2] ^= 1
    np.savez(own_folder / "cifar10.npz", **content)
    assert not datasets.load("cifar10").genuine


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist"])
def test_the_published_data_are_recognised(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    if datasets.availability(name).path is None:
        pytest.skip(f"{name} is not on this machine: set HARNESS_DATA")
    assert datasets.load(name).genuine


# -- what is refused ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"x_test": np.zeros((4, 28, 28))}, "expected x_test of type uint8, found float64"),
        ({"y_train": np.zeros(6, np.int64)}, "expected y_train of type uint8, found int64"),
        ({"x_train": np.zeros((6, 784), np.uint8)}, r"shape \(N, 28, 28\), found \(6, 784\)"),
        ({"x_train": np.zeros((0, 28, 28), np.uint8)}, r"found \(0, 28, 28\)"),
        ({"y_test": np.zeros(3, np.uint8)}, r"expected y_test of shape \(4,\), found \(3,\)"),
        ({"y_test": np.full(4, 10, np.uint8)}, "from 0 to 9, found 10"),
        ({"y_test": np.array([1, None, 2, 3])}, "whole .npz"),  # objects: a pickle
        ({"y_test": None}, "found no y_test"),
    ],
)  # fmt: skip
def test_a_wrong_npz_is_an_error_and_not_the_next_place(
    own_folder: Path, empty_machine: Path, change: dict[str, np.ndarray | None], said: str
) -> None:
    content = {name: array for name, array in (arrays() | change).items() if array is not None}
    np.savez(own_folder / "mnist.npz", **content)
    keras = empty_machine / ".keras/datasets"
    keras.mkdir(parents=True)
    np.savez(keras / "mnist.npz", **arrays())
    with pytest.raises(HarnessError, match=said) as caught:
        datasets.load("mnist")
    assert str(own_folder / "mnist.npz") in str(caught.value)
    assert str(caught.value).count("\n") <= 1
    (own_folder / "mnist.npz").unlink()
    assert datasets.load("mnist").source == "the Keras cache"


def test_labels_in_a_column_as_keras_gives_them_are_taken(own_folder: Path) -> None:
    content = arrays((32, 32, 3))
    column = {name: array[:, None] if array.ndim == 1 else array for name, array in content.items()}
    np.savez(own_folder / "cifar10.npz", **column)
    assert np.array_equal(datasets.load("cifar10").y_test, content["y_test"])


def _npz() -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays())
    return buffer.getvalue()


WHOLE = _npz()


@settings(max_examples=1500, deadline=None)
@given(end=st.integers(0, len(WHOLE) - 1))
def test_a_torn_npz_is_an_error(tmp_path_factory: pytest.TempPathFactory, end: int) -> None:
    path = tmp_path_factory.getbasetemp() / "torn.npz"
    path.write_bytes(WHOLE[:end])
    with pytest.raises(HarnessError, match=r"torn\.npz"):
        datasets._read_npz(path)


@settings(max_examples=1500, deadline=None)
@example(at=178, value=36)  # the member becomes longer than its array
@given(at=st.integers(0, len(WHOLE) - 1), value=st.integers(0, 255))
def test_a_garbled_npz_is_an_error_or_the_same(tmp_path_factory: pytest.TempPathFactory, at: int, value: int) -> None:
    path = tmp_path_factory.getbasetemp() / "garbled.npz"
    path.write_bytes(WHOLE[:at] + bytes([value]) + WHOLE[at + 1 :])
    try:
        found = datasets._read_npz(path)
    except HarnessError:
        return
    assert all(np.array_equal(found[name], array) for name, array in arrays().items())


def test_a_bare_pickle_called_npz_executes_nothing(own_folder: Path, tmp_path: Path) -> None:
    (own_folder / "mnist.npz").write_bytes(pickle.dumps(Bomb(tmp_path / "exploded")))
    with pytest.raises(HarnessError):
        datasets.load("mnist")
    assert not (tmp_path / "exploded").exists()
