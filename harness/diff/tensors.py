"""Tensors that two files store, and how far they are apart."""

import hashlib
import itertools
from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import SparseTensorProto, TensorProto, numpy_helper

from harness.cost import inputs
from harness.diff import distance
from harness.diff.distance import Distance
from harness.errors import HarnessError, first_line

MOST_AXES = 5  # that another layout is looked for with: 120 orders


@dataclass(frozen=True, kw_only=True, eq=False)
class Tensor:
    """A tensor that a file stores. It is read when it is asked for."""

    name: str
    proto: Any  # onnx.TensorProto, or onnx.SparseTensorProto

    @cached_property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.proto.dims)

    @property
    def type(self) -> str:
        """Numpy's name of its type, else ONNX' own."""
        return inputs.type_name(self._values.data_type)

    @cached_property
    def array(self) -> NDArray[Any]:
        """Its values; those of a sparse one with the zeros. Raises :class:`HarnessError` for a damaged one."""
        try:
            values = numpy_helper.to_array(self._values)
            return _dense(values, self.proto) if isinstance(self.proto, SparseTensorProto) else values
        except (ValueError, TypeError, IndexError) as error:
            raise HarnessError(f"tensor {self.name!r} cannot be read: {first_line(error)}") from error

    @cached_property
    def content(self) -> Hashable:
        """What it is recognised by: its type, shape and values."""
        array = self.array
        if array.dtype.kind == "O":
            return self.described, tuple(map(str, array.reshape(-1)))
        # ml_dtypes' types have no buffer that hashlib reads.
        data = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
        return self.described, hashlib.blake2b(data.data, digest_size=16).hexdigest()

    @property
    def transposed(self) -> "Tensor":
        """The same tensor with its axes turned round."""
        return Tensor(name=self.name, proto=numpy_helper.from_array(np.ascontiguousarray(self.array.T), self.name))

    @cached_property
    def described(self) -> str:
        """Its type and shape in words."""
        return f"{self.type} [{','.join(map(str, self.shape))}]"

    @property
    def _values(self) -> TensorProto:
        return self.proto.values if isinstance(self.proto, SparseTensorProto) else self.proto


@dataclass(frozen=True, kw_only=True)
class TensorChange:
    """A stored tensor that is another in B, or is in one file alone.

    ``name_a`` and ``name_b`` are what the files call it, ``a`` and ``b`` its type and shape there; both are empty for a
    file that has none. ``distance`` is None for other shapes; ``layout`` says if they are the same values in another
    order of axes.
    """

    name_a: str
    name_b: str
    a: str
    b: str
    distance: Distance | None = None
    layout: str = ""


def compare_tensors(
    a: Mapping[str, Tensor], b: Mapping[str, Tensor], pairs: Iterable[tuple[str, str]]
) -> list[TensorChange]:
    """What differs between the tensors of two files, of which ``pairs`` are known to stand for each other.

    Tensors in no pair belong together if they have one name, else if they hold the same values, be it transposed.
    What no node reads counts too.
    """
    known = dict.fromkeys(pairs)
    known |= dict.fromkeys((name, name) for name in _left(a, known, 0) if name in _left(b, known, 1))
    for transposed in (False, True):
        known |= dict.fromkeys(_alike(a, b, _left(a, known, 0), _left(b, known, 1), transposed=transposed))
    changes = [_compare(a[one], b[other]) for one, other in known]
    alone = [TensorChange(name_a=name, name_b="", a=a[name].described, b="") for name in _left(a, known, 0)]
    new = [TensorChange(name_a="", name_b=name, a="", b=b[name].described) for name in _left(b, known, 1)]
    return [*filter(None, changes), *alone, *new]


def _left(tensors: Mapping[str, Tensor], pairs: Iterable[tuple[str, str]], side: int) -> dict[str, None]:
    """The tensors of a file that are in no pair."""
    paired = {pair[side] for pair in pairs}
    return dict.fromkeys(name for name in tensors if name not in paired)


def _alike(
    a: Mapping[str, Tensor], b: Mapping[str, Tensor], left: Iterable[str], others: Iterable[str], *, transposed: bool
) -> Iterator[tuple[str, str]]:
    """Pairs of tensors that hold the same values, each in one pair."""
    free: dict[Hashable, list[str]] = {}
    for name in others:
        free.setdefault(b[name].content, []).append(name)
    for name in left:
        tensor = a[name]
        if transposed and len(tensor.shape) != 2:
            continue
        content = tensor.transposed.content if transposed else tensor.content
        if free.get(content):
            yield name, free[content].pop(0)


def _compare(a: Tensor, b: Tensor) -> TensorChange | None:
    if a.content == b.content:
        return None
    change = TensorChange(name_a=a.name, name_b=b.name, a=a.described, b=b.described)
    if a.shape != b.shape:
        return TensorChange(**{**vars(change), "layout": find_layout(a.array, b.array)})
    apart = distance.measure(a.array, b.array)
    if not apart.differing and a.type == b.type:
        return None  # zeros of another sign
    return TensorChange(**{**vars(change), "distance": apart})


def find_layout(a: NDArray[Any], b: NDArray[Any]) -> str:
    """The order of axes in which ``a`` is ``b``, in words; empty if there is none."""
    found = next((order for order in layouts(a.shape, b.shape) if np.array_equal(a.transpose(order), b)), None)
    if found:
        return f"the same values with the axes in the order {', '.join(map(str, found))}"
    same = a.size == b.size and a.dtype == b.dtype and np.array_equal(a.reshape(-1), b.reshape(-1))
    return "the same values in another shape" if same else ""


def layouts(a: tuple[int, ...], b: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """The orders of axes that give an array of the shape ``a`` the shape ``b``."""
    if sorted(a) == sorted(b) and len(a) <= MOST_AXES:
        yield from (order for order in itertools.permutations(range(len(a))) if tuple(a[axis] for axis in order) == b)


def _dense(values: NDArray[Any], proto: Any) -> NDArray[Any]:
    whole = np.zeros(tuple(proto.dims), values.dtype)
    places = numpy_helper.to_array(proto.indices)
    flat = whole.reshape(-1)
    if places.ndim > 1:
        places = np.ravel_multi_index(tuple(places.T), whole.shape)
    flat[places] = values
    return whole
