"""Images or arrays with their right classes, as one .onnx file is fed them.

Either the test split of a data set that the harness knows, fitted to the file's input and scaled; or
an .npz file with one array an input, fed as they are, and the classes in ``labels`` or in a file of
their own (.npy; .txt or .csv with one class number a line).
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from harness.cost.inputs import Input
from harness.data import datasets, imagenet, images
from harness.data.preprocessing import Preprocessing
from harness.errors import HarnessError, first_line
from harness.networks.architecture import Scaling
from harness.timing import input_values

Arrays = dict[str, NDArray[Any]]


ARRAYS = ".npz"
LABELS = "labels"  # the array of an .npz file that holds the classes
SCALINGS: tuple[Scaling, ...] = get_args(Scaling)
PORTION = 256  # images that are floats at a time


@dataclass(frozen=True, kw_only=True, eq=False)
class LabelledData:
    """What a file's accuracy is measured on.

    ``portions`` gives the arrays that the file is fed, by input, some examples at a time and in the
    order of ``labels``. ``classes`` is how many the data set has, None where only labels are known.
    """

    name: str
    digest: str
    adaptation: str
    classes: int | None
    labels: NDArray[Any]  # int64 (N,)
    portions: Callable[[], Iterator[Arrays]]


def are_arrays(data: str | None) -> bool:
    """Whether what --data names is an .npz file of arrays, and no data set."""
    return data is not None and data.casefold().endswith(ARRAYS)


def of_images(data: str, scaling: Scaling | None, path: Path, inputs: Sequence[Input]) -> LabelledData:
    """The test split of a data set as the file at ``path`` is fed it.

    Without a ``scaling``, "unit" for an input of floats and "raw" for one of whole numbers. Raises
    :class:`HarnessError` where the images do not fit the inputs.
    """
    image = image_input(data, path, inputs)
    how = scaling or ("unit" if image.floating else "raw")
    if not image.floating and how != "raw":
        raise HarnessError(f"{path}: input {image.name} is {image.kind}: expected --scaling raw, found {how}.")
    try:
        return _of_imagenet(data, how, image) if data.startswith(imagenet.PREFIX) else _of_split(data, how, image)
    except HarnessError as error:
        raise HarnessError(f"--data {data} does not fit {path}: {error}") from error


def of_arrays(arrays: Arrays, data: Path, labels: Path | None, path: Path, inputs: Sequence[Input]) -> LabelledData:
    """Arrays of an .npz file as the file at ``path`` is fed them, one example after the other."""
    right, count = _labels(arrays, data, labels), 0
    for each in inputs:
        if each.name not in arrays:
            expected = ", ".join(each.name for each in inputs)
            raise HarnessError(
                f"{data}: expected an array for each input of {path} ({expected}), found none named {each.name!r}."
            )
        check_array(arrays[each.name], each, data, first_axis=False)
        count = len(arrays[each.name])
        if count != len(right):
            raise HarnessError(
                f"{labels or data}: expected {count} labels, as many as {each.name} has examples, found {len(right)}."
            )
    fed = {each.name: arrays[each.name].astype(_numpy_type(each, path), copy=False) for each in inputs}
    digest = hashlib.sha256(right.tobytes())
    for name in sorted(fed):
        digest.update(f"{name} {fed[name].dtype} {fed[name].shape}".encode() + fed[name].tobytes())
    return LabelledData(
        name=data.name,
        digest=digest.hexdigest()[:16],
        adaptation="arrays fed as they are",
        classes=None,
        labels=right,
        portions=lambda: iter([fed]),
    )


def check_array(array: NDArray[Any], of: Input, file: Path, *, first_axis: bool) -> None:
    """Raise :class:`HarnessError` where an array cannot be fed to an input, apart from the number of examples."""
    leave = 0 if first_axis else 1
    if array.ndim != len(of.shape) or array.shape[leave:] != of.shape[leave:] or array.ndim < leave:
        expected = ",".join(map(str, of.shape if first_axis else ("N", *of.shape[1:])))
        raise HarnessError(f"{file}: expected {of.name} of shape [{expected}], found {list(array.shape)}.")
    if of.kind == "string":
        if array.dtype.kind not in "US":
            raise HarnessError(f"{file}: expected {of.name} of texts, found {array.dtype}.")
        return
    kind = "float32" if of.kind == "bfloat16" else of.kind
    if array.dtype.kind not in "fiub" or not np.can_cast(array.dtype, kind, "same_kind"):
        raise HarnessError(f"{file}: expected {of.name} of {of.kind}, found {array.dtype}.")


def image_input(data: str, path: Path, inputs: Sequence[Input]) -> Input:
    named = ", ".join(map(str, inputs)) or "none"
    if len(inputs) != 1 or inputs[0].image_shape is None:
        raise HarnessError(
            f"{path}: {data} is fed to one input of images (rank 4, or 3 without channels), found {named}: give the "
            "arrays of each input by --data FILE.npz."
        )
    _numpy_type(inputs[0], path)
    return inputs[0]


def _numpy_type(of: Input, path: Path) -> str:
    """Numpy's type for an input. Raises :class:`HarnessError` where it has none."""
    if of.kind == "string":
        return "str"
    if of.kind not in input_values.FED or of.kind == "bfloat16":
        raise HarnessError(f"{path}: input {of.name} is {of.kind}: no arrays of it, and no accuracy, can be had.")
    return of.kind


