"""The inputs of any .onnx file: their types and shapes, and what is guessed of sizes that the file leaves open.

An open first axis, or one named so, is the batch. An input of rank 4 is taken for images, with the
channels where the layers that read them expect them, else at axis 1 or 3, whichever has 1, 3 or 4;
three channels where nothing tells, and 224 pixels high and wide. Every other open axis is a sequence of
128. Axes of one name have one size.
What is open can be fed in other batches and, of images, in other heights and widths (:meth:`Input.sized`).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import onnx

from harness.cost.onnx_file import OnnxFile
from harness.errors import HarnessError

GUESSES = {"batch": 1, "channels": 3, "height": 224, "width": 224, "sequence": 128}
CHANNEL_COUNTS = (1, 3, 4)

BATCH = "batch"
Size = int | str  # a str is the name of an open size, "" where it has none
NamedSizes = dict[str, tuple[int, str]]  # by the name of an open size: its size, and what it is if that was guessed
Told = Mapping[str, Sequence[int | None]]  # by input: sizes that the user told, None where not

_NAMELESS = ("?", "None", "-1", "unk")
_OF_IMAGES = {"NCHW": ("batch", "channels", "height", "width"), "NHWC": ("batch", "height", "width", "channels")}
_SAYS = {  # what an axis is called: what it is
    "batch": ("batch",),
    "sequence": ("seq", "len", "time", "token", "frame", "step"),
    "channels": ("channel",),
    "height": ("height",),
    "width": ("width",),
}
# Operators between an input and the layer that shows its layout; none of them moves an axis.
_PASSING = ("Cast", "Identity", "Sub", "Div", "Mul", "Add", "BatchNormalization", "QuantizeLinear", "DequantizeLinear")


@dataclass(frozen=True, kw_only=True)
class Input:
    """One input of a file, batch axis included.

    ``kind`` is numpy's name of its type, else ONNX' own; ``guesses`` are the numbers of the axes whose size nobody
    told, with what they are called. ``axes`` says of each axis what it is ("batch", "height") where the file and the
    user leave it open, else "". ``layout`` is "NCHW" or "NHWC", where it takes images by its rank of 4, else empty.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    axes: tuple[str, ...] = ()
    guesses: tuple[tuple[int, str], ...] = ()
    layout: str = ""

    @property
    def guessed(self) -> tuple[str, ...]:
        """What the axes are called whose size nobody told."""
        return tuple(name for _, name in self.guesses)

    @property
    def floating(self) -> bool:
        return "float" in self.kind

    @property
    def image_shape(self) -> tuple[int, int, int] | None:
        """(H, W, C) of the images it takes, if any; images without an axis of channels are grey."""
        if len(self.shape) == 3:
            return (*self.shape[1:], 1)
        if not self.layout:
            return None
        sizes = dict(zip(_OF_IMAGES[self.layout], self.shape, strict=True))
        return sizes["height"], sizes["width"], sizes["channels"]

    @property
    def any_size(self) -> bool:
        """Whether it takes images of any height and width."""
        return {"height", "width"} <= set(self.axes)

    def sized(self, batch: int, image_size: tuple[int, int] | None) -> "Input":
        """The same input in another batch, and of images of that height and width; what is not open stays."""
        asked = {"batch": batch}
        if image_size is not None and self.any_size:
            asked |= dict(zip(("height", "width"), image_size, strict=True))
        shape = tuple(asked.get(what, size) for what, size in zip(self.axes, self.shape, strict=True))
        sure = {what for what in asked if what != "batch" or batch != GUESSES["batch"]}
        return replace(self, shape=shape, guesses=tuple(guess for guess in self.guesses if guess[1] not in sure))

    def __str__(self) -> str:
        text = f"{self.name} {self.kind} [{','.join(map(str, self.shape))}]"
        return f"{text}, {_listed(self.guessed)} guessed" if self.guessed else text


def read(file: OnnxFile, told: Told) -> tuple[Input, ...]:
    """The inputs of a file, with what was told of their shapes, and the rest guessed: a batch of one.

    Raises :class:`HarnessError` where what was told does not fit, and for an input of unknown rank.
    """
    named = named_sizes(file, told)
    return tuple(
        _input(file, value, _declared(file, value, told.get(value.name)), told, named) for value in file.inputs
    )


def guess(file: OnnxFile, named: NamedSizes) -> tuple[Input, ...]:
    """The inputs of known rank; what the file leaves open, and no name tells, is guessed."""
    values = [value for value in file.inputs if value.type.tensor_type.HasField("shape")]
    return tuple(_input(file, value, _declared(file, value, None), {}, dict(named)) for value in values)


def named_sizes(file: OnnxFile, told: Told) -> NamedSizes:
    """The sizes that have a name: as they were told, and else a batch of one.

    Raises :class:`HarnessError` if one name was told two sizes.
    """
    found: NamedSizes = {}
    batches: NamedSizes = {}
    for value in file.inputs:
        names = [_size(dim) for dim in value.type.tensor_type.shape.dim]
        for name, size in zip(names, told.get(value.name, ()), strict=False):
            if not isinstance(name, str) or not name or size is None:
                continue
            if found.setdefault(name, (size, "")) != (size, ""):
                raise HarnessError(
                    f"{file.path}: the size {name} is given as {found[name][0]} and as {size}; it stands for one size"
                )
        first = names[0] if names else ""
        if first and isinstance(first, str) and kind_of_axis(0, first) == BATCH:
            batches[first] = GUESSES[BATCH], BATCH
    return {**batches, **found}


