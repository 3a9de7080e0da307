"""Weights that somebody brought to the harness: where they live, and how they are found by a network's name.

Each network has one file, ``NAME.safetensors``, with its weights by their neutral names, and in its metadata where they
come from and how images are made ready for them. The folder is ``HARNESS_WEIGHTS`` or the system's place for a user's
data, not the cache: emptying that must not delete what somebody gave.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import platformdirs

from harness.data.preprocessing import INTERPOLATIONS, Preprocessing
from harness.errors import HarnessError
from harness.frameworks import weights
from harness.frameworks.weights import Weights
from harness.machine.user_paths import expand_user
from harness.networks.architecture import Scaling

SUFFIX = ".safetensors"


@dataclass(frozen=True, kw_only=True)
class Imported:
    """The weights of one network, as they lie in the folder."""

    weights_file: Path
    digest: str  # of the weights, see :func:`harness.frameworks.weights.digest`
    layout: str  # whose: "torchvision", "timm" or "keras"
    file_name: str  # of the file that was imported
    sha256: str  # of that file
    preprocessing: Preprocessing

    @property
    def description(self) -> str:
        """Which file they came from, for a row."""
        return f"{self.file_name} ({self.layout} layout, sha256 {self.sha256[:8]}…)"


def folder() -> Path:
    """Where imported weights live; it need not be there."""
    if place := os.environ.get("HARNESS_WEIGHTS"):
        return expand_user(place)

    return platformdirs.user_data_path("onnx-harness") / "weights"


def names() -> list[str]:
    """The networks that have imported weights."""
    return sorted(file.name.removesuffix(SUFFIX) for file in folder().glob(f"*{SUFFIX}"))


def find(name: str) -> Imported | None:
    """The imported weights of a network, None where it has none; of the file only its header is read.

    Raises :class:`HarnessError` for a damaged file, and for one that was not written by :func:`store`.
    """
    file = _file(name)
    if not file.is_file():
        return None
    try:
        metadata = weights.metadata(file)
    except HarnessError as error:
        raise HarnessError(f"{error}. {_again(name)}") from error
    try:
        return Imported(weights_file=file, preprocessing=_preprocessing(metadata), **_origin(metadata))
    except (KeyError, ValueError) as error:
        raise HarnessError(f"{file} was not written by `harness weights import` ({error}). {_again(name)}") from error


def load(imported: Imported) -> Weights:
    """The weights by their neutral names. Raises :class:`HarnessError` where they have changed since the import."""
    loaded = weights.load(imported.weights_file)
    if weights.digest(loaded) != imported.digest:
        name = imported.weights_file.stem
        raise HarnessError(f"{imported.weights_file} has changed since {name} was imported. {_again(name)}")
    return loaded


def store(
    name: str, values: Weights, *, layout: str, file_name: str, sha256: str, preprocessing: Preprocessing
) -> Imported:
    """Write the weights of a network, whole or not at all, in place of earlier ones."""
    file = _file(name)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise HarnessError(
            f"cannot make the folder {file.parent}: {error.strerror}. Set HARNESS_WEIGHTS to another."
        ) from error
    found = Imported(
        weights_file=file,
        digest=weights.digest(values),
        layout=layout,
        file_name=file_name,
        sha256=sha256,
        preprocessing=preprocessing,
    )
    described = {name: str(value) for name, value in vars(preprocessing).items()}
    weights.save(file, values, _origin(vars(found)) | described)
    return found


def remove(name: str) -> Path:
    """Delete the imported weights of a network; give the file that they were in."""
    file = _file(name)
    if not file.is_file():
        known = ", ".join(names()) or "no network has any"
        raise HarnessError(f"no weights of {name!r} were imported into {folder()}: expected one of these: {known}.")
    file.unlink()
    return file


def _file(name: str) -> Path:
    return folder() / f"{name}{SUFFIX}"


def _again(name: str) -> str:
    return f"Import it again, or `harness weights remove {name}`."


def _origin(facts: Mapping[str, str]) -> dict[str, str]:
    return {name: facts[name] for name in ("digest", "layout", "file_name", "sha256")}


def _preprocessing(metadata: Mapping[str, str]) -> Preprocessing:
    scalings: tuple[Scaling, ...] = get_args(Scaling)
    return Preprocessing(
        scaling=scalings[scalings.index(metadata["scaling"])],
        resize=int(metadata["resize"]),
        crop=int(metadata["crop"]),
        interpolation=INTERPOLATIONS[INTERPOLATIONS.index(metadata["interpolation"])],
    )
