"""CIFAR-10's official files: batches read without unpickling, and the archive without extracting."""

import hashlib
import io
import os
import pickle
import struct
import tarfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.data import cifar
from harness.errors import HarnessError


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
def test_official_batches_are_told_by_their_checksums(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checksums = {}
    for number, name in enumerate(cifar.PYTHON_BATCHES):
        raw = python2_pickle(batch(number))
        (tmp_path / name).write_bytes(raw)
        checksums[name] = hashlib.md5(raw).hexdigest()
    assert not cifar.read_python(tmp_path)[1]
    monkeypatch.setattr(cifar, "PYTHON_BATCHES", checksums)
    found, official = cifar.read_python(tmp_path)
    assert official
    assert (found["x_train"].shape, found["x_test"].shape) == ((100, 32, 32, 3), (20, 32, 32, 3))
    assert found["y_test"].tolist() == batch(5)[b"labels"]
    (tmp_path / "data_batch_3").write_bytes(b"\x80\x02}.")
    with pytest.raises(HarnessError, match="data_batch_3"):
        cifar.read_python(tmp_path)


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
def test_the_binary_archive_is_read_without_extracting_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    batches = binary_batches()
    archive = tmp_path / "inner/cifar.tar.gz"
    write_archive(archive, batches)
    found = cifar.read_binary(archive)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["cifar.tar.gz", "inner"]
    assert found["y_train"][:20].tolist() == batch(0)[b"labels"]
    pixels = batch(5)[b"data"]
    assert isinstance(pixels, np.ndarray)
    assert np.array_equal(found["x_test"], pixels.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1))
    assert not cifar.is_official(found)
    known = {name: hashlib.sha1(content).hexdigest() for name, content in batches.items()}
    monkeypatch.setattr(cifar, "BINARY_BATCHES", known)
    assert cifar.is_official(found)


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
