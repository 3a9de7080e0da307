"""What an .onnx file of the user's is calibrated on: training images of a data set, or examples of an array file.

Labels are not needed. The test split, on which accuracies are measured, is not touched; of ImageNet's validation
images, the only ones that there are, the first are taken, and the file says so.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from harness.cost.inputs import Input
from harness.data import datasets, imagenet, images
from harness.errors import HarnessError
from harness.machine.arrays import read_arrays
from harness.networks.architecture import Scaling
from harness.pieces.quantization import BATCH, IMAGES, MOST_BYTES
from harness.runs import labelled_data
from harness.runs.labelled_data import Arrays
from harness.runs.model_files import ModelFile


@dataclass(frozen=True, kw_only=True)
class CalibrationData:
    """What a file is fed while ranges are told, a call each, and in words what it is of."""

    feeds: Sequence[Arrays]
    origin: str


def prepare(file: ModelFile, data: str, scaling: Scaling | None) -> CalibrationData:
    """The examples that a file is calibrated on, as many a call as it takes.

    Raises :class:`HarnessError` if they do not fit its inputs.
    """
    arrays, origin = _arrays(file, Path(data)) if labelled_data.are_arrays(data) else _images(file, data, scaling)
    step = file.batch if file.batch_fixed_by else BATCH
    count = min(len(array) for array in arrays.values())
    if count < step:
        raise HarnessError(f"--data {data}: expected at least {step} examples, as many as {file.path} takes a call.")
    starts = range(0, count - step + 1, step)
    feeds = [{name: array[start : start + step] for name, array in arrays.items()} for start in starts]
    return CalibrationData(feeds=feeds, origin=f"{len(feeds) * step} {origin}")


def _arrays(file: ModelFile, path: Path) -> tuple[Arrays, str]:
    given = read_arrays(path)
    missing = [each.name for each in file.inputs if each.name not in given]
    if missing:
        raise HarnessError(f"{path}: expected an array for each input of {file.path}, found none named {missing[0]!r}.")
    for each in file.inputs:
        labelled_data.check_array(given[each.name], each, path, first_axis=False)
    most = _most(file.inputs)
    fed = {each.name: given[each.name][:most].astype(each.kind, copy=False) for each in file.inputs}
    return fed, f"examples of {path.name}"


def _images(file: ModelFile, data: str, scaling: Scaling | None) -> tuple[Arrays, str]:
    image = labelled_data.image_input(data, file.path, file.inputs)
    if data.startswith(imagenet.PREFIX):
        labelled = labelled_data.of_images(data, scaling, file.path, file.inputs)
        taken = list(_first(labelled.portions(), _most(file.inputs), image.name))
        whole = np.concatenate(taken)
        return {image.name: whole}, "validation images, without their labels: no training images are there"
    assert image.image_shape is not None
    dataset = datasets.loaded(data, image.image_shape)
    training, _ = images.fit(dataset.x_train[: _most(file.inputs)], image.image_shape)
    scale = images.scaled_by(scaling or ("unit" if image.floating else "raw"), training)
    return labelled_data.fed(scale(training), image), f"training images of {dataset.name}"


def _first(
    portions: Iterator[Arrays], most: int, name: str
) -> Iterator["np.ndarray[tuple[int, ...], np.dtype[np.float32]]"]:
    """Portions until there are so many examples."""
    seen = 0
    for portion in portions:
        yield portion[name][: most - seen]
        seen += len(portion[name])
        if seen >= most:
            return


def _most(inputs: Sequence[Input]) -> int:
    """How many examples are taken: fewer if they are large."""
    bytes_each = 4 * sum(math.prod(each.shape[1:]) for each in inputs)
    return max(1, min(IMAGES, MOST_BYTES // max(1, bytes_each)))
