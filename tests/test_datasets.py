"""Data sets: where they are found, what of them is believed, and what is refused."""

import argparse
import gzip
import hashlib
import io
import json
import os
import pickle
import struct
import tarfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness import cifar, dataset_places, datasets, idx
from harness.commands import data
from harness.data import make_fashion_mnist_sample
from harness.errors import HarnessError

RANDOM = np.random.default_rng(0)


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
        assert (
            datasets.availability("fashion_mnist").path
            == folder.relative_to(tmp_path / "work" if "./data" in source else "/")
            or datasets.availability("fashion_mnist").path == folder
        )
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


# -- IDX ---------------------------------------------------------------------------------------


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
    "content", [b"", gzip.compress(idx_bytes(arrays()["x_test"]))[:-9], b"no gzip", gzip.compress(b"\0\0\x0d\x01abcd")]
)
def test_a_broken_idx_file_is_an_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "images.gz").write_bytes(content)
    with pytest.raises(HarnessError, match=r"images\.gz"):
        idx.read(tmp_path / "images.gz")


# -- CIFAR-10 ----------------------------------------------------------------------------------


class Bomb:
    """Pickled, it makes a folder when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (str(self.path),)


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cifar, "BATCH_IMAGES", 20)


def batch(number: int, order: str = "C") -> dict[bytes, object]:
    random = np.random.default_rng(number)
    pixels = np.asarray(random.integers(0, 256, (20, 3072), np.uint8), order=order)
    return {
        b"batch_label": b"training batch",
        b"labels": random.integers(0, 10, 20).tolist(),
        b"data": pixels,
        b"filenames": [b"name.png"] * 20,
    }


def python2_pickle(content: dict[bytes, object]) -> bytes:
    """As Python 2 pickled the official batches: byte strings, appended labels, NumPy's state tuple."""
    pixels = content[b"data"]
    assert isinstance(pixels, np.ndarray)
    labels = content[b"labels"]
    assert isinstance(labels, list)
    raw = pixels.tobytes()
    text = b"\x80\x02}q\x01(U\x06labelsq\x02]q\x03("
    text += b"".join(b"K" + bytes([label]) for label in labels[:10]) + b"e("
    text += b"".join(b"K" + bytes([label]) for label in labels[10:]) + b"eU\x04dataq\x04"
    text += b"cnumpy.core.multiarray\n_reconstruct\nq\x05cnumpy\nndarray\nq\x06K\x00\x85U\x01b\x87Rq\x07"
    text += b"(K\x01K\x14M\x00\x0c\x86cnumpy\ndtype\nq\x08U\x02u1K\x00K\x01\x87Rq\x09(K\x03U\x01|NNN"
    text += b"J\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89T" + struct.pack("<i", len(raw)) + raw + b"tbu."
    return text


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("protocol", [3, 4])
@pytest.mark.usefixtures("small_batches")
def test_a_batch_is_read_off_its_pickle(order: str, protocol: int) -> None:
    content = batch(1, order)
    images, labels = cifar.parse_python(pickle.dumps(content, protocol))
    pixels = content[b"data"]
    assert isinstance(pixels, np.ndarray)
    assert labels.tolist() == content[b"labels"]
    assert np.array_equal(images, pixels.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1))


@pytest.mark.usefixtures("small_batches")
def test_a_batch_of_python_2_is_read_as_pickle_reads_it() -> None:
    content = batch(2)
    images, labels = cifar.parse_python(python2_pickle(content))
    assert labels.tolist() == content[b"labels"]
    assert np.array_equal(images[3, 4, 5], content[b"data"][3, [133, 1024 + 133, 2048 + 133]])


@pytest.mark.usefixtures("small_batches")
def test_a_malicious_batch_executes_nothing(tmp_path: Path) -> None:
    target = tmp_path / "exploded"
    content = batch(3) | {b"extra": Bomb(target)}
    folder = tmp_path / "batches"
    folder.mkdir()
    for name in cifar.PYTHON_BATCHES:
        (folder / name).write_bytes(pickle.dumps(content, 3))
    _, official = cifar.read_python(folder)
    assert not official
    assert not target.exists()
    pickle.loads(pickle.dumps(content, 3))
    assert target.exists(), "the bomb was no bomb"


@settings(deadline=None)
@given(content=st.binary(max_size=200))
def test_no_bytes_break_the_batch_reader(content: bytes) -> None:
    with pytest.raises(ValueError):
        cifar.parse_python(content)


