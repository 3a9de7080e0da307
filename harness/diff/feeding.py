"""The same inputs for two files: arrays that are given, else random numbers, in the type and layout of each file."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from harness.cost import inputs as model_inputs
from harness.cost.inputs import Input
from harness.cost.onnx_file import OnnxFile
from harness.diff.alignment import pair_names
from harness.errors import HarnessError
from harness.timing import input_values
from harness.timing.input_values import Fed

Arrays = dict[str, Fed]
ORDERS = {"NCHW": (0, 3, 1, 2), "NHWC": (0, 2, 3, 1)}  # of the axes of the other layout


def check_named(file: OnnxFile, named: Iterable[str]) -> None:
    """Raise :class:`HarnessError` if something was said of an input that the file has not."""
    known = [value.name for value in file.inputs]
    for name in map(input_values.input_name, named):
        if name not in known:
            raise HarnessError(f"{file.path} has no input {name!r}: expected one of {', '.join(known) or 'none'}.")


def feed_both(
    a: OnnxFile, b: OnnxFile, given: Mapping[str, NDArray[Any]], shapes: Mapping[str, Sequence[int]], seed: int = 0
) -> tuple[Arrays, Arrays]:
    """What the inputs of both files are fed, by name.

    ``given`` are arrays and ``shapes`` whole shapes, by the names of A's inputs; sizes that stay open are guessed as
    `harness run` guesses them. Inputs belong together if they have one name, else by their order. Of images, one file
    may take N, H, W, C and the other N, C, H, W. Raises :class:`HarnessError` if they cannot be fed the same.
    """
    told: dict[str, Sequence[int | None]] = {**shapes, **{name: array.shape for name, array in given.items()}}
    of_a = model_inputs.read(a, told)
    pairs = pair_names([each.name for each in of_a], [value.name for value in b.inputs])
    if len(pairs) != len(b.inputs):
        raise HarnessError(
            f"{b.path} has {len(b.inputs)} inputs and {a.path} has {len(of_a)}: they cannot be fed the same."
        )
    twins = {b.inputs[place].name: of_a[number] for number, place in pairs.items()}
    of_b = _shaped_alike(b, twins)
    kinds, sizes = {each.name: each.kind for each in of_a}, {each.name: each.shape for each in of_a}
    arrays = input_values.fill_inputs(kinds, sizes, given, seed)
    return arrays, {each.name: _arranged(arrays[twins[each.name].name], each, b.path) for each in of_b}


def _shaped_alike(file: OnnxFile, twins: Mapping[str, Input]) -> tuple[Input, ...]:
    """The inputs of B, with the sizes of A's, in its own layout."""
    own = {each.name: each for each in model_inputs.read(file, {})}
    told = {}
    for name, twin in twins.items():
        shape, layout = twin.shape, own[name].layout
        if layout and twin.layout and layout != twin.layout:
            shape = tuple(shape[axis] for axis in ORDERS[layout])
        told[name] = shape
    return model_inputs.read(file, told)


def _arranged(array: Fed, of: Input, file: Path) -> Fed:
    if isinstance(array, list) or array.shape == of.shape:
        return array
    if of.layout and tuple(array.shape[axis] for axis in ORDERS[of.layout]) == of.shape:
        return array.transpose(ORDERS[of.layout])
    raise HarnessError(f"{file}: input {of.name} takes {list(of.shape)}, and its twin is fed {list(array.shape)}.")