def _input(file: OnnxFile, value: Any, declared: list[Size], told: Told, named: NamedSizes) -> Input:
    layout = _layout(file, value.name, declared)
    given, recorded = told.get(value.name, [None] * len(declared)), _recorded(file, declared)
    shape, axes, guesses = [], [], []
    for axis, size in enumerate(declared):
        length, what = (size if isinstance(size, int) else given[axis]), ""
        if length is None:
            name, what = str(size), kind_of_axis(axis, str(size), layout)
            length = recorded[axis] or (_channels(file, value.name) if what == "channels" else None)
            if length is None:
                length, what = named.get(name, (GUESSES[what], what))
                if what:
                    guesses.append((axis, what if what != "sequence" else name or f"axis {axis}"))
            if name:
                named.setdefault(name, (length, what))
        shape.append(length)
        axes.append(what)
    return Input(
        name=value.name,
        kind=kind_of_value(value),
        shape=tuple(shape),
        axes=tuple(axes),
        guesses=tuple(guesses),
        layout=layout,
    )


def _declared(file: OnnxFile, value: Any, given_sizes: Sequence[int | None] | None) -> list[Size]:
    """The sizes that the file gives an input, checked against those that were told."""
    kind = value.type.tensor_type
    if not value.type.HasField("tensor_type"):
        return []  # a sequence or a map: nothing here can feed it
    if kind.HasField("shape"):
        sizes = [_size(dim) for dim in kind.shape.dim]
    elif given_sizes is None:
        raise HarnessError(
            f"{file.path}: input {value.name} has no shape in the file: give it, --shape {value.name}=1,3,224,224"
        )
    else:
        return [""] * len(given_sizes)
    fits = given_sizes is None or (
        len(given_sizes) == len(sizes)
        and all(isinstance(size, str) or given in (None, size) for size, given in zip(sizes, given_sizes, strict=True))
    )
    if not fits:
        declared = ",".join(str(size or "?") for size in sizes)
        raise HarnessError(
            f"{file.path}: input {value.name} is [{declared}], and was given "
            f"[{','.join('?' if size is None else str(size) for size in given_sizes or ())}]"
        )
    return sizes


def _size(dim: Any) -> Size:
    if dim.HasField("dim_value") and dim.dim_value > 0:  # some exporters write 0 or -1 for an open size
        return int(dim.dim_value)
    name = str(dim.dim_param)
    return "" if is_nameless(name) else name


def is_nameless(size: str) -> bool:
    """Whether an open size has no name of its own: two of them need not be one size."""
    return not size or size.startswith(_NAMELESS)


def _recorded(file: OnnxFile, sizes: Sequence[Size]) -> Sequence[int | None]:
    """The sizes that `harness export` recorded in the metadata, without the batch; None where it recorded none."""
    recorded = file.metadata.get("input_shape", "").split("x")
    if len(file.inputs) > 1 or len(recorded) != len(sizes) - 1 or not all(size.isdecimal() for size in recorded):
        return [None] * len(sizes)
    return [None, *map(int, recorded)]


def kind_of_axis(axis: int, name: str, layout: str = "") -> str:
    """What an open axis is ("batch", "sequence", "height" …): by its name, else by its place."""
    said = next((what for what, words in _SAYS.items() if any(word in name.casefold() for word in words)), "")
    if said:
        return said
    if axis == 0:
        return "batch"
    return _OF_IMAGES[layout][axis] if layout else "sequence"


def _layout(file: OnnxFile, name: str, sizes: Sequence[Size]) -> str:
    """Where the channels of an input of rank 4 are."""
    if len(sizes) != 4:
        return ""
    if (recorded := file.metadata.get("layout", "")) in _OF_IMAGES:
        return recorded
    for node in _readers(file, name):
        if node.op_type == "Conv":
            return "NCHW"
        if node.op_type == "Transpose" and [list(a.ints) for a in node.attribute if a.name == "perm"] == [[0, 3, 1, 2]]:
            return "NHWC"
    return "NHWC" if sizes[3] in CHANNEL_COUNTS and sizes[1] not in CHANNEL_COUNTS else "NCHW"


def _channels(file: OnnxFile, name: str) -> int | None:
    """How many channels the first convolution reads, where one reads the input."""
    for node in _readers(file, name):
        weight = file.initializers.get(node.input[1]) if node.op_type == "Conv" and len(node.input) > 1 else None
        if weight is not None and len(weight.dims) > 1:
            groups = next((attribute.i for attribute in node.attribute if attribute.name == "group"), 1)
            return int(weight.dims[1] * groups)
    return None


def _readers(file: OnnxFile, name: str) -> Iterator[Any]:
    """The nodes that read an input, through operators that move no axis."""
    names = {name}
    for node in file.model.graph.node:  # in the order in which they run
        if node.input and node.input[0] in names:
            yield node
            if node.op_type in _PASSING:
                names.update(node.output)


def type_name(number: int) -> str:
    """Numpy's name of a type of ONNX, else ONNX' own in small letters: "float32", "bfloat16", "string"."""
    if number not in onnx.TensorProto.DataType.values():
        return f"type {number}"
    name = str(onnx.TensorProto.DataType.Name(number))
    return {"FLOAT": "float32", "DOUBLE": "float64"}.get(name, name.lower())


def kind_of_value(value: Any) -> str:
    """The type of an input: numpy's name of a tensor's, else ONNX' own ("sequence")."""
    if value.type.HasField("tensor_type"):
        return type_name(value.type.tensor_type.elem_type)
    return str(value.type.WhichOneof("value") or "nothing").removesuffix("_type")


def _listed(names: Sequence[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last