@pytest.mark.usefixtures("small_batches")
def test_official_batches_are_genuine_by_their_checksums(empty_machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = empty_machine / "data/cifar-10-batches-py"
    folder.mkdir(parents=True)
    checksums = {}
    for number, name in enumerate(cifar.PYTHON_BATCHES):
        raw = python2_pickle(batch(number))
        (folder / name).write_bytes(raw)
        checksums[name] = hashlib.md5(raw).hexdigest()
    assert not datasets.load("cifar10").genuine
    monkeypatch.setattr(cifar, "PYTHON_BATCHES", checksums)
    found = datasets.load("cifar10")
    assert found.genuine
    assert (found.x_train.shape, found.x_test.shape) == ((100, 32, 32, 3), (20, 32, 32, 3))
    assert found.y_test.tolist() == batch(5)[b"labels"]
    (folder / "data_batch_3").write_bytes(b"\x80\x02}.")
    with pytest.raises(HarnessError, match="data_batch_3"):
        datasets.load("cifar10")


def binary_batches() -> dict[str, bytes]:
    batches = {}
    for number, name in enumerate(cifar.BINARY_BATCHES):
        content = batch(number)
        labels = np.array(content[b"labels"], np.uint8)
        batches[name] = np.concatenate([labels[:, None], content[b"data"]], axis=1).tobytes()
    return batches


def write_archive(path: Path, batches: dict[str, bytes]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:gz") as archive:
        for name, content in {"../escaped": b"x", **batches}.items():
            member = tarfile.TarInfo(name if name.startswith("..") else f"cifar-10-batches-bin/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


@pytest.mark.usefixtures("small_batches")
def test_the_binary_archive_and_an_npz_of_it_are_the_same_data(
    tmp_path: Path, own_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches = binary_batches()
    monkeypatch.setattr(dataset_places, "fetch", lambda *_, **__: None)
    write_archive(tmp_path / "cache/datasets/cifar-10-binary.tar.gz", batches)
    assert not datasets.load("cifar10").genuine
    known = {name: hashlib.sha1(content).hexdigest() for name, content in batches.items()}
    monkeypatch.setattr(cifar, "BINARY_BATCHES", known)
    found = datasets.load("cifar10")
    assert found.genuine
    assert found.source.startswith("downloaded from")
    assert found.y_train[:20].tolist() == batch(0)[b"labels"]
    assert not (tmp_path / "cache/escaped").exists()

    np.savez(
        own_folder / "cifar10.npz",
        x_train=found.x_train, y_train=found.y_train, x_test=found.x_test, y_test=found.y_test,
    )  # fmt: skip
    own = datasets.load("cifar10")
    assert (own.source, own.genuine, own.digest) == ("HARNESS_DATA", True, found.digest)


@pytest.mark.usefixtures("small_batches")
@pytest.mark.parametrize("change", [{"test_batch.bin": b"short"}, {"test_batch.bin": None}])
def test_an_archive_that_is_not_whole_is_an_error(tmp_path: Path, change: dict[str, bytes | None]) -> None:
    batches = {name: content for name, content in (binary_batches() | change).items() if content is not None}
    write_archive(tmp_path / "cifar.tar.gz", batches)
    with pytest.raises(HarnessError, match="test_batch"):
        cifar.read_binary(tmp_path / "cifar.tar.gz")
    whole = (tmp_path / "cifar.tar.gz").read_bytes()
    (tmp_path / "cifar.tar.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(HarnessError):
        cifar.read_binary(tmp_path / "cifar.tar.gz")


# -- harness data ------------------------------------------------------------------------------


def run(*arguments: str) -> int:
    parser = argparse.ArgumentParser()
    data.add_arguments(parser)
    return data.main(parser.parse_args(arguments))


def test_the_command_lists_without_loading(own_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (own_folder / "mnist.npz").write_bytes(b"not looked into")
    assert run("--format", "json") == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert list(rows) == list(datasets.NAMES)
    assert str(own_folder / "mnist.npz") in rows["mnist"]["found"]
    assert rows["mnist"]["genuine"] is None
    assert rows["cifar10"]["found"] is None
    assert rows["cifar10"]["download"].startswith("170 MB from https://www.cs.toronto.edu/")


def test_the_command_loads_what_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("*_sample", "fashion_mnist_sample", "--format", "json") == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["digest"], row["genuine"], row["test_images"]) == ("89891e9e2c67763e", True, 2000)
    with pytest.raises(HarnessError, match="expected one of"):
        run("imagenet")