def _of_split(data: str, scaling: Scaling, image: Input) -> LabelledData:
    """The test split, fitted and scaled a portion at a time."""
    assert image.image_shape is not None
    shape = image.image_shape
    dataset = datasets.loaded(data, shape)
    _, fitted = images.fit(dataset.x_test[:1], shape)
    training, _ = images.fit(dataset.x_train if scaling == "standard" else dataset.x_train[:1], shape)
    scale = images.scaled_by(scaling, training)

    def portions() -> Iterator[Arrays]:
        for start in range(0, len(dataset.x_test), PORTION):
            found, _ = images.fit(dataset.x_test[start : start + PORTION], shape)
            yield fed(scale(found), image)

    return LabelledData(
        name=dataset.name,
        digest=dataset.digest,
        adaptation="; ".join(part for part in (dataset.adaptation, fitted, f"scaling {scaling}") if part),
        classes=dataset.classes,
        labels=dataset.y_test.astype("int64"),
        portions=portions,
    )


def _of_imagenet(data: str, scaling: Scaling, image: Input) -> LabelledData:
    """ImageNet's validation images: the shorter side resized to 8/7 of the input, then its middle."""
    assert image.image_shape is not None
    height, width, channels = image.image_shape
    if height != width or channels != 3 or scaling == "standard":
        raise HarnessError(
            "ImageNet's images are cropped to a square of three channels, and no training images are there to scale "
            f"by; found an input of {height}x{width}x{channels} and --scaling {scaling}."
        )
    validation = imagenet.find(Path(data.removeprefix(imagenet.PREFIX)))
    preprocessing = Preprocessing(scaling=scaling, resize=round(height * 8 / 7), crop=height, interpolation="bilinear")
    return LabelledData(
        name="imagenet",
        digest=validation.digest,
        adaptation=f"{preprocessing.described}; scaling {scaling}",
        classes=imagenet.CLASSES,
        labels=np.array(validation.labels, np.int64),
        portions=lambda: (
            fed(images.scaled(portion, scaling), image) for portion in imagenet.portions(validation, preprocessing)
        ),
    )


def fed(scaled: NDArray[Any], image: Input) -> Arrays:
    """Images (n, H, W, C) in the layout and the type of the input."""
    placed = images.native(scaled, image.layout) if image.layout else scaled[..., 0]
    return {image.name: placed.astype(image.kind, copy=False)}


def _labels(arrays: Mapping[str, NDArray[Any]], data: Path, given: Path | None) -> NDArray[Any]:
    """The classes int64 (N,), of a file of their own or of the array of that name."""
    if given is None and LABELS not in arrays:
        raise HarnessError(f"{data}: expected an array {LABELS!r}, or --labels FILE; found {', '.join(arrays)}.")
    if given is not None and LABELS in arrays:
        raise HarnessError(f"{data} holds an array {LABELS!r}: leave out --labels {given}.")
    found = arrays[LABELS] if given is None else _label_file(given)
    flat = found.reshape(-1)
    if found.dtype.kind not in "iu" or len(flat) != (found.shape or (0,))[0] or len(flat) == 0:
        shape = ",".join(map(str, found.shape))
        raise HarnessError(f"{given or data}: expected whole numbers [N] as labels, found {found.dtype} [{shape}].")
    if int(flat.min()) < 0 or int(flat.max()) >= 2**31:
        raise HarnessError(f"{given or data}: expected classes from 0 on, found {flat.min()} to {flat.max()}.")
    return np.asarray(flat, np.int64)


def _label_file(path: Path) -> NDArray[Any]:

    try:
        if path.suffix == ".npy":
            with path.open("rb") as file:
                return np.asarray(np.lib.format.read_array(file, allow_pickle=False))
        lines = path.read_text().split("\n")
    except Exception as error:  # numpy's header can fail in many ways
        raise HarnessError(f"{path}: expected labels (.npy, .txt or .csv), found: {first_line(error)}.") from error
    while lines and not lines[-1].strip():
        lines.pop()
    for number, line in enumerate(lines, start=1):
        if not (line.strip().isascii() and line.strip().isdecimal() and len(line.strip()) < 10):
            raise HarnessError(f"{path}, line {number}: expected one class number, found {line.strip()[:40]!r}.")
    return np.array([int(line) for line in lines], np.int64)
