"""Entry points of a group are those that importlib.metadata finds, wherever a package may be installed."""

import importlib.metadata
import os
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.machine import entry_points

GROUP = "harness.planted"
DECLARED = f"[{GROUP}]\nsecond = b.c\nfirst = a.b\n[another]\nthird = c.d\n"
METADATA = "Metadata-Version: 2.1\nName: planted\nVersion: 1.0\n"


def in_a_folder(folder: Path) -> str:
    return installed(folder, "planted-1.0.dist-info")


def in_the_older_form(folder: Path) -> str:
    return installed(folder, "planted.egg-info")


def as_an_egg(folder: Path) -> str:
    return installed(folder / "planted.egg", "EGG-INFO")


def in_an_archive(folder: Path) -> str:
    with zipfile.ZipFile(folder / "planted.zip", "w") as archive:
        archive.writestr("planted-1.0.dist-info/METADATA", METADATA)
        archive.writestr("planted-1.0.dist-info/entry_points.txt", DECLARED)
    return str(folder / "planted.zip")


def installed(folder: Path, name: str) -> str:
    (folder / name).mkdir(parents=True)
    (folder / name / ("METADATA" if name.endswith(".dist-info") else "PKG-INFO")).write_text(METADATA)
    (folder / name / "entry_points.txt").write_text(DECLARED)
    return str(folder)


@pytest.mark.parametrize("install", [in_a_folder, in_the_older_form, as_an_egg, in_an_archive])
def test_what_is_declared_is_found(
    install: Callable[[Path], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert entry_points.read_group(GROUP) == []
    place = install(tmp_path)
    monkeypatch.syspath_prepend(place)
    found = entry_points.read_group(GROUP)
    assert [(entry.name, entry.value) for entry in found] == [("first", "a.b"), ("second", "b.c")]
    assert set(found) == set(importlib.metadata.entry_points(group=GROUP))
    assert found[0].dist is not None
    assert found[0].dist.name == "planted"


def test_what_lies_in_the_current_folder_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    in_a_folder(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", ["", *sys.path])
    assert len(entry_points.read_group(GROUP)) == 2


def test_what_a_finder_of_its_own_finds_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Elsewhere(importlib.metadata.DistributionFinder):
        def find_spec(self, *_: object) -> None:
            return None

        def find_distributions(self, *_: object) -> "list[importlib.metadata.Distribution]":
            return [importlib.metadata.Distribution.at(tmp_path / "planted-1.0.dist-info")]

    in_a_folder(tmp_path)
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, Elsewhere()])
    assert len(entry_points.read_group(GROUP)) == 2


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is unreadable to root")
def test_a_file_that_cannot_be_read_hides_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(in_a_folder(tmp_path / "whole"))
    monkeypatch.syspath_prepend(in_the_older_form(tmp_path / "hidden"))
    (tmp_path / "hidden" / "planted.egg-info" / "entry_points.txt").chmod(0)
    assert len(entry_points.read_group(GROUP)) == len(importlib.metadata.entry_points(group=GROUP))
