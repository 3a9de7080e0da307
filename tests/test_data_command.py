"""``harness data``: what is here without looking into it, and what was loaded by name."""

import argparse
import json
from pathlib import Path

import pytest

from harness import datasets
from harness.commands import data
from harness.errors import HarnessError


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


def test_the_command_loads_what_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("*_sample", "fashion_mnist_sample", "--format", "json") == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["digest"], row["genuine"], row["test_images"]) == ("89891e9e2c67763e", True, 2000)
    with pytest.raises(HarnessError, match="expected one of"):
        run("imagenet")
