"""The sizes that a file is counted at: as they are given, as the file fixes them, and else the guesses of a run."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from harness.cost import inputs
from harness.cost.inputs import BATCH, Input
from harness.cost.onnx_file import OnnxFile
from harness.errors import HarnessError
from harness.measurements.types import CountedInput

LARGEST = (1 << 63) - 1  # that a size can be in a file


def set_inputs(
    file: OnnxFile, model: Any, given: Mapping[str, Sequence[int]], batch: int | None, *, guess: bool
) -> tuple[CountedInput, ...]:
    """Write the sizes of its inputs into a copy of a file's model, and say what they are.

    ``given`` are whole shapes by input, and outrank the file's. Of an axis that is open the size is that of its name,
    if it is given elsewhere, that of the metadata property ``input_shape``, the ``batch`` (by default one), and else
    what :mod:`harness.cost.inputs` guesses. Without ``guess`` all but the batch stays open.
    """
    _check_given(file, given)
    named = inputs.named_sizes(file, given)
    for value in model.graph.input:
        if value.name in given:
            _replace(value.type.tensor_type.shape, given[value.name])
        elif value.name in file.initializers:  # its own dims say more than the declaration
            _replace(value.type.tensor_type.shape, file.initializers[value.name].dims)
    fed = {each.name: each for each in inputs.guess(replace(file, model=model), named)}
    if batch is not None:
        fed = {name: each.sized(batch, None) for name, each in fed.items()}
    values = [value for value in model.graph.input if value.name not in file.initializers]
    counted = tuple(_close(value, fed.get(value.name), guess) for value in values)
    _check_batch(file, counted, batch)
    return counted


def guessed(counted: Sequence[CountedInput]) -> list[str]:
    """What was guessed beside the batch, by input: "image height 224"."""
    return [f"{each.name} {axis} {size}" for each in counted for axis, size in each.guessed.items() if axis != BATCH]


def _close(value: Any, fed: Input | None, guess: bool) -> CountedInput:
    kind = inputs.kind_of_value(value)
    if fed is None:
        return CountedInput(name=value.name, type=kind, shape=None, guessed={})
    left = {axis for axis, name in fed.guesses if name != BATCH and not guess}
    for axis, (dim, size) in enumerate(zip(value.type.tensor_type.shape.dim, fed.shape, strict=True)):
        if axis not in left:
            dim.dim_value = size
        elif inputs.is_nameless(dim.dim_param):  # some exporters write 0 or -1 for an open size
            dim.Clear()
    return CountedInput(
        name=value.name,
        type=kind,
        shape=tuple(
            dim.dim_value if dim.HasField("dim_value") else dim.dim_param or "?"
            for dim in value.type.tensor_type.shape.dim
        ),
        guessed={name: fed.shape[axis] for axis, name in fed.guesses if axis not in left},
    )


def _check_given(file: OnnxFile, given: Mapping[str, Sequence[int]]) -> None:
    known = {value.name: value.type.tensor_type for value in file.inputs}
    for name, shape in given.items():
        if name not in known:
            raise HarnessError(f"{file.path}: no input {name!r}; its inputs are {', '.join(known) or 'none'}")
        if not all(1 <= size <= LARGEST for size in shape):
            raise HarnessError(f"input {name}: expected sizes from 1 to {LARGEST:,}, got {'x'.join(map(str, shape))}")
        declared = known[name]
        if declared.HasField("shape") and len(declared.shape.dim) != len(shape):
            raise HarnessError(
                f"{file.path}: input {name} has {len(declared.shape.dim)} axes (the batch included), "
                f"got {'x'.join(map(str, shape))}"
            )


def _check_batch(file: OnnxFile, counted: Sequence[CountedInput], batch: int | None) -> None:
    """Raise :class:`HarnessError` for a batch that no input can have."""
    if batch is not None and not 1 <= batch <= LARGEST:
        raise HarnessError(f"--batch {batch}: expected 1 or more")
    if batch in (None, 1) or any(batch in (each.shape or (batch,)) for each in counted):
        return
    shapes = "; ".join(f"{each.name} {'x'.join(map(str, each.shape or ()))}" for each in counted)
    raise HarnessError(f"{file.path}: --batch {batch}: no input has an axis that is open or of that size: {shapes}")


def _replace(shape: Any, sizes: Sequence[int]) -> None:
    del shape.dim[:]
    shape.SetInParent()  # so that rank 0 is a shape too
    for size in sizes:
        shape.dim.add().dim_value = size
