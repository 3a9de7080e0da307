"""What the inputs of a session are fed, and what its values are as arrays.

Imports only onnxruntime and numpy, so that a worker process that measures holds nothing heavier.
"""

import ctypes
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from harness.errors import HarnessError
from harness.machine.arrays import read_arrays
from harness.timing.runtime import is_value, load

if TYPE_CHECKING:
    import onnxruntime

# By onnxruntime's name of a type: numpy's. Numpy has no bfloat16; its bits are made of a float32's.
ELEMENT_TYPES = {
    "tensor(float)": "float32",
    "tensor(float16)": "float16",
    "tensor(bfloat16)": "bfloat16",
    "tensor(double)": "float64",
    "tensor(int64)": "int64",
    "tensor(int32)": "int32",
    "tensor(int16)": "int16",
    "tensor(int8)": "int8",
    "tensor(uint64)": "uint64",
    "tensor(uint32)": "uint32",
    "tensor(uint16)": "uint16",
    "tensor(uint8)": "uint8",
    "tensor(bool)": "bool",
}
STRINGS, SEQUENCE = "tensor(string)", "seq"  # a sequence is of "seq(tensor(float))", or by ONNX' name "sequence"
FED_AS = {**ELEMENT_TYPES, STRINGS: "string"}
FED = frozenset(FED_AS.values())
ELEMENT = re.compile(r"\[\d+\]$")
Fed = NDArray[Any] | list[NDArray[Any]]  # what an input is fed: an array, or those of a sequence
BFLOAT16 = 16  # onnx.TensorProto.BFLOAT16


def read_value(value: Any) -> NDArray[Any] | None:
    """The array of a value in host memory; None for a sequence, and for a type that numpy lacks.

    Numbers of bfloat16 are given in float32, whose upper half they are.
    """
    if not is_value(value):
        return value if isinstance(value, np.ndarray) else None
    if not value.has_value() or not value.is_tensor():
        return None
    if value.data_type() == "tensor(bfloat16)":
        halves = np.frombuffer(ctypes.string_at(value.data_ptr(), value.tensor_size_in_bytes()), np.uint16)
        return (halves.astype(np.uint32) << 16).view(np.float32).reshape(value.shape())
    try:
        found: NDArray[Any] = value.numpy()
    except RuntimeError:  # its only word for a type that numpy lacks
        return None
    return found


def input_name(array: str) -> str:
    """The input that an array is for: NAME of NAME[0], which is an element of a sequence."""
    return ELEMENT.sub("", array)


def make_inputs(
    of: "onnxruntime.InferenceSession",
    shapes: Mapping[str, Sequence[int]],
    arrays: str | None = None,
    seed: int = 0,
) -> dict[str, Any]:
    """What each input is fed: its array in the .npz file, else what :func:`fill_inputs` makes for it.

    Raises :class:`HarnessError` as that does.
    """
    kinds = {value.name: FED_AS.get(value.type, value.type) for value in of.get_inputs()}
    return feed_inputs(of, fill_inputs(kinds, shapes, read_arrays(Path(arrays)) if arrays else {}, seed))


def fill_inputs(
    kinds: Mapping[str, str], shapes: Mapping[str, Sequence[int]], given: Mapping[str, NDArray[Any]], seed: int = 0
) -> dict[str, Fed]:
    """What each input is fed, of which ``kinds`` are the types as numpy or ONNX names them.

    It is the array that is given, else random in [0, 1) for floats, random whole numbers as texts for strings, and
    zeros for the rest. A sequence is fed the arrays NAME[0], NAME[1] and so on, or those along the first axis of NAME.
    Raises :class:`HarnessError` for a sequence that is not given, for a type that cannot be fed, and for an input
    without a shape.
    """
    random = np.random.default_rng(seed)
    found: dict[str, Fed] = {}
    for name, kind in kinds.items():
        if kind.startswith(SEQUENCE):
            found[name] = _elements(name, given)
        elif kind not in FED:
            raise HarnessError(f"input {name!r} is of {kind}, and only arrays and sequences of them can be fed.")
        elif name in given:
            found[name] = given[name]
        elif name not in shapes:
            raise HarnessError(f"input {name!r} of the model is given no shape.")
        else:
            found[name] = _random(kind, shapes[name], random)
    return found


def _random(kind: str, shape: Sequence[int], random: np.random.Generator) -> NDArray[Any]:
    if kind == "string":
        return random.integers(0, 1000, shape).astype(str)
    return np.asarray(random.random(shape)) if "float" in kind else np.zeros(shape)


def _elements(name: str, given: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
    listed: list[NDArray[Any]] = []
    while f"{name}[{len(listed)}]" in given:
        listed.append(given[f"{name}[{len(listed)}]"])
    if not listed and name not in given:
        raise HarnessError(
            f"input {name!r} is a sequence: give its elements by --inputs, as arrays {name}[0], {name}[1] and so on."
        )
    return listed or [*given[name]]


def feed_inputs(of: "onnxruntime.InferenceSession", arrays: Mapping[str, Fed]) -> dict[str, Any]:
    """The arrays as onnxruntime takes them, in the types of the inputs: values, but for strings and sequences."""
    return {value.name: _fed(arrays[value.name], value.type) for value in of.get_inputs()}


def _fed(given: Fed, kind: str) -> Any:
    if isinstance(given, list):
        element = ELEMENT_TYPES.get(kind.removeprefix(f"{SEQUENCE}(").removesuffix(")"))
        return [np.asarray(array).astype(element or array.dtype) for array in given]
    return given.astype(object) if kind == STRINGS else value_of(given, ELEMENT_TYPES[kind])


def value_of(array: NDArray[Any], kind: str) -> Any:
    """An array as onnxruntime's value of that type. It shares the memory of the array, which it keeps."""
    of = load().OrtValue
    if kind != "bfloat16":
        return of.ortvalue_from_numpy(np.ascontiguousarray(array, kind).reshape(array.shape))
    upper_half = np.ascontiguousarray(array, np.float32).reshape(-1).view(np.uint32) >> 16
    return of.ortvalue_from_numpy_with_onnx_type(upper_half.astype(np.uint16).reshape(array.shape), BFLOAT16)
