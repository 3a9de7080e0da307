"""``harness data``: what is here without looking into it, and what was loaded by name."""

import argparse
import json
from pathlib import Path

import pytest
from PIL import Image

from harness.commands import data
from harness.data import datasets
from harness.errors import HarnessError
from tests.conftest import Harness


def run(*arguments: str) -> int:
    parser = argparse.ArgumentParser()
    data.add_arguments(parser)
    return data.main(parser.parse_args(arguments))


def test_the_command_lists_without_loading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("KERAS_HOME", "TORCH_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HOME", "HARNESS_CACHE", "HARNESS_DATA"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mnist.npz").write_bytes(b"not looked into")
    assert run("--format", "json") == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert list(rows) == list(datasets.NAMES)
    assert str(tmp_path / "mnist.npz") in rows["mnist"]["found"]
    assert rows["mnist"]["genuine"] is None
    assert rows["cifar10"]["found"] is None
    assert rows["cifar10"]["download"].startswith("170 MB from https://www.cs.toronto.edu/")
    assert rows["cats_vs_dogs"]["download"] == "none: put it into HARNESS_DATA/cats_vs_dogs"


def test_the_command_loads_what_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("*_sample", "fashion_mnist_sample", "--format", "json") == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["digest"], row["genuine"], row["test_images"]) == ("89891e9e2c67763e", True, 2000)
    with pytest.raises(HarnessError, match="expected one of"):
        run("imagenet")


def images(folder: Path, **counts: int) -> None:
    """So many images of each of two classes, by split."""
    for split, count in counts.items():
        for name in ("cat", "dog"):
            (folder / split / name).mkdir(parents=True)
            for number in range(count):
                Image.new("RGB", (9, 9), (number, 0, 0)).save(folder / split / name / f"{number}.png")


def test_the_images_of_a_folder_are_counted(harness: Harness, tmp_path: Path) -> None:
    images(tmp_path / "cats_vs_dogs", train=4, validation=2, test=1)
    images(tmp_path / "other", train=3, validation=1)
    done = harness("data", "folder:other", "cats*", "--format", "json", cwd=tmp_path, HARNESS_DATA=str(tmp_path))
    assert done.returncode == 0, done.stderr
    other, known = json.loads(done.stdout)
    assert (other["name"], other["found"]) == ("folder:other", f"a folder: {tmp_path / 'other'}")
    counts = ("training_images", "validation_images", "test_images", "classes", "genuine", "digest")
    assert [other[name] for name in counts] == [6, None, 2, 2, False, None]
    assert (known["name"], known["found"]) == ("cats_vs_dogs", f"HARNESS_DATA: {tmp_path / 'cats_vs_dogs'}")
    assert [known[name] for name in counts] == [8, 4, 2, 2, False, None]


def test_what_is_not_there_is_refused_by_name_and_left_out_by_a_glob(harness: Harness, tmp_path: Path) -> None:
    for name, said in (("cats_vs_dogs", "HARNESS_DATA/cats_vs_dogs"), ("cats*", "cats_vs_dogs"), ("folder:no", "'no'")):
        done = harness("data", name, cwd=tmp_path)
        assert (done.returncode, done.stdout) == (2, "")
        assert said in done.stderr
        assert "Traceback" not in done.stderr
    done = harness("data", "*_*_*", "--format", "json", HARNESS_DATA=str(tmp_path))
    assert [row["name"] for row in json.loads(done.stdout)] == ["fashion_mnist_sample"]
